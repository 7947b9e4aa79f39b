"""The asset `story_dashboard`: the page for the departments. What is in it and how it is written: `reporting/page/`."""

# No postponed annotations here: Dagster reads those of decorated functions when it defines them.

import time
from collections.abc import Sequence
from typing import TYPE_CHECKING

import dagster as dg

from walmart_bi.assets.common import (
    KPI_INSIGHTS,
    OWNERS,
    STORY_DASHBOARD,
    TABLEAU_SNAPSHOT,
    Site,
    explained,
    preview_table,
)
from walmart_bi.assets.insights import box_as_markdown
from walmart_bi.assets.pictures import bar_picture
from walmart_bi.kpis.catalog import Kpi
from walmart_bi.kpis.privacy import Profile
from walmart_bi.stores.base import DASHBOARD_DATA, ObjectStore
from walmart_bi.warehouse.base import Warehouse

if TYPE_CHECKING:
    from walmart_bi.kpis.insights.model import Insights

STORY_ADDRESS = f"{DASHBOARD_DATA}latest/story.html"

_SCHEMA = dg.TableSchema(
    [
        dg.TableColumn("story point", "VARCHAR", "The department that the card is for."),
        dg.TableColumn("card", "VARCHAR", "The KPI that the card shows."),
        dg.TableColumn("filters", "VARCHAR", "Whether the card follows the filters, or shows the view as published."),
    ]
)


def build_story_assets(site: Site, catalog: Sequence[Kpi], profile: Profile) -> list[dg.AssetsDefinition]:
    """The asset of the page."""

    @dg.asset(
        name=STORY_DASHBOARD,
        group_name="bi",
        kinds={"html"},
        owners=OWNERS,
        deps=[KPI_INSIGHTS, TABLEAU_SNAPSHOT],
        description="The story of the sales as one HTML file that opens anywhere: a story point for each department, "
        "with filters, charts and the sentences of `kpi_insights`. It verifies ledger, KPIs and snapshot itself and "
        "refuses to publish when one of them is wrong. `walmart-bi open` opens it.",
        metadata={"dagster/uri": site.store_uri(STORY_ADDRESS), "dagster/column_schema": _SCHEMA},
    )
    def story_dashboard(
        context: dg.AssetExecutionContext,
        store: dg.ResourceParam[ObjectStore],
        warehouse: dg.ResourceParam[Warehouse],
    ) -> None:
        with explained():
            _write_story(context, store, warehouse, catalog, profile)

    return [story_dashboard]


def _write_story(
    context: dg.AssetExecutionContext,
    store: ObjectStore,
    warehouse: Warehouse,
    catalog: Sequence[Kpi],
    profile: Profile,
) -> None:
    from walmart_bi.reporting.page.publish import publish_story

    started = time.perf_counter()
    published = publish_story(warehouse, store, catalog, profile)
    cards = [(kpi.persona_title, kpi.name, "follow" if published.live[kpi.name] else "as published") for kpi in catalog]
    sentences = {box.title: dg.MetadataValue.md(box_as_markdown(box)) for box in published.insights.boxes}
    context.add_asset_metadata(
        {
            "dagster/uri": store.uri(published.key),
            "page": dg.MetadataValue.path(store.uri(published.key)),
            "page of this snapshot": dg.MetadataValue.path(store.uri(published.snapshot_key)),
            "revenue a day": _picture(published.insights),
            "size (bytes)": published.size,
            "dagster/row_count": len(cards),
            "preview": preview_table([column.name for column in _SCHEMA.columns], cards),
            "duration (s)": round(time.perf_counter() - started, 3),
            **sentences,
        }
    )


def _picture(insights: "Insights") -> dg.MarkdownMetadataValue:
    """Revenue a day of each month, which is what the story judges; a month with missing days is pale."""
    bars = [(month.month, month.cents / month.days, not month.is_complete) for month in insights.months]
    largest = round(max((value for _, value, _ in bars), default=0.0) / 100)
    return bar_picture("Revenue a day by month", bars, f"${largest:,} a day")
