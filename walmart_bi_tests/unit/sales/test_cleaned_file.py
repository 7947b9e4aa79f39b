"""A file cleaned in one pass: typed months, what is set aside, and what may not change the result."""

import csv
import dataclasses
import datetime as dt
import gzip
import random
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from walmart_bi.records import SourceFile
from walmart_bi.sales import decoding, month_files
from walmart_bi.sales.cleaned_file import CleanedFile, clean_file
from walmart_bi.sales.contract import MAX_NAMED_UNKNOWN_VALUES
from walmart_bi.sales.errors import RejectedFile, SourceChanged
from walmart_bi.sales.inspection import inspect_source, months_in
from walmart_bi_tests.builders import SALES_SCHEMA
from walmart_bi_tests.corpus.case import HEADER, TODAY, Record, each, good, record, text_of

MONTHS = ("2024-01", "2024-02", "2024-03")
MODIFIED = dt.datetime(2024, 3, 20, 8, 0, tzinfo=dt.timezone(dt.timedelta(hours=2)))


def source_of(path: Path) -> SourceFile:
    return inspect_source(path, key=f"raw_data/{path.name}", etag="e1", modified=MODIFIED)


def clean(path: Path, workdir: Path, **options: Any) -> CleanedFile:
    workdir.mkdir(exist_ok=True)
    settings = {"months": MONTHS, "today": TODAY, "policy": "auto", **options}
    return clean_file(path, source_of(path), workdir=workdir, **settings)


def dirty_rows() -> list[Record]:
    """Some of everything: three months, repairs, unknown values, every kind of quarantine by value, repeats."""
    chance = random.Random(7)
    rows = [record(number, purchase_date=f"2024-0{1 + number % 3}-{1 + number % 20:02d}") for number in range(600)]
    spoiled = {
        "customer_id": ["", " x "],
        "age": ["", "200", "49.0"],
        "gender": ["FEMALE", "f", ""],
        "city": ["São  Paulo", "NA", "Sa\u0303o Paulo", "x" * 2000],
        "category": ["home ", "Groceries"],
        "purchase_date": ["2024-02-30", "2024-03-21", "05/03/2024", "2024/3/5"],
        "purchase_amount": ["$1,234.50", "-1", "12,5", "99999999999"],
        "discount_applied": ["y", "perhaps"],
        "rating": ["", "6"],
    }
    for name, texts in spoiled.items():
        for text in texts * 3:
            row = chance.randrange(600)
            rows[row][HEADER.index({field.lower(): field for field in HEADER}[name])] = text
    return [*rows, *(rows[chance.randrange(600)] for _ in range(12)), record(999)[:5]]


def outcome(cleaned: CleanedFile) -> dict[str, Any]:
    """Everything but what depends on where the records stand in the file."""
    totals = {month: dataclasses.replace(part.totals, line_sum=0) for month, part in cleaned.months.items()}
    return {
        "totals": totals,
        "counts": cleaned.counts,
        "policy": cleaned.duplicate_policy,
        "share": cleaned.distinct_customer_share,
        "by month": {month: (part.quarantined, part.duplicates_removed) for month, part in cleaned.months.items()},
    }


@pytest.fixture
def plain(tmp_path: Path) -> Path:
    path = tmp_path / "plain.csv"
    path.write_text(text_of(dirty_rows()), encoding="utf-8")
    return path


@pytest.mark.parametrize("policy", ["auto", "keep", "drop_exact", "quarantine"])
def test_how_the_same_records_are_written_does_not_change_the_result(
    plain: Path, tmp_path: Path, policy: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = dirty_rows()
    text = text_of(rows)
    shuffled = random.Random(1).sample(rows, len(rows))
    order = random.Random(2).sample(range(12), 12)
    whole = [row for row in rows if len(row) == 12]
    turned = [[row[at] for at in order] for row in whole] + [row for row in rows if len(row) != 12]
    forms = {
        "crlf.csv": text.replace("\n", "\r\n").encode(),
        "cr.csv": text.replace("\n", "\r").encode(),
        "bom.csv": b"\xef\xbb\xbf" + text.encode(),
        "utf16.csv": text.encode("utf-16"),
        "packed.csv": gzip.compress(text.encode()),
        "blank_lines.csv": text.replace("\n", "\n\n").encode(),
        "unfinished.csv": text.rstrip("\n").encode(),
        "semicolons.csv": text_of(rows, delimiter=";").encode(),
        "tabs.csv": text_of(rows, delimiter="\t").encode(),
        "shuffled.csv": text_of(shuffled).encode(),
        "columns.csv": text_of(turned, header=[HEADER[at] for at in order]).encode(),
    }
    expected = outcome(clean(plain, tmp_path / "plain", policy=policy))
    for name, content in forms.items():
        path = tmp_path / name
        path.write_bytes(content)
        assert outcome(clean(path, tmp_path / f"{name}.d", policy=policy)) == expected, name
    monkeypatch.setattr(decoding, "CHUNK_BYTES", 3000)
    monkeypatch.setattr(month_files, "_WAITING_ROWS", 50)
    assert outcome(clean(plain, tmp_path / "small", policy=policy)) == expected


def test_equal_input_gives_equal_bytes(plain: Path, tmp_path: Path) -> None:
    one, two = clean(plain, tmp_path / "one"), clean(plain, tmp_path / "two")
    assert {month: part.sha256 for month, part in one.months.items()} == {
        month: part.sha256 for month, part in two.months.items()
    }
    assert one.quarantine_file is not None
    assert two.quarantine_file is not None
    assert one.quarantine_file.read_bytes() == two.quarantine_file.read_bytes()


def test_a_month_has_the_columns_and_types_that_the_warehouse_loads(plain: Path, tmp_path: Path) -> None:
    for part in clean(plain, tmp_path / "out").months.values():
        table = pq.read_table(part.path)
        assert table.schema.remove_metadata().equals(pa.schema([field.with_nullable(True) for field in SALES_SCHEMA]))
        assert part.size == part.path.stat().st_size
        rows = table.to_pylist()
        assert (part.totals.first_date, part.totals.last_date) == (
            min(row["purchase_date"] for row in rows).isoformat(),
            max(row["purchase_date"] for row in rows).isoformat(),
        )
        assert part.totals.rows == len(rows)
        assert part.totals.total_cents == sum(int(row["purchase_amount"] * 100) for row in rows)
        assert part.totals.age_sum == sum(row["age"] or 0 for row in rows)
        assert part.totals.rating_sum == sum(row["rating"] or 0 for row in rows)
        assert part.totals.discounted_rows == sum(row["discount_applied"] for row in rows)
        assert part.totals.repeat_rows == sum(row["repeat_customer"] for row in rows)
        assert part.totals.line_sum == sum(row["source_line"] for row in rows)


def test_an_asked_month_without_rows_is_an_empty_file(tmp_path: Path) -> None:
    path = tmp_path / "f.csv"
    path.write_text(text_of(good(2)))
    part = clean(path, tmp_path, months=("2024-02", "2024-03")).months["2024-02"]
    assert pq.read_metadata(part.path).num_rows == part.totals.rows == 0
    assert (part.totals.first_date, part.totals.last_date) == ("", "")


def test_progress_counts_the_records_so_far(plain: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(decoding, "CHUNK_BYTES", 20_000)
    seen: list[int] = []
    cleaned = clean(plain, tmp_path / "out", progress=seen.append)
    assert len(seen) > 2
    assert seen == sorted(seen)
    assert seen[-1] == cleaned.counts.raw_records


def set_aside(path: Path | None) -> list[dict[str, str]]:
    assert path is not None
    with path.open(encoding="utf-8", newline="") as lines:
        return list(csv.DictReader(lines))


def test_cells_for_people_cannot_be_taken_for_formulas_and_show_bytes_that_are_no_text(tmp_path: Path) -> None:
    path = tmp_path / "f.csv"
    formula = record(5, customer_id="=1+1", purchase_amount="0")
    bad = text_of([formula, record(6, customer_id="@x", city="M\0"), record(8, city="Zoë")], header=None)
    path.write_bytes(text_of(good(3)).encode() + bad.encode("latin-1"))
    rows = set_aside(clean(path, tmp_path).quarantine_file)
    assert [(row["line"], row["reasons"], row["column"]) for row in rows] == [
        ("5", "non_positive_amount", "Purchase_Amount"),
        ("6", "invalid_character", "City"),
        ("7", "invalid_encoding", "City"),
    ]
    assert [row["raw_text"][:4] for row in rows] == ["'=1+", "'@x,", "c000"]
    assert "M\\x00" in rows[1]["raw_text"]
    assert "Zo\\xeb" in rows[2]["raw_text"]


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t", "＝", "＋", "－", "＠"])
def test_records_set_aside_are_as_safe_in_a_spreadsheet_as_a_snapshot(start: str, tmp_path: Path) -> None:
    path = tmp_path / "f.csv"
    path.write_text(text_of([*good(3), record(5, customer_id=f"{start}1", purchase_amount="0")]), encoding="utf-8")
    (row,) = set_aside(clean(path, tmp_path).quarantine_file)
    assert row["raw_text"].startswith(f"'{start}1,")


def test_removed_copies_name_the_first_occurrence_and_keep_the_raw_text(tmp_path: Path) -> None:
    path = tmp_path / "f.csv"
    path.write_text(text_of([*good(40), record(3), record(3), record(5)]))
    cleaned = clean(path, tmp_path)
    rows = set_aside(cleaned.duplicates_file)
    assert [(row["file"], row["line"], row["first_line"]) for row in rows] == [
        ("raw_data/f.csv", "42", "4"),
        ("raw_data/f.csv", "43", "4"),
        ("raw_data/f.csv", "44", "6"),
    ]
    assert rows[2]["raw_text"] == text_of([record(5)], header=None).rstrip("\n")
    assert cleaned.quarantine_file is None
    assert cleaned.months["2024-03"].duplicates_removed == 3


def test_copies_that_are_quarantined_or_kept_leave_no_duplicates_file(tmp_path: Path) -> None:
    path = tmp_path / "f.csv"
    path.write_text(text_of([*good(20), record(3, category="tools"), record(3, category="tools")]))
    kept = clean(path, tmp_path / "keep", policy="keep")
    assert (kept.counts.loaded, kept.duplicates_file, kept.counts.unknown_values) == (22, None, {"category: tools": 2})
    bad = clean(path, tmp_path / "quarantine", policy="quarantine")
    assert (bad.duplicates_file, bad.counts.unknown_values) == (None, {"category: tools": 1})
    assert [(row["line"], row["reasons"]) for row in set_aside(bad.quarantine_file)] == [("23", "duplicate_record")]
    assert bad.months["2024-03"].quarantined == 1


def test_the_share_of_distinct_customers_decides_under_auto(tmp_path: Path) -> None:
    path = tmp_path / "f.csv"
    returning = record(30, customer_id=record(1)[0])
    path.write_text(text_of([*good(8), returning, record(1)]))
    cleaned = clean(path, tmp_path)
    assert (cleaned.duplicate_policy, cleaned.distinct_customer_share) == ("keep", 8 / 9)
    path.write_text(text_of([*good(9), returning, record(1)]))
    cleaned = clean(path, tmp_path)
    assert (cleaned.duplicate_policy, cleaned.distinct_customer_share) == ("drop_exact", 0.9)


def test_copies_do_not_hide_themselves_by_lowering_the_share(tmp_path: Path) -> None:
    path = tmp_path / "f.csv"
    path.write_text(text_of([*good(20), *good(20)]))
    cleaned = clean(path, tmp_path)
    assert (cleaned.counts.duplicates_removed, cleaned.distinct_customer_share) == (20, 1.0)


def test_a_file_of_nothing_but_damage_has_no_distinct_customers(tmp_path: Path) -> None:
    path = tmp_path / "f.csv"
    path.write_text(text_of([["a", "b"]]))
    cleaned = clean(path, tmp_path)
    assert (cleaned.distinct_customer_share, cleaned.counts.quarantined) == (0.0, 1)


def test_quarantined_rows_with_a_readable_date_count_for_their_month(tmp_path: Path) -> None:
    path = tmp_path / "f.csv"
    rows = [*each("purchase_amount", "0", "0"), record(50, purchase_amount="0", purchase_date="2024-02-01")]
    path.write_text(text_of([*rows, record(51, purchase_date="soon")]))
    cleaned = clean(path, tmp_path)
    assert {month: part.quarantined for month, part in cleaned.months.items()} == dict(
        zip(MONTHS, (0, 1, 2), strict=True)
    )
    assert cleaned.counts.quarantined == 4


def test_given_the_bytes_changed_after_inspection_nothing_comes_of_it(plain: Path, tmp_path: Path) -> None:
    source = source_of(plain)
    plain.write_bytes(plain.read_bytes() + text_of([record(77)], header=None).encode())
    with pytest.raises(SourceChanged, match="changed after it was inspected"):
        clean_file(plain, source, months=MONTHS, today=TODAY, policy="auto", workdir=tmp_path)


def test_given_the_file_became_unreadable_after_inspection_the_change_is_the_cause(plain: Path, tmp_path: Path) -> None:
    source = source_of(plain)
    plain.write_bytes(b"%PDF-1.7")
    with pytest.raises(SourceChanged):
        clean_file(plain, source, months=MONTHS, today=TODAY, policy="auto", workdir=tmp_path)


def test_given_the_file_itself_is_unreadable_that_is_the_cause(plain: Path, tmp_path: Path) -> None:
    source = source_of(plain)
    content = b'"never closed'
    plain.write_bytes(text_of(good(1)).encode() + content)
    import hashlib

    changed = dataclasses.replace(source, sha256=hashlib.sha256(plain.read_bytes()).hexdigest())
    with pytest.raises(RejectedFile, match="not closed"):
        clean_file(plain, changed, months=MONTHS, today=TODAY, policy="auto", workdir=tmp_path)


def test_more_unknown_values_than_can_be_named_are_counted_together(tmp_path: Path) -> None:
    path = tmp_path / "f.csv"
    count = MAX_NAMED_UNKNOWN_VALUES + 5
    path.write_text(text_of(each("category", *(f"Kind {number:03d}" for number in range(count)), "Kind 054")))
    unknown = clean(path, tmp_path).counts.unknown_values
    assert unknown["category: Kind 054"] == 2
    assert unknown["category: (other values)"] == 5
    assert sum(unknown.values()) == count + 1


def test_the_order_of_day_and_month_is_proven_by_the_whole_file_not_by_a_batch(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(decoding, "CHUNK_BYTES", 500)
    path = tmp_path / "f.csv"
    path.write_text(text_of([*each("purchase_date", *["02/03/2024"] * 50), record(9, purchase_date="31/01/2024")]))
    cleaned = clean(path, tmp_path)
    assert {month: part.totals.rows for month, part in cleaned.months.items()} == dict(
        zip(MONTHS, (1, 0, 50), strict=True)
    )
    assert months_in(path, TODAY, key=path.name) == ("2024-01", "2024-03")


def test_inspection_tells_what_the_file_is(plain: Path) -> None:
    source = source_of(plain)
    assert (source.key, source.etag, source.size) == ("raw_data/plain.csv", "e1", plain.stat().st_size)
    assert source.modified == "2024-03-20T06:00:00+00:00"
    assert (source.columns, source.extra_columns, source.declared_months) == (HEADER, [], [])
    assert source.records == 613


@pytest.mark.parametrize("repeating", [False, True])
def test_a_month_has_dictionaries_of_what_repeats_and_compresses_what_shrinks(tmp_path: Path, repeating: bool) -> None:
    chance = random.Random(7)
    rows = good(500)
    for number, row in enumerate(rows):
        row[0] = "customer of the web shop" if repeating else f"{chance.getrandbits(128):032x}"
        row[3] = "Springfield" if repeating else f"City of {number}"
        row[7] = "10.00" if repeating else f"{number + 1}.50"
    path = tmp_path / "ids.csv"
    path.write_text(text_of(rows), encoding="utf-8")
    months = clean(path, tmp_path / "out", policy="keep").months.values()
    group = next(pq.read_metadata(month.path).row_group(0) for month in months if month.totals.rows > 1)
    columns = {group.column(number).path_in_schema: group.column(number) for number in range(15)}
    encoded = {name for name, column in columns.items() if column.has_dictionary_page}
    seldom = {"source_line", *(() if repeating else ("customer_id", "city", "purchase_amount"))}
    assert encoded == columns.keys() - seldom - {"discount_applied", "repeat_customer"}  # flags are bits
    codecs = {name: column.compression for name, column in columns.items()}
    assert codecs.pop("customer_id") == ("SNAPPY" if repeating else "UNCOMPRESSED")
    assert set(codecs.values()) == {"SNAPPY"}
