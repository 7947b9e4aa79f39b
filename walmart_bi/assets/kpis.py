"""One asset per KPI view, made from the SQL catalog: a new KPI is one new file in `sql/kpis/<persona>/`."""

# ruff: noqa: S608 - the catalog checked every name that is put into SQL here.
# No postponed annotations here: Dagster reads those of decorated functions when it defines them.

import time
from collections.abc import Mapping, Sequence

import dagster as dg

from walmart_bi.assets.common import OWNERS, WALMART_SALES, Site, column_lineage, explained, preview_table
from walmart_bi.kpis.catalog import Kpi
from walmart_bi.kpis.model import UNITS, KpiColumn
from walmart_bi.warehouse.base import Warehouse

PREVIEW_ROWS = 12


def build_kpi_assets(site: Site, catalog: Sequence[Kpi]) -> list[dg.AssetsDefinition]:
    """The assets of the KPI layer, one group per persona."""
    return [_kpi_asset(site, kpi) for kpi in catalog]


def view_column(column: KpiColumn, prefix: str = "") -> dg.TableColumn:
    """A view's column as the UI shows it."""
    return dg.TableColumn(f"{prefix}{column.name}", column.type, f"{column.description} Unit: {UNITS[column.unit]}.")


def _kpi_asset(site: Site, kpi: Kpi) -> dg.AssetsDefinition:
    schema = dg.TableSchema([view_column(column) for column in kpi.columns])

    @dg.asset(
        name=kpi.name,
        group_name=kpi.persona,
        kinds={"view", site.warehouse_kind},
        owners=OWNERS,
        deps=[WALMART_SALES],
        code_version=kpi.sql_sha256[:12],
        description=f"{kpi.title}: {kpi.question}\n\n```sql\n{kpi.select}\n```",
        metadata={"dagster/table_name": site.table_name(kpi.name), "dagster/column_schema": schema},
    )
    def kpi_view(context: dg.AssetExecutionContext, warehouse: dg.ResourceParam[Warehouse]) -> None:
        with explained():
            from walmart_bi.kpis.lineage import column_origins

            started = time.perf_counter()
            origins = column_origins(kpi)  # refuses a wrong SELECT before it replaces a view that works
            warehouse.create_view(kpi.name, kpi.select)
            seconds = time.perf_counter() - started
            _describe_view(context, warehouse, kpi, origins, seconds)

    return kpi_view


def _describe_view(
    context: dg.AssetExecutionContext,
    warehouse: Warehouse,
    kpi: Kpi,
    origins: Mapping[str, Sequence[str]],
    seconds: float,
) -> None:
    latest_first = ["month DESC NULLS LAST"] if "month" in kpi.grain else []
    keys = ", ".join([*latest_first, *([kpi.order_by] if kpi.order_by else [])])
    order = f" ORDER BY {keys}" if keys else ""
    columns = ", ".join(kpi.column_names)
    with warehouse.read() as reader:
        rows = reader.query(f"SELECT COUNT(*) FROM {kpi.name}").rows[0][0]
        preview = reader.query(f"SELECT {columns} FROM {kpi.name}{order} LIMIT {PREVIEW_ROWS}")
    context.add_asset_metadata(
        {
            "dagster/row_count": dg.MetadataValue.int(rows),
            "duration (s)": dg.MetadataValue.float(round(seconds, 3)),
            "preview": preview_table(preview.columns, preview.rows),
            **column_lineage({column: [(WALMART_SALES, name) for name in names] for column, names in origins.items()}),
        }
    )
