"""Checks of the cleaned layer: no record is lost, and not too many are in quarantine."""

# No postponed annotations here: Dagster reads those of decorated functions when it defines them.

from collections.abc import Iterator

import dagster as dg

from walmart_bi.assets.common import CLEANED_SALES, explained
from walmart_bi.checks.common import months_to_check, result
from walmart_bi.handover import Handover
from walmart_bi.records import MonthlyObject
from walmart_bi.sales import gates
from walmart_bi.stores.base import ObjectStore

CONSERVED = "records_are_conserved"
QUARANTINE = "quarantine_share"


def build_cleaned_checks() -> list[dg.AssetChecksDefinition]:
    """The checks of the cleaned layer."""

    @dg.multi_asset_check(
        name="cleaned_sales_checks",
        specs=[
            dg.AssetCheckSpec(
                CONSERVED,
                asset=CLEANED_SALES,
                blocking=True,
                description="Records in the file, counted by other code, = rows written for the months + quarantined "
                "+ duplicates removed + rows of months not asked for.",
            ),
            dg.AssetCheckSpec(
                QUARANTINE,
                asset=CLEANED_SALES,
                blocking=True,
                description="Over 5% of a file's records in quarantine stops its load; over 0.5% warns.",
            ),
        ],
    )
    def cleaned_sales_checks(
        context: dg.AssetCheckExecutionContext, store: dg.ResourceParam[ObjectStore]
    ) -> Iterator[dg.AssetCheckResult]:
        with explained():
            handover = Handover(store)
            months = [
                handover.read(CLEANED_SALES, month, MonthlyObject)
                for month in months_to_check(context, store, CLEANED_SALES)
            ]
            yield _conserved(months)
            yield _quarantine_share(store, months)

    return [cleaned_sales_checks]


def _conserved(months: list[MonthlyObject]) -> dg.AssetCheckResult:
    files = _by_file(months)
    return result(
        CLEANED_SALES,
        CONSERVED,
        [problem for month in files for problem in gates.conservation_problems(month)],
        {
            "records": sum(month.counts.raw_records for month in files),
            "loaded": sum(month.counts.loaded for month in files),
            "quarantined": sum(month.counts.quarantined for month in files),
            "duplicates removed": sum(month.counts.duplicates_removed for month in files),
            "of other months": sum(month.counts.other_months for month in files),
        },
    )


def _quarantine_share(store: ObjectStore, months: list[MonthlyObject]) -> dg.AssetCheckResult:
    files = _by_file(months)
    blocking = [
        f"{problem} Next step: correct {_rows_to_correct(store, month)}, and deliver the whole file again."
        for month in files
        for problem in gates.quarantine_problems(month)
    ]
    warnings = [warning for month in files for warning in gates.quarantine_warnings(month)]
    return result(
        CLEANED_SALES,
        QUARANTINE,
        blocking or warnings,
        {"largest share": max((gates.quarantine_share(month) for month in files), default=0.0)},
        severity=dg.AssetCheckSeverity.ERROR if blocking else dg.AssetCheckSeverity.WARN,
    )


def _rows_to_correct(store: ObjectStore, month: MonthlyObject) -> str:
    return f"the rows listed in {store.uri(month.quarantine_key)}" if month.quarantine_key else "the rows"


def _by_file(months: list[MonthlyObject]) -> list[MonthlyObject]:
    """One month for each file: the counts are those of the file."""
    return list({month.source.sha256: month for month in months}.values())
