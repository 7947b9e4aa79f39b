"""Cleaning lets no value through that a column of the warehouse cannot hold: bytes, digits, missing values.

DuckDB would take most of them, Redshift none; so they are set aside before either, whatever the file's format.
"""

from __future__ import annotations

import io
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from walmart_bi.sales.contract import OUTPUT_COLUMNS
from walmart_bi_tests.corpus.case import HEADER, Case, Record, file_of, record
from walmart_bi_tests.unit.sales.test_corpus import loaded_rows, process, set_aside

WIDTHS = {
    column.name: column.width for column in OUTPUT_COLUMNS if column.width is not None and column.name != "age_group"
}
LETTERS = ("x", "é", "東", "\U0001f6d2")


def parquet_of(records: list[Record]) -> bytes:
    content = io.BytesIO()
    columns = {name: [each[at] for each in records] for at, name in enumerate(HEADER)}
    pq.write_table(pa.table(columns), content)
    return content.getvalue()


FORMATS: dict[str, Callable[[list[Record]], bytes]] = {"csv": file_of, "parquet": parquet_of}


def of_bytes(letter: str, size: int) -> str:
    """A text of exactly so many bytes, of this letter as far as it goes."""
    letters, rest = divmod(size, len(letter.encode()))
    return letter * letters + "x" * rest


def cleaned(tmp_path: Path, kind: str, records: list[Record]):
    case = Case("limits", FORMATS[kind](records), file_name=f"sales_2024-03.{kind}")
    return process(case, tmp_path).cleaned


@pytest.mark.parametrize("kind", FORMATS)
@pytest.mark.parametrize("name", WIDTHS)
def test_a_text_that_just_fits_is_kept_and_one_byte_more_is_set_aside(tmp_path: Path, name: str, kind: str):
    fitting = [of_bytes(letter, WIDTHS[name]) for letter in LETTERS]
    texts = [*fitting, *(text + "x" for text in fitting)]
    found = cleaned(tmp_path, kind, [record(number, **{name: text}) for number, text in enumerate(texts)])

    assert [row[name] for row in loaded_rows(found)] == fitting
    assert found.counts.quarantined_by_reason == {"text_too_long": len(LETTERS)}
    assert {row["column"].lower() for row in set_aside(found.quarantine_file)} == {name}


def test_a_text_counts_in_the_form_that_is_loaded(tmp_path: Path):
    """Three bytes as it comes, two as one composed letter; white space around it is not loaded."""
    found = cleaned(tmp_path, "csv", [record(1, city="  " + "e\u0301" * 512 + "  ")])

    assert [row["city"] for row in loaded_rows(found)] == ["é" * 512]


@pytest.mark.parametrize("kind", FORMATS)
def test_an_amount_of_ten_digits_before_the_point_is_kept_and_any_larger_one_set_aside(tmp_path: Path, kind: str):
    texts = ["0.01", "9999999999.99", "10000000000.00", "10000000000", "99999999999.99", "9999999999.995"]
    found = cleaned(tmp_path, kind, [record(at, purchase_amount=text) for at, text in enumerate(texts)])

    assert [row["purchase_amount"] for row in loaded_rows(found)] == [Decimal("0.01"), Decimal("9999999999.99")]
    assert found.counts.quarantined_by_reason == {"amount_out_of_range": 3, "invalid_amount": 1}
    assert {part.totals.total_cents for part in found.months.values()} == {1_000_000_000_000}


@pytest.mark.parametrize("kind", FORMATS)
def test_no_column_that_needs_a_value_is_ever_without_one(tmp_path: Path, kind: str):
    """Every field empty once: set aside, or `Unknown`; only what may be null is null."""
    found = cleaned(tmp_path, kind, [record(at, **{name.lower(): ""}) for at, name in enumerate(HEADER)])

    rows = loaded_rows(found)
    assert len(rows) + found.counts.quarantined == len(HEADER)
    empty = {name for row in rows for name, value in row.items() if value is None or value == ""}
    assert empty == {column.name for column in OUTPUT_COLUMNS if column.nullable} == {"age", "rating"}
