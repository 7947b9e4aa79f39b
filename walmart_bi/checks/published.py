"""Checks of the published layer: the object under `monthly_data/` is what was cleaned."""

# No postponed annotations here: Dagster reads those of decorated functions when it defines them.

import hashlib
from collections.abc import Iterator

import dagster as dg

from walmart_bi.assets.common import MONTHLY_SALES_OBJECT, explained
from walmart_bi.checks.common import months_to_check, result
from walmart_bi.handover import Handover
from walmart_bi.records import MonthlyObject
from walmart_bi.stores.base import ObjectNotFound, ObjectStore

WRITTEN = "object_is_what_was_written"


def build_published_checks() -> list[dg.AssetChecksDefinition]:
    """The checks of the published layer."""

    @dg.multi_asset_check(
        name="monthly_sales_object_checks",
        specs=[
            dg.AssetCheckSpec(
                WRITTEN,
                asset=MONTHLY_SALES_OBJECT,
                blocking=True,
                description="The published object has the bytes that the cleaning wrote (size and sha256).",
            )
        ],
    )
    def monthly_sales_object_checks(
        context: dg.AssetCheckExecutionContext, store: dg.ResourceParam[ObjectStore]
    ) -> Iterator[dg.AssetCheckResult]:
        with explained():
            handover = Handover(store)
            months = [
                handover.read(MONTHLY_SALES_OBJECT, month, MonthlyObject)
                for month in months_to_check(context, store, MONTHLY_SALES_OBJECT)
            ]
            problems = [problem for month in months for problem in _differences(store, month)]
            counts = {"objects": len(months), "bytes": sum(month.size for month in months)}
            yield result(MONTHLY_SALES_OBJECT, WRITTEN, problems, counts)

    return [monthly_sales_object_checks]


def _differences(store: ObjectStore, month: MonthlyObject) -> list[str]:
    try:
        with store.fetch(month.key) as path, path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
    except ObjectNotFound:
        return [f"{month.key} is gone"]
    return [] if digest == month.sha256 else [f"{month.key} has other bytes than were written"]
