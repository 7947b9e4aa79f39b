"""Each nasty file becomes the same on both targets: the same verdict, then the same table and the same ledger.

The targets are a directory with DuckDB, and an S3 server with the stand-in for Redshift. One database of each serves
all files, one after the other, so that most loads replace what another file had brought. Of those that are rejected,
which never come to a target, one for each reason is enough; of those that become the same objects, byte by byte, the
first is loaded.
"""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest

from walmart_bi.errors import WalmartBiError
from walmart_bi.records import MonthlyObject
from walmart_bi.sales.landing import months_covered
from walmart_bi.sales.publishing import clean_into_store, inspect_delivered, publish
from walmart_bi.stores.base import ObjectStore
from walmart_bi.warehouse.base import Warehouse
from walmart_bi_tests.contracts.warehouses import DuckDbSite, redshift_standin
from walmart_bi_tests.corpus import CASES, REJECTIONS, TODAY, Case

# The store's own mark of a version, and the clock's.
OF_EACH_TARGET = {"source_etag": "", "committed_at": None, "activated_at": None}

Target = tuple[ObjectStore, Warehouse]
Contents = tuple[Counter[str], list[dict[str, Any]]]


@pytest.fixture(scope="module")
def targets(tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[Target]]:
    duckdb = DuckDbSite(tmp_path_factory.mktemp("duckdb"))
    with redshift_standin(tmp_path_factory.mktemp("redshift")) as redshift:
        yield [(site.store(), site.warehouse()) for site in (duckdb, redshift)]


@pytest.fixture(scope="module")
def loaded() -> set[frozenset[str]]:
    """The digests of the objects that were loaded."""
    return set()


def delivered(store: ObjectStore, case: Case) -> tuple[list[str], list[MonthlyObject]]:
    """What a person is told of the file, and the month or months that were cleaned from it."""
    info = store.write_bytes(f"raw_data/{case.file_name}", case.bytes())
    try:
        source = inspect_delivered(store, info)
        months = case.months or months_covered(store, info, today=TODAY)
        staged = clean_into_store(store, source, months=months, today=TODAY, policy=case.policy)
    except WalmartBiError as error:
        return [str(error)], []
    told, cleaned = [], []
    for month in staged.values():
        try:
            cleaned.append(publish(store, month))
            told.append(cleaned[-1].key)
        except WalmartBiError as error:
            # Five percent of a handful of rows is less than one. The rows are good, so they are loaded all the same.
            cleaned.append(month)
            told.append(str(error).replace(store.uri("x").removesuffix("x"), ""))
    return told, cleaned


def described(months: list[MonthlyObject]) -> list[MonthlyObject]:
    """All that is known of the months, which is what a ledger is written from, but for what a store says of a file."""
    return [
        dataclasses.replace(month, source=dataclasses.replace(month.source, etag="", modified="")) for month in months
    ]


def contents(warehouse: Warehouse) -> Contents:
    """Table and ledger; a value's type counts as well."""
    with warehouse.read() as reader:
        found = reader.query("SELECT * FROM walmart_sales")
    rows = Counter(repr(sorted(zip(found.columns, row, strict=True))) for row in found.rows)
    return rows, [dataclasses.asdict(entry) | OF_EACH_TARGET for entry in warehouse.ledger()]


def rows_of(outcome: Contents, months: list[MonthlyObject]) -> int:
    """Rows that the ledger says these months have; the table has as many rows as the ledger says of all months."""
    rows, ledger = outcome
    active = {entry["month"]: entry["loaded_rows"] for entry in ledger if entry["is_active"]}
    assert rows.total() == sum(active.values())
    return sum(active[month.month] for month in months)


@pytest.mark.parametrize(
    "case", [case for case in CASES if not case.rejected or case in REJECTIONS], ids=lambda case: case.name
)
def test_a_file_has_one_verdict_and_leaves_equal_tables_on_both_targets(
    targets: list[Target], loaded: set[frozenset[str]], case: Case
) -> None:
    (told, months), (told_on_aws, months_on_aws) = (delivered(store, case) for store, _ in targets)

    assert told == told_on_aws
    assert described(months) == described(months_on_aws)
    assert bool(months) == (case.rejected is None)
    assert sum(month.totals.rows for month in months) == case.loaded

    objects = frozenset(month.sha256 for month in months)
    if not months or objects in loaded:
        return
    loaded.add(objects)
    outcomes = []
    for (_, warehouse), cleaned in zip(targets, (months, months_on_aws), strict=True):
        for month in cleaned:
            warehouse.replace_month(month, run_id=case.name, code_version="1", allow_shrink=True, allow_superseded=True)
        outcomes.append(contents(warehouse))
    assert outcomes[0] == outcomes[1]
    assert rows_of(outcomes[0], months) == case.loaded
