"""What tests of cleaning in parts share: a cluster of this process, and the outcome of a file in a form to compare."""

import contextlib
import csv
import dataclasses
import datetime as dt
import functools
import pickle
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from walmart_bi.records import SourceFile
from walmart_bi.sales.cleaned_file import CleanedFile, clean_file
from walmart_bi.sales.cleaned_in_parts import Elsewhere, clean_in_parts
from walmart_bi.sales.cluster import Cluster, OpenCluster
from walmart_bi.sales.inspection import inspect_source
from walmart_bi.stores.base import ObjectStore
from walmart_bi.stores.directory import DirectoryStore
from walmart_bi_tests.corpus.case import TODAY


class Here:
    """Calls in this process. What goes to a worker and back is packed as it is for another process."""

    def map(self, function: Callable[[Any], Any], items: Sequence[Any]) -> Iterator[Any]:
        for item in items:
            work, argument = pickle.loads(pickle.dumps((function, item)))
            yield pickle.loads(pickle.dumps(work(argument)))


@contextlib.contextmanager
def here() -> Iterator[Cluster]:
    yield Here()


class Delivered:
    """A file in a store, which is cleaned in one piece and in parts."""

    def __init__(self, content: bytes, name: str, directory: Path, store: ObjectStore | None = None) -> None:
        self.store = store or DirectoryStore(directory / "bucket")
        self._directory = directory
        info = self.store.write_bytes(f"raw_data/{name}", content)
        self.path = directory / f"fetched {name}"
        self.path.write_bytes(content)
        self.inspect = functools.partial(
            inspect_source, self.path, key=info.key, etag=info.etag, modified=dt.datetime(2024, 3, 20, tzinfo=dt.UTC)
        )
        self.said: list[str] = []

    @functools.cached_property
    def source(self) -> SourceFile:
        return self.inspect()

    def whole(self, **options: Any) -> CleanedFile:
        return clean_file(self.path, self.source, **self._options(**options))

    def in_parts(self, part_bytes: int, cluster: OpenCluster = here, **options: Any) -> CleanedFile:
        elsewhere = Elsewhere(cluster, self.store, self.said.append, part_bytes)
        return clean_in_parts(self.path, self.source, elsewhere=elsewhere, **self._options(**options))

    def left_behind(self) -> list[str]:
        return [info.key for info in self.store.list("staging/")]

    def _options(self, **options: Any) -> dict[str, Any]:
        workdir = self._directory / f"work {len(list(self._directory.iterdir()))}"
        workdir.mkdir()
        return {"today": TODAY, "policy": "auto", "workdir": workdir, **options}


def outcome(cleaned: CleanedFile) -> dict[str, Any]:
    """Everything that became of a file, whichever order rows have in their files."""
    return {
        "rows": {month: rows_of(part.path) for month, part in cleaned.months.items()},
        "months": {
            month: dataclasses.replace(part, path=Path(), sha256="", size=0) for month, part in cleaned.months.items()
        },
        "counts": cleaned.counts,
        "policy": cleaned.duplicate_policy,
        "share": cleaned.distinct_customer_share,
        "quarantine": lines_of(cleaned.quarantine_file),
        "duplicates": lines_of(cleaned.duplicates_file),
    }


def rows_of(path: Path) -> list[tuple[Any, ...]]:
    return sorted((tuple(row.values()) for row in pq.read_table(path).to_pylist()), key=repr)


def lines_of(path: Path | None) -> list[list[str]]:
    if path is None:
        return []
    with path.open(encoding="utf-8", newline="") as file:
        names, *records = csv.reader(file)
    return [names, *sorted(records)]
