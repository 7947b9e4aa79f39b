"""Group `redshift`: the month's rows in the warehouse, replaced in one transaction with their ledger row."""

# No postponed annotations here: Dagster reads those of decorated functions when it defines them.

import dataclasses
import time
from collections.abc import Iterable, Sequence

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
from walmart_bi.warehouse.ledger import refuse_shrink

PREVIEW_COLUMNS = [column.name for column in OUTPUT_COLUMNS if column.name != "customer_id"]


class MonthLoadConfig(dg.Config):
    """What a person or the `monthly_data_sensor` may ask of a load; empty for the ordinary monthly load."""

    allow_shrink: bool = False
    """Load the month even when it has less than half of the rows of the loaded version."""

    allow_superseded: bool = False
    """Load rows that were loaded before and replaced since; a file that only came back is not loaded without this."""

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
            loads = _objects_to_load(store, context.partition_keys, config, policy)
            if not config.allow_shrink:
                _refuse_any_shrink(warehouse, loads.values())
            sources = []
            for month in context.partition_keys:
                started = time.perf_counter()
                outcome = _load(warehouse, month, loads.get(month), config, context.run.run_id)
                sources.append(outcome.entry.source_key)
                context.log.info(_in_words(outcome))
                seconds = time.perf_counter() - started
                context.add_asset_metadata(
                    {**_load_metadata(outcome, seconds), **_month_preview(warehouse, month), **_object_lineage()},
                    partition_key=month,
                )
            _count_rows(context, warehouse)
            tag_run(context, context.partition_keys, sources)

    return [walmart_sales]


def _objects_to_load(
    store: ObjectStore, months: Sequence[str], config: MonthLoadConfig, policy: DuplicatePolicy
) -> dict[str, MonthlyObject]:
    """The object of each month; none when an earlier load is restored, whose object the ledger knows."""
    if config.restore_load_id:
        return {}
    handover = Handover(store)
    if config.object_key:
        for month in months:
            handover.write(MONTHLY_SALES_OBJECT, month, _adopt(store, config.object_key, month, policy))
    return {month: handover.read(MONTHLY_SALES_OBJECT, month, MonthlyObject) for month in months}


def _refuse_any_shrink(warehouse: Warehouse, loads: Iterable[MonthlyObject]) -> None:
    """Ask before the first month is replaced, so that a range is refused as a whole; the load itself asks again."""
    active = {entry.month: entry for entry in warehouse.ledger() if entry.is_active}
    for load in loads:
        refuse_shrink(active.get(load.month), load)


def _load(
    warehouse: Warehouse, month: str, load: MonthlyObject | None, config: MonthLoadConfig, run_id: str
) -> LoadOutcome:
    if load is None:
        return warehouse.restore_load(month, config.restore_load_id)
    return warehouse.replace_month(
        load,
        run_id=run_id,
        code_version=__version__,
        allow_shrink=config.allow_shrink,
        allow_superseded=config.allow_superseded,
    )


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
    if outcome.action == "outdated":
        return (
            f"{entry.month}: not loaded, {entry.source_key} is newer and was loaded as {entry.load_id} while this run "
            "was under way"
        )
    if outcome.action == "superseded":
        return (
            f"{entry.month}: not loaded, these rows were {outcome.superseded_load_id} and have been replaced by "
            f"{entry.load_id}; to have them back: walmart-bi rollback {entry.month} {outcome.superseded_load_id}"
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
