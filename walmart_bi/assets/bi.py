"""Group `bi`: what leaves the warehouse for people. How a snapshot is written is in `reporting/`."""

# No postponed annotations here: Dagster reads those of decorated functions when it defines them.

import datetime as dt
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING

import dagster as dg

from walmart_bi import __version__
from walmart_bi.assets.common import (
    KPI_INSIGHTS,
    MARKDOWN_IN_PLACE,
    OWNERS,
    TABLEAU_SNAPSHOT,
    Site,
    column_lineage,
    escaped,
    explained,
    preview_table,
)
from walmart_bi.assets.kpis import view_column
from walmart_bi.assets.pictures import bar_picture
from walmart_bi.kpis.catalog import Kpi
from walmart_bi.kpis.privacy import Profile
from walmart_bi.stores.base import DASHBOARD_DATA, ObjectStore
from walmart_bi.warehouse.base import Warehouse

if TYPE_CHECKING:
    from walmart_bi.kpis.insights.model import Insights


def build_bi_assets(site: Site, catalog: Sequence[Kpi], profile: Profile) -> list[dg.AssetsDefinition]:
    """The assets of the BI layer."""
    schema = dg.TableSchema([view_column(column, prefix=f"{kpi.name}.") for kpi in catalog for column in kpi.columns])

    @dg.asset(
        name=TABLEAU_SNAPSHOT,
        group_name="bi",
        kinds={"csv", "tableau"},
        owners=OWNERS,
        deps=[*(kpi.name for kpi in catalog), KPI_INSIGHTS],
        description="The KPI views as files: one CSV a view, `insights.json`, an extract, a workbook and a data source "
        "for Tableau, and a manifest that is written last. It verifies the ledger and the KPIs itself and refuses to "
        "publish when one of them is wrong. No Tableau has opened the workbook here: `docs/tableau.md` says what to "
        "look at.",
        metadata={
            "dagster/uri": site.store_uri(f"{DASHBOARD_DATA}latest/manifest.json"),
            "dagster/column_schema": schema,
        },
    )
    def tableau_snapshot(
        context: dg.AssetExecutionContext,
        store: dg.ResourceParam[ObjectStore],
        warehouse: dg.ResourceParam[Warehouse],
    ) -> None:
        with explained():
            _write_snapshot(context, store, warehouse, catalog, profile)

    return [tableau_snapshot]


def _write_snapshot(
    context: dg.AssetExecutionContext,
    store: ObjectStore,
    warehouse: Warehouse,
    catalog: Sequence[Kpi],
    profile: Profile,
) -> None:
    from walmart_bi.kpis.insights.model import Insights
    from walmart_bi.reporting.snapshot import LATEST, build_snapshot
    from walmart_bi.reporting.story_files import INSIGHTS, story_files
    from walmart_bi.reporting.tableau.files import WORKBOOK

    started = time.perf_counter()
    snapshot = build_snapshot(
        warehouse,
        store,
        catalog,
        created_at=dt.datetime.now(dt.UTC),
        code_version=__version__,
        producers=[story_files(catalog)],
        profile=profile,
    )
    insights = Insights.from_json(store.read_bytes(snapshot.prefix + INSIGHTS))
    lineage = {f"{kpi.name}.{column.name}": [(kpi.name, column.name)] for kpi in catalog for column in kpi.columns}
    context.log.info(f"snapshot {snapshot.id}: {'written' if snapshot.changed else 'unchanged'}")
    context.add_asset_metadata(
        {
            "dagster/uri": store.uri(snapshot.manifest_key),
            "dagster/row_count": sum(file.rows for file in snapshot.files),
            "snapshot": snapshot.id,
            "workbook": dg.MetadataValue.path(store.uri(LATEST + WORKBOOK)),
            "revenue by month": _picture(insights),
            "insights": _headlines(insights),
            "revenue": f"{snapshot.revenue:,}",
            "orders": snapshot.orders,
            "duration (s)": round(time.perf_counter() - started, 3),
            "preview": preview_table(
                ["file", "rows", "bytes", "sha256"],
                [
                    *((file.name, "", f"{file.bytes:,}", file.sha256[:12]) for file in snapshot.artifacts),
                    *((file.name, f"{file.rows:,}", f"{file.bytes:,}", file.sha256[:12]) for file in snapshot.files),
                ],
            ),
            **column_lineage(lineage),
        }
    )


def _picture(insights: "Insights") -> dg.MarkdownMetadataValue:
    """The months' revenue; a month with missing days is pale."""
    bars = [(month.month, float(month.cents), not month.is_complete) for month in insights.months]
    largest = max((month.cents for month in insights.months), default=0)
    return bar_picture("Revenue by month", bars, f"${largest // 100:,}")


def _headlines(insights: "Insights") -> dg.MarkdownMetadataValue:
    """What the story says to each persona, in one line."""
    lines = [
        f"- **{escaped(box.title)}**: {escaped(' '.join(sentence.text for sentence in box.headline))}"
        for box in insights.boxes
    ]
    while len(lines) > 1 and len("\n".join(lines)) > MARKDOWN_IN_PLACE:
        lines.pop()
    return dg.MetadataValue.md("\n".join(lines))
