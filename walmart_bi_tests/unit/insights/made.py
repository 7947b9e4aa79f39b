"""Facts made of aggregates, without a warehouse: what a test plants is exactly what the story is told."""

from __future__ import annotations

import calendar
from collections.abc import Iterable
from typing import Any

from walmart_bi.kpis.insights.model import Cell, Cities, Facts, Month, Quality
from walmart_bi.months import first_day, months_between

YEAR = months_between("2024-01", "2024-12")
NO_CITIES = Cities(0, 0, 0, 0, 0, 0.0, ((0.0, 0.0),))


def cell(month: str, orders: int, cents: int, squares: int | None = None, **dimensions: Any) -> Cell:
    """Orders of one kind; without squares all of them have the same amount (cents divides by orders)."""
    values: dict[str, Any] = {
        "category": "Home",
        "payment_method": "UPI",
        "discount_applied": False,
        "repeat_customer": False,
        "city_group": "Other cities",
        "age_group": "25-34",
    }
    exact = cents * cents // orders if squares is None else squares
    return Cell(month, **{**values, **dimensions}, orders=orders, cents=cents, squares=exact)


def spread(month: str, orders: int, mean: int, sd: int, **dimensions: Any) -> Cell:
    """Orders with this mean, half of them so much above it and half below; an even number of them."""
    squares = orders // 2 * ((mean - sd) ** 2 + (mean + sd) ** 2)
    return cell(month, orders, orders * mean, squares, **dimensions)


def facts(cells: Iterable[Cell], partial: Iterable[str] = (), cities: Cities = NO_CITIES) -> Facts:
    """Facts of these cells; every month is complete unless named."""
    cube = tuple(sorted(cells))
    incomplete = set(partial)
    months = []
    for name in sorted({each.month for each in cube}):
        start = first_day(name)
        days = calendar.monthrange(start.year, start.month)[1]
        own = [each for each in cube if each.month == name]
        orders, cents = sum(each.orders for each in own), sum(each.cents for each in own)
        last = start.replace(day=9 if name in incomplete else days)
        complete = name not in incomplete
        months.append(Month(name, start.isoformat(), last.isoformat(), days, orders, cents, complete))
    orders = sum(month.orders for month in months)
    quality = Quality(len(months), orders, 0, 0, "2025-01-01T00:00:00Z", tuple(f"{m.month}-v1" for m in months))
    return Facts(tuple(months), cube, (), cities, orders, quality)


def per_day(month: str, cents: int) -> int:
    """Cents of a month with so much on every day."""
    start = first_day(month)
    return cents * calendar.monthrange(start.year, start.month)[1]
