"""The oracle against sums that were worked out by hand, so that it is not trusted only because it agrees."""

import datetime as dt
import json
import subprocess
import sys
from collections.abc import Callable
from decimal import Decimal
from fractions import Fraction
from pathlib import Path

import pytest

from walmart_bi_tests import oracle

HEADER = ",".join(name.title() for name in oracle.COLUMNS)
TODAY = dt.date(2025, 6, 1)
FILE = f"""{HEADER}
c1,17,female,Elmford,Home,Lamp,2024-01-05,10.00,UPI,Yes,5,No
c2,18,Male,Elmford,Home,Lamp,2024/1/31,20.00,upi,no,4,y
c3,64,Other,Oakley,Beauty,Shampoo,2024-02-01 08:00:00,"$1,000.01",Credit Card,1,3,true
c4,,Male,,Groceries,Lamp,2024-02-02,0.10,Debit Card,0,9,false
c5,65,Male,Oakley,Beauty,Shampoo,2024-02-03,5.00,Credit Card,No,1,No
c5,65,Male,Oakley,Beauty,Shampoo,2024/2/3,5.00,Credit Card,No,1,No
,30,Male,Oakley,Beauty,Shampoo,2024-02-03,5.00,Credit Card,No,1,No
c8,30,Male,Oakley,Beauty,Shampoo,2024-02-30,5.00,Credit Card,No,1,No
c9,30,Male,Oakley,Beauty,Shampoo,05/06/2024,5.00,Credit Card,No,1,No
c10,30,Male,Oakley,Beauty,Shampoo,2025-06-02,5.00,Credit Card,No,1,No
c11,30,Male,Oakley,Beauty,Shampoo,2024-02-03,-5.00,Credit Card,No,1,No
c12,30,Male,Oakley,Beauty,Shampoo,2024-02-03,"12,5",Credit Card,No,1,No
c13,30,Male,Oakley,Beauty,Shampoo,2024-02-03,10000000000.00,Credit Card,No,1,No
c14,30,Male,Oakley,Beauty,Shampoo,2024-02-03,5.00,Credit Card,maybe,1,No
c15,30,Male,Oakley
"""


def cleaned(tmp_path: Path, text: str = FILE) -> oracle.Cleaned:
    path = tmp_path / "sales.csv"
    path.write_text(text, encoding="utf-8")
    return oracle.clean(path, today=TODAY)


def test_every_record_has_one_place(tmp_path: Path) -> None:
    result = cleaned(tmp_path)
    assert result.records == 15
    assert result.rows_by_month == {"2024-01": 2, "2024-02": 4}
    assert result.total_cents == 1000 + 2000 + 100_001 + 10 + 500 + 500
    assert result.duplicates == 0
    reasons = "missing_customer_id invalid_date ambiguous_date future_date non_positive_amount invalid_amount"
    assert result.quarantined == dict.fromkeys(
        [*reasons.split(), "amount_out_of_range", "invalid_flag", "wrong_field_count"], 1
    )
    assert +result.repaired == {"age_unreadable": 1, "city_empty": 1, "rating_unreadable": 1}


def equal_records(tmp_path: Path, customers: int) -> tuple[int, int]:
    """Ten different records of so many customers, delivered twice: how many are accepted, how many dropped."""
    rows = [f"id{n % customers},3{n},Male,Oakley,Beauty,Shampoo,2024-02-03,5.00,UPI,No,1,No" for n in range(10)]
    result = cleaned(tmp_path, "\n".join([HEADER, *rows, *rows]))
    return len(result.rows), result.duplicates


def test_equal_records_are_dropped_only_where_customers_are_nearly_unique(tmp_path: Path) -> None:
    assert equal_records(tmp_path, customers=9) == (10, 10)
    assert equal_records(tmp_path, customers=8) == (20, 0)


def test_one_order_of_day_and_month_must_be_proven_by_the_whole_file() -> None:
    assert oracle.slash_order(["08/09/2024", "13/09/2024"]) == "DM"
    assert oracle.slash_order(["08/09/2024", "09/13/2024"]) == "MD"
    assert oracle.slash_order(["08/09/2024", "2024/09/13"]) is None
    assert oracle.slash_order(["13/09/2024", "09/13/2024"]) is None
    assert oracle.parse_date("08/09/2024", "DM") == dt.date(2024, 9, 8)
    assert oracle.parse_date("08/09/2024", "MD") == dt.date(2024, 8, 9)


def refused(parse: Callable[[], object]) -> str:
    with pytest.raises(oracle.Refused) as reason:
        parse()
    return str(reason.value)


def test_a_time_behind_a_day_is_passed_over_and_must_be_one() -> None:
    for time in ("T08:00:00Z", " 8:05", "t23:59:60.5", "T10:00+0530", " 10:00:00 UTC"):
        assert oracle.parse_date(f"2024-03-05{time}", None) == dt.date(2024, 3, 5)
    for text in ("2024-03-05T25:00:00", "2024-03-05 8:60", "2024-03-05 soon", "2024-03-05T", "05/13/2024 10:00"):
        assert refused(lambda text=text: oracle.parse_date(text, "MD")) == "invalid_date"


def test_no_day_is_before_1900_and_no_digit_of_another_script() -> None:
    for text in ("1899-12-31", "12/31/1899", "２０２４-０３-０５"):
        assert refused(lambda text=text: oracle.parse_date(text, "MD")) == "invalid_date"
    assert refused(lambda: oracle.parse_cents("٣.50")) == "invalid_amount"
    assert oracle.slash_order(["١٣/01/2024"]) is None
    assert [oracle.parse_integer(text, 0, 120) for text in ("٣٠", "1", "0030", "121")] == [None, 1, 30, None]


def test_segments_are_those_worked_out_by_hand(tmp_path: Path) -> None:
    views = oracle.kpis(cleaned(tmp_path).rows)
    total = Decimal("1040.11")
    assert views["kpi_total_revenue"] == [
        {"total_revenue": total, "orders": 6, "aov": Decimal("173.35")}
        | {"first_month": dt.date(2024, 1, 1), "last_month": dt.date(2024, 2, 1)}
    ]
    assert [(row["age_group"], row["revenue"]) for row in views["kpi_revenue_by_age_group"]] == [
        ("18-24", Decimal("20.00")),
        ("55-64", Decimal("1000.01")),
        ("65+", Decimal("10.00")),
        ("<18", Decimal("10.00")),
        ("Unknown", Decimal("0.10")),
    ]
    assert [(row["city"], row["revenue_rank"], row["orders"]) for row in views["kpi_revenue_by_city"]] == [
        ("Oakley", 1, 3),
        ("Elmford", 2, 2),
        ("Unknown", 3, 1),
    ]
    discounts = {row["discount_applied"]: row for row in views["kpi_revenue_by_discount"]}
    assert discounts["Yes"]["revenue"] == Decimal("1010.01")
    assert discounts["No"]["aov"] == Decimal("7.53")  # 30.10 / 4 = 7.525, half up
    assert discounts["No"]["revenue_share"] == Decimal("30.10") / total
    assert {row["payment_method"]: row["orders"] for row in views["kpi_revenue_by_payment_method"]} == {
        "Credit Card": 3,
        "Debit Card": 1,
        "UPI": 2,
    }


def test_the_two_effects_add_up_to_the_change_of_revenue(tmp_path: Path) -> None:
    january, february = oracle.kpis(cleaned(tmp_path).rows)["kpi_executive_summary"]
    assert january["revenue_change"] is january["orders_effect"] is january["aov_effect"] is None
    # 2 orders at 15 become 4 at 252.5275: the effect of orders is 2 x (15 + 252.5275) / 2 = 267.5275
    assert february["revenue_change"] == Decimal("980.11")
    assert february["orders_effect"] == Decimal("267.53")
    assert february["aov_effect"] == Decimal("712.58")


def test_cents_are_rounded_with_halves_away_from_zero() -> None:
    assert oracle.money(Fraction(-5, 1000)) == Decimal("-0.01")
    assert oracle.money(Fraction(5, 1000)) == Decimal("0.01")
    assert oracle.money(Fraction(49, 10000)) == Decimal("0.00")


def test_all_dimensions_of_a_view_add_up_to_the_total(tmp_path: Path) -> None:
    rows = cleaned(tmp_path).rows
    for name, view in oracle.kpis(rows).items():
        if name != "kpi_total_revenue":
            assert sum(row["orders"] for row in view) == len(rows), name


def test_command_prints_json(tmp_path: Path) -> None:
    cleaned(tmp_path)
    command = [sys.executable, "-m", "walmart_bi_tests.oracle", str(tmp_path / "sales.csv")]
    printed = json.loads(subprocess.run(command, capture_output=True, check=True, text=True).stdout)
    assert printed["total_cents"] == 104_011 + 500  # by the real clock, the date in 2025-06 is no longer in the future
    assert len(printed["kpis"]) == 12


def test_no_rows_give_no_kpi_rows() -> None:
    assert set(map(len, oracle.kpis([]).values())) == {0}
