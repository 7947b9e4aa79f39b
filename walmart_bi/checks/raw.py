"""Checks of the raw layer: the recorded file is still the delivered one, and its columns are the contract's."""

# No postponed annotations here: Dagster reads those of decorated functions when it defines them.

from collections.abc import Iterator

import dagster as dg

from walmart_bi.assets.common import RAW_SALES_FILE, explained
from walmart_bi.checks.common import months_to_check, result
from walmart_bi.handover import Handover
from walmart_bi.records import SourceFile
from walmart_bi.sales.contract import RAW_COLUMNS
from walmart_bi.stores.base import ObjectNotFound, ObjectStore

READABLE = "delivered_file_is_the_recorded_one"
COLUMNS = "columns_match_the_contract"
EXTRA_COLUMNS = "no_extra_columns"


def build_raw_checks() -> list[dg.AssetChecksDefinition]:
    """The checks of the raw layer."""

    @dg.multi_asset_check(
        name="raw_sales_file_checks",
        specs=[
            dg.AssetCheckSpec(
                READABLE,
                asset=RAW_SALES_FILE,
                blocking=True,
                description="The file that was inspected still lies in `raw_data/`, unchanged, and holds records.",
            ),
            dg.AssetCheckSpec(
                COLUMNS,
                asset=RAW_SALES_FILE,
                blocking=True,
                description="Every column of the cleaning contract is there, once.",
            ),
            dg.AssetCheckSpec(
                EXTRA_COLUMNS,
                asset=RAW_SALES_FILE,
                description="Warns about columns that the contract does not know: they are kept out.",
            ),
        ],
    )
    def raw_sales_file_checks(
        context: dg.AssetCheckExecutionContext, store: dg.ResourceParam[ObjectStore]
    ) -> Iterator[dg.AssetCheckResult]:
        with explained():
            handover = Handover(store)
            months = months_to_check(context, store, RAW_SALES_FILE)
            sources = [handover.read(RAW_SALES_FILE, month, SourceFile) for month in months]
            files = list({source.key: source for source in sources}.values())
            counts = {"months": len(months), "files": len(files), "records": sum(file.records for file in files)}
            yield result(RAW_SALES_FILE, READABLE, _changed(store, files), counts)
            yield result(RAW_SALES_FILE, COLUMNS, _wrong_columns(files), counts)
            yield result(
                RAW_SALES_FILE, EXTRA_COLUMNS, _extra_columns(files), counts, severity=dg.AssetCheckSeverity.WARN
            )

    return [raw_sales_file_checks]


def _changed(store: ObjectStore, files: list[SourceFile]) -> list[str]:
    problems = []
    for file in files:
        try:
            now = store.head(file.key)
        except ObjectNotFound:
            problems.append(f"{file.key} is gone")
            continue
        if now.etag != file.etag:
            problems.append(f"{file.key} was overwritten after it was inspected")
        if file.records == 0:
            problems.append(f"{file.key} holds no records")
    return problems


def _wrong_columns(files: list[SourceFile]) -> list[str]:
    expected = [column.name for column in RAW_COLUMNS]
    return [
        f"{file.key}: expected {name} once, found {file.columns.count(name)}"
        for file in files
        for name in expected
        if file.columns.count(name) != 1
    ]


def _extra_columns(files: list[SourceFile]) -> list[str]:
    return [f"{file.key}: {', '.join(file.extra_columns)}" for file in files if file.extra_columns]
