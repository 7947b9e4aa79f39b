"""What is done with one part of a file, in whichever process: pure functions of their item and of stored objects.

Each reads its bytes from the store and writes what it makes into a folder of the store that belongs to this run, under
names that follow from the item: done again, it writes the same. Rules and accounting are those of `cleaned_file.py`.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
import tempfile
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from walmart_bi.records import SourceFile
from walmart_bi.sales.ahead import one_ahead
from walmart_bi.sales.cleaned_file import Outcome, Run
from walmart_bi.sales.cleaning import Ints, Rules
from walmart_bi.sales.cluster import ClusterError
from walmart_bi.sales.columns import any_year_last, column
from walmart_bi.sales.contract import CONTRACT_VERSION, DuplicatePolicy
from walmart_bi.sales.date_order import largest_numbers
from walmart_bi.sales.duplicates import SeenRecords
from walmart_bi.sales.header import Header
from walmart_bi.sales.parts import Part
from walmart_bi.sales.raw_batch import RawBatch
from walmart_bi.sales.reading import read_part
from walmart_bi.sales.record_hashes import RecordHasher
from walmart_bi.sales.values import DateOrder
from walmart_bi.stores.base import ObjectStore

_HASHED = np.dtype([("id", "<u8"), ("record", "<u8"), ("line", "<i8")])
# Reads at a time. A bucket of a large file is in thousands of pieces, and S3 takes tens of milliseconds for each.
_READERS = 16
_COPY = np.dtype([("line", "<i8"), ("first_line", "<i8")])


@dataclass(frozen=True)
class Job:
    """What all tasks of one file share. `folder` is theirs alone, `buckets` how many shares the hashes are cut into."""

    store: ObjectStore
    source: SourceFile
    header: Header
    hasher: RecordHasher
    folder: str
    buckets: int
    contract_version: str = CONTRACT_VERSION

    def key(self, kind: str, number: int, ending: str) -> str:
        """The name of an object of this job."""
        return f"{self.folder}{kind}_{number:05d}{ending}"


@dataclass(frozen=True)
class Slice:
    """Some bytes of an object that another task wrote."""

    key: str
    start: int
    stop: int


@dataclass(frozen=True)
class Survey:
    """A part at first sight: the hashes of its records by bucket, and the largest numbers in its year-last dates."""

    hashes: list[Slice]
    largest: tuple[int, int]


@dataclass(frozen=True)
class Copies:
    """A bucket compared: which records of each part equal an earlier one, how many differ, and customers among them."""

    by_part: list[Slice]
    different: int
    customers: int


@dataclass(frozen=True)
class Decided:
    """A part with all that only the whole file could tell about it."""

    part: Part
    copies: list[Slice]
    date_order: DateOrder | None
    policy: DuplicatePolicy
    months: tuple[str, ...]
    today: dt.date


@dataclass(frozen=True)
class PartDone:
    """A part's outcome without its files, which are objects of these keys now."""

    outcome: Outcome
    months: dict[str, str]
    quarantine: str | None
    duplicates: str | None


def survey(job: Job, part: Part) -> Survey:
    """Read a part and write the hashes of its records, those of one customer into one bucket."""
    hashed, largest = [np.empty(0, _HASHED)], (0, 0)
    for batch in _batches(job, part):
        here = np.empty(len(batch.lines), _HASHED)
        here["id"], here["record"] = job.hasher.hashes(batch)
        here["line"] = batch.lines
        hashed.append(here)
        texts = column(batch.table["Purchase_Date"]).texts
        if any_year_last(texts):
            numbers = largest_numbers(texts.to_pylist())
            largest = max(largest[0], numbers[0]), max(largest[1], numbers[1])
    records = np.concatenate(hashed)
    bucket = (records["id"] % np.uint64(job.buckets)).astype(np.int64)
    slices = _write(job, job.key("hashes", part.number, ".bin"), records, bucket, job.buckets)
    return Survey(slices, largest)


def find_copies(job: Job, bucket: tuple[int, list[Slice]]) -> Copies:
    """Compare the records of a bucket, which came from each part, in the order of the file."""
    number, slices = bucket
    seen = SeenRecords(sum(each.stop - each.start for each in slices) // _HASHED.itemsize)
    found, of_part, different = [np.empty(0, _COPY)], [np.empty(0, np.int64)], 0
    for part, content in enumerate(_contents(job, slices)):
        records = np.frombuffer(content, _HASHED)
        first_lines = seen.first_lines(*(np.ascontiguousarray(records[name]) for name in ("id", "record", "line")))
        again = np.flatnonzero(first_lines)
        different += len(records) - len(again)
        copies = np.empty(len(again), _COPY)
        copies["line"], copies["first_line"] = records["line"][again], first_lines[again]
        found.append(copies)
        of_part.append(np.full(len(again), part))
    by_part = _write(
        job, job.key("copies", number, ".bin"), np.concatenate(found), np.concatenate(of_part), len(slices)
    )
    return Copies(by_part, different, seen.distinct_ids())


def clean_part(job: Job, decided: Decided) -> PartDone:
    """Clean a part, and write its months and what it sets aside."""
    copies = np.sort(np.frombuffer(b"".join(_contents(job, decided.copies)), _COPY), order="line")
    rules = Rules(decided.today, tuple(job.source.declared_months), lambda: decided.date_order)
    with tempfile.TemporaryDirectory(prefix="walmart_bi_") as scratch:
        with ExitStack() as files:
            run = Run(job.source, rules, decided.months, Path(scratch), files)
            for batch in one_ahead(_batches(job, decided.part)):
                run.add(batch, _first_lines(copies, batch.lines))
            outcome = run.finish(decided.policy)
        return _stored(job, decided.part.number, outcome)


def _stored(job: Job, number: int, outcome: Outcome) -> PartDone:
    months = {}
    for month, file in outcome.months.items():
        if file.written_rows:
            months[month] = job.key(f"month_{month}", number, ".parquet")
            job.store.put(months[month], file.path)
    quarantine = _stored_aside(job, job.key("quarantine", number, ".csv"), outcome.quarantine_file)
    duplicates = _stored_aside(job, job.key("duplicates", number, ".csv"), outcome.duplicates_file)
    # Its paths lead to this process's own files.
    counts = dataclasses.replace(outcome, months={}, quarantine_file=None, duplicates_file=None)
    return PartDone(counts, months, quarantine, duplicates)


def _stored_aside(job: Job, key: str, path: Path | None) -> str | None:
    return None if path is None else job.store.put(key, path).key


def _batches(job: Job, part: Part) -> Iterator[RawBatch]:
    if job.contract_version != CONTRACT_VERSION:
        raise ClusterError(
            f"This process cleans to version {CONTRACT_VERSION} of the contract, the load to {job.contract_version}.",
            place="cleaning cluster",
            next_step="install the same version of walmart_bi on every worker, then run it again; nothing was loaded.",
        )
    data = job.store.read_range(job.source.key, part.start, part.stop, job.source.etag)
    return read_part(job.header, part.first_line, data, job.source.key)


def _first_lines(copies: npt.NDArray[Any], lines: Ints) -> Ints:
    """For each record of a batch the line of the first one that equals it, or 0."""
    place = np.searchsorted(copies["line"], lines)
    found = np.zeros(len(lines), np.int64)
    inside = np.flatnonzero(place < len(copies))
    same = inside[copies["line"][place[inside]] == lines[inside]]
    found[same] = copies["first_line"][place[same]]
    return found


def _write(job: Job, key: str, rows: npt.NDArray[Any], group: Ints, groups: int) -> list[Slice]:
    """Write the rows group by group, in their order within each, as one object; where each group is in it."""
    ordered = rows[np.argsort(group, kind="stable")]
    ends = np.cumsum(np.bincount(group, minlength=groups)) * rows.dtype.itemsize
    if len(ordered):
        job.store.write_bytes(key, ordered.tobytes())
    stops: list[int] = ends.tolist()
    return [Slice(key, start, stop) for start, stop in zip([0, *stops[:-1]], stops, strict=True)]


def _contents(job: Job, slices: Sequence[Slice]) -> Iterator[bytes]:
    """The bytes of each slice, in their order; many are asked for at once, as each answer takes its time."""

    def content(each: Slice) -> bytes:
        return job.store.read_range(each.key, each.start, each.stop) if each.stop > each.start else b""

    with ThreadPoolExecutor(_READERS) as threads:
        yield from threads.map(content, slices)
