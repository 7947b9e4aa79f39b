import csv
import datetime as dt
import re
import tracemalloc
from collections import Counter
from pathlib import Path

import pytest

from walmart_bi.sales.contract import KNOWN_VALUES, RAW_NAMES
from walmart_bi.sales.sample import GENDERS, HEADER, PAYMENTS, PRODUCTS, sample_file_name, write_sample

FIRST, LAST = dt.date(2024, 2, 10), dt.date(2025, 2, 9)
UUID4 = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")


def sample(path: Path, rows: int = 1_000, **options: object) -> list[dict[str, str]]:
    arguments: dict[str, object] = {"first_day": FIRST, "last_day": LAST, **options}
    write_sample(path, rows=rows, **arguments)  # type: ignore[arg-type]
    with path.open(encoding="utf-8", newline="") as lines:
        return list(csv.DictReader(lines))


def test_equal_arguments_give_equal_bytes(tmp_path: Path) -> None:
    sample(tmp_path / "a.csv", seed=3)
    sample(tmp_path / "b.csv", seed=3)
    sample(tmp_path / "c.csv", seed=4)
    a, b, c = ((tmp_path / name).read_bytes() for name in ("a.csv", "b.csv", "c.csv"))
    assert a == b
    assert a != c


def test_clean_rows_have_the_shape_and_the_ranges_of_the_real_file(tmp_path: Path) -> None:
    rows = sample(tmp_path / "clean.csv", dirty_share=0.0)
    assert len(rows) == 1_000
    assert all(UUID4.fullmatch(row["Customer_ID"]) for row in rows)
    assert {row["Gender"] for row in rows} == {"Female", "Male", "Other"}
    assert {(row["Category"], row["Product_Name"]) for row in rows} == set(PRODUCTS)
    assert {row["Payment_Method"] for row in rows} == set(PAYMENTS)
    assert {row["Discount_Applied"] for row in rows} == {row["Repeat_Customer"] for row in rows} == {"Yes", "No"}
    assert {row["Rating"] for row in rows} == set("12345")
    assert {int(row["Age"]) for row in rows} <= set(range(18, 61))
    assert all(re.fullmatch(r"\d+\.\d\d", row["Purchase_Amount"]) for row in rows)
    assert min(float(row["Purchase_Amount"]) for row in rows) >= 10
    assert max(float(row["Purchase_Amount"]) for row in rows) <= 500
    dates = {dt.date.fromisoformat(row["Purchase_Date"]) for row in rows}
    assert min(dates) >= FIRST
    assert max(dates) <= LAST
    assert len({day.strftime("%Y-%m") for day in dates}) == 13


def test_samples_hold_the_columns_and_the_known_values_of_the_contract() -> None:
    assert tuple(HEADER.split(",")) == RAW_NAMES
    assert set(GENDERS) == set(KNOWN_VALUES["Gender"])
    assert set(PAYMENTS) == set(KNOWN_VALUES["Payment_Method"])
    assert {category for category, _ in PRODUCTS} == set(KNOWN_VALUES["Category"])
    assert {product for _, product in PRODUCTS} == set(KNOWN_VALUES["Product_Name"])


def test_nearly_all_cities_and_all_customers_differ(tmp_path: Path) -> None:
    rows = sample(tmp_path / "clean.csv", dirty_share=0.0)
    assert len({row["City"] for row in rows}) > 950
    assert len({row["Customer_ID"] for row in rows}) == 1_000


def test_dirty_share_is_exact_and_each_kind_has_its_part(tmp_path: Path) -> None:
    rows = sample(tmp_path / "dirty.csv", rows=10_000, dirty_share=0.01)
    seen = Counter(
        {
            "date": sum("-13-" in row["Purchase_Date"] for row in rows),
            "amount": sum(row["Purchase_Amount"].startswith("-") for row in rows),
            "customer": sum(not row["Customer_ID"] for row in rows),
            "fields": sum(None in row for row in rows),
            "age": sum(not row["Age"] for row in rows),
            "rating": sum(row["Rating"] == "9" for row in rows),
            "payment": sum(row["Payment_Method"] in {"CASH ON DELIVERY", "CREDIT CARD", "DEBIT CARD"} for row in rows),
            "spaces": sum(row["City"] != row["City"].strip() for row in rows),
        }
    )
    assert len(rows) == 10_000
    # 100 dirty rows, ten kinds in turn; upper case changes nothing where the payment method is UPI.
    assert {kind: count for kind, count in seen.items() if kind != "payment"} == dict.fromkeys(
        ("date", "amount", "customer", "fields", "age", "rating", "spaces"), 10
    )
    assert 0 < seen["payment"] <= 10
    assert sum(count - 1 for count in Counter(tuple(map(str, row.values())) for row in rows).values()) == 10


def test_default_dirt_stays_below_the_share_of_quarantine_that_warns(tmp_path: Path) -> None:
    rows = sample(tmp_path / "default.csv", rows=50_000)
    quarantined = sum(
        not row["Customer_ID"]
        or None in row
        or "-13-" in row["Purchase_Date"]
        or row["Purchase_Amount"].startswith("-")
        for row in rows
    )
    assert 0 < quarantined < 0.005 * 50_000


def test_memory_does_not_grow_with_the_number_of_rows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("walmart_bi.sales.sample.BLOCK_ROWS", 2_000)

    def peak(rows: int) -> int:
        tracemalloc.start()
        write_sample(tmp_path / f"{rows}.csv", rows=rows, first_day=FIRST, last_day=LAST)
        _, highest = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        return highest

    assert peak(40_000) < 1.2 * peak(4_000)


def test_file_appears_only_when_it_is_complete(tmp_path: Path) -> None:
    sample(tmp_path / "new" / "sales.csv", rows=10)
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["sales.csv"]


@pytest.mark.parametrize(
    "options",
    [{"rows": 0}, {"first_day": LAST, "last_day": FIRST}, {"dirty_share": 0.6}, {"dirty_share": -0.1}],
    ids=["no rows", "days the wrong way round", "mostly dirty", "negative share"],
)
def test_impossible_arguments_are_refused_and_leave_no_file(tmp_path: Path, options: dict[str, object]) -> None:
    with pytest.raises(ValueError, match="no sample has"):
        sample(tmp_path / "none.csv", **options)  # type: ignore[arg-type]
    assert list(tmp_path.iterdir()) == []


def test_a_last_block_of_one_row_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("walmart_bi.sales.sample.BLOCK_ROWS", 20)
    # The tenth dirty row, an exact repeat, falls on the one row of the last block, which has no other to repeat.
    assert len(sample(tmp_path / "odd.csv", rows=21, dirty_share=10 / 21)) == 21


def test_name_declares_the_months() -> None:
    assert sample_file_name("2024-02", "2025-02") == "sales_2024-02_2025-02.csv"
    assert sample_file_name("2024-02", "2024-02") == "sales_2024-02.csv"
