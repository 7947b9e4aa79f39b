"""One asset per KPI view, made from the SQL catalog: a new KPI is one new file in `sql/kpis/<persona>/`."""

# ruff: noqa: S608 - the catalog checked every name that is put into SQL here.
# No postponed annotations here: Dagster reads those of decorated functions when it defines them.

import time
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import dagster as dg

from walmart_bi.assets.common import OWNERS, WALMART_SALES, Site, column_lineage, explained, preview_table
from walmart_bi.kpis.catalog import Kpi
from walmart_bi.kpis.model import UNITS, KpiColumn
from walmart_bi.warehouse.base import Reader, Warehouse

PREVIEW_ROWS = 12


def build_kpi_assets(site: Site, catalog: Sequence[Kpi]) -> list[dg.AssetsDefinition]:
    """The assets of the KPI layer, one group per persona.

    One definition, so one step, for all views: a step of its own for each took a fifth of a small run's CPU, for its
    events, its look at what lies upstream and two connections.
    """
    by_key = {dg.AssetKey(kpi.name): kpi for kpi in catalog}

    @dg.multi_asset(name="kpi_views", specs=[_kpi_spec(site, kpi) for kpi in catalog], can_subset=True)
    def kpi_views(
        context: dg.AssetExecutionContext, warehouse: dg.ResourceParam[Warehouse]
    ) -> Iterator[dg.MaterializeResult[Any]]:
        with explained():
            from walmart_bi.kpis.lineage import column_origins

            started = time.perf_counter()
            selected = [kpi for key, kpi in by_key.items() if key in context.selected_asset_keys]
            # All of them first: refuses a wrong SELECT before a view that works is replaced.
            origins = {kpi.name: column_origins(kpi) for kpi in selected}
            warehouse.create_views({kpi.name: kpi.select for kpi in selected})
            context.log.info(f"{len(selected)} views made in {time.perf_counter() - started:.1f} s")
            with warehouse.read() as reader:
                described = [_described(reader, kpi, origins[kpi.name]) for kpi in selected]
            yield from described  # after the reader is closed: loads wait for it

    return [kpi_views]


def view_column(column: KpiColumn, prefix: str = "") -> dg.TableColumn:
    """A view's column as the UI shows it."""
    return dg.TableColumn(f"{prefix}{column.name}", column.type, f"{column.description} Unit: {UNITS[column.unit]}.")


def _kpi_spec(site: Site, kpi: Kpi) -> dg.AssetSpec:
    schema = dg.TableSchema([view_column(column) for column in kpi.columns])
    return dg.AssetSpec(
        kpi.name,
        group_name=kpi.persona,
        kinds={"view", site.warehouse_kind},
        owners=OWNERS,
        deps=[WALMART_SALES],
        code_version=kpi.sql_sha256[:12],
        description=f"{kpi.title}: {kpi.question}\n\n```sql\n{kpi.select}\n```",
        metadata={"dagster/table_name": site.table_name(kpi.name), "dagster/column_schema": schema},
    )


def _described(reader: Reader, kpi: Kpi, origins: Mapping[str, Sequence[str]]) -> dg.MaterializeResult[Any]:
    latest_first = ["month DESC NULLS LAST"] if "month" in kpi.grain else []
    keys = ", ".join([*latest_first, *([kpi.order_by] if kpi.order_by else [])])
    order = f" ORDER BY {keys}" if keys else ""
    columns = ", ".join(kpi.column_names)
    started = time.perf_counter()
    rows = reader.query(f"SELECT COUNT(*) FROM {kpi.name}").rows[0][0]
    preview = reader.query(f"SELECT {columns} FROM {kpi.name}{order} LIMIT {PREVIEW_ROWS}")
    return dg.MaterializeResult(
        asset_key=kpi.name,
        metadata={
            "dagster/row_count": dg.MetadataValue.int(rows),
            "duration (s)": dg.MetadataValue.float(round(time.perf_counter() - started, 3)),
            "preview": preview_table(preview.columns, preview.rows),
            **column_lineage({column: [(WALMART_SALES, name) for name in names] for column, names in origins.items()}),
        },
    )
