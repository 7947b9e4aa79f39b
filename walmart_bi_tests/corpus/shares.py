"""Files whose verdict depends on how many of their rows are repeated, misplaced or bad."""

import datetime as dt

from walmart_bi_tests.corpus.case import Case, Record, each, file_of, good, record, rejected

RANGE = "sales_2024-01_2024-03.csv"


def customers(count: int, *, purchases: int) -> list[Record]:
    """Different purchases of so many customers."""
    return [record(number, customer_id=f"buyer {number % count}") for number in range(1, purchases + 1)]


def with_bad(good_rows: int, bad_rows: int) -> bytes:
    return file_of([*good(good_rows), *[record(5000 + number, purchase_amount="-1") for number in range(bad_rows)]])


def outside(inside_rows: int, outside_rows: int) -> bytes:
    late = [record(5000 + number, purchase_date="2024-02-29") for number in range(outside_rows)]
    return file_of([*good(inside_rows), *late])


TWENTY = good(20)
REGULARS = customers(3, purchases=30)
CENT_MORE = record(1, purchase_amount="11.51")

DUPLICATES = (
    Case("records_repeated_where_customers_are_unique", file_of([*TWENTY, TWENTY[0], TWENTY[7]]), 20, duplicates=2),
    Case("a_record_three_times", file_of([*good(30), record(1), record(1)]), loaded=30, duplicates=2),
    # Whether an id stands for one record is asked of the different records: otherwise the copies would hide themselves.
    Case("every_record_twice", file_of([*TWENTY, *TWENTY]), loaded=20, duplicates=20),
    Case(
        "records_repeated_at_ninety_percent",
        file_of([*customers(9, purchases=10), record(1, customer_id="buyer 1")]),
        loaded=10,
        duplicates=1,
    ),
    Case(
        "records_repeated_below_ninety_percent",
        file_of([*customers(8, purchases=10), record(1, customer_id="buyer 1")]),
        loaded=11,
    ),
    # The same people buy again and again: two equal rows may well be two purchases.
    Case(
        "records_repeated_where_customers_come_back",
        file_of([*REGULARS, REGULARS[0]]),
        loaded=31,
    ),
    Case("records_repeated_with_policy_keep", file_of([*TWENTY, TWENTY[0]]), loaded=21, policy="keep"),
    Case(
        "records_repeated_with_policy_drop_exact",
        file_of([*REGULARS, REGULARS[0]]),
        loaded=30,
        duplicates=1,
        policy="drop_exact",
    ),
    Case(
        "records_repeated_with_policy_quarantine",
        file_of([*TWENTY, TWENTY[0]]),
        loaded=20,
        quarantined={"duplicate_record": 1},
        policy="quarantine",
    ),
    # Equal after cleaning is not equal as delivered: two systems wrote them, so nothing says that they are one sale.
    Case(
        "records_that_are_equal_only_after_cleaning",
        file_of(
            [
                *TWENTY,
                record(1, purchase_date="2024/3/2"),
                record(2, city="Port  Wren"),
                CENT_MORE,
            ]
        ),
        loaded=23,
        repaired={"white_space": 1},
        policy="drop_exact",
    ),
    # A person correcting the file has to see every bad line, the repeated ones too.
    Case(
        "bad_records_repeated",
        file_of([*TWENTY, record(90, purchase_amount="0"), record(90, purchase_amount="0")]),
        loaded=20,
        quarantined={"non_positive_amount": 2},
    ),
)

MONTHS = (
    Case(
        "one_row_in_a_hundred_outside_the_month", outside(99, 1), loaded=99, quarantined={"outside_declared_month": 1}
    ),
    Case(
        "two_rows_in_a_hundred_outside_the_month",
        outside(98, 2),
        rejected=rejected("outside_declared_month", "sales_2024-03.csv", "2024-03", "2"),
    ),
    Case("every_row_of_another_month", outside(0, 5), rejected=rejected("outside_declared_month", "2024-03")),
    Case(
        "a_range_of_months",
        file_of(each("purchase_date", "2024-01-31", "2024-02-01", "2024-02-29", "2024-03-01")),
        loaded=4,
        file_name=RANGE,
        values={"month": [dt.date(2024, 1, 1), dt.date(2024, 2, 1), dt.date(2024, 2, 1), dt.date(2024, 3, 1)]},
    ),
    Case(
        "one_month_asked_of_a_range",
        file_of(each("purchase_date", "2024-01-31", "2024-02-01", "2024-02-29", "2024-03-01")),
        loaded=2,
        other_months=2,
        file_name=RANGE,
        months=("2024-02",),
    ),
    Case(
        "months_found_in_the_dates",
        file_of(each("purchase_date", "2024-01-31", "2024/2/1", "2024-03-01", "2024-03-31", "soon")),
        loaded=3,
        quarantined={"future_date": 1, "invalid_date": 1},
        file_name="delivery.csv",
    ),
    Case(
        "no_month_in_the_name_and_no_readable_date",
        file_of(each("purchase_date", "soon", "later")),
        rejected=rejected("no_month", "delivery.csv", "date"),
        file_name="delivery.csv",
    ),
)

QUARANTINE = (
    Case("every_record_bad", with_bad(0, 10), quarantined={"non_positive_amount": 10}, refused=True),
    Case("exactly_five_percent_bad", with_bad(95, 5), loaded=95, quarantined={"non_positive_amount": 5}),
    Case(
        "just_over_five_percent_bad",
        with_bad(94, 5),
        loaded=94,
        quarantined={"non_positive_amount": 5},
        refused=True,
    ),
    Case("exactly_half_a_percent_bad", with_bad(199, 1), loaded=199, quarantined={"non_positive_amount": 1}),
    Case("just_over_half_a_percent_bad", with_bad(198, 1), loaded=198, quarantined={"non_positive_amount": 1}),
)

CASES = (*DUPLICATES, *MONTHS, *QUARANTINE)
