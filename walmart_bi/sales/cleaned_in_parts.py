"""A delivered file cleaned in parts by a cluster: the same outcome as `clean_file`, row by row and count by count.

Here is what is decided over the whole file, and how the parts' pieces become one object for each month again. What is
done with one part is in `part_tasks.py`.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import logging
import uuid
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from walmart_bi.records import SourceFile
from walmart_bi.sales.ahead import OneBehind
from walmart_bi.sales.cleaned_file import (
    CleanedFile,
    Outcome,
    applied_policy,
    as_cleaned_file,
    clean_file,
    require_declared_months,
    require_unchanged,
)
from walmart_bi.sales.cluster import Cluster, OpenCluster
from walmart_bi.sales.contract import DuplicatePolicy
from walmart_bi.sales.date_order import proved_order
from walmart_bi.sales.errors import RejectedFile
from walmart_bi.sales.month_files import SCHEMA, MonthFiles
from walmart_bi.sales.part_tasks import Copies, Decided, Job, PartDone, Slice, clean_part, find_copies, survey
from walmart_bi.sales.parts import Outline, Part, cut
from walmart_bi.sales.record_hashes import RecordHasher
from walmart_bi.stores.base import STAGING, ObjectStore, StoreError

_log = logging.getLogger(__name__)

# More would only make the slices of the hashes smaller: a bucket of a billion records has eight million of them.
_MOST_BUCKETS = 128
_REPEATING = [field.name for field in SCHEMA if pa.types.is_dictionary(field.type)]


@dataclass(frozen=True)
class Elsewhere:
    """Where parts are cleaned: the cluster, the store as its workers open it, and how large a part is.

    `say` gets a line when a file has to be cleaned in one piece after all.
    """

    cluster: OpenCluster
    store: ObjectStore
    say: Callable[[str], None]
    part_bytes: int | None = None


def clean_in_parts(
    path: Path,
    source: SourceFile,
    *,
    elsewhere: Elsewhere,
    months: Sequence[str],
    today: dt.date,
    policy: DuplicatePolicy,
    workdir: Path,
    progress: Callable[[int], None] | None = None,
) -> CleanedFile:
    """`clean_file`, with the work on single records done by the cluster; a file of one part is cleaned here.

    `path` holds the bytes of the stored object `source.key`. Raises what `clean_file` raises, and ClusterError.
    """
    outline = _cut(path, source, elsewhere)
    if outline is None or len(outline.parts) == 1:
        if outline is None:
            elsewhere.say(f"{source.key} cannot be cut (compressed, UTF-16 or Parquet): it is cleaned in one process")
        return clean_file(path, source, months=months, today=today, policy=policy, workdir=workdir, progress=progress)
    with _job(elsewhere, source, outline) as job, elsewhere.cluster() as cluster:
        decided, share = _decide(cluster, job, outline.parts, months=months, today=today, policy=policy)
        outcome = _merged(cluster.map(partial(clean_part, job), decided), job, months, workdir, progress)
        require_declared_months(source, outcome.records, outcome.reasons)
        return as_cleaned_file(outcome, decided[0].policy, share)


def _cut(path: Path, source: SourceFile, elsewhere: Elsewhere) -> Outline | None:
    digest = hashlib.sha256()
    try:
        outline = cut(path, source.key, digest.update, part_bytes=elsewhere.part_bytes)
    except RejectedFile:
        with path.open("rb") as file:
            require_unchanged(source, hashlib.file_digest(file, "sha256").hexdigest())
        raise
    if outline is not None:
        require_unchanged(source, digest.hexdigest())
    return outline


@contextmanager
def _job(elsewhere: Elsewhere, source: SourceFile, outline: Outline) -> Iterator[Job]:
    """What the tasks share; what they wrote is removed at the end."""
    folder = f"{STAGING}parts/{source.sha256[:12]}_{uuid.uuid4().hex}/"
    hasher = RecordHasher(len(outline.header.columns))
    buckets = min(len(outline.parts), _MOST_BUCKETS)
    try:
        yield Job(elsewhere.store, source, outline.header, hasher, folder, buckets)
    finally:
        try:
            for piece in list(elsewhere.store.list(folder)):
                elsewhere.store.delete(piece.key)
        except StoreError as error:  # pieces that stay are read by nothing, and must not hide why cleaning failed
            _log.warning("Pieces of a file that was cleaned in parts were left behind. %s", error)


def _decide(
    cluster: Cluster,
    job: Job,
    parts: list[Part],
    *,
    months: Sequence[str],
    today: dt.date,
    policy: DuplicatePolicy,
) -> tuple[list[Decided], float]:
    """What the whole file tells about each of its parts, and the share of distinct customers."""
    surveys = list(cluster.map(partial(survey, job), parts))
    order = proved_order(*(max(each.largest[place] for each in surveys) for place in (0, 1)))
    buckets = [(number, [each.hashes[number] for each in surveys]) for number in range(job.buckets)]
    copies = list(cluster.map(partial(find_copies, job), buckets))
    # Equal customer ids are in one bucket, so the buckets' customers add up; so do the different records.
    different = sum(each.different for each in copies)
    share = sum(each.customers for each in copies) / different if different else 0.0
    applied = applied_policy(policy, share)
    decided = [Decided(part, _of_part(copies, part), order, applied, tuple(months), today) for part in parts]
    return decided, share


def _of_part(copies: list[Copies], part: Part) -> list[Slice]:
    return [found for each in copies if (found := each.by_part[part.number]).stop > found.start]


def _merged(
    parts: Iterator[PartDone],
    job: Job,
    months: Sequence[str],
    workdir: Path,
    progress: Callable[[int], None] | None,
) -> Outcome:
    """The outcomes of all parts as one, with files in `workdir`; rows stay in the order of the parts."""
    total = _Total(workdir)
    with ExitStack() as files:
        month_files = MonthFiles(sorted(months), workdir, files.enter_context(OneBehind()))
        for done in parts:
            for month, key in done.months.items():
                for rows in _rows(job, key):
                    month_files.add(month, rows)
            total.add(done, job)
            if progress is not None:
                progress(total.records)
        return total.outcome(month_files)


def _rows(job: Job, key: str) -> Iterator[Any]:
    """A piece of a month, a row group at a time."""
    with job.store.fetch(key) as path, pq.ParquetFile(path, read_dictionary=_REPEATING) as file:
        for group in range(file.num_row_groups):
            yield file.read_row_group(group).cast(SCHEMA)


class _Total:
    """Sums of the parts' outcomes, and their set-aside files one after the other."""

    def __init__(self, workdir: Path) -> None:
        self._aside = {kind: workdir / f"{kind}.csv" for kind in ("quarantine", "duplicates")}
        self._aside_records: Counter[str] = Counter()
        self.records = self._other = 0
        self._counters: dict[str, Counter[Any]] = {
            name: Counter() for name in ("reasons", "repairs", "unknown", "month_quarantined", "month_removed")
        }

    def add(self, done: PartDone, job: Job) -> None:
        outcome = done.outcome
        self.records += outcome.records
        self._other += outcome.other_months
        for name, counter in self._counters.items():
            counter.update(getattr(outcome, name))
        for kind, key in (("quarantine", done.quarantine), ("duplicates", done.duplicates)):
            if key is not None:
                with job.store.fetch(key) as piece:
                    self._aside_records[kind] += _append(self._aside[kind], piece)

    def outcome(self, month_files: MonthFiles) -> Outcome:
        quarantine, duplicates = (path if path.exists() else None for path in self._aside.values())
        return Outcome(
            months=month_files.close(),
            records=self.records,
            quarantined=self._aside_records["quarantine"],
            duplicates_removed=self._aside_records["duplicates"],
            other_months=self._other,
            quarantine_file=quarantine,
            duplicates_file=duplicates,
            **self._counters,
        )


def _append(target: Path, piece: Path) -> int:
    """Add a piece's records to a set-aside file, and the names of its columns once; the number of records added.

    Counted as they are copied, so that a piece that arrived short is missing from the sum. A record ends at a line end
    outside quotes, and a quote inside a text is written twice.
    """
    records, inside = 0, False
    with piece.open("rb") as lines, target.open("ab") as file:
        names = lines.readline()
        if file.tell() == 0:
            file.write(names)
        for line in lines:
            file.write(line)
            inside ^= line.count(b'"') % 2 == 1
            records += not inside
    return records
