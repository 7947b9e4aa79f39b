"""Numbers and months as text for readers without scripts, in the formats of the sentences. No HTML belongs here."""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from walmart_bi.kpis.insights import wording

MISSING = "\u2013"


def month_name(month: str) -> str:
    """A month (YYYY-MM, or a day in it) as readers see it: Mar 2025."""
    return wording.FORMATS["month"](month, 1)


def money(cents: int) -> str:
    """Whole dollars from $10,000 up, cents below."""
    return wording.money(cents, wording.unit_of(cents))


def change(cents: int, *amounts: int) -> str:
    """Money with its sign, in the step of the amounts that it is a change of."""
    return wording.FORMATS["change"](cents, wording.unit_of(*(amounts or (cents,))))


def number(value: int) -> str:
    """A count."""
    return wording.FORMATS["number"](value, 1)


def number_change(value: int) -> str:
    """A count with its sign."""
    return wording.FORMATS["number_change"](value, 1)


def by_unit(value: Any, unit: str) -> str:
    """A published value by the unit of its column."""
    if value is None:
        return MISSING
    if unit == "usd":
        return money(int((Decimal(value) * 100).quantize(Decimal(1), ROUND_HALF_UP)))
    if unit == "share":
        return wording.FORMATS["share"](float(value), 1)
    if unit == "month":
        return month_name(str(value))
    return number(value) if isinstance(value, int) and unit != "label" else str(value)
