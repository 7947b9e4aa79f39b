"""Group `raw`: the delivered file that supplies each month. It is found and recorded here, not cleaned."""

# No postponed annotations here: Dagster reads those of decorated functions when it defines them.

import datetime as dt
import time

import dagster as dg

from walmart_bi.assets.common import RAW_SALES_FILE, Site, explained, monthly_asset, preview_table, tag_run, today
from walmart_bi.errors import WalmartBiError
from walmart_bi.handover import Handover
from walmart_bi.records import SourceFile
from walmart_bi.sales.contract import RAW_COLUMNS
from walmart_bi.sales.rejection import report_rejected
from walmart_bi.stores.base import RAW_DATA, ObjectInfo, ObjectStore


def build_raw_assets(site: Site, *, in_parts: bool = False) -> list[dg.AssetsDefinition]:
    """The assets of the raw layer; `in_parts` tells that a file may be as large as a cluster can clean."""
    schema = dg.TableSchema([dg.TableColumn(column.name, "text", column.description) for column in RAW_COLUMNS])

    @monthly_asset(
        site,
        name=RAW_SALES_FILE,
        group_name="raw",
        kinds={"csv", site.store_kind},
        description="The delivered file that supplies the month: the newest file in `raw_data/` that covers it, with "
        "its hash, its columns and a record count that owes nothing to the cleaning code.",
        metadata={"dagster/uri": site.store_uri(RAW_DATA.rstrip("/")), "dagster/column_schema": schema},
    )
    def raw_sales_file(context: dg.AssetExecutionContext, store: dg.ResourceParam[ObjectStore]) -> None:
        with explained():
            _record_suppliers(context, store, in_parts=in_parts)

    return [raw_sales_file]


def _record_suppliers(context: dg.AssetExecutionContext, store: ObjectStore, *, in_parts: bool) -> None:
    from walmart_bi.sales.landing import suppliers

    def pass_over(delivered: ObjectInfo, error: WalmartBiError) -> None:
        context.log.warning(f"{delivered.key} is passed over: {error}")

    months = context.partition_keys
    chosen = suppliers(store, months, today=today(), on_unreadable=pass_over)
    tag_run(context, months, [delivered.key for delivered in chosen.values()])
    inspected: dict[str, SourceFile] = {}
    started = time.perf_counter()
    for month, delivered in sorted(chosen.items()):
        if delivered.key not in inspected:
            inspected[delivered.key] = _inspect(context, store, delivered, in_parts=in_parts)
        source = inspected[delivered.key]
        Handover(store).write(RAW_SALES_FILE, month, source)
    seconds = round(time.perf_counter() - started, 3)
    preview = preview_table(["month", "file"], [(month, chosen[month].key) for month in sorted(chosen)])
    for month, delivered in chosen.items():
        context.add_asset_metadata(
            {
                **_source_metadata(store, inspected[delivered.key]),
                "duration (s)": dg.MetadataValue.float(seconds),
                "preview": preview,
            },
            partition_key=month,
        )


def _inspect(
    context: dg.AssetExecutionContext, store: ObjectStore, delivered: ObjectInfo, *, in_parts: bool
) -> SourceFile:
    from walmart_bi.sales.publishing import inspect_delivered

    context.log.info(f"reading {delivered.key} ({delivered.size:,} bytes)")
    try:
        source = inspect_delivered(store, delivered, in_parts=in_parts)
    except WalmartBiError as error:
        report = report_rejected(store, delivered, error, at=dt.datetime.now(dt.UTC))
        context.log.error(f"{delivered.key} is rejected; the report is {store.uri(report)}")
        raise
    context.log.info(f"{delivered.key} holds {source.records:,} records")
    return source


def _source_metadata(store: ObjectStore, source: SourceFile) -> dict[str, dg.MetadataValue]:
    return {
        "dagster/uri": dg.MetadataValue.text(store.uri(source.key)),
        "dagster/partition_row_count": dg.MetadataValue.int(source.records),
        "source file": dg.MetadataValue.text(source.key),
        "sha256": dg.MetadataValue.text(source.sha256),
        "etag": dg.MetadataValue.text(source.etag),
        "bytes": dg.MetadataValue.int(source.size),
        "columns": dg.MetadataValue.text(", ".join(source.columns)),
        "columns kept out": dg.MetadataValue.text(", ".join(source.extra_columns) or "none"),
    }
