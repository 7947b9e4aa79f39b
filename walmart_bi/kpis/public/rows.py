"""A reader for whom rare labels do not exist: every query runs over rows in which they are one label.

The rows themselves are generalised, not the results: a label that is rare in any published view is "Other" in all of
them. So all views still add up to the cent and agree with each other, and no published number minus others leaves a
rare one. All of it happens inside the query, so nothing is written, and no value of the data gets into a statement.
"""

# ruff: noqa: S608 - what is put into a statement are this project's own columns and KPI texts; nothing else.

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Any

from walmart_bi.kpis.model import Kpi
from walmart_bi.sales.contract import OUTPUT_COLUMNS
from walmart_bi.warehouse.base import SALES_TABLE, QueryResult, Reader
from walmart_bi.warehouse.rollups import ROLLUPS

LEAST_PEOPLE = 10
OTHER_LABEL = f"Other (fewer than {LEAST_PEOPLE} people each)"
# What customers with several orders change: a cell of n orders is about at least n minus all orders that repeat a
# customer, and at least n divided by the most orders of one customer. Either holds for parts and sums of cells too.
_OF_CUSTOMERS = """
SELECT
    COALESCE(MAX(orders), 1) AS most_orders,
    COALESCE(SUM(orders - 1), 0) AS repeated_orders
FROM (
    SELECT COUNT(*) AS orders
    FROM walmart_sales
    GROUP BY customer_id
) AS customers
"""
# What can take another label. Flags and months cannot; `cells.py` sees to them.
LABELS = ("category", "payment_method", "city", "age_group", "gender", "product_name")
_COLUMNS = (*(column.name for column in OUTPUT_COLUMNS), "load_id")
# What a view calls the columns that it shows in words.
_NAMED = {"customer_type": "repeat_customer"}
_WITH = re.compile(r"\A(?:\s|--[^\n]*(?:\n|\Z)|/\*.*?\*/)*WITH\b", re.IGNORECASE | re.DOTALL)


class PublicReader:
    """A `Reader` over generalised rows, within the transaction of the one that it is given."""

    def __init__(self, reader: Reader, catalog: Sequence[Kpi]) -> None:
        self.raw = reader
        self._views = {kpi.name: kpi.select for kpi in catalog}
        self.least_orders = _least_orders(reader)
        self.least = {
            label: found
            for label in LABELS
            if (found := _least(reader, label, _groups(catalog, label), self.least_orders))
        }
        self._groups = {label: _groups(catalog, label) for label in self.least}

    def query(self, sql: str, parameters: Sequence[Any] = ()) -> QueryResult:
        """Run one SELECT, which may name the sales table, its rollups and the KPI views: all become generalised."""
        used = [name for name in self._views if re.search(rf"\b{name}\b", sql)]
        views = (f"shown_{name} AS (\n{self._of_shown(self._views[name])}\n)" for name in used)
        tables = ",\n".join([*self._generalised(), *views])
        rest, found = _WITH.subn(lambda _: f"WITH {tables},\n", self._of_shown(sql), count=1)
        return self.raw.query(rest if found else f"WITH {tables}\n{rest}", parameters)

    def _of_shown(self, sql: str) -> str:
        """The text over the generalised tables. It is the project's own, in which the names mean nothing else."""
        names = "|".join((SALES_TABLE, *(rollup.name for rollup in ROLLUPS), *self._views))
        return re.sub(
            rf"'(?:[^']|'')*'|\b(?P<name>{names})\b",
            lambda found: f"shown_{found[0]}" if found["name"] else found[0],
            sql,
        )

    def _generalised(self) -> Iterable[str]:
        """The common labels of each column, then the tables with any other one replaced.

        A rollup may then have several rows of one key, which are added up as its months are.
        """
        for label, least in self.least.items():
            strengths = _strengths(label, self._groups[label])
            yield (
                f"shown_{label} AS (\n    SELECT {label}\n    FROM ({strengths}) AS strengths\n"
                f"    GROUP BY {label}\n    HAVING MIN(orders) >= {least}\n)"
            )
        yield self._shown(SALES_TABLE, _COLUMNS)
        yield from (self._shown(rollup.name, (*rollup.keys, *rollup.facts)) for rollup in ROLLUPS)

    def _shown(self, table: str, names: Sequence[str]) -> str:
        replaced = [name for name in names if name in self.least]
        columns = ", ".join(
            f"COALESCE(shown_{name}.{name}, '{OTHER_LABEL}') AS {name}" if name in replaced else f"sales.{name}"
            for name in names
        )
        joins = "".join(f"\n    LEFT JOIN shown_{name} ON sales.{name} = shown_{name}.{name}" for name in replaced)
        return f"shown_{table} AS (\n    SELECT {columns}\n    FROM {table} AS sales{joins}\n)"


def _groups(catalog: Sequence[Kpi], label: str) -> list[tuple[str, ...]]:
    """By what the published views group rows beside the label, in the columns of the table."""
    found = set()
    for kpi in catalog:
        grain = [_NAMED.get(name, name) for name in kpi.grain]
        if label in grain:
            found.add(tuple(sorted(name for name in grain if name in _COLUMNS and name != label)))
    return sorted(found)


def _strengths(label: str, groups: Iterable[tuple[str, ...]]) -> str:
    """Orders of every cell that shows the label, one row a cell."""
    return " UNION ALL ".join(_counted((label, *by), (label,)) for by in groups)


def _counted(columns: Sequence[str], shown: Sequence[str]) -> str:
    """Orders by these columns, from the rollup that has them, else from the rows."""
    source, count = SALES_TABLE, "COUNT(*)"
    for rollup in ROLLUPS:
        if set(columns) <= set(rollup.keys):
            source, count = rollup.name, "CAST(SUM(orders) AS BIGINT)"
    return f"SELECT {', '.join(shown)}, {count} AS orders FROM {source} GROUP BY {', '.join(columns)}"


def _least_orders(reader: Reader) -> int:
    """How many orders a cell needs to be about ten people for certain: ten where every customer has one order."""
    most, repeated = (int(value) for value in reader.query(_OF_CUSTOMERS).rows[0])
    return min(LEAST_PEOPLE + repeated, LEAST_PEOPLE * most)


def _least(reader: Reader, label: str, groups: Sequence[tuple[str, ...]], least_orders: int) -> int:
    """How many orders a label needs in each of its cells to be shown; 0 where no view shows the column.

    At least those of ten people, and as many more as it takes for the labels that are not shown to have that many in
    each of the cells that they make together: a total minus the shown cells is exactly that cell.
    """
    cells: dict[tuple[Any, ...], dict[str, int]] = defaultdict(dict)
    weakest: dict[str, int] = {}
    for number, by in enumerate(groups):
        for value, *key, orders in reader.query(_counted((label, *by), (label, *by))).rows:
            cells[number, *key][value] = orders
            weakest[value] = min(orders, weakest.get(value, orders))
    if not groups:
        return 0
    for least in [least_orders, *sorted({found + 1 for found in weakest.values() if found >= least_orders})]:
        others = (sum(n for value, n in cell.items() if weakest[value] < least) for cell in cells.values())
        if not any(0 < rest < least_orders for rest in others):
            return least
    return max(weakest.values(), default=0) + 1  # all are one label, and the cells are those of the whole
