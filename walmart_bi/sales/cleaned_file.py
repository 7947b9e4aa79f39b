"""A delivered file cleaned in one pass: a typed Parquet file for each asked month, and what was set aside.

Ties reading, cleaning and duplicate detection together and accounts for every record. The rules themselves are in
`cleaning.py` and `values.py`, the policy on duplicates is here.
"""

from __future__ import annotations

import datetime as dt
import hashlib
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from functools import cache, lru_cache
from pathlib import Path

import numpy as np
import pyarrow.compute as pc

from walmart_bi.months import first_day
from walmart_bi.records import ControlTotals, FileCounts, SourceFile
from walmart_bi.sales.ahead import OneBehind, one_ahead
from walmart_bi.sales.cleaning import CleanBatch, Ints, Rules, clean
from walmart_bi.sales.contract import (
    DUPLICATE_RECORD,
    MAX_NAMED_UNKNOWN_VALUES,
    NEARLY_UNIQUE_SHARE,
    OUTSIDE_DECLARED_MONTH,
    OUTSIDE_MONTH_SHARE,
    DuplicatePolicy,
)
from walmart_bi.sales.date_order import prove_date_order
from walmart_bi.sales.duplicates import SeenRecords
from walmart_bi.sales.errors import RejectedFile, SourceChanged
from walmart_bi.sales.extra_copies import ExtraCopies
from walmart_bi.sales.month_files import MonthFile, MonthFiles, as_table
from walmart_bi.sales.raw_batch import RawBatch
from walmart_bi.sales.reading import open_raw
from walmart_bi.sales.record_hashes import RecordHasher
from walmart_bi.sales.set_aside import DUPLICATES_COLUMNS, QUARANTINE_COLUMNS, SetAside

__all__ = ["CleanedFile", "CleanedMonth", "DuplicatePolicy", "clean_file"]


@dataclass(frozen=True)
class CleanedMonth:
    """A month's Parquet file and its own share of what was set aside."""

    path: Path
    sha256: str
    size: int
    totals: ControlTotals
    quarantined: int
    duplicates_removed: int


@dataclass(frozen=True)
class CleanedFile:
    """What became of a delivered file. `duplicate_policy` is the one that was applied, never `auto`.

    `distinct_customer_share` is the number of different customer ids for each different record.
    """

    months: dict[str, CleanedMonth]
    counts: FileCounts
    duplicate_policy: str
    distinct_customer_share: float
    quarantine_file: Path | None
    duplicates_file: Path | None


def clean_file(
    path: Path,
    source: SourceFile,
    *,
    months: Sequence[str],
    today: dt.date,
    policy: DuplicatePolicy,
    workdir: Path,
    progress: Callable[[int], None] | None = None,
) -> CleanedFile:
    """Clean the asked months of a file into `workdir`; `progress` gets the number of records done so far.

    Raises RejectedFile, and SourceChanged when the file's bytes are not those of `source`.
    """
    digest = hashlib.sha256()
    hasher, seen = RecordHasher(), SeenRecords(source.records)
    rules = Rules(today, tuple(source.declared_months), cache(lambda: prove_date_order(path, source.key)))
    with ExitStack() as files:
        run = Run(source, rules, months, workdir, files)
        try:
            for batch in one_ahead(open_raw(path, source.key, digest.update).batches):
                run.add(batch, seen.first_lines(*hasher.hashes(batch), batch.lines))
                if progress is not None:
                    progress(run.records)
        except RejectedFile:
            require_unchanged(source, _sha256(path))
            raise
        require_unchanged(source, digest.hexdigest())
        require_declared_months(source, run.records, run.reasons)
        # Copies are left out of the share: in a file that holds everything twice they would hide themselves.
        share = seen.distinct_ids() / run.different if run.different else 0.0
        applied = applied_policy(policy, share)
        return as_cleaned_file(run.finish(applied), applied, share)


def applied_policy(policy: DuplicatePolicy, share: float) -> DuplicatePolicy:
    """What `auto` means for a file with this share of distinct customers."""
    if policy != "auto":
        return policy
    return "drop_exact" if share >= NEARLY_UNIQUE_SHARE else "keep"


@dataclass(frozen=True)
class Outcome:
    """What became of the records of a file, or of a part of one: files, and counts of what they hold."""

    months: dict[str, MonthFile]
    records: int
    quarantined: int
    duplicates_removed: int
    other_months: int
    reasons: Counter[str]
    repairs: Counter[str]
    unknown: Counter[tuple[str, str]]
    month_quarantined: Counter[str]
    month_removed: Counter[str]
    quarantine_file: Path | None
    duplicates_file: Path | None


def as_cleaned_file(outcome: Outcome, applied: DuplicatePolicy, share: float) -> CleanedFile:
    """The outcome of all records of a file in the form that the next layer takes."""
    # What was written, not what was accepted: a record lost in between must be missing from the sum.
    counts = FileCounts(
        raw_records=outcome.records,
        loaded=sum(file.written_rows for file in outcome.months.values()),
        quarantined=outcome.quarantined,
        duplicates_removed=outcome.duplicates_removed,
        other_months=outcome.other_months,
        quarantined_by_reason=dict(sorted(outcome.reasons.items())),
        repaired_by_kind=dict(sorted(outcome.repairs.items())),
        unknown_values=_named(outcome.unknown),
    )
    months = {
        month: CleanedMonth(
            file.path,
            file.sha256,
            file.size,
            file.totals,
            outcome.month_quarantined[month],
            outcome.month_removed[month],
        )
        for month, file in outcome.months.items()
    }
    return CleanedFile(months, counts, applied, share, outcome.quarantine_file, outcome.duplicates_file)


class Run:
    """The state of one pass over the records of a file, or of a part of one."""

    def __init__(
        self, source: SourceFile, rules: Rules, months: Sequence[str], workdir: Path, files: ExitStack
    ) -> None:
        self._rules = rules
        self._months = {_month_number(month): month for month in sorted(months)}
        self._month_files = MonthFiles(self._months.values(), workdir, files.enter_context(OneBehind()))
        self._quarantine = files.enter_context(SetAside(workdir / "quarantine.csv", QUARANTINE_COLUMNS, source.key))
        self._duplicates = files.enter_context(SetAside(workdir / "duplicates.csv", DUPLICATES_COLUMNS, source.key))
        self._copies = ExtraCopies(workdir / "extra_copies.arrow")
        self.records = self.different = self._other = 0
        self.reasons: Counter[str] = Counter()
        self._month_quarantined: Counter[str] = Counter()
        self._month_removed: Counter[str] = Counter()
        self._repairs: Counter[str] = Counter()
        self._copies_repairs: Counter[str] = Counter()
        self._unknown: Counter[tuple[str, str]] = Counter()
        self._copies_unknown: Counter[tuple[str, str]] = Counter()

    def add(self, batch: RawBatch, first_lines: Ints) -> None:
        """Account for every record of a batch; each with the line of the first one that equals it, or 0."""
        self.records += batch.records
        self.different += int(np.count_nonzero(first_lines == 0))
        cleaned = clean(batch, self._rules)
        self._set_aside(batch, cleaned)
        asked = np.isin(cleaned.months, list(self._months)) & cleaned.good
        self._other += int(np.count_nonzero(cleaned.good & ~asked))
        rows = np.flatnonzero(asked & (first_lines == 0))
        rows = rows[np.argsort(cleaned.months[rows], kind="stable")]
        self._load(cleaned, rows)
        self._repairs += cleaned.repairs(rows)
        self._unknown += cleaned.unknown_values(rows)
        copies = np.flatnonzero(asked & (first_lines > 0))
        if len(copies):
            raws = [batch.raw(row) for row in copies.tolist()]
            self._copies.add(cleaned.frame(copies), first_lines[copies].tolist(), raws)
            self._copies_repairs += cleaned.repairs(copies)
            self._copies_unknown += cleaned.unknown_values(copies)

    def _load(self, cleaned: CleanBatch, rows: Ints) -> None:
        """Rows in the order of their months."""
        table = as_table(cleaned.frame(rows))
        months, starts = np.unique(cleaned.months[rows], return_index=True)
        stops = [*starts[1:].tolist(), len(rows)]
        for number, start, stop in zip(months.tolist(), starts.tolist(), stops, strict=False):
            self._month_files.add(self._months[number], table.slice(start, stop - start))

    def _set_aside(self, batch: RawBatch, cleaned: CleanBatch) -> None:
        found = cleaned.reasons()
        lines = batch.lines[list(found)].tolist()
        for line, row, pairs in zip(lines, found, found.values(), strict=True):
            self._quarantine.add(line, *_described(pairs), raw=batch.raw(row))
        for pairs, records in Counter(found.values()).items():
            self.reasons.update(dict.fromkeys((reason for reason, _ in pairs), records))
        bad = np.flatnonzero(~cleaned.good & cleaned.dated)
        for month, records in zip(*np.unique(cleaned.months[bad], return_counts=True), strict=True):
            if int(month) in self._months:
                self._month_quarantined[self._months[int(month)]] += int(records)
        for record in batch.damaged:
            self._quarantine.add(record.line, ";".join(record.reasons), ";".join(record.columns), raw=record.raw)
            self.reasons.update(record.reasons)

    def finish(self, policy: DuplicatePolicy) -> Outcome:
        """Treat the extra copies by the policy, which is not `auto` any more, and close the files."""
        self._settle_copies(policy)
        return Outcome(
            months=self._month_files.close(),
            records=self.records,
            quarantined=self._quarantine.rows,
            duplicates_removed=self._duplicates.rows,
            other_months=self._other,
            reasons=self.reasons,
            repairs=self._repairs,
            unknown=self._unknown,
            month_quarantined=self._month_quarantined,
            month_removed=self._month_removed,
            quarantine_file=self._quarantine.path,
            duplicates_file=self._duplicates.path,
        )

    def _settle_copies(self, policy: str) -> None:
        for rows, first_lines, raws in self._copies.take():
            for day in sorted(rows["month"].unique().to_pylist()):
                name, of_month = f"{day:%Y-%m}", rows.filter(pc.equal(rows["month"], day))
                if policy == "keep":
                    self._month_files.add(name, of_month)
                elif policy == "drop_exact":
                    self._month_removed[name] += len(of_month)
                else:
                    self._month_quarantined[name] += len(of_month)
                    self.reasons[DUPLICATE_RECORD] += len(of_month)
            for line, first_line, raw in zip(rows["source_line"].to_pylist(), first_lines, raws, strict=True):
                if policy == "drop_exact":
                    self._duplicates.add(line, first_line, raw=raw)
                elif policy == "quarantine":
                    self._quarantine.add(line, DUPLICATE_RECORD, "", raw=raw)
        if policy == "keep":
            self._repairs += self._copies_repairs
            self._unknown += self._copies_unknown


def require_declared_months(source: SourceFile, records: int, reasons: Counter[str]) -> None:
    """Reject a file of which too many records lie outside the months that its name declares."""
    outside, declared = reasons[OUTSIDE_DECLARED_MONTH], source.declared_months
    if outside > records * OUTSIDE_MONTH_SHARE:
        raise RejectedFile(
            OUTSIDE_DECLARED_MONTH,
            f"{outside:,} of {records:,} records lie outside the months of the file's name "
            f"({declared[0]} to {declared[-1]}); at most {OUTSIDE_MONTH_SHARE:.0%} may.",
            place=source.key,
            next_step="name the file after the months that it holds, or deliver the right file.",
        )


@lru_cache(maxsize=1024)
def _described(pairs: tuple[tuple[str, str], ...]) -> tuple[str, str]:
    """The reasons and the columns of a record, each once."""
    reasons, columns = zip(*pairs, strict=True)
    return ";".join(dict.fromkeys(reasons)), ";".join(dict.fromkeys(columns))


def _named(unknown: Counter[tuple[str, str]]) -> dict[str, int]:
    """The most frequent unknown values by name; the others together, for a file may be full of them."""
    ordered = sorted(unknown.items(), key=lambda item: (-item[1], item[0]))
    named = {f"{column}: {value}": rows for (column, value), rows in ordered[:MAX_NAMED_UNKNOWN_VALUES]}
    for (column, _), rows in ordered[MAX_NAMED_UNKNOWN_VALUES:]:
        other = f"{column}: (other values)"
        named[other] = named.get(other, 0) + rows
    return named


def _month_number(month: str) -> int:
    day = first_day(month)
    return (day.year - 1970) * 12 + day.month - 1


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def require_unchanged(source: SourceFile, sha256: str) -> None:
    """Raise SourceChanged when this is not the hash of the bytes that were inspected."""
    if sha256 != source.sha256:
        raise SourceChanged(
            "The file changed after it was inspected; nothing of it was loaded.",
            place=source.key,
            next_step="run the load again; the new version of the file is inspected first.",
        )
