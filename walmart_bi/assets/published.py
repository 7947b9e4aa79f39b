"""Group `s3`: the cleaned month published under `monthly_data/`, write-once and named by its content."""

# No postponed annotations here: Dagster reads those of decorated functions when it defines them.

import time

import dagster as dg

from walmart_bi.assets.cleaned import monthly_metadata, sales_schema
from walmart_bi.assets.common import (
    CLEANED_SALES,
    MONTHLY_SALES_OBJECT,
    Site,
    column_lineage,
    explained,
    monthly_asset,
    preview_table,
)
from walmart_bi.handover import Handover
from walmart_bi.records import MonthlyObject
from walmart_bi.sales.contract import OUTPUT_COLUMNS
from walmart_bi.stores.base import MONTHLY_DATA, ObjectStore


def build_published_assets(site: Site) -> list[dg.AssetsDefinition]:
    """The assets of the published layer."""

    @monthly_asset(
        site,
        name=MONTHLY_SALES_OBJECT,
        group_name="s3",
        kinds={"parquet", site.store_kind},
        deps=[CLEANED_SALES],
        description="The cleaned month as a write-once Parquet object, named by its content. A month whose counts do "
        "not add up, or with over 5% of its file in quarantine, is refused here.",
        metadata={
            "dagster/uri": site.store_uri(MONTHLY_DATA.rstrip("/")),
            "dagster/column_schema": sales_schema(),
        },
    )
    def monthly_sales_object(context: dg.AssetExecutionContext, store: dg.ResourceParam[ObjectStore]) -> None:
        with explained():
            _publish(context, store)

    return [monthly_sales_object]


def _publish(context: dg.AssetExecutionContext, store: ObjectStore) -> None:
    from walmart_bi.sales.publishing import preview_rows, publish

    handover = Handover(store)
    for month in context.partition_keys:
        started = time.perf_counter()
        published = publish(store, handover.read(CLEANED_SALES, month, MonthlyObject))
        handover.write(MONTHLY_SALES_OBJECT, month, published)
        seconds = round(time.perf_counter() - started, 3)
        context.add_asset_metadata(
            {
                **monthly_metadata(store, published),
                "duration (s)": dg.MetadataValue.float(seconds),
                "preview": preview_table(*preview_rows(store, published)),
                **column_lineage({column.name: [(CLEANED_SALES, column.name)] for column in OUTPUT_COLUMNS}),
            },
            partition_key=month,
        )
