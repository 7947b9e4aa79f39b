"""One text, one value: dates, amounts, whole numbers and texts by the contract."""

import datetime as dt
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from walmart_bi.sales.contract import (
    AMBIGUOUS_DATE,
    AMOUNT_OUT_OF_RANGE,
    CURRENCY_SYMBOLS,
    EARLIEST_DATE,
    INVALID_AMOUNT,
    INVALID_DATE,
    NON_POSITIVE_AMOUNT,
)
from walmart_bi.sales.values import (
    DateOrder,
    Fault,
    fold,
    normal_form,
    parse_amount,
    parse_date,
    parse_whole_number,
    year_last_numbers,
)

CENTS = st.integers(1, 10**12 - 1)
DAYS = st.dates(EARLIEST_DATE, dt.date(2999, 12, 31))
ORDERS: list[DateOrder | None] = ["D/M/Y", "M/D/Y", None]


@given(CENTS)
def test_every_amount_that_fits_is_exact_to_the_cent(cents: int) -> None:
    plain = f"{Decimal(cents) / 100:.2f}"
    assert parse_amount(plain) == cents
    assert parse_amount(f"{Decimal(plain):,}") == cents


@given(
    CENTS, st.sampled_from(CURRENCY_SYMBOLS), st.sampled_from(["{0}{1}", "{0} {1}", "{1}{0}", " {1} {0} ", "+{0}{1}"])
)
def test_one_currency_symbol_at_either_end_is_accepted(cents: int, symbol: str, form: str) -> None:
    assert parse_amount(form.format(symbol, f"{Decimal(cents) / 100:,.2f}")) == cents


@given(CENTS, st.sampled_from(["-{}", "-${}", "$-{}", "- {}"]))
def test_a_negative_amount_is_not_positive_however_it_is_written(cents: int, form: str) -> None:
    assert parse_amount(form.format(f"{Decimal(cents) / 100:.2f}")) == Fault(NON_POSITIVE_AMOUNT)


@given(st.text(max_size=30))
def test_any_text_is_an_amount_in_range_or_a_fault(text: str) -> None:
    value = parse_amount(text)
    assert isinstance(value, Fault) or 0 < value < 10**12


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("5", 500),
        ("5.", 500),
        (".5", 50),
        ("5.1", 510),
        ("5.10000", 510),
        ("0005.25", 525),
        ("0" * 5000 + "5", 500),
        ("1,234", 123400),
        ("12,345,678.9", 1234567890),
        ("9999999999.99", 999999999999),
    ],
)
def test_amounts_of_less_usual_form(text: str, value: int) -> None:
    assert parse_amount(text) == value


@pytest.mark.parametrize(
    ("reason", "texts"),
    [
        (INVALID_AMOUNT, ["", ".", "-", "$", "abc", "1e3", "nan", "inf", "1_000", "12,5", "12,50", "1,2345", ",123"]),
        (INVALID_AMOUNT, ["0,123", "1,234,56", "$5$", "$€5", "5 USD", "1 000", "5$5", "(5)", "5-", "--5", "+-5"]),
        (INVALID_AMOUNT, ["1.234", "0.001", "1.2.3", "5٫5", "\u0665", "\uff15", "5\u22122"]),
        (NON_POSITIVE_AMOUNT, ["0", "0.00", "-0", "-12345678901"]),
        (AMOUNT_OUT_OF_RANGE, ["10000000000", "99999999999999999999.5", "10,000,000,000"]),
    ],
)
def test_what_is_no_amount_has_its_reason(reason: str, texts: list[str]) -> None:
    assert {text: parse_amount(text) for text in texts} == dict.fromkeys(texts, Fault(reason))


@given(DAYS, st.sampled_from(ORDERS))
def test_a_date_with_the_year_first_needs_no_proof(day: dt.date, order: DateOrder | None) -> None:
    forms = [day.isoformat(), f"{day.year}/{day.month}/{day.day}", f"{day.year}-{day.month}-{day.day}"]
    assert [parse_date(form, order) for form in forms] == [day, day, day]


@given(DAYS, st.times(), st.sampled_from(["", "Z", "+05:30", "-0800", " UTC"]), st.sampled_from(["T", " "]))
def test_of_a_timestamp_the_day_is_taken_as_written(day: dt.date, time: dt.time, zone: str, between: str) -> None:
    assert parse_date(f"{day.isoformat()}{between}{time.isoformat()}{zone}", None) == day


@given(DAYS)
def test_day_and_month_are_read_in_the_proven_order(day: dt.date) -> None:
    day_first, month_first = f"{day.day}/{day.month}/{day.year}", f"{day.month:02d}/{day.day:02d}/{day.year}"
    assert parse_date(day_first, "D/M/Y") == day
    assert parse_date(month_first, "M/D/Y") == day
    assert parse_date(day_first, None) == parse_date(month_first, None) == Fault(AMBIGUOUS_DATE)
    assert year_last_numbers(day_first) == (day.day, day.month)


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize(
    "text",
    [
        *("", "soon", "2025-02-29", "2025-13-01", "2025-00-10", "0000-00-00", "2025/3-1", "25-03-01", "20250301"),
        *(
            "31-12-2024",
            "1.2.2024",
            "32/1/2024",
            "0/5/2024",
            "13/13/2024",
            "1/2/24",
            "2025-03-01T24:00",
            "2025-03-01T9",
        ),
        *("2025-03-01T10:60", "2025-03-01 10:00 noon", "1899-12-31", "1/1/1899", "\u0662\u0660\u0662\u0665-03-01"),
    ],
)
def test_what_is_no_day_is_invalid_in_every_order(text: str, order: DateOrder | None) -> None:
    assert parse_date(text, order) == Fault(INVALID_DATE)


@pytest.mark.parametrize(
    ("time", "fits"), [("23:59:59", True), ("23:59:60", True), ("23:59:61", False), ("23:60:00", False)]
)
def test_a_leap_second_is_a_time_of_its_day_and_what_comes_after_it_is_none(time: str, fits: bool) -> None:
    expected = dt.date(2016, 12, 31) if fits else Fault(INVALID_DATE)
    assert parse_date(f"2016-12-31T{time}", None) == expected


@pytest.mark.parametrize("form", ["%Y-%m-%d", "%d/%m/%Y"])
def test_the_earliest_day_of_the_contract_is_read_and_the_day_before_is_not(form: str) -> None:
    assert parse_date(EARLIEST_DATE.strftime(form), "D/M/Y") == EARLIEST_DATE
    assert parse_date((EARLIEST_DATE - dt.timedelta(days=1)).strftime(form), "D/M/Y") == Fault(INVALID_DATE)


def test_given_another_order_is_proven_a_day_that_contradicts_it_is_invalid() -> None:
    assert parse_date("25/12/2024", "M/D/Y") == Fault(INVALID_DATE)


def test_a_date_with_the_year_first_proves_no_order() -> None:
    assert year_last_numbers("2024/12/25") is None


@given(st.integers(0, 10**6))
def test_whole_numbers_within_the_limits_are_read(number: int) -> None:
    expected = number if 10 <= number <= 1000 else None
    forms = [str(number), f" {number} ", f"+{number}", f"{number}.0", f"00{number}", f"{number}."]
    assert [parse_whole_number(form, 10, 1000) for form in forms] == [expected] * 6


@pytest.mark.parametrize(("number", "value"), [(9, None), (10, 10), (1000, 1000), (1001, None)])
def test_both_limits_of_a_whole_number_belong_to_it(number: int, value: int | None) -> None:
    assert parse_whole_number(str(number), 10, 1000) == value


@pytest.mark.parametrize("text", ["", "-1", "4.5", "four", "1e1", "NaN", "4,0", "\u0664", "9" * 5000])
def test_what_is_no_whole_number_is_none(text: str) -> None:
    assert parse_whole_number(text, 0, 120) is None


@given(st.text())
def test_folding_leaves_no_white_space_but_single_spaces_inside(text: str) -> None:
    folded = fold(text)
    assert folded.split(" ") == text.split() or folded == ""
    assert fold(folded) == folded


def test_a_whole_number_has_at_most_nine_digits() -> None:
    assert parse_whole_number("1" * 9, 0, 10**10) == 111_111_111
    assert parse_whole_number("1" * 10, 0, 10**10) is None


def test_texts_that_look_the_same_are_the_same_in_normal_form() -> None:
    assert normal_form("Mu\u0308nchen") == normal_form("M\u00fcnchen")
