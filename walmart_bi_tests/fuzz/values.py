"""Whether each loaded row holds what its own record says, in every column, by the rules of the independent oracle.

Where a file is in doubt itself, nothing is said: of a column whose name is not plain (an alias, a damaged name), and of
what the oracle does not know (limits of width, damaged encodings), which the corpus holds.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from decimal import Decimal
from typing import Any

from walmart_bi_tests.corpus import TODAY
from walmart_bi_tests.fuzz.independent import Found, FoundRecord
from walmart_bi_tests.oracle import COLUMNS, Refused, clean_record, slash_order

# Values that the contract accepts, in the place of a column that cannot be found; what they become is not compared.
_STAND_INS = {
    **dict.fromkeys(COLUMNS, "any"),
    "purchase_date": "2024-01-01",
    "purchase_amount": "1",
    "discount_applied": "no",
    "repeat_customer": "no",
}
# What is made of one column, beside the column of the same name.
_MADE_OF = {"age": ("age", "age_group"), "purchase_date": ("purchase_date", "month")}
# Records that are damaged as a whole, so their dates prove nothing of the others'.
_DAMAGED = {"wrong_field_count", "malformed_quotes", "invalid_encoding", "invalid_character"}
_KNOWN_REASONS = {
    *("missing_customer_id", "invalid_date", "ambiguous_date", "future_date"),
    *("invalid_amount", "non_positive_amount", "amount_out_of_range", "invalid_flag"),
}


def value_problems(
    found: Found, rows: Iterable[Mapping[str, Any]], set_aside: Collection[Mapping[str, str]]
) -> list[str]:
    """Each value of a row that is another one than the oracle makes of the row's record.

    And each record that was set aside for what the oracle knows, and finds right.
    """
    places = {column: place for column in COLUMNS if (place := _place(found, column)) is not None}
    by_line = {record.line: record for record in found.records}
    reasons = {int(row["line"]): set(row["reasons"].split(";")) for row in set_aside}
    order = _order(found, places, {line for line, why in reasons.items() if why & _DAMAGED})
    problems = []
    for row in rows:
        record = by_line.get(row["source_line"])
        if record is not None:  # else told as a line that is not there
            problems += _differences(row, record, len(found.names), places, order)
    if len(places) == len(COLUMNS):
        for line, why in reasons.items():
            if line in by_line and why <= _KNOWN_REASONS:
                problems += _acceptance(by_line[line], why, places, order)
    return problems


def _acceptance(record: FoundRecord, why: Collection[str], places: Mapping[str, int], order: str | None) -> list[str]:
    texts = [_text(record, places[column]) for column in COLUMNS]
    try:
        clean_record(texts, COLUMNS, order, TODAY, Counter())
    except Refused:
        return []
    return [f"line {record.line}: {texts} was set aside for {', '.join(sorted(why))}, but is right"]


def _order(found: Found, places: Mapping[str, int], damaged: Collection[int]) -> str | None:
    """The order of day and month that all dates of the file prove."""
    at = places.get("purchase_date")
    if at is None:
        return None
    width = len(found.names)
    return slash_order(
        _text(record, at) for record in found.records if record.line not in damaged and len(record.fields) == width
    )


def _differences(
    row: Mapping[str, Any], record: FoundRecord, width: int, places: Mapping[str, int], order: str | None
) -> list[str]:
    if len(record.fields) != width:
        return [f"line {record.line}: {len(record.fields)} fields under {width} names were loaded"]
    given = {column: _text(record, places[column]) for column in places}
    texts = [given.get(column, _STAND_INS[column]) for column in COLUMNS]
    try:
        expected = clean_record(texts, COLUMNS, order, TODAY, Counter())
    except Refused as refused:
        return [f"line {record.line}: {given} was loaded, but is {refused}"]
    expected["purchase_amount"] = Decimal(expected["cents"]).scaleb(-2)
    return [
        f"line {record.line}: {column} {given[column]!r} became {made} {row[made]!r}, not {expected[made]!r}"
        for column in places
        for made in _MADE_OF.get(column, (column,))
        if row[made] != expected[made]
    ]


def _place(found: Found, column: str) -> int | None:
    """Where the one column of this name is; None when that is not plain."""
    words = r"(purchase[ _-]?)?amount" if column == "purchase_amount" else column.replace("_", "[ _-]?")
    pattern = re.compile(rb"\W*" + words.encode() + rb"\W*", re.I)
    places = [place for place, name in enumerate(found.names) if pattern.fullmatch(name)]
    return places[0] if len(places) == 1 else None


def _text(record: FoundRecord, place: int) -> str:
    return record.fields[place].decode("utf-8", "replace")
