"""One input through the real inspection, cleaning and gates, and what of the property it violates."""

from __future__ import annotations

import csv
import datetime as dt
import gzip
import random
import zlib
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from walmart_bi.records import SourceFile
from walmart_bi.sales.cleaned_file import CleanedFile, clean_file
from walmart_bi.sales.contract import QUARANTINE_BLOCK_SHARE, QUARANTINE_REASONS
from walmart_bi.sales.coverage import declared_months
from walmart_bi.sales.errors import RejectedFile
from walmart_bi.sales.gates import refusals
from walmart_bi.sales.inspection import inspect_source, months_in
from walmart_bi.sales.publishing import staged_months
from walmart_bi_tests.corpus import TODAY
from walmart_bi_tests.fuzz.independent import Found, find_records
from walmart_bi_tests.fuzz.mutations import Input
from walmart_bi_tests.fuzz.values import value_problems

DELIVERED = dt.datetime(2024, 3, 20, 6, 0, tzinfo=dt.UTC)
POLICIES = ("auto", "auto", "keep", "drop_exact", "quarantine")
LONGEST_MESSAGE = 1_000
MOST_FIELD_BYTES = 16 * 2**20
# Of one kind: a cleaning that is wrong is so in every row.
MOST_TOLD = 5


@dataclass(frozen=True)
class Ending:
    """How an input ended: `loaded`, `quarantined`, `rejected`; and every way in which the property does not hold."""

    kind: str
    reason: str
    records: int
    violations: tuple[str, ...]


def try_input(made: Input, workdir: Path) -> Ending:
    """Deliver the input into an empty directory. Only RejectedFile may come out; anything else is a violation."""
    path = workdir / "delivered"
    path.write_bytes(made.content)
    scratch = workdir / "scratch"
    scratch.mkdir()
    key = f"raw_data/{made.name}"
    chance = random.Random(made.number)
    try:
        source = inspect_source(path, key=key, etag="e1", modified=DELIVERED)
        months = declared_months(key) or months_in(path, TODAY, key=key)
        if chance.random() < 0.2:
            months = months[-1:]
        cleaned = clean_file(
            path,
            source,
            months=months,
            today=TODAY,
            policy=chance.choice(POLICIES),
            workdir=scratch,  # type: ignore[arg-type]
        )
    except RejectedFile as error:
        return Ending("rejected", error.reason, 0, tuple(_message_problems(str(error), made, path)))
    except Exception as error:  # noqa: BLE001 - what comes out here is what is looked for
        return Ending("crashed", type(error).__name__, 0, (f"{type(error).__name__} came out: {error}",))
    violations = _accounting_problems(made, source, cleaned, months)
    kind = "loaded" if cleaned.counts.loaded else "quarantined"
    return Ending(kind, "", source.records, tuple(violations))


def _message_problems(message: str, made: Input, path: Path) -> list[str]:
    problems = []
    if not message.isprintable():
        problems.append(f"the message cannot be printed as it is: {message!r}")
    if len(message) > LONGEST_MESSAGE:
        problems.append(f"the message has {len(message)} characters")
    if made.name not in message or str(path) in message:
        problems.append(f"the message does not name the file as it was delivered: {message}")
    return problems


def _accounting_problems(made: Input, source: SourceFile, cleaned: CleanedFile, months: tuple[str, ...]) -> list[str]:
    try:
        found = find_records(made.content)
    except (OSError, EOFError, ValueError, zlib.error, gzip.BadGzipFile, pa.ArrowException) as error:
        return [f"accepted, but {type(error).__name__} when it is opened independently: {error}"]
    rows = _rows(cleaned)
    set_aside, removed = _set_aside(cleaned.quarantine_file), _set_aside(cleaned.duplicates_file)
    problems = [
        *_count_problems(source, cleaned, found, len(rows), len(set_aside), len(removed)),
        *_line_problems(cleaned, found, rows, [*set_aside, *removed]),
        *_month_problems(rows, months)[:MOST_TOLD],
        *value_problems(found, rows, set_aside)[:MOST_TOLD],
        *_gate_problems(source, cleaned, found, len(set_aside)),
    ]
    reasons = Counter(reason for row in set_aside for reason in row["reasons"].split(";"))
    if dict(reasons) != cleaned.counts.quarantined_by_reason or not reasons.keys() <= set(QUARANTINE_REASONS):
        problems.append(f"reasons in the file {dict(reasons)}, counted {cleaned.counts.quarantined_by_reason}")
    return problems


def _rows(cleaned: CleanedFile) -> list[dict[str, Any]]:
    return [row for part in cleaned.months.values() for row in pq.read_table(part.path).to_pylist()]


def _set_aside(path: Path | None) -> list[dict[str, str]]:
    if path is None:
        return []
    limit = csv.field_size_limit(MOST_FIELD_BYTES)  # a record set aside is one field, and may be as long as the file
    try:
        with path.open(encoding="utf-8", newline="") as lines:
            return list(csv.DictReader(lines))
    finally:
        csv.field_size_limit(limit)  # the limit is the whole process's, and the cleaning relies on it


def _count_problems(
    source: SourceFile, cleaned: CleanedFile, found: Found, loaded: int, quarantined: int, removed: int
) -> list[str]:
    counts = cleaned.counts
    told = (counts.raw_records, counts.loaded, counts.quarantined, counts.duplicates_removed)
    counted = (len(found.records), loaded, quarantined, removed)
    problems = []
    if told != counted:
        problems.append(f"(records, loaded, quarantined, removed) are told as {told}, counted as {counted}")
    if source.records != len(found.records):
        problems.append(f"the inspection counted {source.records} records, there are {len(found.records)}")
    if len(found.records) != loaded + quarantined + removed + counts.other_months:
        problems.append(f"{len(found.records)} records, but {counted[1:]} and {counts.other_months} of other months")
    totals = sum(part.totals.rows for part in cleaned.months.values())
    if totals != loaded:
        problems.append(f"the months' totals have {totals} rows, their files {loaded}")
    return problems


def _line_problems(
    cleaned: CleanedFile, found: Found, rows: list[dict[str, Any]], apart: list[dict[str, str]]
) -> list[str]:
    """Each record has exactly one place; where all months were asked for, every record has one."""
    there = Counter(record.line for record in found.records)
    placed = Counter([*(row["source_line"] for row in rows), *(int(row["line"]) for row in apart)])
    problems = []
    if placed - there:
        problems.append(f"lines with more places than records: {sorted(placed - there)[:5]}")
    if not cleaned.counts.other_months and there - placed:
        problems.append(f"records without a place on lines {sorted(there - placed)[:5]}")
    return problems


def _month_problems(rows: list[dict[str, Any]], months: tuple[str, ...]) -> list[str]:
    """Rows lie in their month, which was asked for, and in no future."""
    problems = []
    for row in rows:
        day, place = row["purchase_date"], f"line {row['source_line']}"
        if f"{row['month']:%Y-%m}" not in months or row["month"] != day.replace(day=1):
            problems.append(f"{place}: month {row['month']} of {day}, asked {months}")
        if day > TODAY:
            problems.append(f"{place}: {day} is in the future")
    return problems


def _gate_problems(source: SourceFile, cleaned: CleanedFile, found: Found, quarantined: int) -> list[str]:
    """The gates before publishing: they refuse a month of a file with too much set aside, and for nothing else."""
    wanted = ["quarantine_share"] if quarantined > len(found.records) * QUARANTINE_BLOCK_SHARE else []
    told = {
        month: [refusal.reason for refusal in refusals(staged)]
        for month, staged in staged_months(source, cleaned).items()
    }
    return [
        f"the gates say {reasons} to {month}, {quarantined} of {len(found.records)} records are set aside"
        for month, reasons in told.items()
        if reasons != wanted
    ]
