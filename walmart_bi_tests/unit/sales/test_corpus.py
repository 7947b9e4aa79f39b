"""Every file of the corpus through inspection and cleaning: its verdict, and that every record has one place."""

import csv
import datetime as dt
import hashlib
from collections import Counter
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow.parquet as pq
import pytest

from walmart_bi.records import FileCounts, SourceFile
from walmart_bi.sales.cleaned_file import CleanedFile, clean_file
from walmart_bi.sales.contract import QUARANTINE_REASONS, REPAIR_KINDS
from walmart_bi.sales.errors import RejectedFile
from walmart_bi.sales.gates import refusals
from walmart_bi.sales.inspection import inspect_source, months_in
from walmart_bi.sales.publishing import staged_months
from walmart_bi_tests.corpus import CASES, TODAY, Case

DELIVERED = dt.datetime(2024, 3, 20, 6, 0, tzinfo=dt.UTC)
REJECTED = [case for case in CASES if case.rejected]
CLEANED = [case for case in CASES if not case.rejected]


class Processed(NamedTuple):
    path: Path
    source: SourceFile
    cleaned: CleanedFile


def process(case: Case, workdir: Path) -> Processed:
    """What the graph does with a delivered file before anything is published."""
    path = workdir / case.file_name
    path.write_bytes(case.bytes())
    source = inspect_source(path, key=f"raw_data/{case.file_name}", etag="e1", modified=DELIVERED)
    months = case.months or tuple(source.declared_months) or months_in(path, TODAY, key=f"raw_data/{case.file_name}")
    scratch = workdir / "scratch"
    scratch.mkdir()
    cleaned = clean_file(path, source, months=months, today=TODAY, policy=case.policy, workdir=scratch)
    return Processed(path, source, cleaned)


@pytest.fixture(scope="module")
def processed(tmp_path_factory: pytest.TempPathFactory) -> Callable[[Case], Processed]:
    """Each case's outcome, worked out once for all tests that look at it."""
    return cache(lambda case: process(case, tmp_path_factory.mktemp(case.name)))


def loaded_rows(cleaned: CleanedFile) -> list[dict[str, Any]]:
    rows = [row for part in cleaned.months.values() for row in pq.read_table(part.path).to_pylist()]
    return sorted(rows, key=lambda row: row["source_line"])


def set_aside(path: Path | None) -> list[dict[str, str]]:
    if path is None:
        return []
    with path.open(encoding="utf-8", newline="") as lines:
        return list(csv.DictReader(lines))


def assert_conserved(source: SourceFile, counts: FileCounts) -> None:
    assert source.records == counts.raw_records
    assert counts.raw_records == (counts.loaded + counts.quarantined + counts.duplicates_removed + counts.other_months)


def test_the_corpus_is_as_large_and_as_unambiguous_as_it_claims() -> None:
    assert len(CASES) > 100
    assert len({case.name for case in CASES}) == len(CASES)
    assert {reason for case in CASES for reason in case.quarantined} == set(QUARANTINE_REASONS)
    assert {kind for case in CASES for kind in case.repaired} == set(REPAIR_KINDS)


@pytest.mark.parametrize("case", REJECTED, ids=lambda case: case.name)
def test_given_a_file_that_cannot_be_used_it_is_rejected_with_cause_and_place(case: Case, tmp_path: Path) -> None:
    assert case.rejected is not None
    with pytest.raises(RejectedFile) as caught:
        process(case, tmp_path)
    message = str(caught.value)
    assert caught.value.reason == case.rejected.reason
    assert [word for word in (case.file_name, *case.rejected.words) if word not in message] == []
    assert message.isprintable() and "Next step: " in message
    assert len(message) < 1_000
    assert str(tmp_path) not in message


@pytest.mark.parametrize("case", CLEANED, ids=lambda case: case.name)
def test_given_a_readable_file_each_record_gets_the_expected_verdict(
    case: Case, processed: Callable[[Case], Processed]
) -> None:
    _, source, cleaned = processed(case)
    counts = cleaned.counts
    assert_conserved(source, counts)
    assert (counts.loaded, counts.duplicates_removed, counts.other_months) == (
        case.loaded,
        case.duplicates,
        case.other_months,
    )
    assert counts.quarantined_by_reason == case.quarantined
    assert counts.repaired_by_kind == case.repaired
    assert counts.unknown_values == case.unknown
    assert source.extra_columns == list(case.extra_columns)


@pytest.mark.parametrize("case", CLEANED, ids=lambda case: case.name)
def test_what_was_written_is_what_was_counted(case: Case, processed: Callable[[Case], Processed]) -> None:
    path, source, cleaned = processed(case)
    rows = loaded_rows(cleaned)
    assert len(rows) == cleaned.counts.loaded == sum(part.totals.rows for part in cleaned.months.values())
    assert sum(part.totals.total_cents for part in cleaned.months.values()) == sum(
        int(row["purchase_amount"].scaleb(2)) for row in rows
    )
    assert len({row["source_line"] for row in rows}) == len(rows)
    assert {f"{row['month']:%Y-%m}" for row in rows} <= set(cleaned.months)
    assert all(row["month"] == row["purchase_date"].replace(day=1) for row in rows)
    assert {name: [row[name] for row in rows] for name in case.values} == case.values
    assert path.read_bytes() == case.bytes()
    assert source.sha256 == hashlib.sha256(case.bytes()).hexdigest()


@pytest.mark.parametrize("case", CLEANED, ids=lambda case: case.name)
def test_what_was_set_aside_can_be_found_again_in_the_file(case: Case, processed: Callable[[Case], Processed]) -> None:
    _, source, cleaned = processed(case)
    quarantined = set_aside(cleaned.quarantine_file)
    removed = set_aside(cleaned.duplicates_file)
    assert (len(quarantined), len(removed)) == (cleaned.counts.quarantined, cleaned.counts.duplicates_removed)
    reasons = Counter(reason for row in quarantined for reason in row["reasons"].split(";"))
    assert reasons == cleaned.counts.quarantined_by_reason
    lines = {row["source_line"] for row in loaded_rows(cleaned)}
    apart = [int(row["line"]) for row in (*quarantined, *removed)]
    assert len(set(apart)) == len(apart)
    assert lines.isdisjoint(apart)
    assert {int(row["first_line"]) for row in removed} <= lines
    assert {row["file"] for row in (*quarantined, *removed)} <= {source.key}
    assert all(row["raw_text"] for row in (*quarantined, *removed))


@pytest.mark.parametrize("case", CLEANED, ids=lambda case: case.name)
def test_only_a_file_with_too_many_bad_rows_is_refused_where_the_gate_counts(
    case: Case, processed: Callable[[Case], Processed]
) -> None:
    _, source, cleaned = processed(case)
    # A file of a handful of rows passes five percent with its first bad one; the gate is judged on the larger files.
    expected = case.refused or cleaned.counts.quarantined > 0.05 * cleaned.counts.raw_records
    assert all(bool(refusals(month)) == expected for month in staged_months(source, cleaned).values())
