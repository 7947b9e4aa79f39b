"""The asset `kpi_insights`: the story's numbers and sentences. What they are is in `kpis/insights/`.

It hands them over below `staging/`, for the checks and for the UI. What leaves for readers is `insights.json` of the
snapshot, made by the same code in the read that makes the snapshot's other files: so nobody sees a page, a workbook and
insights of two states.
"""

# No postponed annotations here: Dagster reads those of decorated functions when it defines them.

import time
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import dagster as dg

from walmart_bi.assets.common import KPI_INSIGHTS, MARKDOWN_IN_PLACE, OWNERS, Site, escaped, explained, preview_table
from walmart_bi.handover import Handover
from walmart_bi.kpis.catalog import Kpi
from walmart_bi.stores.base import STAGING, ObjectStore
from walmart_bi.warehouse.base import Warehouse

if TYPE_CHECKING:
    from walmart_bi.kpis.insights.model import Box, Insights

EVERY_MONTH = "all"  # the hand-over is by month; the story is one for all of them
OBJECT = f"{STAGING}handover/{KPI_INSIGHTS}/{EVERY_MONTH}.json"

_SCHEMA = dg.TableSchema(
    [
        dg.TableColumn("persona", "VARCHAR", "Whose box it is."),
        dg.TableColumn("part", "VARCHAR", "Where in the box: headline, what, why, unusual or limits."),
        dg.TableColumn("sentence", "VARCHAR", "The text, made of a pattern and the numbers beside it."),
    ]
)


def personas_of(catalog: Sequence[Kpi]) -> list[str]:
    """The catalog's personas in its order."""
    return list(dict.fromkeys(kpi.persona for kpi in catalog))


def build_insights_assets(site: Site, catalog: Sequence[Kpi]) -> list[dg.AssetsDefinition]:
    """The asset of the story's numbers and sentences."""

    @dg.asset(
        name=KPI_INSIGHTS,
        group_name="bi",
        kinds={"python", "json"},
        owners=OWNERS,
        deps=[kpi.name for kpi in catalog],
        description="Why the KPIs moved: the change split into orders and order value, who moved it, mix and rate, and "
        "whether that is unusual, as numbers and as the sentences that the page and the workbook show.",
        metadata={"dagster/uri": site.store_uri(OBJECT), "dagster/column_schema": _SCHEMA},
    )
    def kpi_insights(
        context: dg.AssetExecutionContext,
        store: dg.ResourceParam[ObjectStore],
        warehouse: dg.ResourceParam[Warehouse],
    ) -> None:
        with explained():
            _write_insights(context, store, warehouse, personas_of(catalog))

    return [kpi_insights]


def _write_insights(
    context: dg.AssetExecutionContext, store: ObjectStore, warehouse: Warehouse, personas: Sequence[str]
) -> None:
    from walmart_bi.kpis.insights.facts import read_facts
    from walmart_bi.kpis.insights.personas import build_insights

    started = time.perf_counter()
    with warehouse.read() as reader:
        facts = read_facts(reader)
    insights = build_insights(facts, personas)
    Handover(store).write(KPI_INSIGHTS, EVERY_MONTH, insights)
    rows = list(_rows(insights))
    context.add_asset_metadata(
        {
            "dagster/uri": store.uri(OBJECT),
            "dagster/row_count": len(rows),
            "month": insights.month or "none",
            "cube rows": len(facts.cube) + len(facts.city_cube),
            "orders": insights.orders,
            "duration (s)": round(time.perf_counter() - started, 3),
            **{box.title: dg.MetadataValue.md(box_as_markdown(box)) for box in insights.boxes},
            "preview": preview_table(["persona", "part", "sentence"], rows),
        }
    )


def _rows(insights: "Insights") -> Iterator[tuple[str, str, str]]:
    for box in insights.boxes:
        for part, sentences in {"headline": box.headline, **box.sections}.items():
            yield from ((box.title, part, sentence.text) for sentence in sentences)


def box_as_markdown(box: "Box") -> str:
    """The box as far as the UI shows it in place: whole sentences, in the order of reading."""
    text = " ".join(f"**{escaped(sentence.text)}**" for sentence in box.headline)
    for part in box.sections.values():
        for number, sentence in enumerate(part):
            longer = text + ("\n\n" if number == 0 else " ") + escaped(sentence.text)
            if len(longer) > MARKDOWN_IN_PLACE:
                return text
            text = longer
    return text
