"""What the page shows of each KPI: its header as a card, live under filters where the cubes can say the same.

A card is live when its rows are sums by one dimension of the cubes, by month, or both, and the published rows are the
cubes' own: a view that selects or maps differently is shown as published. Published rows are cut to a bounded number,
and the card says so; so the page's size does not follow the number of cities.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from walmart_bi.kpis.model import Kpi

SHOWN_ROWS = 200

# A view's column and the dimension of the cubes that it is; `city` is in the cube of the largest cities alone.
DIMENSIONS = {
    "category": "category",
    "payment_method": "payment_method",
    "discount_applied": "discount_applied",
    "customer_type": "repeat_customer",
    "age_group": "age_group",
    "city": "city",
}
MEASURES = frozenset({"revenue", "total_revenue", "orders", "aov"})
SPLIT = ("orders_effect", "aov_effect")
NAMED_CITIES = 10

Sums = Mapping[tuple[str, ...], tuple[int, int]]


@dataclass(frozen=True)
class Published:
    """A view's rows as the page may show them, in the view's own order, and how many it has in all."""

    rows: tuple[tuple[Any, ...], ...]
    count: int


def dimension_of(kpi: Kpi) -> str | None:
    """The dimension of the cubes that the card is drawn by; None for a card of months or of one row."""
    named = [DIMENSIONS[column] for column in kpi.grain if column in DIMENSIONS]
    return named[0] if named else None


def could_be_live(kpi: Kpi) -> bool:
    """Whether grain and measures are those of the cubes; whether the numbers are, `equals_cube` says."""
    known = [column for column in kpi.grain if column == "month" or column in DIMENSIONS]
    grain_fits = len(known) == len(kpi.grain) and len([column for column in known if column != "month"]) <= 1
    is_split = kpi.show.chart == "effects" and kpi.grain == ("month",) and kpi.show.y == SPLIT
    measures_fit = is_split or (
        bool(kpi.show.y) and set(kpi.show.y) <= MEASURES and kpi.show.chart not in ("scatter", "effects")
    )
    city_fits = "city" not in kpi.grain or (kpi.show.top == NAMED_CITIES and kpi.grain == ("city",))
    chart_fits = kpi.show.chart == ("tiles" if not kpi.grain else kpi.show.chart)
    return (
        kpi.covers == "all" and grain_fits and measures_fit and city_fits and chart_fits and not kpi.show.minimum_orders
    )


def equals_cube(kpi: Kpi, published: Published, sums: Sums) -> bool:
    """Whether each published row of a value that the cubes name has the cubes' revenue and orders."""
    columns = {name: at for at, name in enumerate(kpi.column_names)}
    money = columns.get(kpi.revenue_column or "")
    orders = columns.get("orders")
    for row in published.rows:
        key = tuple(cell_text(row[columns[name]]) for name in kpi.grain)
        if key not in sums:
            continue
        count, cents = sums[key]
        if money is not None and int(Decimal(row[money]) * 100) != cents:
            return False
        if orders is not None and row[orders] != count:
            return False
    return True


def shares_values(kpi: Kpi, published: Published, sums: Mapping[tuple[str, ...], tuple[int, int]]) -> bool:
    """Whether any of the published rows is in the sums, or there is none to look for."""
    places = [kpi.column_names.index(name) for name in kpi.grain]
    return not published.rows or any(tuple(cell_text(row[at]) for at in places) in sums for row in published.rows)


def card(kpi: Kpi, published: Published, members: Mapping[str, Sequence[str]], *, live: bool) -> dict[str, Any]:
    """The card as the page's script reads it."""
    show = kpi.show
    described: dict[str, Any] = {
        "name": kpi.name,
        "title": kpi.title,
        "question": kpi.question,
        "caption": show.caption,
        "chart": show.chart,
        "grain": list(kpi.grain),
        "dimension": dimension_of(kpi),
        "x": show.x,
        "y": list(show.y),
        "series": show.series,
        "columns": {column.name: {"label": column_label(column.name), "unit": column.unit} for column in kpi.columns},
        "live": live,
    }
    if live:
        return described | {"order": _order(kpi, published, members)}
    left_out = published.count - len(published.rows)
    least = show.minimum_orders
    subject = column_label(kpi.grain[0]).lower() if kpi.grain else "row"
    note = f"The first {len(published.rows):,} of {published.count:,} rows." if left_out else None
    return described | {
        "rows": [[cell_text(value) for value in row] for row in published.rows],
        "note": note,
        "emptyText": f"No {subject} has {least} orders or more, so there is nothing to compare."
        if least
        else "The view has no rows.",
    }


def _order(kpi: Kpi, published: Published, members: Mapping[str, Sequence[str]]) -> list[int] | None:
    """The published order of the values where it does not follow from a measure; None: largest revenue first."""
    dimension = dimension_of(kpi)
    by_measure = kpi.show.sort and kpi.show.sort[0].column in MEASURES | {"revenue_share", "revenue_rank"}
    if dimension is None or by_measure or "month" in kpi.grain:
        return None
    at = kpi.column_names.index(kpi.grain[0])
    places = {value: place for place, value in enumerate(members[dimension])}
    published_first = [places[value] for row in published.rows if (value := cell_text(row[at])) in places]
    return published_first + [place for place in places.values() if place not in published_first]


def cell_text(value: Any) -> Any:
    """A value as JSON holds it without loss: decimals and dates as text, months as YYYY-MM-DD."""
    if isinstance(value, Decimal):
        return format(value, "f")
    return value.isoformat() if isinstance(value, dt.date) else value


def column_label(name: str) -> str:
    """A column's name for people."""
    words = name.replace("_", " ").replace("aov", "AOV")
    return words[:1].upper() + words[1:]
