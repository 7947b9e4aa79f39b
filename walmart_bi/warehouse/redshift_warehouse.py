"""The warehouse on Amazon Redshift.

Only the statements and their order belong here. What a load decides is in `ledger.py`, what is compared in
`totals.py`, how rows reach Redshift in `redshift_stage.py`, sessions and their errors in `redshift_connection.py`.

Redshift enforces no key and gives each transaction a snapshot, so two loads of one month could both commit. The first
statement of the transaction that replaces a month is therefore LOCK on the ledger, before any that fixes the snapshot.
TRUNCATE and ALTER TABLE APPEND commit on their own and have no place in it.
"""

# ruff: noqa: S608 - what is put into a statement are this project's own constants and column names; values are bound.

from __future__ import annotations

import contextlib
import dataclasses
import datetime as dt
import time
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from walmart_bi.months import first_day
from walmart_bi.points import reached
from walmart_bi.records import ControlTotals, MonthlyObject
from walmart_bi.stores.base import ObjectStore
from walmart_bi.warehouse import ledger
from walmart_bi.warehouse.base import (
    LEDGER_TABLE,
    SALES_TABLE,
    LedgerEntry,
    LoadOutcome,
    Reader,
    WarehouseBusy,
    WarehouseError,
)
from walmart_bi.warehouse.names import IDENTIFIER, require_view_names
from walmart_bi.warehouse.redshift_settings import RedshiftSettings
from walmart_bi.warehouse.redshift_stage import STAGE, stage_object
from walmart_bi.warehouse.redshift_tables import create_tables, has_tables
from walmart_bi.warehouse.rollups import STALE_MONTHS, refresh_month
from walmart_bi.warehouse.source_age import is_from_newer_file
from walmart_bi.warehouse.totals import TOTALS, require_equal, totals_from_row

if TYPE_CHECKING:
    from walmart_bi.warehouse.redshift_connection import Session
    from walmart_bi.warehouse.redshift_sessions import Sessions

_ATTEMPTS = 5
_LEDGER_COLUMNS = ", ".join(ledger.LEDGER_COLUMNS)
_ENTRIES = f"SELECT {_LEDGER_COLUMNS} FROM load_ledger ORDER BY month, version"
_ENTRIES_OF_MONTH = f"SELECT {_LEDGER_COLUMNS} FROM load_ledger WHERE month = ? ORDER BY month, version"
_HOLDERS = """
SELECT DISTINCT svv_transactions.pid, svv_transactions.txn_owner
FROM svv_transactions
JOIN pg_class ON pg_class.oid = svv_transactions.relation
WHERE pg_class.relname = ? AND svv_transactions.granted AND svv_transactions.pid <> pg_backend_pid()
ORDER BY svv_transactions.pid
"""
Plan = Callable[[list[LedgerEntry]], LoadOutcome]
"""What the change comes to, given the month's ledger; see `ledger.plan_load`."""
_TO_DO = ("loaded", "restored")


class _CommitUnknown(Exception):
    """The connection broke while the answer to COMMIT was awaited; the outcome holds if it was carried out."""

    def __init__(self, outcome: LoadOutcome) -> None:
        super().__init__(outcome.entry.load_id)
        self.outcome = outcome


class RedshiftWarehouse:
    """A `Warehouse` in one schema of a Redshift database."""

    def __init__(self, settings: RedshiftSettings, store: ObjectStore, *, busy_timeout: float = 60.0) -> None:
        self._settings = settings
        self._store = store
        self._busy_timeout = busy_timeout
        self._sessions: Sessions | None = None  # made at the first use, as it brings the driver

    def table_name(self, name: str) -> str:
        """The table as a Redshift client names it."""
        return f"{self._settings.database}.{self._settings.schema}.{name}"

    def create_tables(self) -> None:
        """Create the tables where they are missing, and rollups of months that have none. Safe to repeat."""
        with self._session() as session:
            self._prepare(session)

    def replace_month(
        self,
        load: MonthlyObject,
        *,
        run_id: str,
        code_version: str,
        allow_shrink: bool = False,
        allow_superseded: bool = False,
    ) -> LoadOutcome:
        """Make the object's rows the month, with the ledger row, in one transaction; see `Warehouse`."""

        def plan(entries: list[LedgerEntry]) -> LoadOutcome:
            return ledger.plan_load(
                entries,
                load,
                run_id=run_id,
                code_version=code_version,
                allow_shrink=allow_shrink,
                allow_superseded=allow_superseded,
                now=_now(),
                is_newer=lambda entry: is_from_newer_file(entry, load, self._store),
            )

        return self._swap(load.month, plan, load.totals)

    def restore_load(self, month: str, load_id: str) -> LoadOutcome:
        """Make an earlier load of the month active again, from its write-once object; see `Warehouse`."""
        return self._swap(month, lambda entries: ledger.plan_restore(entries, month, load_id, now=_now()), None)

    def ledger(self, month: str | None = None) -> list[LedgerEntry]:
        """All entries, or those of one month, by month and version; empty when nothing was ever loaded."""
        with self._session() as session:
            return _entries(session, month) if has_tables(session, self._settings) else []

    def create_views(self, views: Mapping[str, str]) -> None:
        """Create the views, given as name and SELECT, or replace their text, one after the other."""
        require_view_names(views)
        with self._session() as session:
            self._prepare(session)
            for name, select in views.items():
                _create_view(session, name, select)

    @contextlib.contextmanager
    def read(self) -> Iterator[Reader]:
        """A reader on one consistent snapshot."""
        with self._session() as session:
            if not has_tables(session, self._settings):
                raise WarehouseError(
                    "Nothing is loaded yet.",
                    place=self._settings.place,
                    next_step="load a file first, for example with `walmart-bi load FILE`.",
                )
            with session.transaction("BEGIN READ ONLY"):
                yield session

    @contextlib.contextmanager
    def _session(self, *, again: bool = True) -> Iterator[Session]:
        from walmart_bi.warehouse.redshift_sessions import Sessions

        if not IDENTIFIER.fullmatch(self._settings.schema):
            raise WarehouseError(
                "This cannot be the name of a schema.",
                place=repr(self._settings.schema),
                next_step="set WALMART_BI_REDSHIFT_SCHEMA to letters, digits and underscores.",
            )
        if self._sessions is None:
            self._sessions = Sessions(self._settings)
        with self._sessions.session(again=again) as opened:
            yield opened

    def _swap(self, month: str, plan: Plan, written: ControlTotals | None) -> LoadOutcome:
        """The planned change, from the start again after a lost connection; a lost COMMIT is looked up first."""
        from walmart_bi.warehouse.redshift_connection import SessionLost, retry_pause

        unknown: LoadOutcome | None = None
        for attempt in range(_ATTEMPTS):
            try:
                with self._session(again=False) as session:  # leaves the stage behind
                    if unknown is not None and self._is_committed(session, unknown.entry):
                        return unknown
                    unknown = None
                    return self._swap_once(session, month, plan, written)
            except _CommitUnknown as error:
                unknown = error.outcome
            except SessionLost:
                if unknown is None and attempt == _ATTEMPTS - 1:
                    raise
            except WarehouseError as error:
                if unknown is None:
                    raise
                raise self._commit_unknown(month) from error
            time.sleep(retry_pause(attempt))
        raise self._commit_unknown(month)

    def _commit_unknown(self, month: str) -> WarehouseError:
        return WarehouseError(
            f"The connection broke while {month} was committed, and the ledger could not be asked since.",
            place=self._settings.place,
            next_step="run it again: a load that was committed is recognised and not repeated.",
        )

    def _swap_once(self, session: Session, month: str, plan: Plan, written: ControlTotals | None) -> LoadOutcome:
        from walmart_bi.warehouse.redshift_connection import SerializationConflict, retry_pause

        self._prepare(session)
        session.limit(self._busy_timeout)
        with self._busy_named():
            planned = plan(_entries(session, month))  # spares the COPY; planned again under the lock
        session.limit(self._settings.statement_timeout)
        if planned.action not in _TO_DO:
            return planned
        totals = stage_object(session, self._store, planned.entry, written, role=self._settings.copy_role_arn)
        for attempt in range(_ATTEMPTS - 1):
            try:
                return self._transaction(session, month, plan, totals)
            except SerializationConflict:
                time.sleep(retry_pause(attempt))
        return self._transaction(session, month, plan, totals)

    def _transaction(self, session: Session, month: str, plan: Plan, totals: ControlTotals) -> LoadOutcome:
        from walmart_bi.warehouse.redshift_connection import SessionLost

        columns = ", ".join(name for name, _ in session.column_types(STAGE))
        with self._locked(session):
            planned = plan(_entries(session, month))
            if planned.action not in _TO_DO:
                return planned
            entry, day = planned.entry, first_day(month)
            reached("rows.before_delete")
            deleted = session.execute("DELETE FROM walmart_sales WHERE month = ?", [day])
            reached("rows.before_insert")
            session.execute(
                f"INSERT INTO walmart_sales ({columns}, load_id) SELECT {columns}, CAST(? AS VARCHAR(32)) FROM {STAGE}",
                [entry.load_id],
            )
            reached("rows.after_insert")
            refresh_month(session.execute, month)
            loaded = session.query(f"SELECT {TOTALS} FROM walmart_sales WHERE month = ?", [day]).rows[0]
            require_equal(
                totals,
                totals_from_row(loaded),
                where="The month in the table",
                place=self.table_name(SALES_TABLE),
            )
            session.execute("UPDATE load_ledger SET is_active = FALSE WHERE month = ? AND is_active", [month])
            reached("ledger.before")
            _write_entry(session, planned)
            reached("ledger.after")
            outcome = dataclasses.replace(planned, rows_before=deleted)
            reached("commit.before")
            try:
                session.execute("COMMIT")
            except SessionLost as error:
                raise _CommitUnknown(outcome) from error
            reached("commit.after")
        return outcome

    def _is_committed(self, session: Session, entry: LedgerEntry) -> bool:
        """Whether the ledger has this entry. The lock waits for the session that may still be committing.

        Another load may have replaced it since, or made it active once more.
        """
        with self._locked(session):
            found = next((each for each in _entries(session, entry.month) if each.load_id == entry.load_id), None)
        if found is None or found.activated_at < entry.activated_at:
            return False
        return dataclasses.replace(found, is_active=entry.is_active, activated_at=entry.activated_at) == entry

    @contextlib.contextmanager
    def _locked(self, session: Session) -> Iterator[None]:
        """A transaction whose first statement takes the ledger from everybody else, and waits for a bounded time."""
        session.limit(self._busy_timeout)
        with session.transaction():
            reached("lock.before")
            with self._busy_named():
                session.execute("LOCK load_ledger")
            reached("lock.after")
            session.limit(self._settings.statement_timeout)
            yield

    @contextlib.contextmanager
    def _busy_named(self) -> Iterator[None]:
        """A statement that waited in vain ends as WarehouseBusy, which names who is in the way."""
        from walmart_bi.warehouse.redshift_connection import StatementTimedOut

        try:
            yield
        except StatementTimedOut as error:
            raise self._busy() from error

    def _busy(self) -> WarehouseBusy:
        rows: list[tuple[Any, ...]] = []
        # Busy is the news; that the holder cannot be named, for want of a right or a connection, is not.
        with contextlib.suppress(WarehouseError), self._session() as another:
            rows = another.query(_HOLDERS, [LEDGER_TABLE]).rows
        holders = " and ".join(f"session {pid} ({str(owner).strip()})" for pid, owner in rows) or "another session"
        return WarehouseBusy(
            f"The warehouse was not free within {self._busy_timeout:g} s: the ledger is held by {holders}.",
            place=self._settings.place,
            next_step="wait until that load is done, or end its session, then run it again.",
        )

    def _prepare(self, session: Session) -> None:
        """Tables where they are missing, and rollups of months that have none, all of these in one transaction."""
        create_tables(session, self._settings)
        session.limit(self._busy_timeout)
        with self._busy_named():
            stale = session.query(STALE_MONTHS).rows
        session.limit(self._settings.statement_timeout)
        if not stale:
            return
        with self._locked(session):
            for (month,) in session.query(STALE_MONTHS).rows:
                refresh_month(session.execute, month)
            session.execute("COMMIT")


def _now() -> dt.datetime:
    return dt.datetime.now(dt.UTC)


def _entries(session: Session, month: str | None) -> list[LedgerEntry]:
    found = session.query(_ENTRIES_OF_MONTH, [month]) if month else session.query(_ENTRIES)
    return [ledger.ledger_entry(row) for row in found.rows]


def _write_entry(session: Session, planned: LoadOutcome) -> None:
    entry = planned.entry
    if planned.action == "restored":
        session.execute(
            "UPDATE load_ledger SET is_active = TRUE, activated_at = ? WHERE load_id = ?",
            [entry.activated_at.replace(tzinfo=None), entry.load_id],
        )
    else:
        places = ", ".join("?" for _ in ledger.LEDGER_COLUMNS)
        session.execute(f"INSERT INTO load_ledger ({_LEDGER_COLUMNS}) VALUES ({places})", ledger.ledger_values(entry))


def _create_view(session: Session, name: str, select: str) -> None:
    from walmart_bi.warehouse.redshift_connection import SerializationConflict, SessionLost, StatementTimedOut

    try:
        session.execute(f"CREATE OR REPLACE VIEW {name} AS {select}")
    except (SerializationConflict, SessionLost, StatementTimedOut):
        raise  # says nothing about the view
    except WarehouseError:
        # Redshift replaces a view only by one with the same columns. A dropped view loses its grants, so that is the
        # second choice.
        with session.transaction():
            session.execute(f"DROP VIEW IF EXISTS {name}")
            session.execute(f"CREATE VIEW {name} AS {select}")
            session.execute("COMMIT")
