"""The asset `tableau_published`: the snapshot's workbook and data source on a Tableau Server. Only when configured."""

# No postponed annotations here: Dagster reads those of decorated functions when it defines them.

import dagster as dg

from walmart_bi.assets.common import OWNERS, TABLEAU_SNAPSHOT, explained
from walmart_bi.settings_tableau import TableauServerSettings
from walmart_bi.stores.base import ObjectStore

TABLEAU_PUBLISHED = "tableau_published"


def build_published_tableau_assets(settings: TableauServerSettings | None) -> list[dg.AssetsDefinition]:
    """No asset without settings: then there is nothing in the graph that could publish."""
    if settings is None:
        return []

    @dg.asset(
        name=TABLEAU_PUBLISHED,
        group_name="bi",
        kinds={"tableau"},
        owners=OWNERS,
        deps=[TABLEAU_SNAPSHOT],
        description="The workbook and the data source of `dashboard_data/latest/`, in the configured project of a "
        "Tableau site. It replaces what it published before, and nothing else.",
        metadata={"server": settings.server, "site": settings.site or "Default", "project": settings.project},
    )
    def tableau_published(context: dg.AssetExecutionContext, store: dg.ResourceParam[ObjectStore]) -> None:
        with explained():
            _publish_latest(context, store, settings)

    return [tableau_published]


def _publish_latest(context: dg.AssetExecutionContext, store: ObjectStore, settings: TableauServerSettings) -> None:
    from walmart_bi.reporting.snapshot import latest_files
    from walmart_bi.reporting.tableau.files import DATA_SOURCE, WORKBOOK
    from walmart_bi.reporting.tableau.publish import publish

    with latest_files(store, [WORKBOOK, DATA_SOURCE]) as (manifest, (workbook, data_source)):
        published = publish(settings, workbook, data_source)
    context.log.info(f"snapshot {manifest.snapshot_id} published to {settings.place}")
    context.add_asset_metadata(
        {
            "snapshot": manifest.snapshot_id,
            "revenue": manifest.revenue,
            "orders": manifest.orders,
            "workbook": dg.MetadataValue.url(published.address),
            "workbook id": published.workbook_id,
            "data source id": published.data_source_id,
        }
    )
