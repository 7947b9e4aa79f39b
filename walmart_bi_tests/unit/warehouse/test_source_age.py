"""Whether a month has rows of a newer file: only a delivered file that still lies there as it was can be newer."""

import dataclasses
import datetime as dt
from pathlib import Path

import pytest

from walmart_bi.records import MonthlyObject
from walmart_bi.stores.base import ObjectInfo
from walmart_bi.stores.directory import DirectoryStore
from walmart_bi.warehouse.base import LedgerEntry
from walmart_bi.warehouse.ledger import next_entry
from walmart_bi.warehouse.source_age import is_from_newer_file
from walmart_bi_tests.builders import make_month

NOW = dt.datetime(2025, 4, 1, tzinfo=dt.UTC)
SECOND = dt.timedelta(seconds=1)


@pytest.fixture
def store(tmp_path: Path) -> DirectoryStore:
    return DirectoryStore(tmp_path / "bucket")


@pytest.fixture
def month(store: DirectoryStore) -> MonthlyObject:
    return make_month(store, "2025-03", 3)


@pytest.fixture
def delivered(store: DirectoryStore) -> ObjectInfo:
    """The file that the month's rows are of, as it lies in the store."""
    return store.write_bytes("raw_data/b.csv", b"rows")


def loaded(month: MonthlyObject, delivered: ObjectInfo) -> LedgerEntry:
    source = dataclasses.replace(month.source, key=delivered.key, etag=delivered.etag)
    return next_entry([], dataclasses.replace(month, source=source), run_id="r", code_version="c", now=NOW)


def load_of(month: MonthlyObject, key: str, modified: dt.datetime) -> MonthlyObject:
    """A load from a file of that name and age."""
    return dataclasses.replace(month, source=dataclasses.replace(month.source, key=key, modified=modified.isoformat()))


@pytest.mark.parametrize(
    ("key", "older_by", "newer"),
    [
        ("raw_data/c.csv", SECOND, True),
        ("raw_data/a.csv", -SECOND, False),
        ("raw_data/a.csv", 0 * SECOND, True),
        ("raw_data/b.csv", 0 * SECOND, False),
        ("raw_data/c.csv", 0 * SECOND, False),
    ],
)
def test_the_later_delivery_is_newer_and_of_two_at_once_the_one_with_the_later_name(
    store: DirectoryStore, month: MonthlyObject, delivered: ObjectInfo, key: str, older_by: dt.timedelta, newer: bool
) -> None:
    load = load_of(month, key, delivered.modified - older_by)
    assert is_from_newer_file(loaded(month, delivered), load, store) is newer


def test_given_the_file_was_removed_or_replaced_since_then_it_is_not_newer(
    store: DirectoryStore, month: MonthlyObject, delivered: ObjectInfo
) -> None:
    entry, load = loaded(month, delivered), load_of(month, "raw_data/a.csv", delivered.modified - SECOND)
    store.write_bytes(delivered.key, b"other rows")
    assert is_from_newer_file(entry, load, store) is False
    store.delete(delivered.key)
    assert is_from_newer_file(entry, load, store) is False


def test_objects_of_other_producers_are_not_compared_with_delivered_files(
    store: DirectoryStore, month: MonthlyObject, delivered: ObjectInfo
) -> None:
    theirs = store.write_bytes("monthly_data/2025-03/b.parquet", b"rows")
    older = delivered.modified - SECOND
    assert is_from_newer_file(loaded(month, theirs), load_of(month, "raw_data/a.csv", older), store) is False
    assert is_from_newer_file(loaded(month, delivered), load_of(month, theirs.key, older), store) is False
