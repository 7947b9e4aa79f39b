"""Checks of the BI layer: what was published is whole, and is what the warehouse says."""

# No postponed annotations here: Dagster reads those of decorated functions when it defines them.

# ruff: noqa: S608 - the catalog checked every name that is put into SQL here.

from collections.abc import Iterator, Sequence
from decimal import Decimal

import dagster as dg

from walmart_bi.assets.common import TABLEAU_SNAPSHOT, explained
from walmart_bi.checks.common import result
from walmart_bi.kpis.catalog import Kpi
from walmart_bi.stores.base import ObjectStore
from walmart_bi.warehouse.base import SALES_TABLE, Reader, Warehouse

WHOLE = "snapshot_is_whole"
EQUALS_VIEWS = "snapshot_equals_the_views"


def build_bi_checks(catalog: Sequence[Kpi]) -> list[dg.AssetChecksDefinition]:
    """The checks of the BI layer."""

    @dg.multi_asset_check(
        name="tableau_snapshot_checks",
        specs=[
            dg.AssetCheckSpec(
                WHOLE,
                asset=TABLEAU_SNAPSHOT,
                blocking=True,
                description="Every file of `dashboard_data/latest/` is the one that the manifest names, by sha256.",
            ),
            dg.AssetCheckSpec(
                EQUALS_VIEWS,
                asset=TABLEAU_SNAPSHOT,
                blocking=True,
                description="The manifest's revenue and orders are those of the sales table, and each file has its "
                "view's number of rows.",
            ),
        ],
    )
    def tableau_snapshot_checks(
        store: dg.ResourceParam[ObjectStore],
        warehouse: dg.ResourceParam[Warehouse],
    ) -> Iterator[dg.AssetCheckResult]:
        from walmart_bi.reporting.manifest import verify_snapshot
        from walmart_bi.reporting.snapshot import LATEST

        with explained():
            problems = verify_snapshot(store, LATEST)
            yield result(TABLEAU_SNAPSHOT, WHOLE, problems, {"views": len(catalog)})
            with warehouse.read() as reader:
                yield _equals_views(store, reader, catalog)

    return [tableau_snapshot_checks]


def _equals_views(store: ObjectStore, reader: Reader, catalog: Sequence[Kpi]) -> dg.AssetCheckResult:
    from walmart_bi.reporting.manifest import read_manifest
    from walmart_bi.reporting.snapshot import LATEST

    manifest = read_manifest(store, LATEST)
    if manifest is None:
        return result(TABLEAU_SNAPSHOT, EQUALS_VIEWS, ["there is no manifest that can be read"], {})
    ((revenue, orders),) = reader.query(f"SELECT SUM(purchase_amount), COUNT(customer_id) FROM {SALES_TABLE}").rows
    problems = []
    if Decimal(manifest.revenue) != revenue:
        problems.append(f"the snapshot's revenue is {manifest.revenue}, the table's {revenue}")
    if manifest.orders != orders:
        problems.append(f"the snapshot has {manifest.orders} orders, the table {orders}")
    rows = {file.view: file.rows for file in manifest.files}
    for kpi in catalog:
        ((in_view,),) = reader.query(f"SELECT COUNT(*) FROM {kpi.name}").rows
        if rows.get(kpi.name) != in_view:
            problems.append(f"{kpi.name} has {in_view} rows, its file {rows.get(kpi.name, 'is missing')}")
    return result(TABLEAU_SNAPSHOT, EQUALS_VIEWS, problems, {"revenue": Decimal(manifest.revenue), "orders": orders})
