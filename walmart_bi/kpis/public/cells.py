"""What the profile `public` makes of the story's facts, and the refusal of a cell with fewer than ten people."""

from __future__ import annotations

import dataclasses
from collections import defaultdict
from collections.abc import Iterable
from typing import Any

from walmart_bi.errors import WalmartBiError
from walmart_bi.kpis.insights.model import Cell, Cities, Facts
from walmart_bi.kpis.model import ORDERS_COLUMN, Kpi
from walmart_bi.kpis.public.rows import LEAST_PEOPLE, PublicReader
from walmart_bi.warehouse.base import QueryResult

OTHER = "Other"  # the cube's own name for the labels that it does not keep
OTHER_CITIES = "Other cities"
# Coarsened in this order: what readers filter by is kept longest.
COARSENED = ("age_group", "payment_method", "category")
# What stands in the sentences where nothing is left to tell apart.
ALL = {"age_group": "all ages", "payment_method": "all means of payment", "category": "all categories"}
_INTERNAL = "set WALMART_BI_PROFILE=internal for readers who may see it"
_TEN_LARGEST = """
WITH totals AS (
    SELECT
        city,
        SUM(orders) AS orders,
        SUM(revenue) AS revenue
    FROM sales_by_city
    GROUP BY city
),
places AS (
    SELECT
        orders,
        ROW_NUMBER() OVER (ORDER BY revenue DESC NULLS LAST, city ASC NULLS LAST) AS place
    FROM totals
)
SELECT
    COALESCE(SUM(CASE WHEN place <= 10 THEN orders ELSE 0 END), 0) AS orders_of_ten,
    COALESCE(SUM(CASE WHEN place > 10 THEN orders ELSE 0 END), 0) AS orders_of_others
FROM places
"""


class SmallCell(WalmartBiError):
    """A public snapshot would show fewer than ten people."""


def refuse_small_cells(kpi: Kpi, result: QueryResult, least_orders: int = LEAST_PEOPLE) -> None:
    """Raise SmallCell when a row of the view may be about fewer than ten people, or does not tell how many."""
    if ORDERS_COLUMN not in result.columns:
        raise SmallCell(
            "The view does not tell how many orders each row is about, so it cannot be shown in public.",
            place=kpi.name,
            next_step="add the column orders, COUNT(customer_id), to the KPI's SQL file.",
        )
    at = result.columns.index(ORDERS_COLUMN)
    small = [row for row in result.rows if row[at] < least_orders]
    if small:
        raise SmallCell(
            f"{len(small)} row(s) of the view have fewer than {least_orders} orders, so they may be about fewer than "
            f"{LEAST_PEOPLE} people.",
            place=kpi.name,
            next_step="load the rest of the month that has so few orders, or show the KPI by fewer columns.",
        )


def public_facts(facts: Facts, cities: Cities, reader: PublicReader) -> Facts:
    """The facts with no cell under ten people; `cities` are the real ones, of which only groups are told.

    Raises SmallCell.
    """
    return dataclasses.replace(
        facts,
        cube=coarsened(facts.cube, reader.least_orders),
        city_cube=(),  # by name, month and four filters even the largest cities have a handful of orders
        cities=_grouped(cities, reader),
    )


def coarsened(cube: Iterable[Cell], least_orders: int = LEAST_PEOPLE) -> tuple[Cell, ...]:
    """The cube with its rarest labels added up as "Other", until no cell has fewer orders. Raises SmallCell."""
    cells = _added_up(cell._replace(city_group=OTHER_CITIES) for cell in cube)
    for name in COARSENED:
        for label in _rarest_first(cells, name):
            if not _small(cells, least_orders):
                break
            cells = _added_up(
                _relabelled(cell, name, OTHER) if getattr(cell, name) == label else cell for cell in cells
            )
        if {getattr(cell, name) for cell in cells} == {OTHER}:
            cells = [_relabelled(cell, name, ALL[name]) for cell in cells]
    small = _small(cells, least_orders)
    if small:
        raise SmallCell(
            f"{small[0].month} has {small[0].orders} order(s) of {'repeat' if small[0].repeat_customer else 'new'} "
            f"customers {'with' if small[0].discount_applied else 'without'} a discount, and a public snapshot shows "
            f"no group under {least_orders}.",
            place=f"month {small[0].month}",
            next_step=f"load the rest of the month, or {_INTERNAL}.",
        )
    return tuple(sorted(cells))


def _relabelled(cell: Cell, name: str, label: str) -> Cell:
    return Cell._make(label if field == name else value for field, value in zip(Cell._fields, cell, strict=True))


def _small(cells: Iterable[Cell], least_orders: int) -> list[Cell]:
    return [cell for cell in cells if cell.orders < least_orders]


def _rarest_first(cells: Iterable[Cell], name: str) -> list[str]:
    orders: dict[str, int] = defaultdict(int)
    for cell in cells:
        orders[getattr(cell, name)] += cell.orders
    return sorted(orders, key=lambda label: (label != OTHER, orders[label], label))


def _added_up(cells: Iterable[Cell]) -> list[Cell]:
    sums: dict[tuple[Any, ...], tuple[int, int, int]] = {}
    for *key, orders, cents, squares in cells:
        before = sums.get(tuple(key), (0, 0, 0))
        sums[tuple(key)] = (before[0] + orders, before[1] + cents, before[2] + squares)
    return [Cell._make((*key, *values)) for key, values in sums.items()]


def _grouped(found: Cities, reader: PublicReader) -> Cities:
    """Counts of cities, and the ten largest beside all others where both are ten people or more.

    The curve's other steps and the index tell the revenue of a few cities, so neither is shown.
    """
    ten, others = (int(value) for value in reader.raw.query(_TEN_LARGEST).rows[0])
    least = reader.least_orders
    if 0 < others < least or 0 < ten < least:
        raise SmallCell(
            f"The ten largest cities have {ten} order(s) and all others {others}, and a public snapshot shows no group "
            f"under {least}.",
            place="walmart_sales",
            next_step=f"load more months, or {_INTERNAL}.",
        )
    single = found.single_order_cities if found.single_order_cities >= least else 0
    middle = ((10 / found.cities, found.ten_largest_cents / found.cents),) if others else ()
    return dataclasses.replace(found, single_order_cities=single, hhi=0.0, curve=((0.0, 0.0), *middle, (1.0, 1.0)))
