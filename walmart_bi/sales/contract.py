"""The cleaning contract: the one place that says what a sales file holds and what becomes of each value.

Tables and limits only; the code that applies them is in `values.py`, `cleaning.py` and the readers. `docs/cleaning.md`
is generated from this module (`python -m walmart_bi.sales.contract_docs`), and the checks and the UI take their texts
from it. Raise CONTRACT_VERSION whenever a change here or there could give another row for the same file.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal, get_args

CONTRACT_VERSION = "1"

DuplicatePolicy = Literal["auto", "keep", "drop_exact", "quarantine"]
DUPLICATE_POLICIES: tuple[DuplicatePolicy, ...] = get_args(DuplicatePolicy)


@dataclass(frozen=True)
class RawColumn:
    """A column that a delivered file must have. Its field is the name of the cleaned column that it feeds."""

    name: str
    aliases: tuple[str, ...]
    accepted: str
    otherwise: str
    description: str

    @property
    def field(self) -> str:
        """The column's name in cleaned data."""
        return self.name.lower()


@dataclass(frozen=True)
class OutputColumn:
    """A column of a cleaned month. `width` is the greatest number of UTF-8 bytes of a text."""

    name: str
    sql_type: str
    nullable: bool
    description: str
    derived_from: tuple[str, ...]
    width: int | None = None


RAW_COLUMNS: tuple[RawColumn, ...] = (
    RawColumn(
        "Customer_ID",
        ("customerid", "cust_id", "client_id"),
        "any text that is not empty; leading zeros are kept",
        "quarantined `missing_customer_id`",
        "Identifier of the customer as delivered.",
    ),
    RawColumn(
        "Age",
        ("customer_age",),
        "whole number 0 to 120",
        "null and age group `Unknown`, counted as repair `age_unreadable`",
        "Age of the customer in years.",
    ),
    RawColumn(
        "Gender",
        ("sex", "customer_gender"),
        "known values; another one is kept as given and counted",
        "empty: `Unknown`, counted as repair `gender_empty`",
        "Gender of the customer.",
    ),
    RawColumn(
        "City",
        ("town", "customer_city"),
        "any text; `NA`, `None` and `null` are city names",
        "empty: `Unknown`, counted as repair `city_empty`",
        "City of the purchase.",
    ),
    RawColumn(
        "Category",
        ("product_category",),
        "known values; another one is kept as given and counted",
        "empty: `Unknown`, counted as repair `category_empty`",
        "Category of the product.",
    ),
    RawColumn(
        "Product_Name",
        ("product", "productname"),
        "known values; another one is kept as given and counted",
        "empty: `Unknown`, counted as repair `product_name_empty`",
        "Name of the product.",
    ),
    RawColumn(
        "Purchase_Date",
        ("date", "purchasedate", "order_date", "transaction_date"),
        "`YYYY-MM-DD`, `YYYY/M/D`, ISO timestamps (their date as written); `D/M/YYYY` or `M/D/YYYY` only when the "
        "whole file proves one order: a number above 12 in one position and none in the other; a record that is "
        "damaged (bytes, NUL, quotes, number of fields) proves nothing",
        "quarantined `invalid_date`, `ambiguous_date` or `future_date` (after the day of the load)",
        "Day of the purchase; the data has no time of day.",
    ),
    RawColumn(
        "Purchase_Amount",
        ("amount", "purchaseamount", "total_amount"),
        "decimal text above 0, at most ten digits before and two after the point, one currency symbol, thousands "
        "commas in groups of three",
        "quarantined `invalid_amount`, `non_positive_amount` or `amount_out_of_range`",
        "Amount paid for the purchase.",
    ),
    RawColumn(
        "Payment_Method",
        ("payment", "paymentmethod"),
        "known values; another one is kept as given and counted",
        "empty: `Unknown`, counted as repair `payment_method_empty`",
        "How the purchase was paid.",
    ),
    RawColumn(
        "Discount_Applied",
        ("discount", "discountapplied"),
        "yes/no, y/n, true/false, 1/0 without regard to case",
        "quarantined `invalid_flag`",
        "Whether a discount was applied.",
    ),
    RawColumn(
        "Rating",
        ("customer_rating",),
        "whole number 1 to 5",
        "null, counted as repair `rating_unreadable`",
        "Rating of the purchase by the customer, 1 to 5.",
    ),
    RawColumn(
        "Repeat_Customer",
        ("repeat", "repeatcustomer", "is_repeat_customer"),
        "yes/no, y/n, true/false, 1/0 without regard to case",
        "quarantined `invalid_flag`",
        "Whether the customer bought before.",
    ),
)
RAW_NAMES: tuple[str, ...] = tuple(column.name for column in RAW_COLUMNS)

ID_WIDTH, GROUP_WIDTH, TEXT_WIDTH = 256, 16, 1024


def _text(name: str, description: str, source: str, width: int = TEXT_WIDTH) -> OutputColumn:
    return OutputColumn(name, f"VARCHAR({width})", False, description, (source,), width)


OUTPUT_COLUMNS: tuple[OutputColumn, ...] = (
    OutputColumn("month", "DATE", False, "First day of the month of the purchase.", ("Purchase_Date",)),
    OutputColumn("source_line", "BIGINT", False, "Line of the record in the delivered file; the header is line 1.", ()),
    _text(
        "customer_id", "Identifier of the customer as delivered, outer white space removed.", "Customer_ID", ID_WIDTH
    ),
    OutputColumn("age", "INTEGER", True, "Age of the customer in years, 0 to 120; null when not readable.", ("Age",)),
    _text("age_group", "Age band of the customer; Unknown when the age is null.", "Age", GROUP_WIDTH),
    _text("gender", "Gender of the customer.", "Gender"),
    _text("city", "City of the purchase.", "City"),
    _text("category", "Category of the product.", "Category"),
    _text("product_name", "Name of the product.", "Product_Name"),
    OutputColumn("purchase_date", "DATE", False, "Day of the purchase.", ("Purchase_Date",)),
    OutputColumn("purchase_amount", "DECIMAL(12,2)", False, "Amount paid, exact to the cent.", ("Purchase_Amount",)),
    _text("payment_method", "How the purchase was paid.", "Payment_Method"),
    OutputColumn("discount_applied", "BOOLEAN", False, "Whether a discount was applied.", ("Discount_Applied",)),
    OutputColumn("rating", "INTEGER", True, "Rating from 1 to 5; null when not readable.", ("Rating",)),
    OutputColumn("repeat_customer", "BOOLEAN", False, "Whether the customer bought before.", ("Repeat_Customer",)),
)

UNKNOWN = "Unknown"
KNOWN_VALUES: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "Gender": ("Female", "Male", "Other"),
        "Category": ("Electronics", "Clothing", "Beauty", "Home"),
        "Product_Name": (
            *("Cookware", "Jacket", "Headphones", "Smartphone", "Smartwatch", "Shampoo", "Perfume", "Laptop"),
            *("Jeans", "Face Cream", "Curtains", "Lipstick", "T-Shirt", "Dress", "Sofa Cover", "Lamp"),
        ),
        "Payment_Method": ("UPI", "Cash on Delivery", "Credit Card", "Debit Card"),
    }
)
FLAG_VALUES: Mapping[str, bool] = MappingProxyType(
    {"yes": True, "y": True, "true": True, "1": True, "no": False, "n": False, "false": False, "0": False}
)

# Upper ages of the bands, both ends included, in the order of their names.
AGE_GROUPS: tuple[tuple[str, int], ...] = (
    ("<18", 17),
    ("18-24", 24),
    ("25-34", 34),
    ("35-44", 44),
    ("45-54", 54),
    ("55-64", 64),
    ("65+", 120),
)
MAX_AGE = 120
MIN_RATING, MAX_RATING = 1, 5
MAX_WHOLE_DIGITS = 10
EARLIEST_DATE = dt.date(1900, 1, 1)
CURRENCY_SYMBOLS = "$€£¥₹"

MISSING_CUSTOMER_ID = "missing_customer_id"
INVALID_DATE = "invalid_date"
AMBIGUOUS_DATE = "ambiguous_date"
FUTURE_DATE = "future_date"
OUTSIDE_DECLARED_MONTH = "outside_declared_month"
INVALID_AMOUNT = "invalid_amount"
NON_POSITIVE_AMOUNT = "non_positive_amount"
AMOUNT_OUT_OF_RANGE = "amount_out_of_range"
INVALID_FLAG = "invalid_flag"
TEXT_TOO_LONG = "text_too_long"
INVALID_CHARACTER = "invalid_character"
INVALID_ENCODING = "invalid_encoding"
MALFORMED_QUOTES = "malformed_quotes"
WRONG_FIELD_COUNT = "wrong_field_count"
DUPLICATE_RECORD = "duplicate_record"

QUARANTINE_REASONS: Mapping[str, str] = MappingProxyType(
    {
        MISSING_CUSTOMER_ID: "The customer id is empty.",
        INVALID_DATE: "The purchase date is not a day in an accepted form, or lies before 1900.",
        AMBIGUOUS_DATE: "The date is D/M/YYYY or M/D/YYYY, and the file as a whole does not prove which.",
        FUTURE_DATE: "The purchase date lies after the day of the load.",
        OUTSIDE_DECLARED_MONTH: "The purchase date lies outside the months that the file's name declares.",
        INVALID_AMOUNT: "The purchase amount is not decimal text with at most two places.",
        NON_POSITIVE_AMOUNT: "The purchase amount is zero or negative.",
        AMOUNT_OUT_OF_RANGE: "The purchase amount has more than ten digits before the decimal point.",
        INVALID_FLAG: "A yes/no field is neither yes/no, y/n, true/false nor 1/0.",
        TEXT_TOO_LONG: "A text has more UTF-8 bytes than its column can hold.",
        INVALID_CHARACTER: "A field has a NUL character.",
        INVALID_ENCODING: "The record has bytes that are not text in the file's encoding.",
        MALFORMED_QUOTES: "Text follows a closing quote, so where the fields end cannot be known.",
        WRONG_FIELD_COUNT: "The record does not have the header's number of fields.",
        DUPLICATE_RECORD: "The record equals an earlier one in every field (only with the policy `quarantine`).",
    }
)

AGE_UNREADABLE = "age_unreadable"
RATING_UNREADABLE = "rating_unreadable"
WHITE_SPACE = "white_space"
UNICODE_FORM = "unicode_form"
SPELLING = "spelling"

REPAIR_KINDS: Mapping[str, str] = MappingProxyType(
    {
        AGE_UNREADABLE: "The age is empty or not a whole number from 0 to 120: null, age group `Unknown`.",
        RATING_UNREADABLE: "The rating is empty or not a whole number from 1 to 5: null.",
        "gender_empty": "The gender is empty: `Unknown`.",
        "city_empty": "The city is empty: `Unknown`.",
        "category_empty": "The category is empty: `Unknown`.",
        "product_name_empty": "The product name is empty: `Unknown`.",
        "payment_method_empty": "The payment method is empty: `Unknown`.",
        WHITE_SPACE: "White space around a text removed, or a run of it inside folded to one space.",
        UNICODE_FORM: "A text brought to Unicode normal form C.",
        SPELLING: "A known value written in its canonical spelling.",
    }
)

QUARANTINE_WARN_SHARE = 0.005
QUARANTINE_BLOCK_SHARE = 0.05
OUTSIDE_MONTH_SHARE = 0.01
NEARLY_UNIQUE_SHARE = 0.9

# Caps against damaged files and decompression bombs. A record of the contract has about 120 bytes; 131,072 is also
# the field limit of Python's csv module, which counts the records.
MAX_RECORD_BYTES = 131_072
MAX_RECORDS = 100_000_000
MAX_TEXT_BYTES = 32 * 2**30
# The same for a file that is cleaned in parts. Its hashes are numbered with 32 bits, and may all be of one customer.
MAX_RECORDS_IN_PARTS = 4_000_000_000
MAX_TEXT_BYTES_IN_PARTS = 512 * 2**30
MAX_EXPANSION = 100
EXPANSION_GRACE_BYTES = 8 * 2**20
MAX_NAMED_UNKNOWN_VALUES = 50
