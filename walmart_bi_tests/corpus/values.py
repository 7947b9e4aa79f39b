"""Files of the right shape whose values are not as they should be, one field at a time."""

import datetime as dt
import unicodedata
from decimal import Decimal

from walmart_bi_tests.corpus.case import Case, each, file_of, good, record


def bad(name: str, field: str, reason: str, *texts: str) -> Case:
    """Three good records, and one for each text that must be quarantined for this reason."""
    return Case(name, file_of([*good(3), *each(field, *texts)]), loaded=3, quarantined={reason: len(texts)})


def march(*days: int) -> list[dt.date]:
    return [dt.date(2024, 3, day) for day in days]


COMPOSED = "Málaga"
DECOMPOSED = unicodedata.normalize("NFD", COMPOSED)
FAMILY = "\N{WOMAN}\N{ZERO WIDTH JOINER}\N{GIRL}"

DATES = (
    Case(
        "dates_in_all_accepted_forms",
        file_of(
            each(
                "purchase_date",
                *("2024-03-05", "2024/3/5", "2024/03/05", "2024-03-05T23:59:59", "2024-03-05 00:00:00"),
                *("2024-03-05T23:30:00Z", "2024-03-05T23:30:00-05:00", "2024-03-05 10:11:12.123456"),
            )
        ),
        loaded=8,
        values={"purchase_date": march(*[5] * 8)},
    ),
    Case(
        "day_before_month_proven",
        file_of(each("purchase_date", "05/03/2024", "13/03/2024", "7/3/2024")),
        loaded=3,
        values={"purchase_date": march(5, 13, 7)},
    ),
    Case(
        "month_before_day_proven_by_the_last_record",
        file_of(each("purchase_date", "03/05/2024", "3/7/2024", "03/13/2024")),
        loaded=3,
        values={"purchase_date": march(5, 7, 13)},
    ),
    bad("order_of_day_and_month_not_proven", "purchase_date", "ambiguous_date", "03/03/2024", "03/04/2024", "4/3/2024"),
    # Two exports with different settings in one file: nothing says which half the short dates belong to.
    bad("both_orders_of_day_and_month", "purchase_date", "ambiguous_date", "13/03/2024", "03/14/2024", "03/04/2024"),
    bad(
        "dates_that_do_not_exist",
        "purchase_date",
        "invalid_date",
        *("2024-02-30", "2023-02-29", "2024-13-01", "2024-00-10", "2024-03-00", "0000-00-00", "2024-03-05T25:00:00"),
    ),
    bad(
        "texts_that_are_no_dates",
        "purchase_date",
        "invalid_date",
        *("", "yesterday", "45356", "1709600000", "24/03/05", "March 5, 2024", "2024-03", "20240305x", "NaT", "-"),
    ),
    bad("dates_in_other_digits", "purchase_date", "invalid_date", "２０２４-０３-０５", "٢٠٢٤/٣/٥"),
    bad("dates_in_the_future", "purchase_date", "future_date", "2024-03-21", "2924-03-05"),
    Case(
        "a_purchase_of_today",
        file_of(each("purchase_date", "2024-03-20")),
        loaded=1,
        values={"purchase_date": march(20)},
    ),
    Case(
        "leap_day",
        file_of(each("purchase_date", "2024-02-29", "2024/2/29")),
        loaded=2,
        file_name="delivery.csv",
        values={"purchase_date": [dt.date(2024, 2, 29)] * 2, "month": [dt.date(2024, 2, 1)] * 2},
    ),
)

AMOUNTS = (
    Case(
        "amounts_in_all_accepted_forms",
        file_of(
            each(
                "purchase_amount",
                *("12.5", "12", "12.50", " 12.50 ", "$12.50", "€ 12.50", "₹12.50", "1,234.50", "$1,234,567.89"),
                *("0.01", "9999999999.99", "007.00", ".50", "5.", "12.50 €"),
            )
        ),
        loaded=15,
        values={
            "purchase_amount": [
                Decimal(text)
                for text in (
                    *("12.50", "12.00", "12.50", "12.50", "12.50", "12.50", "12.50", "1234.50", "1234567.89"),
                    *("0.01", "9999999999.99", "7.00", "0.50", "5.00", "12.50"),
                )
            ]
        },
    ),
    # The sum of a million dimes is exact only where no float was on the way.
    Case(
        "amounts_that_floats_cannot_hold",
        file_of(each("purchase_amount", "0.10", "0.20", "0.29", "1.15", "4503599627.37", "9007199254.93")),
        loaded=6,
        values={
            "purchase_amount": [
                Decimal(text) for text in ("0.10", "0.20", "0.29", "1.15", "4503599627.37", "9007199254.93")
            ]
        },
    ),
    bad("amounts_of_nothing_or_less", "purchase_amount", "non_positive_amount", "0", "0.00", "-0.00", "-12.50", "-$5"),
    bad("amounts_too_large", "purchase_amount", "amount_out_of_range", "10000000000", "1234567890123", "9" * 400),
    bad(
        "texts_that_are_no_amounts",
        "purchase_amount",
        "invalid_amount",
        *("", "abc", "NaN", "inf", "-inf", "Infinity", "1e308", "1E2", "0x1F", "1_000", "$", "$$5", "--5", "1.2.3"),
    ),
    # A decimal comma read as a thousands comma would make twelve and a half into one hundred and twenty-five.
    bad("decimal_commas", "purchase_amount", "invalid_amount", "12,5", "12,50", "1.234,56", "1,2345", "1,23,456.00"),
    # Rounding would change a customer's money without anybody knowing.
    bad("fractions_of_a_cent", "purchase_amount", "invalid_amount", "12.345", "0.004", "99.999"),
    bad("amounts_in_other_digits", "purchase_amount", "invalid_amount", "１２.５０", "١٢"),
)

FLAGS = (
    Case(
        "flags_in_all_accepted_forms",
        file_of(each("discount_applied", "Yes", "YES", "y", "True", "1", "No", "n", "FALSE", "0", " yes ")),
        loaded=10,
        values={"discount_applied": [True] * 5 + [False] * 4 + [True]},
    ),
    bad("texts_that_are_no_flags", "repeat_customer", "invalid_flag", "", "maybe", "2", "oui", "-1", "None"),
)

NUMBERS = (
    Case(
        "ages_at_and_over_the_limits",
        file_of(each("age", "0", "17", "18", "120", "121", "-1", "", "thirty", "30.5", "9" * 20, "٣٠")),
        loaded=11,
        repaired={"age_unreadable": 7},
        values={
            "age": [0, 17, 18, 120, *[None] * 7],
            "age_group": ["<18", "<18", "18-24", "65+", *["Unknown"] * 7],
        },
    ),
    # A tool that has no whole numbers beside missing ones writes them all with a decimal point.
    Case(
        "ages_written_as_decimals",
        file_of(each("age", "30.0", "31.0", "")),
        3,
        repaired={"age_unreadable": 1},
        values={"age": [30, 31, None]},
    ),
    Case(
        "ratings_at_and_over_the_limits",
        file_of(each("rating", "1", "5", "0", "6", "", "4.5", "five", "-3")),
        loaded=8,
        repaired={"rating_unreadable": 6},
        values={"rating": [1, 5, *[None] * 6]},
    ),
)

TEXTS = (
    Case(
        "known_values_in_other_spellings",
        file_of(
            [
                record(1, category="HOME", product_name="lamp", gender="FEMALE"),
                record(2, payment_method="cash ON delivery"),
                record(3, payment_method="upi"),
            ]
        ),
        loaded=3,
        repaired={"spelling": 5},
        values={
            "category": ["Home"] * 3,
            "product_name": ["Lamp"] * 3,
            "gender": ["Female", "Other", "Female"],
            "payment_method": ["UPI", "Cash on Delivery", "UPI"],
        },
    ),
    Case(
        "values_nobody_declared",
        file_of([record(1, category="Groceries"), record(2, category="Groceries"), record(3, gender="F")]),
        loaded=3,
        unknown={"category: Groceries": 2, "gender: F": 1},
        values={"category": ["Groceries", "Groceries", "Home"], "gender": ["Male", "Other", "F"]},
    ),
    Case(
        "empty_texts",
        file_of([record(1, city="", gender="", category="", product_name="", payment_method="")]),
        loaded=1,
        repaired=dict.fromkeys(
            ("city_empty", "gender_empty", "category_empty", "product_name_empty", "payment_method_empty"), 1
        ),
        values={"city": ["Unknown"], "gender": ["Unknown"], "payment_method": ["Unknown"]},
    ),
    Case(
        "cities_that_read_like_missing_values",
        file_of(each("city", "NA", "None", "null", "nan", "N/A", "#N/A", "NULL", "-")),
        loaded=8,
        values={"city": ["NA", "None", "null", "nan", "N/A", "#N/A", "NULL", "-"]},
    ),
    Case(
        "white_space_of_all_kinds",
        file_of(each("city", "  Elm  ford ", "Elm\tford", "Elm\u00a0ford", "\u3000Elm ford")),
        loaded=4,
        repaired={"white_space": 4},
        values={"city": ["Elm ford"] * 4},
    ),
    Case(
        "one_city_in_two_unicode_forms",
        file_of(each("city", COMPOSED, DECOMPOSED)),
        loaded=2,
        repaired={"unicode_form": 1},
        values={"city": [COMPOSED, COMPOSED]},
    ),
    Case(
        "emoji_and_writing_from_right_to_left",
        file_of(each("city", f"Elmford {FAMILY}", "תל אביב", "القاهرة", "İstanbul", "Straße")),
        loaded=5,
        values={"city": [f"Elmford {FAMILY}", "תל אביב", "القاهرة", "İstanbul", "Straße"]},
    ),
    Case(
        "cells_that_are_formulas_or_code",
        file_of(
            each(
                "city",
                *('=HYPERLINK("http://example.org")', "+1+1", "-2", "@SUM(A1)", "'); DROP TABLE walmart_sales; --"),
                *("<script>alert(1)</script>", "</script>", "../../etc/passwd"),
            )
        ),
        loaded=8,
        values={
            "city": [
                *('=HYPERLINK("http://example.org")', "+1+1", "-2", "@SUM(A1)", "'); DROP TABLE walmart_sales; --"),
                *("<script>alert(1)</script>", "</script>", "../../etc/passwd"),
            ]
        },
    ),
    Case(
        "ids_that_read_like_numbers",
        file_of(each("customer_id", "000042", "42", "9007199254740993", "1e5", "True", "NA", "12.0", "2024-03-05")),
        loaded=8,
        values={"customer_id": ["000042", "42", "9007199254740993", "1e5", "True", "NA", "12.0", "2024-03-05"]},
    ),
    bad("ids_that_are_missing", "customer_id", "missing_customer_id", "", "  ", "\t", "\u00a0"),
    Case(
        "texts_just_as_long_as_their_column",
        file_of([record(1, city="é" * 512), record(2, customer_id="x" * 256)]),
        loaded=2,
        values={"city": ["é" * 512, "Port Wren"], "customer_id": ["c00001", "x" * 256]},
    ),
    # The limits are bytes, as in Redshift: 513 letters fit where each has one byte, and do not where each has two.
    Case(
        "texts_longer_than_their_column",
        file_of([*good(3), record(8, city="é" * 513), record(9, customer_id="x" * 257), record(10, city="x" * 5000)]),
        loaded=3,
        quarantined={"text_too_long": 3},
    ),
    Case(
        "nul_inside_a_text",
        file_of([*good(3), record(9, city="Elm\0ford"), record(10, customer_id="\0")]),
        loaded=3,
        quarantined={"invalid_character": 2},
    ),
    Case(
        "several_reasons_in_one_record",
        file_of(
            [*good(3), record(9, customer_id="", purchase_date="soon", purchase_amount="-1", discount_applied="?")]
        ),
        loaded=3,
        quarantined={"missing_customer_id": 1, "invalid_date": 1, "non_positive_amount": 1, "invalid_flag": 1},
    ),
)

CASES = (*DATES, *AMOUNTS, *FLAGS, *NUMBERS, *TEXTS)
