"""What a test asks of the rollups of any warehouse: whether they agree with the rows, and what they hold."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from walmart_bi.warehouse.base import Reader, Warehouse
from walmart_bi.warehouse.integrity import read_loads
from walmart_bi.warehouse.rollup_agreement import check_cells, check_months
from walmart_bi.warehouse.rollups import ROLLUPS, has_rollups
from walmart_bi_tests.builders import Row


def rollup_problems(reader: Reader) -> list[str]:
    """What the project's own check says, over every month that has rows."""
    loads = read_loads(reader)
    sums = check_months(reader, loads).problems
    if not has_rollups(reader):
        return list(sums)
    return [*sums, *check_cells(reader, sorted({part.month for part in loads.table})).problems]


def rollup_rows(warehouse: Warehouse) -> dict[str, list[tuple[Any, ...]]]:
    """Every row of every rollup, in order."""
    with warehouse.read() as reader:
        return {
            rollup.name: sorted(
                reader.query(f"SELECT {', '.join((*rollup.keys, *rollup.facts))} FROM {rollup.name}").rows
            )
            for rollup in ROLLUPS
        }


def rollups_of(rows: Sequence[Row]) -> dict[str, list[tuple[Any, ...]]]:
    """What they must hold, by plain loops over rows that carry their load."""
    found: dict[str, list[tuple[Any, ...]]] = {}
    for rollup in ROLLUPS:
        cells: dict[tuple[Any, ...], list[Row]] = {}
        for row in rows:
            cells.setdefault(tuple(row[key] for key in rollup.keys), []).append(row)
        found[rollup.name] = sorted(
            (*key, *(_fact(fact, members) for fact in rollup.facts)) for key, members in cells.items()
        )
    return found


def _fact(name: str, rows: Sequence[Row]) -> Any:
    amounts = [row["purchase_amount"] for row in rows]
    if name == "load_id":
        (load_id,) = {row["load_id"] for row in rows}
        return load_id
    return {
        "orders": len(rows),
        "revenue": sum(amounts),
        "squares": sum(amount * amount for amount in amounts),
        "first_date": min(row["purchase_date"] for row in rows),
        "last_date": max(row["purchase_date"] for row in rows),
    }[name]
