"""Group `bi`: what leaves the warehouse for people. How a snapshot is written is in `reporting/`."""

# No postponed annotations here: Dagster reads those of decorated functions when it defines them.

import datetime as dt
import time
from collections.abc import Sequence

import dagster as dg

from walmart_bi import __version__
from walmart_bi.assets.common import OWNERS, TABLEAU_SNAPSHOT, Site, column_lineage, explained, preview_table
from walmart_bi.assets.kpis import view_column
from walmart_bi.kpis.catalog import Kpi
from walmart_bi.stores.base import DASHBOARD_DATA, ObjectStore
from walmart_bi.warehouse.base import Warehouse


def build_bi_assets(site: Site, catalog: Sequence[Kpi]) -> list[dg.AssetsDefinition]:
    """The assets of the BI layer."""
    schema = dg.TableSchema([view_column(column, prefix=f"{kpi.name}.") for kpi in catalog for column in kpi.columns])

    @dg.asset(
        name=TABLEAU_SNAPSHOT,
        group_name="bi",
        kinds={"csv", "tableau"},
        owners=OWNERS,
        deps=[kpi.name for kpi in catalog],
        description="The KPI views as files for Tableau: one CSV a view and a manifest that is written last. It "
        "verifies the ledger and the KPIs itself and refuses to publish when one of them is wrong.",
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
            _write_snapshot(context, store, warehouse, catalog)

    return [tableau_snapshot]


def _write_snapshot(
    context: dg.AssetExecutionContext, store: ObjectStore, warehouse: Warehouse, catalog: Sequence[Kpi]
) -> None:
    from walmart_bi.reporting.snapshot import build_snapshot

    started = time.perf_counter()
    snapshot = build_snapshot(warehouse, store, catalog, created_at=dt.datetime.now(dt.UTC), code_version=__version__)
    lineage = {f"{kpi.name}.{column.name}": [(kpi.name, column.name)] for kpi in catalog for column in kpi.columns}
    context.log.info(f"snapshot {snapshot.id}: {'written' if snapshot.changed else 'unchanged'}")
    context.add_asset_metadata(
        {
            "dagster/uri": store.uri(snapshot.manifest_key),
            "dagster/row_count": sum(file.rows for file in snapshot.files),
            "snapshot": snapshot.id,
            "revenue": f"{snapshot.revenue:,}",
            "orders": snapshot.orders,
            "duration (s)": round(time.perf_counter() - started, 3),
            "preview": preview_table(
                ["file", "rows", "bytes", "sha256"],
                [(file.name, f"{file.rows:,}", f"{file.bytes:,}", file.sha256[:12]) for file in snapshot.files],
            ),
            **column_lineage(lineage),
        }
    )
