"""Checks of the KPI layer, made from each view's header; the rules are in `kpis/validity.py`."""

# No postponed annotations here: Dagster reads those of decorated functions when it defines them.

from collections.abc import Iterator, Sequence

import dagster as dg

from walmart_bi.assets.common import explained
from walmart_bi.checks.common import result
from walmart_bi.kpis.catalog import Kpi
from walmart_bi.kpis.validity import rule_sets
from walmart_bi.warehouse.base import Warehouse


def build_kpi_checks(catalog: Sequence[Kpi]) -> list[dg.AssetChecksDefinition]:
    """The checks of the KPI layer: one definition, so one step, for all views."""
    rules = {
        dg.AssetCheckKey(dg.AssetKey(kpi.name), rule.name): (kpi, rule) for kpi in catalog for rule in rule_sets(kpi)
    }

    @dg.multi_asset_check(
        name="kpi_checks",
        can_subset=True,
        specs=[
            dg.AssetCheckSpec(rule.name, asset=kpi.name, blocking=True, description=rule.description)
            for kpi, rule in rules.values()
        ],
    )
    def kpi_checks(
        context: dg.AssetCheckExecutionContext, warehouse: dg.ResourceParam[Warehouse]
    ) -> Iterator[dg.AssetCheckResult]:
        with explained(), warehouse.read() as reader:
            for key in sorted(context.selected_asset_check_keys):
                kpi, rule = rules[key]
                verdict = rule.check(reader, kpi)
                next_step = f'correct sql/kpis/{kpi.path}, or see "A check failed" in docs/runbook.md'
                yield result(kpi.name, rule.name, verdict.problems, verdict.counts, next_step=next_step)

    return [kpi_checks]
