"""Checks of the warehouse layer: table and ledger tell the same story. The rules are in `warehouse/integrity.py`."""

# No postponed annotations here: Dagster reads those of decorated functions when it defines them.

from collections.abc import Iterator

import dagster as dg

from walmart_bi.assets.common import WALMART_SALES, explained
from walmart_bi.checks.common import result
from walmart_bi.partitions import run_months
from walmart_bi.warehouse.base import Warehouse
from walmart_bi.warehouse.integrity import LEDGER_RULES, Loads, month_volume, read_loads

VOLUME = "month_volume"


def build_warehouse_checks() -> list[dg.AssetChecksDefinition]:
    """The checks of the warehouse layer. They look at the whole table, whichever months a run loads."""

    @dg.multi_asset_check(
        name="walmart_sales_checks",
        can_subset=True,
        specs=[
            *(
                dg.AssetCheckSpec(rule.name, asset=WALMART_SALES, blocking=True, description=rule.description)
                for rule in LEDGER_RULES
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
            for rule in LEDGER_RULES:
                if rule.name in selected:
                    verdict = rule.check(loads)
                    yield result(WALMART_SALES, rule.name, verdict.problems, verdict.counts)
            if VOLUME in selected:
                yield _volume(loads, run_months(context.run.tags))

    return [walmart_sales_checks]


def _volume(loads: Loads, months: tuple[str, ...]) -> dg.AssetCheckResult:
    """The volume of the run's months, or of every active month when the check is run alone."""
    verdicts = {month: month_volume(loads, month) for month in months or sorted({load.month for load in loads.active})}
    return result(
        WALMART_SALES,
        VOLUME,
        [problem for verdict in verdicts.values() for problem in verdict.problems],
        {f"rows of {month}": verdict.counts["rows"] for month, verdict in verdicts.items()},
        severity=dg.AssetCheckSeverity.WARN,
    )
