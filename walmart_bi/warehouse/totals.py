"""Control totals: the sums that show that the same rows are in the object, in the staging table and in the table.

The SQL text is in the subset that both engines share. Sums do not depend on the order of rows.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

from walmart_bi.records import ControlTotals
from walmart_bi.warehouse.base import TotalsMismatch

TOTALS = """
    COUNT(*),
    CAST(COALESCE(SUM(purchase_amount), 0) * 100 AS BIGINT),
    COALESCE(SUM(age), 0),
    COALESCE(SUM(rating), 0),
    COALESCE(SUM(CASE WHEN discount_applied THEN 1 ELSE 0 END), 0),
    COALESCE(SUM(CASE WHEN repeat_customer THEN 1 ELSE 0 END), 0),
    COALESCE(SUM(source_line), 0),
    MIN(purchase_date),
    MAX(purchase_date)
"""
"""The select list whose one row `totals_from_row` reads."""

_WORDS = {
    "rows": "rows",
    "total_cents": "sum of purchase_amount in cents",
    "age_sum": "sum of age",
    "rating_sum": "sum of rating",
    "discounted_rows": "rows with a discount",
    "repeat_rows": "rows of repeat customers",
    "line_sum": "sum of source_line",
    "first_date": "first purchase date",
    "last_date": "last purchase date",
}


def totals_from_row(row: Sequence[Any]) -> ControlTotals:
    """The record of one result row of TOTALS. Without rows the dates are empty text."""
    names = [field.name for field in dataclasses.fields(ControlTotals)]
    sums = [int(value) for value in row[:-2]]
    days = ["" if day is None else day.isoformat() for day in row[-2:]]
    return ControlTotals.from_fields(dict(zip(names, [*sums, *days], strict=True)))


def require_equal(expected: ControlTotals, found: ControlTotals, *, where: str, place: str) -> None:
    """Raise TotalsMismatch naming every total that differs; `where` says what was counted."""
    differences = [
        f"{_WORDS[field.name]} is {getattr(found, field.name)} instead of {getattr(expected, field.name)}"
        for field in dataclasses.fields(ControlTotals)
        if getattr(found, field.name) != getattr(expected, field.name)
    ]
    if differences:
        raise TotalsMismatch(
            f"{where} differs from what was written to the object: {'; '.join(differences)}. Nothing was changed.",
            place=place,
            next_step="load the month again from its raw file; if it happens again, report it as a defect.",
        )
