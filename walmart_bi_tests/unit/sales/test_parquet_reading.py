"""A Parquet object of another producer goes through the same cleaning as the text that it would be."""

import dataclasses
import datetime as dt
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from walmart_bi.sales import parquet_reading
from walmart_bi.sales.cleaned_file import CleanedFile, clean_file
from walmart_bi.sales.contract import MAX_RECORD_BYTES
from walmart_bi.sales.counting import count_records
from walmart_bi.sales.errors import RejectedFile, SourceChanged
from walmart_bi.sales.inspection import inspect_source, months_in
from walmart_bi_tests.corpus.case import FIELDS, HEADER, TODAY, record, text_of

DELIVERED = dt.datetime(2024, 3, 20, tzinfo=dt.UTC)


def clean(path: Path, months: tuple[str, ...] = ("2024-03",), **changes: Any) -> CleanedFile:
    source = inspect_source(path, key=path.name, etag="e", modified=DELIVERED)
    source = dataclasses.replace(source, **changes)
    return clean_file(path, source, months=months, today=TODAY, policy="auto", workdir=path.parent)


def columns(rows: list[list[str]]) -> dict[str, Any]:
    return {name: pa.array([row[at] for row in rows]) for at, name in enumerate(FIELDS)}


def loaded(cleaned: CleanedFile) -> list[dict[str, Any]]:
    return [row for part in cleaned.months.values() for row in pq.read_table(part.path).to_pylist()]


def test_typed_columns_are_cleaned_as_their_text_would_be(tmp_path: Path) -> None:
    rows = [record(number) for number in range(5)]
    typed = columns(rows) | {
        "age": pa.array([18.0, 19.0, None, 200.0, 22.0]),
        "gender": pa.array(["Female", "Male", "Other", None, "x"]).dictionary_encode(),
        "purchase_date": pa.array([f"2024-03-0{day} 10:00:00" for day in range(1, 6)]).cast(pa.timestamp("us")),
        "purchase_amount": pa.array([Decimal("10.50"), Decimal("11.50"), Decimal("-1"), Decimal("5"), None]),
        "discount_applied": pa.array([True, False, True, True, True]),
        "rating": pa.array([1, 2, 3, 4, 9], pa.int8()),
        "age_group": pa.array(["x"] * 5),
        "load_id": pa.array(["l1"] * 5),
    }
    path = tmp_path / "f.parquet"
    pq.write_table(pa.table(typed), path)
    cleaned = clean(path)
    assert (cleaned.counts.raw_records, cleaned.counts.loaded) == (5, 3)
    assert cleaned.counts.quarantined_by_reason == {"invalid_amount": 1, "non_positive_amount": 1}
    good = loaded(cleaned)
    assert [row["source_line"] for row in good] == [2, 3, 5]
    assert [row["age"] for row in good] == [18, 19, None]
    assert [row["gender"] for row in good] == ["Female", "Male", "Unknown"]
    assert [row["purchase_amount"] for row in good] == [Decimal("10.50"), Decimal("11.50"), Decimal("5.00")]
    assert [row["purchase_date"] for row in good] == [dt.date(2024, 3, day) for day in (1, 2, 4)]
    source = inspect_source(path, key="f.parquet", etag="e", modified=DELIVERED)
    assert source.records == count_records(path, "f.parquet", ",") == 5
    assert source.extra_columns == ["age_group", "load_id"]
    assert source.columns == HEADER
    assert months_in(path, TODAY, key=path.name) == ("2024-03",)


def test_text_columns_give_exactly_what_the_csv_gives(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parquet_reading, "BATCH_ROWS", 7)
    rows = [*(record(number, city=f'Port "{number}", West') for number in range(40)), record(3, purchase_amount="-1")]
    rows.append(rows[0])
    as_parquet, as_csv = tmp_path / "f.parquet", tmp_path / "f.csv"
    pq.write_table(pa.table(columns(rows)), as_parquet, row_group_size=10)
    as_csv.write_text(text_of(rows))
    one, two = clean(as_parquet), clean(as_csv)
    assert one.counts == two.counts
    assert one.months["2024-03"].totals == two.months["2024-03"].totals
    assert one.months["2024-03"].sha256 != ""


def test_set_aside_rows_are_written_as_csv(tmp_path: Path) -> None:
    rows = [record(1), record(2, city="Elm\0ford"), record(3, city='A "b"', purchase_amount="0")]
    path = tmp_path / "f.parquet"
    pq.write_table(pa.table(columns(rows)), path)
    cleaned = clean(path)
    assert cleaned.counts.quarantined_by_reason == {"invalid_character": 1, "non_positive_amount": 1}
    assert cleaned.quarantine_file is not None
    text = cleaned.quarantine_file.read_text()
    assert "f.parquet,3,invalid_character,City," in text
    assert 'A ""b""' in text.replace('""""', '""')
    assert "Elm\\x00ford" in text
    assert [row["source_line"] for row in loaded(cleaned)] == [2]


def nested() -> pa.Table:
    return pa.table(columns([record(1)]) | {"city": pa.array([["a"]])})


def not_text() -> pa.Table:
    return pa.table(columns([record(1)]) | {"city": pa.array([b"\xff"])})


def not_utf8() -> pa.Table:
    bad = pa.array([b"\xff"]).view(pa.string())
    return pa.table(columns([record(1)]) | {"city": bad})


@pytest.mark.parametrize("table", [nested, not_text, not_utf8])
def test_columns_that_are_no_text_are_refused(tmp_path: Path, table: Any) -> None:
    path = tmp_path / "f.parquet"
    pq.write_table(table(), path)
    with pytest.raises(RejectedFile) as caught:
        clean(path)
    assert caught.value.reason == "unreadable_parquet"


@pytest.mark.parametrize(("name", "limit"), [("MAX_RECORDS", 1), ("MAX_TEXT_BYTES", 10)])
def test_a_file_over_the_caps_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, limit: int
) -> None:
    path = tmp_path / "f.parquet"
    pq.write_table(pa.table(columns([record(1), record(2)])), path)
    monkeypatch.setattr(parquet_reading, name, limit)
    with pytest.raises(RejectedFile) as caught:
        clean(path)
    assert caught.value.reason == "too_large"


def repeated(text: str, rows: int, path: Path, **options: Any) -> Path:
    """One record over and over: a few bytes for each value in the file, whatever the text's length."""
    table = columns([record(number) for number in range(rows)])
    table["city"] = pa.DictionaryArray.from_arrays(pa.array([0] * rows, pa.int32()), pa.array([text]))
    pq.write_table(pa.table(table), path, store_schema=False, **options)
    return path


def test_long_values_that_a_file_holds_once_and_repeats_are_read_in_pieces(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(parquet_reading, "BATCH_TEXT_BYTES", 100_000)
    path = repeated("x" * 5_000, 400, tmp_path / "f.parquet")
    assert path.stat().st_size < 30_000
    batches = list(parquet_reading.open_parquet(path, path.name).batches)
    sizes = [sum(len(text) for text in batch.table["City"].to_pylist()) for batch in batches]
    assert sum(sizes) == 400 * 5_000
    assert max(sizes) <= 105_000
    assert [line for batch in batches for line in batch.lines.tolist()] == list(range(2, 402))


def test_a_record_longer_than_the_limit_is_refused_with_its_line(tmp_path: Path) -> None:
    rows = [record(1), record(2, city="x" * MAX_RECORD_BYTES), record(3)]
    path = tmp_path / "f.parquet"
    pq.write_table(pa.table(columns(rows)), path)
    with pytest.raises(RejectedFile) as caught:
        clean(path)
    assert (caught.value.reason, caught.value.place) == ("record_too_long", "f.parquet, line 3")


def test_a_file_that_grows_like_a_bomb_is_refused_before_it_is_read(tmp_path: Path) -> None:
    path = repeated("x" * 20_000, 600, tmp_path / "f.parquet", compression="zstd", use_dictionary=False)
    with pytest.raises(RejectedFile) as caught:
        parquet_reading.open_parquet(path, path.name)
    assert caught.value.reason == "expansion"


def test_a_file_without_rows_or_without_a_column_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "f.parquet"
    pq.write_table(pa.table(columns([record(1)])).slice(0, 0), path)
    with pytest.raises(RejectedFile) as caught:
        clean(path)
    assert caught.value.reason == "header_only"
    pq.write_table(pa.table(columns([record(1)])).drop_columns(["city"]), path)
    with pytest.raises(RejectedFile, match="Missing columns: City"):
        clean(path)


def test_given_other_bytes_than_inspected_nothing_comes_of_it(tmp_path: Path) -> None:
    path = tmp_path / "f.parquet"
    pq.write_table(pa.table(columns([record(1)])), path)
    with pytest.raises(SourceChanged):
        clean(path, sha256="0" * 64)
