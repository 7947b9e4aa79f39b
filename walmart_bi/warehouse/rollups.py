"""The rollups: sums of `walmart_sales` by month, which views and story read instead of the rows.

A month's rollups are deleted and made again in the transaction that changes its rows, and for active loads that have
none: so a database of an earlier version is brought up to date by the first change of it. What is kept is in
`sql/tables/`, how it is made in `sql/rollups/`; whether it still agrees with the rows is `rollup_agreement.py`.
"""

# ruff: noqa: S608 - what is put into a statement are this project's own constants; values are bound.

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from walmart_bi.months import first_day
from walmart_bi.points import reached
from walmart_bi.sql_files import read_rollup
from walmart_bi.warehouse.base import Reader, WarehouseError


@dataclass(frozen=True)
class Rollup:
    """A table of sums: `keys` tell its rows apart, `facts` are made from the rows of each."""

    name: str
    keys: tuple[str, ...]
    facts: tuple[str, ...]


BY_MONTH = Rollup("sales_by_month", ("month",), ("load_id", "first_date", "last_date", "orders", "revenue"))
BY_SEGMENT = Rollup(
    "sales_by_segment",
    ("month", "category", "payment_method", "discount_applied", "repeat_customer", "age_group"),
    ("orders", "revenue", "squares"),
)
BY_CITY = Rollup("sales_by_city", ("month", "city"), ("orders", "revenue"))
ROLLUPS = (BY_MONTH, BY_SEGMENT, BY_CITY)
ROLLUP_TABLES = tuple(rollup.name for rollup in ROLLUPS)

# A month without rows has no rollup either, and needs none.
STALE_MONTHS = """
SELECT load_ledger.month
FROM load_ledger
LEFT JOIN sales_by_month ON load_ledger.load_id = sales_by_month.load_id
WHERE load_ledger.is_active AND load_ledger.loaded_rows > 0 AND sales_by_month.load_id IS NULL
ORDER BY load_ledger.month
"""
"""The months whose active load is not the one that the rollups were made from."""
_THERE = f"""
SELECT COUNT(*)
FROM pg_tables
WHERE schemaname = CURRENT_SCHEMA() AND tablename IN ({", ".join(f"'{name}'" for name in ROLLUP_TABLES)})
"""
Execute = Callable[[str, Sequence[Any]], object]
"""Runs one statement with `?` placeholders in the transaction of the caller."""


def refresh_month(execute: Execute, month: str) -> None:
    """Make the month's rollups from its rows, in the caller's transaction; those it had are gone."""
    day = first_day(month)
    for rollup in ROLLUPS:
        columns = ", ".join((*rollup.keys, *rollup.facts))
        execute(f"DELETE FROM {rollup.name} WHERE month = ?", [day])
        reached("rollups.before_insert")
        execute(f"INSERT INTO {rollup.name} ({columns})\n{read_rollup(rollup.name)}", [day])
    reached("rollups.after_insert")


def has_rollups(reader: Reader) -> bool:
    """Whether the tables are there; in a database of an earlier version they are not."""
    return bool(reader.query(_THERE).rows[0][0] == len(ROLLUPS))


def require_rollups(reader: Reader) -> None:
    """Raise WarehouseError unless the rollups are those of the active loads."""
    stale = [str(row[0]) for row in reader.query(STALE_MONTHS).rows] if has_rollups(reader) else ["all months"]
    if stale:
        raise WarehouseError(
            f"The sums that views and story read are not those of the active loads: {', '.join(stale)}.",
            place=BY_MONTH.name,
            next_step="materialize any KPI view, which makes them from the rows, then run this again.",
        )
