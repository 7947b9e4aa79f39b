"""Group `cleaned`: the month cleaned to the contract, staged as typed Parquet. The rules are in `sales/`."""

# No postponed annotations here: Dagster reads those of decorated functions when it defines them.

import time
from collections.abc import Callable

import dagster as dg

from walmart_bi.assets.common import (
    CLEANED_SALES,
    RAW_SALES_FILE,
    Site,
    column_lineage,
    explained,
    markdown_table,
    monthly_asset,
    preview_table,
    today,
)
from walmart_bi.handover import Handover
from walmart_bi.records import MonthlyObject, SourceFile
from walmart_bi.sales.cluster import OpenCluster
from walmart_bi.sales.contract import OUTPUT_COLUMNS, DuplicatePolicy
from walmart_bi.stores.base import STAGING, ObjectStore

PROGRESS_SECONDS = 2.0


def sales_schema() -> dg.TableSchema:
    """The columns of a cleaned month, as the UI shows them."""
    return dg.TableSchema(
        [
            dg.TableColumn(
                column.name,
                column.sql_type,
                column.description,
                constraints=dg.TableColumnConstraints(nullable=column.nullable),
            )
            for column in OUTPUT_COLUMNS
        ]
    )


def build_cleaned_assets(
    site: Site, policy: DuplicatePolicy, cluster: OpenCluster | None = None
) -> list[dg.AssetsDefinition]:
    """The assets of the cleaned layer; with a cluster it cleans the parts of large files."""

    @monthly_asset(
        site,
        name=CLEANED_SALES,
        group_name="cleaned",
        kinds={"pandas", "parquet"},
        deps=[RAW_SALES_FILE],
        description="The month's records cleaned to the contract (`docs/cleaning.md`). Every record of the file is "
        "loaded, quarantined with its reasons, removed as an exact duplicate, or of another month.",
        metadata={
            "dagster/uri": site.store_uri(f"{STAGING}cleaned_sales"),
            "dagster/column_schema": sales_schema(),
        },
    )
    def cleaned_sales(context: dg.AssetExecutionContext, store: dg.ResourceParam[ObjectStore]) -> None:
        with explained():
            _clean(context, store, policy, cluster)

    return [cleaned_sales]


def raw_lineage() -> dict[str, dg.MetadataValue]:
    """Which raw columns feed each cleaned column."""
    return column_lineage(
        {column.name: [(RAW_SALES_FILE, name) for name in column.derived_from] for column in OUTPUT_COLUMNS}
    )


def monthly_metadata(store: ObjectStore, month: MonthlyObject) -> dict[str, dg.MetadataValue]:
    """What the UI shows about one month's object."""
    return {
        "dagster/uri": dg.MetadataValue.text(store.uri(month.key)),
        "dagster/partition_row_count": dg.MetadataValue.int(month.totals.rows),
        "revenue": dg.MetadataValue.text(cents_as_text(month.totals.total_cents)),
        "quarantined": dg.MetadataValue.int(month.quarantined),
        "duplicates removed": dg.MetadataValue.int(month.duplicates_removed),
        "source file": dg.MetadataValue.text(month.source.key),
        "source sha256": dg.MetadataValue.text(month.source.sha256),
        "object sha256": dg.MetadataValue.text(month.sha256),
        "bytes": dg.MetadataValue.int(month.size),
    }


def cents_as_text(cents: int) -> str:
    """Money for people: 123456 -> 1,234.56."""
    return f"{'-' if cents < 0 else ''}{abs(cents) // 100:,}.{abs(cents) % 100:02d}"


def _clean(
    context: dg.AssetExecutionContext, store: ObjectStore, policy: DuplicatePolicy, cluster: OpenCluster | None
) -> None:
    from walmart_bi.sales.cleaned_in_parts import Elsewhere
    from walmart_bi.sales.publishing import clean_into_store, preview_rows

    elsewhere = None if cluster is None else Elsewhere(cluster, store, context.log.info)
    handover = Handover(store)
    sources = {month: handover.read(RAW_SALES_FILE, month, SourceFile) for month in context.partition_keys}
    for source in {source.key: source for source in sources.values()}.values():
        started = time.perf_counter()
        cleaned = clean_into_store(
            store,
            source,
            months=[month for month, supplier in sources.items() if supplier.key == source.key],
            today=today(),
            policy=policy,
            progress=_progress(context, source),
            elsewhere=elsewhere,
        )
        seconds = time.perf_counter() - started
        for month, staged in cleaned.items():
            handover.write(CLEANED_SALES, month, staged)
            context.add_asset_metadata(
                {
                    **monthly_metadata(store, staged),
                    **_file_metadata(store, staged, seconds),
                    "preview": preview_table(*preview_rows(store, staged)),
                    **raw_lineage(),
                },
                partition_key=month,
            )


def _progress(context: dg.AssetExecutionContext, source: SourceFile) -> Callable[[int], None]:
    """Log how far the cleaning is, every few seconds."""
    last = time.monotonic()

    def report(records: int) -> None:
        nonlocal last
        if time.monotonic() - last >= PROGRESS_SECONDS:
            last = time.monotonic()
            context.log.info(f"cleaned {records:,} of {source.records:,} records of {source.key}")

    return report


def _file_metadata(store: ObjectStore, month: MonthlyObject, seconds: float) -> dict[str, dg.MetadataValue]:
    counts = month.counts
    fates = [
        ("records in the file", counts.raw_records),
        ("loaded", counts.loaded),
        ("quarantined", counts.quarantined),
        ("exact duplicates removed", counts.duplicates_removed),
        ("of months not asked for", counts.other_months),
    ]
    details = [
        *((f"quarantined: {reason}", rows) for reason, rows in sorted(counts.quarantined_by_reason.items())),
        *((f"repaired: {kind}", rows) for kind, rows in sorted(counts.repaired_by_kind.items())),
        *((f"unknown value: {value}", rows) for value, rows in sorted(counts.unknown_values.items())[:20]),
    ]
    return {
        "where every record of the file went": markdown_table(["records", "rows"], fates),
        "reasons and repairs in the file": markdown_table(["what", "rows"], details),
        "duplicate policy": dg.MetadataValue.text(
            f"{month.duplicate_policy}; {month.distinct_customer_share:.1%} of customer ids are distinct"
        ),
        "quarantined rows": dg.MetadataValue.text(store.uri(month.quarantine_key) if month.quarantine_key else "none"),
        "duration (s)": dg.MetadataValue.float(round(seconds, 3)),
    }
