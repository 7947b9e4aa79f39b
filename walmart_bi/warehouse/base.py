"""What every warehouse promises; the contract suite in `walmart_bi_tests/contracts` holds each one to it.

Only the promise, its records and its errors belong here: no DuckDB, no driver, no Dagster.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple, Protocol

from walmart_bi.errors import WalmartBiError
from walmart_bi.records import MonthlyObject

SALES_TABLE = "walmart_sales"
LEDGER_TABLE = "load_ledger"


@dataclass(frozen=True)
class LedgerEntry:
    """One committed load of one month. Exactly one entry a month is active: its rows are the month in the table.

    `load_id` is `<month>-v<version>`; versions count from 1 without gaps. Times are UTC. The `source_*` counts are
    those of the whole delivered file; `quarantined_rows` and `duplicate_rows` are the month's own.
    """

    load_id: str
    month: str
    version: int
    is_active: bool
    loaded_rows: int
    quarantined_rows: int
    duplicate_rows: int
    total_cents: int
    object_key: str
    object_sha256: str
    source_key: str
    source_etag: str
    source_sha256: str
    source_records: int
    source_quarantined: int
    source_duplicates: int
    source_repairs: int
    contract_version: str
    code_version: str
    run_id: str
    supersedes: str | None
    committed_at: dt.datetime
    activated_at: dt.datetime


@dataclass(frozen=True)
class LoadOutcome:
    """What a load did: the now active entry, what happened, and the rows that the month had before.

    `superseded`: nothing was written, because these rows were loaded before, as `superseded_load_id`, and replaced.
    `outdated`: nothing was written, because the active load is of a newer file.
    """

    entry: LedgerEntry
    action: Literal["loaded", "unchanged", "superseded", "outdated", "restored"]
    rows_before: int
    superseded_load_id: str | None = None


class QueryResult(NamedTuple):
    """Column names and rows with exact Python types: Decimal, date, datetime, bool, int, float, str or None."""

    columns: tuple[str, ...]
    rows: list[tuple[Any, ...]]


class WarehouseError(WalmartBiError):
    """The warehouse cannot do what was asked; nothing was changed."""


class WarehouseBusy(WarehouseError):
    """Another process held the warehouse for longer than the wait allowed; the error names it."""


class ShrinkRefused(WarehouseError):
    """The new version of a month has less than half of the loaded rows, and nobody allowed that."""


class TotalsMismatch(WarehouseError):
    """What reached the staging table is not what was written to the object."""


class UnknownLoad(WarehouseError):
    """The ledger has no such load for this month."""


class Reader(Protocol):
    """Queries that all see the same committed state."""

    def query(self, sql: str, parameters: Sequence[Any] = ()) -> QueryResult:
        """Run one SELECT with `?` placeholders bound to the parameters."""
        ...


class Warehouse(Protocol):
    """Rows, ledger and views of one target."""

    def table_name(self, name: str) -> str:
        """The fully qualified name that people can paste into a client."""
        ...

    def create_tables(self) -> None:
        """Create sales table, ledger and rollups where they are missing. Safe to repeat.

        Every change does this first. Months whose rollups are missing, as in a warehouse of an earlier version, get
        them from their rows.
        """
        ...

    def replace_month(
        self,
        load: MonthlyObject,
        *,
        run_id: str,
        code_version: str,
        allow_shrink: bool = False,
        allow_superseded: bool = False,
    ) -> LoadOutcome:
        """Make the object's rows the month, with ledger row and rollups, in one transaction; readers see old or new.

        The same object from the same source as the active load: `unchanged`, nothing is written. As an earlier load
        that was replaced since: `superseded`, nothing is written unless that is allowed, because a copied or
        restored directory brings old files back as if they were new. Of an older raw file than the active load, which
        another run committed meanwhile: `outdated`, nothing is written unless `allow_superseded`.
        Raises ShrinkRefused, TotalsMismatch, WarehouseBusy.
        """
        ...

    def restore_load(self, month: str, load_id: str) -> LoadOutcome:
        """Make an earlier load of the month active again, from its write-once object. Raises UnknownLoad."""
        ...

    def ledger(self, month: str | None = None) -> list[LedgerEntry]:
        """All entries, or those of one month, by month and version; empty when nothing was ever loaded."""
        ...

    def create_views(self, views: Mapping[str, str]) -> None:
        """Create the views, given as name and SELECT, or replace their text."""
        ...

    def read(self) -> AbstractContextManager[Reader]:
        """A reader on one consistent snapshot, for as short a time as possible."""
        ...
