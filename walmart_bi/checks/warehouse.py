"""Checks of the warehouse layer: table, ledger and rollups tell the same story.

The rules are in `warehouse/integrity.py` and `warehouse/rollup_agreement.py`.
"""

# No postponed annotations here: Dagster reads those of decorated functions when it defines them.

from collections.abc import Iterator

import dagster as dg

from walmart_bi.assets.common import WALMART_SALES, explained
from walmart_bi.checks.common import result
from walmart_bi.partitions import run_months
from walmart_bi.warehouse.base import Reader, Warehouse
from walmart_bi.warehouse.integrity import LEDGER_RULES, Loads, month_volume, read_loads
from walmart_bi.warehouse.rollup_agreement import check_cells, check_months

ROLLUPS = "rollups_agree"
VOLUME = "month_volume"


def build_warehouse_checks() -> list[dg.AssetChecksDefinition]:
    """The checks of the warehouse layer. They look at the whole table, whichever months a run loads.

    Where a check is about single months, they are those of the run, and all active ones when the check is run alone.
    """

    @dg.multi_asset_check(
        name="walmart_sales_checks",
        can_subset=True,
        specs=[
            *(
                dg.AssetCheckSpec(rule.name, asset=WALMART_SALES, blocking=True, description=rule.description)
                for rule in LEDGER_RULES
            ),
            dg.AssetCheckSpec(
                ROLLUPS,
                asset=WALMART_SALES,
                blocking=True,
                description="The sums that views and story read are those of the rows: orders and cents of each month, "
                "and every cell of the run's months, squares included.",
            ),
            dg.AssetCheckSpec(
                VOLUME,
                asset=WALMART_SALES,
                description="Warns when a month has less than half or more than twice the usual rows.",
            ),
        ],
    )
    def walmart_sales_checks(
        context: dg.AssetCheckExecutionContext, warehouse: dg.ResourceParam[Warehouse]
    ) -> Iterator[dg.AssetCheckResult]:
        selected = {key.name for key in context.selected_asset_check_keys}
        with explained():
            with warehouse.read() as reader:
                loads = read_loads(reader)
                months = run_months(context.run.tags) or tuple(sorted({load.month for load in loads.active}))
                rollups = [_rollups(reader, loads, months)] if ROLLUPS in selected else []
            yield from rollups
            for rule in LEDGER_RULES:
                if rule.name in selected:
                    verdict = rule.check(loads)
                    yield result(WALMART_SALES, rule.name, verdict.problems, verdict.counts)
            if VOLUME in selected:
                yield _volume(loads, months)

    return [walmart_sales_checks]


def _rollups(reader: Reader, loads: Loads, months: tuple[str, ...]) -> dg.AssetCheckResult:
    sums = check_months(reader, loads)
    # Where the tables are missing, or a month is, there is no cell to look at.
    cells = check_cells(reader, months) if sums.passed else None
    problems = (*sums.problems, *(cells.problems if cells else ()))
    return result(WALMART_SALES, ROLLUPS, problems, {**sums.counts, **(cells.counts if cells else {})})


def _volume(loads: Loads, months: tuple[str, ...]) -> dg.AssetCheckResult:
    """The volume of each month."""
    verdicts = {month: month_volume(loads, month) for month in months}
    return result(
        WALMART_SALES,
        VOLUME,
        [problem for verdict in verdicts.values() for problem in verdict.problems],
        {f"rows of {month}": verdict.counts["rows"] for month, verdict in verdicts.items()},
        severity=dg.AssetCheckSeverity.WARN,
    )
