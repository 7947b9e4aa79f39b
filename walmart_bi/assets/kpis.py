"""One asset per KPI view, made from the SQL catalog: a new KPI is one new file in `sql/kpis/<persona>/`."""

from __future__ import annotations

import time
from collections.abc import Sequence

import dagster as dg

from walmart_bi.assets.common import OWNERS, WALMART_SALES, Site, column_lineage, explained, markdown_table
from walmart_bi.kpis.catalog import Kpi
from walmart_bi.warehouse.base import Warehouse

PREVIEW_ROWS = 12


def build_kpi_assets(site: Site, catalog: Sequence[Kpi]) -> list[dg.AssetsDefinition]:
    """The assets of the KPI layer, one group per persona."""
    return [_kpi_asset(site, kpi) for kpi in catalog]


def _kpi_asset(site: Site, kpi: Kpi) -> dg.AssetsDefinition:
    schema = dg.TableSchema(
        [dg.TableColumn(column.name, column.type, f"{column.description} ({column.unit})") for column in kpi.columns]
    )

    @dg.asset(
        name=kpi.name,
        group_name=kpi.persona,
        kinds={"view", site.warehouse_kind},
        owners=OWNERS,
        deps=[WALMART_SALES],
        code_version=kpi.sql_sha256[:12],
        description=f"**{kpi.title}.** {kpi.question}\n\n```sql\n{kpi.select}\n```",
        metadata={"dagster/table_name": site.table_name(kpi.name), "dagster/column_schema": schema},
    )
    def kpi_view(context: dg.AssetExecutionContext, warehouse: dg.ResourceParam[Warehouse]) -> None:
        with explained():
            started = time.perf_counter()
            warehouse.create_view(kpi.name, kpi.select)
            _describe_view(context, warehouse, kpi)
            context.add_asset_metadata({"duration (s)": round(time.perf_counter() - started, 3)})

    return kpi_view


def _describe_view(context: dg.AssetExecutionContext, warehouse: Warehouse, kpi: Kpi) -> None:
    from walmart_bi.kpis.lineage import column_origins

    order = f" ORDER BY {', '.join(kpi.grain)}" if kpi.grain else ""
    with warehouse.read() as reader:
        rows = reader.query(f"SELECT COUNT(*) FROM {kpi.name}").rows[0][0]  # noqa: S608 - names of the catalog
        preview = reader.query(f"SELECT * FROM {kpi.name}{order} LIMIT {PREVIEW_ROWS}")  # noqa: S608
    origins = column_origins(kpi)
    context.add_asset_metadata(
        {
            "dagster/row_count": dg.MetadataValue.int(rows),
            "preview": markdown_table(preview.columns, preview.rows),
            "dagster/column_lineage": column_lineage(
                {column: [(WALMART_SALES, name) for name in names] for column, names in origins.items()}
            ),
        }
    )
