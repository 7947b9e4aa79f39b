"""How one text becomes one value: the cleaning contract for single values, without batches and without counting.

Every function here is pure and looks at one distinct value; `cleaning.py` applies them to columns.
"""

from __future__ import annotations

import datetime as dt
import re
import unicodedata
from functools import lru_cache
from typing import Literal, NamedTuple

from walmart_bi.sales.contract import (
    AMBIGUOUS_DATE,
    AMOUNT_OUT_OF_RANGE,
    CURRENCY_SYMBOLS,
    EARLIEST_DATE,
    INVALID_AMOUNT,
    INVALID_DATE,
    MAX_WHOLE_DIGITS,
    NON_POSITIVE_AMOUNT,
)

DateOrder = Literal["D/M/Y", "M/D/Y"]

_YEAR_FIRST = re.compile(
    r"(?P<year>\d{4})(?P<mark>[-/])(?P<month>\d{1,2})(?P=mark)(?P<day>\d{1,2})"
    r"(?:[T ](?P<hour>\d{1,2}):(?P<minute>\d\d)(?::(?P<second>\d\d)(?:[.,]\d{1,9})?)?"
    r"(?: ?(?:Z|UTC|[+-]\d\d(?::?\d\d)?))?)?",
    re.ASCII | re.IGNORECASE,
)
_YEAR_LAST = re.compile(r"(?P<first>\d{1,2})/(?P<second>\d{1,2})/(?P<year>\d{4})", re.ASCII)
_AMOUNT = re.compile(r"(?P<sign>[+-]?)(?P<whole>\d*|[1-9]\d{0,2}(?:,\d{3})+)(?:\.(?P<cents>\d*))?", re.ASCII)
_WHOLE_NUMBER = re.compile(r"\+?(\d+)(?:\.0*)?", re.ASCII)
_CURRENCY = re.compile(f"[{re.escape(CURRENCY_SYMBOLS)}]")


class Fault(NamedTuple):
    """Why a text is not a value: the quarantine reason."""

    reason: str


def fold(text: str) -> str:
    """Trim, and fold every inner run of white space to one space."""
    return " ".join(text.split())


def normal_form(text: str) -> str:
    """The text in Unicode normal form C."""
    return unicodedata.normalize("NFC", text)


@lru_cache(maxsize=65_536)
def parse_amount(text: str) -> int | Fault:
    """The amount in cents, above 0."""
    bare, symbols = _CURRENCY.subn("", fold(text))
    edge = not symbols or _has_outer_symbol(fold(text))
    match = _AMOUNT.fullmatch(bare.strip().replace("- ", "-", 1)) if symbols <= 1 and edge else None
    if match is None or not (match["whole"] or match["cents"]):
        return Fault(INVALID_AMOUNT)
    whole, cents = match["whole"].replace(",", "").lstrip("0"), (match["cents"] or "").rstrip("0")
    if len(cents) > 2:
        return Fault(INVALID_AMOUNT)
    if len(whole) > MAX_WHOLE_DIGITS:
        return Fault(NON_POSITIVE_AMOUNT if match["sign"] == "-" else AMOUNT_OUT_OF_RANGE)
    value = int(whole or "0") * 100 + int(cents.ljust(2, "0"))
    if value == 0 or match["sign"] == "-":
        return Fault(NON_POSITIVE_AMOUNT)
    return value


def _has_outer_symbol(text: str) -> bool:
    return text.lstrip("+- ")[:1] in CURRENCY_SYMBOLS or text[-1:] in CURRENCY_SYMBOLS


def parse_whole_number(text: str, lowest: int, highest: int) -> int | None:
    """The whole number when it lies within the limits; `49.0`, as other tools write it, is 49."""
    match = _WHOLE_NUMBER.fullmatch(fold(text))
    if match is None or len(match[1]) > 9:
        return None
    value = int(match[1])
    return value if lowest <= value <= highest else None


@lru_cache(maxsize=65_536)
def parse_date(text: str, order: DateOrder | None) -> dt.date | Fault:
    """The day of the purchase; `order` is what the whole file proves about D/M/YYYY or M/D/YYYY."""
    text = fold(text)
    match = _YEAR_FIRST.fullmatch(text)
    if match is not None:
        time_fits = int(match["hour"] or 0) < 24 and int(match["minute"] or 0) < 60 and int(match["second"] or 0) <= 60
        return _day(match["year"], match["month"], match["day"]) if time_fits else Fault(INVALID_DATE)
    match = _YEAR_LAST.fullmatch(text)
    if match is None:
        return Fault(INVALID_DATE)
    day_first = _day(match["year"], match["second"], match["first"])
    month_first = _day(match["year"], match["first"], match["second"])
    if isinstance(day_first, Fault) and isinstance(month_first, Fault):
        return Fault(INVALID_DATE)
    if order is None:
        return Fault(AMBIGUOUS_DATE)
    return day_first if order == "D/M/Y" else month_first


def _day(year: str, month: str, day: str) -> dt.date | Fault:
    try:
        value = dt.date(int(year), int(month), int(day))
    except ValueError:
        return Fault(INVALID_DATE)
    return value if value >= EARLIEST_DATE else Fault(INVALID_DATE)


def year_last_numbers(text: str) -> tuple[int, int] | None:
    """The first and the second number of a text of the form D/M/YYYY or M/D/YYYY."""
    match = _YEAR_LAST.fullmatch(fold(text))
    return (int(match["first"]), int(match["second"])) if match else None
