"""Whether the ledger and the table tell the same story, month by month, and whether a month's volume is usual.

The facts are read once (`read_loads`), the rules are pure functions on them. Portable SQL over a `Reader`; no engine,
no Dagster. Whether a KPI view is right is `kpis/validity.py`.
"""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from statistics import median

from walmart_bi.months import first_day, month_of, next_month
from walmart_bi.verdict import Verdict
from walmart_bi.warehouse.base import LedgerEntry, Reader
from walmart_bi.warehouse.ledger import LEDGER_COLUMNS, ledger_entry

# A month is unusual below half and above twice the median of up to six complete months before it. The factor is that
# of the shrink guard: half a file and a double delivery reach it, while a strong December (about 1.5 times a usual
# month in retail) does not. A median of fewer than three months would follow a single odd one, so there is no verdict.
VOLUME_FACTOR = 2
BASELINE_MONTHS = 6
LEAST_BASELINE_MONTHS = 3

# A month counts as complete when its orders begin and end within three days of its own first and last day: a small
# shop has days without an order, while a file that stops early is short of more than that.
EDGE_DAYS = 3

_LEDGER = f"""
SELECT {", ".join(LEDGER_COLUMNS)}
FROM load_ledger
ORDER BY month ASC NULLS LAST, version ASC NULLS LAST
"""  # noqa: S608 - constants
_TABLE = """
SELECT
    load_id,
    month,
    COUNT(*) AS table_rows,
    CAST(SUM(purchase_amount) * 100 AS BIGINT) AS total_cents,
    MIN(purchase_date) AS first_date,
    MAX(purchase_date) AS last_date
FROM walmart_sales
GROUP BY load_id, month
ORDER BY load_id ASC NULLS LAST, month ASC NULLS LAST
"""
_LINES = """
SELECT COUNT(DISTINCT source_line) AS distinct_lines
FROM walmart_sales
WHERE load_id = ?
"""


@dataclass(frozen=True)
class TableLoad:
    """What the sales table holds of one load in one month."""

    load_id: str
    month: str
    rows: int
    total_cents: int
    first_date: dt.date
    last_date: dt.date


@dataclass(frozen=True)
class Loads:
    """Both sides, read from the same committed state; `distinct_lines` counts each active load's source lines."""

    ledger: tuple[LedgerEntry, ...]
    table: tuple[TableLoad, ...]
    distinct_lines: dict[str, int]

    @property
    def active(self) -> tuple[LedgerEntry, ...]:
        """The ledger's active loads, by month."""
        return tuple(load for load in self.ledger if load.is_active)

    def table_rows(self, load_id: str) -> int:
        """The table's rows of a load, whatever month they carry."""
        return sum(part.rows for part in self.table if part.load_id == load_id)

    def table_cents(self, load_id: str) -> int:
        """The table's revenue of a load in cents."""
        return sum(part.total_cents for part in self.table if part.load_id == load_id)


@dataclass(frozen=True)
class LedgerRule:
    """One rule about ledger and table, as checks and docs show it."""

    name: str
    description: str
    check: Callable[[Loads], Verdict]


def read_loads(reader: Reader) -> Loads:
    """The facts for every rule: one scan of the table, and one of each active load for its distinct lines.

    Counting lines load by load keeps the memory at one month's: 10,000,000 rows in 13 loads take 0.7 s and no memory
    to speak of on DuckDB, where one grouped query takes 1.6 s and half a gigabyte.
    """
    ledger = tuple(ledger_entry(row) for row in reader.query(_LEDGER).rows)
    return Loads(
        ledger=ledger,
        table=tuple(
            TableLoad(load_id, month_of(month), *facts) for load_id, month, *facts in reader.query(_TABLE).rows
        ),
        distinct_lines={
            load.load_id: reader.query(_LINES, (load.load_id,)).rows[0][0] for load in ledger if load.is_active
        },
    )


def check_ledger(loads: Loads) -> dict[str, Verdict]:
    """The verdict of every ledger rule by its name."""
    return {rule.name: rule.check(loads) for rule in LEDGER_RULES}


def rows_agree(loads: Loads) -> Verdict:
    """Each active load has as many rows in the table as the ledger says."""
    problems = [
        f"{load.load_id}: the ledger says {load.loaded_rows} rows, the table has {loads.table_rows(load.load_id)}"
        for load in loads.active
        if load.loaded_rows != loads.table_rows(load.load_id)
    ]
    counts = {
        "ledger rows": sum(load.loaded_rows for load in loads.active),
        "table rows": sum(loads.table_rows(load.load_id) for load in loads.active),
    }
    return _verdict(counts, problems)


def cents_agree(loads: Loads) -> Verdict:
    """Each active load has the revenue in the table that the ledger says, to the cent."""
    problems = [
        f"{load.load_id}: the ledger says {load.total_cents} cents, the table has {loads.table_cents(load.load_id)}"
        for load in loads.active
        if load.total_cents != loads.table_cents(load.load_id)
    ]
    counts = {
        "ledger cents": sum(load.total_cents for load in loads.active),
        "table cents": sum(loads.table_cents(load.load_id) for load in loads.active),
    }
    return _verdict(counts, problems)


def one_active_load(loads: Loads) -> Verdict:
    """Each month that was ever loaded, or has rows, has exactly one active load."""
    months = {load.month for load in loads.ledger} | {part.month for part in loads.table}
    active = Counter(load.month for load in loads.active)
    problems = [f"{month} has {active[month]} active loads" for month in sorted(months) if active[month] != 1]
    return _verdict({"months": len(months), "active loads": active.total()}, problems)


def no_orphan_rows(loads: Loads) -> Verdict:
    """No row of the table belongs to a load that is not active in the ledger."""
    active = {load.load_id for load in loads.active}
    orphans = [part for part in loads.table if part.load_id not in active]
    problems = [f"{part.rows} rows of {part.month} belong to {part.load_id}, which is not active" for part in orphans]
    return _verdict({"orphan rows": sum(part.rows for part in orphans)}, problems)


def rows_carry_their_month(loads: Loads) -> Verdict:
    """The rows of each active load carry the load's month, and were purchased in it."""
    month_of_load = {load.load_id: load.month for load in loads.active}
    problems = []
    for part in loads.table:
        month = month_of_load.get(part.load_id, part.month)
        if part.month != month:
            problems.append(f"{part.load_id}: {part.rows} rows carry the month {part.month}")
        elif not month == month_of(part.first_date) == month_of(part.last_date):
            problems.append(f"{part.load_id}: rows were purchased from {part.first_date} to {part.last_date}")
    return _verdict({"active loads": len(loads.active)}, problems)


def lines_are_unique(loads: Loads) -> Verdict:
    """No two rows of an active load come from the same line of its source file."""
    repeated = {
        load.load_id: loads.table_rows(load.load_id) - loads.distinct_lines[load.load_id] for load in loads.active
    }
    problems = [f"{load_id}: {rows} rows repeat a source line" for load_id, rows in repeated.items() if rows]
    return _verdict({"repeated lines": sum(repeated.values())}, problems)


LEDGER_RULES = (
    LedgerRule("ledger_rows_agree", "Ledger rows = table rows, for each active load.", rows_agree),
    LedgerRule("ledger_cents_agree", "Ledger revenue = table revenue to the cent, for each active load.", cents_agree),
    LedgerRule("one_active_load", "Exactly one active load for each month.", one_active_load),
    LedgerRule("no_orphan_rows", "No row without an active ledger entry.", no_orphan_rows),
    LedgerRule(
        "rows_carry_their_month", "A load's rows carry its month and were purchased in it.", rows_carry_their_month
    ),
    LedgerRule("source_lines_unique", "No two rows of a load come from the same source line.", lines_are_unique),
)


def month_volume(loads: Loads, month: str) -> Verdict:
    """Whether a month's rows are in proportion to the complete months before it; a warning, never a reason to stop.

    The thresholds and their reasons stand at the top of this module. A month that is itself incomplete is compared
    all the same, because a file that was cut off is what this looks for; the problem then says which days it covers.
    """
    parts = [part for part in loads.table if part.month == month]
    rows = sum(part.rows for part in parts)
    earlier = [sum(part.rows for part in loads.table if part.month == name) for name in _complete_months(loads, month)]
    if len(earlier) < LEAST_BASELINE_MONTHS:
        return _verdict({"rows": rows, "complete months before": len(earlier)}, [])
    usual = median(earlier)
    counts = {"rows": rows, "complete months before": len(earlier), "median rows before": usual}
    if usual <= rows * VOLUME_FACTOR <= usual * VOLUME_FACTOR**2:
        return _verdict(counts, [])
    span = _span(parts)
    covered = f", from {span[0]} to {span[1]}" if span else ""
    problem = f"{month} has {rows} rows{covered}; the median of {len(earlier)} complete months before is {usual:g}"
    return _verdict(counts, [problem])


def _complete_months(loads: Loads, before: str) -> list[str]:
    """The last complete months before the given one."""
    months = sorted({part.month for part in loads.table if part.month < before})
    return [month for month in months if _is_complete(loads, month)][-BASELINE_MONTHS:]


def _is_complete(loads: Loads, month: str) -> bool:
    span = _span([part for part in loads.table if part.month == month])
    edge = dt.timedelta(days=EDGE_DAYS)
    return span is not None and span[0] < first_day(month) + edge and span[1] >= first_day(next_month(month)) - edge


def _span(parts: Sequence[TableLoad]) -> tuple[dt.date, dt.date] | None:
    return (min(part.first_date for part in parts), max(part.last_date for part in parts)) if parts else None


def _verdict(counts: Mapping[str, int | float], problems: Sequence[str]) -> Verdict:
    return Verdict(dict(counts), tuple(problems))
