"""Group `redshift`: the month's rows in the warehouse, replaced in one transaction with their ledger row."""

# No postponed annotations here: Dagster reads those of decorated functions when it defines them.

import dataclasses
import time

import dagster as dg

from walmart_bi import __version__
from walmart_bi.assets.cleaned import cents_as_text, sales_schema
from walmart_bi.assets.common import (
    MONTHLY_SALES_OBJECT,
    WALMART_SALES,
    Site,
    column_lineage,
    explained,
    monthly_asset,
    preview_table,
    tag_run,
    today,
)
from walmart_bi.handover import Handover
from walmart_bi.records import MonthlyObject
from walmart_bi.sales.contract import OUTPUT_COLUMNS, DuplicatePolicy
from walmart_bi.stores.base import ObjectStore
from walmart_bi.warehouse.base import LoadOutcome, Warehouse

PREVIEW_COLUMNS = [column.name for column in OUTPUT_COLUMNS if column.name != "customer_id"]


class MonthLoadConfig(dg.Config):
    """What a person or the `monthly_data_sensor` may ask of a load; empty for the ordinary monthly load."""

    allow_shrink: bool = False
    """Load the month even when it has less than half of the rows of the loaded version."""

    object_key: str = ""
    """Load this object, which another producer put under `monthly_data/`, instead of our own."""

    restore_load_id: str = ""
    """Make this earlier load of the month active again."""


def build_warehouse_assets(
    site: Site, policy: DuplicatePolicy, freshness: dg.FreshnessPolicy | None = None
) -> list[dg.AssetsDefinition]:
    """The assets of the warehouse layer."""

    @monthly_asset(
        site,
        name=WALMART_SALES,
        group_name="redshift",
        kinds={"table", site.warehouse_kind},
        deps=[MONTHLY_SALES_OBJECT],
        freshness_policy=freshness,
        description="One row per accepted transaction. A month is replaced in one transaction together with its "
        "`load_ledger` row, so readers see the old month or the new one; earlier loads can be made active again.",
        metadata={"dagster/table_name": site.table_name(WALMART_SALES), "dagster/column_schema": _table_schema()},
    )
    def walmart_sales(
        context: dg.AssetExecutionContext,
        config: MonthLoadConfig,
        store: dg.ResourceParam[ObjectStore],
        warehouse: dg.ResourceParam[Warehouse],
    ) -> None:
        with explained():
            for month in context.partition_keys:
                started = time.perf_counter()
                outcome = _load(store, warehouse, month, config, context.run.run_id, policy)
                context.log.info(_in_words(outcome))
                seconds = time.perf_counter() - started
                context.add_asset_metadata(
                    {**_load_metadata(outcome, seconds), **_month_preview(warehouse, month), **_object_lineage()},
                    partition_key=month,
                )
            _count_rows(context, warehouse)
            tag_run(context, context.partition_keys, [outcome.entry.source_key])

    return [walmart_sales]


def _load(
    store: ObjectStore,
    warehouse: Warehouse,
    month: str,
    config: MonthLoadConfig,
    run_id: str,
    policy: DuplicatePolicy,
) -> LoadOutcome:
    if config.restore_load_id:
        return warehouse.restore_load(month, config.restore_load_id)
    handover = Handover(store)
    if config.object_key:
        load = _adopt(store, config.object_key, month, policy)
        handover.write(MONTHLY_SALES_OBJECT, month, load)
    else:
        load = handover.read(MONTHLY_SALES_OBJECT, month, MonthlyObject)
    return warehouse.replace_month(load, run_id=run_id, code_version=__version__, allow_shrink=config.allow_shrink)


def _adopt(store: ObjectStore, key: str, month: str, policy: DuplicatePolicy) -> MonthlyObject:
    """Another producer's object, through the same cleaning, counting and gates as a raw file."""
    from walmart_bi.sales.publishing import clean_into_store, inspect_delivered, publish

    source = dataclasses.replace(inspect_delivered(store, store.head(key)), declared_months=[month])
    staged = clean_into_store(store, source, months=[month], today=today(), policy=policy)
    return publish(store, staged[month])


def _in_words(outcome: LoadOutcome) -> str:
    entry = outcome.entry
    if outcome.action == "unchanged":
        return (
            f"{entry.month}: unchanged, these rows are already loaded as {entry.load_id} ({entry.loaded_rows:,} rows)"
        )
    return (
        f"{entry.month}: {outcome.action} {entry.load_id} from {entry.source_key}, "
        f"{outcome.rows_before:,} -> {entry.loaded_rows:,} rows"
    )


def _load_metadata(outcome: LoadOutcome, seconds: float) -> dict[str, dg.MetadataValue]:
    entry = outcome.entry
    return {
        "dagster/partition_row_count": dg.MetadataValue.int(entry.loaded_rows),
        "load": dg.MetadataValue.text(entry.load_id),
        "what happened": dg.MetadataValue.text(_in_words(outcome)),
        "rows before": dg.MetadataValue.int(outcome.rows_before),
        "revenue": dg.MetadataValue.text(cents_as_text(entry.total_cents)),
        "source file": dg.MetadataValue.text(entry.source_key),
        "source sha256": dg.MetadataValue.text(entry.source_sha256),
        "object": dg.MetadataValue.text(entry.object_key),
        "duration (s)": dg.MetadataValue.float(round(seconds, 3)),
    }


def _count_rows(context: dg.AssetExecutionContext, warehouse: Warehouse) -> None:
    with warehouse.read() as reader:
        rows = reader.query("SELECT COUNT(*) FROM walmart_sales").rows[0][0]
    context.add_asset_metadata({"dagster/row_count": dg.MetadataValue.int(rows)})


def _month_preview(warehouse: Warehouse, month: str) -> dict[str, dg.MetadataValue]:
    with warehouse.read() as reader:
        preview = reader.query(
            f"SELECT {', '.join(PREVIEW_COLUMNS)} FROM walmart_sales"  # noqa: S608 - constants of the contract
            " WHERE month = CAST(? AS DATE) ORDER BY source_line LIMIT 5",
            (f"{month}-01",),
        )
    return {"preview": preview_table(preview.columns, preview.rows)}


def _object_lineage() -> dict[str, dg.MetadataValue]:
    return column_lineage({column.name: [(MONTHLY_SALES_OBJECT, column.name)] for column in OUTPUT_COLUMNS})


def _table_schema() -> dg.TableSchema:
    load_id = dg.TableColumn("load_id", "VARCHAR(32)", "The load (`load_ledger.load_id`) that brought the row.")
    return dg.TableSchema([*sales_schema().columns, load_id])
