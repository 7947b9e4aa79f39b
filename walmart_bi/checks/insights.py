"""Checks of the story's numbers and sentences; the rules are in `kpis/insights/agreement.py`."""

# No postponed annotations here: Dagster reads those of decorated functions when it defines them.

from collections.abc import Iterator

import dagster as dg

from walmart_bi.assets.common import KPI_INSIGHTS, explained
from walmart_bi.assets.insights import EVERY_MONTH
from walmart_bi.checks.common import result
from walmart_bi.handover import Handover
from walmart_bi.stores.base import ObjectStore
from walmart_bi.warehouse.base import Warehouse

TOTALS = "insights_add_up"
SENTENCES = "insights_say_what_the_facts_say"


def build_insights_checks() -> list[dg.AssetChecksDefinition]:
    """The checks of the story."""

    @dg.multi_asset_check(
        name="kpi_insights_checks",
        specs=[
            dg.AssetCheckSpec(
                TOTALS,
                asset=KPI_INSIGHTS,
                blocking=True,
                description="The facts of the story add up to the sales table and to the views, in total, by month and "
                "in every cube, to the cent.",
            ),
            dg.AssetCheckSpec(
                SENTENCES,
                asset=KPI_INSIGHTS,
                blocking=True,
                description="Each sentence is what the facts say when computed again, its text is that of its numbers, "
                "and the split of the change is that of kpi_executive_summary.",
            ),
        ],
    )
    def kpi_insights_checks(
        store: dg.ResourceParam[ObjectStore],
        warehouse: dg.ResourceParam[Warehouse],
    ) -> Iterator[dg.AssetCheckResult]:
        from walmart_bi.kpis.insights.agreement import check_sentences, check_totals
        from walmart_bi.kpis.insights.facts import read_facts
        from walmart_bi.kpis.insights.model import Insights

        with explained():
            insights = Handover(store).read(KPI_INSIGHTS, EVERY_MONTH, Insights)
            with warehouse.read() as reader:
                facts = read_facts(reader)
                totals = check_totals(reader, facts)
                sentences = check_sentences(reader, facts, insights)
            yield result(KPI_INSIGHTS, TOTALS, totals.problems, totals.counts)
            yield result(KPI_INSIGHTS, SENTENCES, sentences.problems, sentences.counts)

    return [kpi_insights_checks]
