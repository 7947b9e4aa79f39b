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
    rules = Rules(today, tuple(source.declared_months), cache(lambda: prove_date_order(path, source.key)))
    with ExitStack() as files:
        run = _Run(source, rules, months, workdir, files)
        try:
            for batch in one_ahead(open_raw(path, source.key, digest.update).batches):
                run.add(batch)
                if progress is not None:
                    progress(run.records)
        except RejectedFile:
            _check_unchanged(source, _sha256(path))
            raise
        _check_unchanged(source, digest.hexdigest())
        return run.finish(policy)


class _Run:
    """The state of one pass over a file."""

    def __init__(
        self, source: SourceFile, rules: Rules, months: Sequence[str], workdir: Path, files: ExitStack
    ) -> None:
        self._source, self._rules = source, rules
        self._months = {_month_number(month): month for month in sorted(months)}
        self._month_files = MonthFiles(self._months.values(), workdir, files.enter_context(OneBehind()))
        self._quarantine = files.enter_context(SetAside(workdir / "quarantine.csv", QUARANTINE_COLUMNS, source.key))
        self._duplicates = files.enter_context(SetAside(workdir / "duplicates.csv", DUPLICATES_COLUMNS, source.key))
        self._copies = ExtraCopies(workdir / "extra_copies.arrow")
        self._hasher, self._seen = RecordHasher(), SeenRecords(source.records)
        self.records = self._different = self._other = 0
        self._reasons: Counter[str] = Counter()
        self._month_quarantined: Counter[str] = Counter()
        self._month_removed: Counter[str] = Counter()
        self._repairs: Counter[str] = Counter()
        self._copies_repairs: Counter[str] = Counter()
        self._unknown: Counter[tuple[str, str]] = Counter()
        self._copies_unknown: Counter[tuple[str, str]] = Counter()

    def add(self, batch: RawBatch) -> None:
        """Account for every record of a batch."""
        self.records += batch.records
        first_lines = self._seen.first_lines(*self._hasher.hashes(batch), batch.lines)
        self._different += int(np.count_nonzero(first_lines == 0))
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
            self._reasons.update(dict.fromkeys((reason for reason, _ in pairs), records))
        bad = np.flatnonzero(~cleaned.good & cleaned.dated)
        for month, records in zip(*np.unique(cleaned.months[bad], return_counts=True), strict=True):
            if int(month) in self._months:
                self._month_quarantined[self._months[int(month)]] += int(records)
        for record in batch.damaged:
            self._quarantine.add(record.line, ";".join(record.reasons), ";".join(record.columns), raw=record.raw)
            self._reasons.update(record.reasons)

    def finish(self, policy: DuplicatePolicy) -> CleanedFile:
        """Decide about the extra copies and close the files."""
        self._check_declared_months()
        # Copies are left out of the share: in a file that holds everything twice they would hide themselves.
        share = self._seen.distinct_ids() / self._different if self._different else 0.0
        applied = policy
        if policy == "auto":
            applied = "drop_exact" if share >= NEARLY_UNIQUE_SHARE else "keep"
        self._settle_copies(applied)
        files = self._month_files.close()
        # What was written, not what was accepted: a record lost in between must be missing from the sum.
        counts = FileCounts(
            raw_records=self.records,
            loaded=sum(file.written_rows for file in files.values()),
            quarantined=self._quarantine.rows,
            duplicates_removed=self._duplicates.rows,
            other_months=self._other,
            quarantined_by_reason=dict(sorted(self._reasons.items())),
            repaired_by_kind=dict(sorted(self._repairs.items())),
            unknown_values=_named(self._unknown),
        )
        return CleanedFile(
            {month: self._cleaned_month(month, file) for month, file in files.items()},
            counts,
            applied,
            share,
            self._quarantine.path,
            self._duplicates.path,
        )

    def _cleaned_month(self, month: str, file: MonthFile) -> CleanedMonth:
        return CleanedMonth(
            file.path,
            file.sha256,
            file.size,
            file.totals,
            self._month_quarantined[month],
            self._month_removed[month],
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
                    self._reasons[DUPLICATE_RECORD] += len(of_month)
            for line, first_line, raw in zip(rows["source_line"].to_pylist(), first_lines, raws, strict=True):
                if policy == "drop_exact":
                    self._duplicates.add(line, first_line, raw=raw)
                elif policy == "quarantine":
                    self._quarantine.add(line, DUPLICATE_RECORD, "", raw=raw)
        if policy == "keep":
            self._repairs += self._copies_repairs
            self._unknown += self._copies_unknown

    def _check_declared_months(self) -> None:
        outside = self._reasons[OUTSIDE_DECLARED_MONTH]
        if outside > self.records * OUTSIDE_MONTH_SHARE:
            declared = self._rules.declared
            raise RejectedFile(
                OUTSIDE_DECLARED_MONTH,
                f"{outside:,} of {self.records:,} records lie outside the months of the file's name "
                f"({declared[0]} to {declared[-1]}); at most {OUTSIDE_MONTH_SHARE:.0%} may.",
                place=self._source.key,
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


def _check_unchanged(source: SourceFile, sha256: str) -> None:
    if sha256 != source.sha256:
        raise SourceChanged(
            "The file changed after it was inspected; nothing of it was loaded.",
            place=source.key,
            next_step="run the load again; the new version of the file is inspected first.",
        )
