"""Reads the story's facts from the warehouse; the sums are made there, so the rows read here do not grow with sales.

The only place that decides whether a month is complete. What is made of the facts is `analysis.py`.
"""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Iterator
from typing import Any

from walmart_bi.kpis.insights.model import Cell, Cities, CityCell, Facts, Month, Quality
from walmart_bi.months import first_day, month_of, next_month
from walmart_bi.sql_files import read_story_query
from walmart_bi.warehouse.base import Reader
from walmart_bi.warehouse.rollups import require_rollups

# An empty stretch at the edge of what is loaded is a missing piece of the month, and not a quiet time, when chance
# would leave it empty less often than this.
CHANCE_OF_A_QUIET_EDGE = 0.001
CENTS_SQUARED = 10_000


def read_facts(reader: Reader) -> Facts:
    """All facts, in the reader's consistent state; no months when nothing is loaded. Raises WarehouseError.

    Most are sums of the rollups, so they must be of the active loads; that they are right is for checks to say.
    """
    require_rollups(reader)
    months = [(month_of(month), *rest) for month, *rest in _rows(reader, "months")]
    names = {first_day(month): month for month, *_ in months}
    return Facts(
        months=tuple(_months(sorted(months))),
        cube=tuple(
            sorted(
                Cell._make((names[row[0]], *row[1:-1], int(row[-1] * CENTS_SQUARED))) for row in _rows(reader, "cube")
            )
        ),
        city_cube=tuple(sorted(CityCell._make((names[row[0]], *row[1:])) for row in _rows(reader, "top_cities"))),
        cities=read_cities(reader),
        customers=int(_rows(reader, "customers")[0][0]),
        quality=_quality(sorted(_rows(reader, "loads"))),
    )


def read_cities(reader: Reader) -> Cities:
    """How revenue is spread over the cities."""
    return _cities(sorted(_rows(reader, "cities")))


def _rows(reader: Reader, name: str) -> list[tuple[Any, ...]]:
    return reader.query(read_story_query(name)).rows


def _months(rows: list[tuple[str, dt.date, dt.date, int, int]]) -> Iterator[Month]:
    loaded = {row[0] for row in rows}
    for month, first_date, last_date, orders, cents in rows:
        begin, end = first_day(month), first_day(next_month(month))
        rate = orders / ((last_date - first_date).days + 1)
        # Between two loaded months a quiet time is just that; at an edge the rest may not have been delivered.
        missing_before = 0 if month_of(begin - dt.timedelta(days=1)) in loaded else (first_date - begin).days
        missing_after = 0 if month_of(end) in loaded else (end - last_date).days - 1
        chance = math.exp(-rate * max(missing_before, missing_after))
        yield Month(
            month=month,
            first_date=first_date.isoformat(),
            last_date=last_date.isoformat(),
            days=(end - begin).days,
            orders=orders,
            cents=cents,
            is_complete=chance >= CHANCE_OF_A_QUIET_EDGE,
        )


def _cities(rows: list[tuple[int, ...]]) -> Cities:
    """The sums over the groups of cities, and the running shares after each."""
    cities, single, of_30, _, cents, ten_largest, squares = (
        tuple(sum(int(value) for value in column) for column in list(zip(*rows, strict=True))[1:]) if rows else (0,) * 7
    )
    curve, places, revenue = [(0.0, 0.0)], 0, 0
    for _, group, _, _, _, group_cents, _, _ in rows:
        places, revenue = places + group, revenue + group_cents
        curve.append((places / cities, revenue / cents))
    return Cities(
        cities=cities,
        single_order_cities=single,
        cities_of_30_orders=of_30,
        ten_largest_cents=ten_largest,
        cents=cents,
        hhi=squares / cents**2 if cents else 0.0,
        curve=tuple(curve),
    )


def _quality(rows: list[tuple[Any, ...]]) -> Quality:
    # A file that supplies several months is one file: its counts stand in each of their loads.
    files = {source: (quarantined, duplicates) for _, _, _, source, quarantined, duplicates, _ in rows}
    return Quality(
        months=len(rows),
        rows=sum(row[2] for row in rows),
        quarantined=sum(quarantined for quarantined, _ in files.values()),
        duplicates=sum(duplicates for _, duplicates in files.values()),
        last_commit=max((row[6].isoformat(timespec="seconds") + "Z" for row in rows), default=""),
        load_ids=tuple(row[0] for row in rows),
    )
