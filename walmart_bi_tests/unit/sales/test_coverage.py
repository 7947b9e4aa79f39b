"""Which months a name declares, and which of several files supplies a month."""

import datetime as dt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from walmart_bi.months import months_between
from walmart_bi.sales.coverage import declared_months

MONTHS = st.dates(dt.date(1990, 1, 1), dt.date(2080, 12, 31)).map(lambda day: f"{day:%Y-%m}")


@pytest.mark.parametrize(
    ("name", "months"),
    [
        ("sales_2025-03.csv", ("2025-03",)),
        ("2025_03.csv", ("2025-03",)),
        ("sales202503.csv.gz", ("2025-03",)),
        ("raw_data/2025-03/march.csv", ()),
        ("sales_2025-03-15.csv", ("2025-03",)),
        ("sales_20250315.csv", ("2025-03",)),
        ("sales_2025_03_15.csv", ("2025-03",)),
        ("2024-11_2025-02.csv", ("2024-11", "2024-12", "2025-01", "2025-02")),
        ("2024_12_2025_01.csv", ("2024-12", "2025-01")),
        ("202412-202501.csv", ("2024-12", "2025-01")),
        ("2025-02 to 2024-12.csv", ("2024-12", "2025-01", "2025-02")),
        ("2025-01-01_2025-01-31.csv", ("2025-01",)),
        ("2025-03_copy_of_2025-03.csv", ("2025-03",)),
        ("sales.csv", ()),
        ("sales_2025.csv", ()),
        ("sales_2025-13.csv", ()),
        ("sales_2025-00.csv", ()),
        ("order_20250399.csv", ()),
        ("order_1202503.csv", ()),
        ("part-12025-03.csv", ()),
        ("20250315120000.csv", ()),
        ("3025-03.csv", ()),
    ],
)
def test_a_name_declares_its_months(name: str, months: tuple[str, ...]) -> None:
    assert declared_months(name) == months


@given(MONTHS, MONTHS, st.sampled_from(["", "-", "_"]), st.sampled_from(["_", " to ", "--"]))
def test_two_months_in_any_style_declare_the_range_between_them(one: str, two: str, mark: str, between: str) -> None:
    name = f"sales_{one.replace('-', mark)}{between}{two.replace('-', mark)}.csv"
    assert declared_months(name) == months_between(min(one, two), max(one, two))
