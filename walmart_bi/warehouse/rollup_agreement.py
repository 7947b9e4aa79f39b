"""Whether the rollups say what the rows say: month by month for every reader, cell by cell for the months of a load.

The first compares sums that are at hand and costs nothing to speak of, so whoever publishes asks for it each time. The
second reads the rows of its months once more. Neither uses the statements that make the rollups.
"""

# ruff: noqa: S608 - what is put into a statement are this project's own constants; values are bound.

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Iterator, Sequence

from walmart_bi.months import first_day, month_of
from walmart_bi.verdict import Verdict
from walmart_bi.warehouse.base import Reader
from walmart_bi.warehouse.integrity import Loads, TableLoad
from walmart_bi.warehouse.rollups import BY_MONTH, ROLLUPS, Rollup, has_rollups

_MONTHS = """
SELECT month, CAST(SUM(orders) AS BIGINT) AS orders, CAST(SUM(revenue) * 100 AS BIGINT) AS cents
FROM {rollup}
GROUP BY month
"""
_SOURCES = f"SELECT month, load_id, first_date, last_date FROM {BY_MONTH.name}"
# What one row of the sales adds to each fact.
_OF_A_ROW = {
    "orders": "1",
    "revenue": "purchase_amount",
    "squares": "CAST(purchase_amount AS DECIMAL(19, 2)) * CAST(purchase_amount AS DECIMAL(19, 2))",
}
# The rollup's rows less the sales: nothing is left of a cell that is there once, is of a sale, and is right.
_CELLS = """
SELECT COUNT(*)
FROM (
    SELECT {keys}
    FROM (
        SELECT {keys}, {facts}, 1 AS copies FROM {rollup} WHERE month = ?
        UNION ALL
        SELECT {keys}, {taken}, 0 AS copies FROM walmart_sales WHERE month = ?
    ) AS both_sides
    GROUP BY {keys}
    HAVING SUM(copies) <> 1 OR COUNT(*) = 1 OR {left}
) AS wrong
"""


def check_months(reader: Reader, loads: Loads) -> Verdict:
    """Whether each rollup has the orders and the cents of each month of the table, made from the rows that are there.

    Loads are those of the same reading.
    """
    if not has_rollups(reader):
        return Verdict({"months": 0}, ("there are none; materialize any KPI view, which makes them from the rows",))
    table: dict[str, list[TableLoad]] = defaultdict(list)
    for part in loads.table:
        table[part.month].append(part)
    problems = [problem for rollup in ROLLUPS for problem in _sum_problems(reader, rollup, table)]
    problems += _source_problems(reader, table)
    return Verdict({"months": len(table), "rollups": len(ROLLUPS)}, tuple(problems))


def check_cells(reader: Reader, months: Sequence[str]) -> Verdict:
    """Whether each cell of the months is what the rows add up to, there once, and no other is there."""
    problems, cells = [], 0
    for rollup in ROLLUPS:
        if rollup == BY_MONTH:  # its cells are months
            continue
        for month in months:
            day = first_day(month)
            cells += reader.query(f"SELECT COUNT(*) FROM {rollup.name} WHERE month = ?", [day]).rows[0][0]
            wrong = reader.query(_cells(rollup), [day, day]).rows[0][0]
            if wrong:
                problems.append(f"{month}: {wrong} rows of {rollup.name} are not what the rows of the month add up to")
    return Verdict({"cells": cells}, tuple(problems))


def _sum_problems(reader: Reader, rollup: Rollup, table: dict[str, list[TableLoad]]) -> Iterator[str]:
    sums = {
        month_of(month): (orders, cents)
        for month, orders, cents in reader.query(_MONTHS.format(rollup=rollup.name)).rows
    }
    for month in sorted(sums.keys() | table.keys()):
        orders, cents = sums.get(month, (0, 0))
        rows, table_cents = _sums(table.get(month, []))
        if (orders, cents) != (rows, table_cents):
            yield (
                f"{month}: {rollup.name} has {orders} orders and {cents} cents, the table {rows} rows and "
                f"{table_cents} cents"
            )


def _source_problems(reader: Reader, table: dict[str, list[TableLoad]]) -> Iterator[str]:
    """The load that the month's rollups were made from, and its first and last day."""
    told: dict[str, list[tuple[str, dt.date, dt.date]]] = defaultdict(list)
    for month, *source in reader.query(_SOURCES).rows:
        told[month_of(month)].append((source[0], source[1], source[2]))
    for month, parts in sorted(table.items()):
        loads = ", ".join(sorted(part.load_id for part in parts))
        first, last = min(part.first_date for part in parts), max(part.last_date for part in parts)
        if told[month] != [(loads, first, last)]:
            found = "; ".join(f"{load_id} from {begin} to {end}" for load_id, begin, end in told[month]) or "no load"
            yield f"{month}: {BY_MONTH.name} was made from {found}, the table has {loads} from {first} to {last}"


def _sums(parts: Sequence[TableLoad]) -> tuple[int, int]:
    return sum(part.rows for part in parts), sum(part.total_cents for part in parts)


def _cells(rollup: Rollup) -> str:
    return _CELLS.format(
        rollup=rollup.name,
        keys=", ".join(rollup.keys),
        facts=", ".join(rollup.facts),
        taken=", ".join(f"-({_OF_A_ROW[fact]}) AS {fact}" for fact in rollup.facts),
        left=" OR ".join(f"SUM({fact}) <> 0" for fact in rollup.facts),
    )
