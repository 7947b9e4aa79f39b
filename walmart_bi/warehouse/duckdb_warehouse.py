"""The warehouse as a DuckDB file, for work without a cloud account.

Only the statements belong here. What a load decides is in `ledger.py`, what is compared in `totals.py`, how the file
is opened and shared in `duckdb_file.py` and `locking.py`. DuckDB is imported when a method first needs it.
"""

# ruff: noqa: S608 - what is put into a statement are this project's own constants and column names; values are bound.

from __future__ import annotations

import contextlib
import dataclasses
import datetime as dt
import hashlib
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from walmart_bi.months import first_day, next_month
from walmart_bi.records import ControlTotals, MonthlyObject
from walmart_bi.sql_files import read_table_ddl
from walmart_bi.stores.base import ObjectStore
from walmart_bi.warehouse import ledger
from walmart_bi.warehouse.base import (
    LEDGER_TABLE,
    SALES_TABLE,
    LedgerEntry,
    LoadOutcome,
    QueryResult,
    Reader,
    WarehouseError,
)
from walmart_bi.warehouse.totals import TOTALS, require_equal, totals_from_row

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

    from walmart_bi.warehouse.duckdb_file import DuckDbFile

_IDENTIFIER = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_OBJECT = "read_parquet(?, hive_partitioning = FALSE)"
_LEDGER_COLUMNS = ", ".join(ledger.LEDGER_COLUMNS)
_ENTRIES = f"SELECT {_LEDGER_COLUMNS} FROM load_ledger WHERE month = COALESCE(?, month) ORDER BY month, version"


class DuckDbWarehouse:
    """A `Warehouse` in one local file, which the first write creates."""

    def __init__(self, path: Path, store: ObjectStore, *, busy_timeout: float = 60.0) -> None:
        self._path = path.absolute()
        self._store = store
        self._busy_timeout = busy_timeout

    def table_name(self, name: str) -> str:
        """The table as a DuckDB client names it after opening the file."""
        catalog = self._path.name.partition(".")[0]
        if not _IDENTIFIER.fullmatch(catalog):
            catalog = '"' + catalog.replace('"', '""') + '"'
        return f"{catalog}.main.{name}"

    def create_tables(self) -> None:
        """Create the sales table and the ledger where they are missing. Safe to repeat."""
        self._file().change(_create_tables)

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

        def change(connection: DuckDBPyConnection) -> LoadOutcome:
            _create_tables(connection)
            entries = _entries(connection, load.month)
            active = ledger.active_entry(entries)
            if active is not None and ledger.is_unchanged(active, load):
                return LoadOutcome(active, "unchanged", active.loaded_rows)
            superseded = None if allow_superseded else ledger.superseded_entry(entries, load)
            if active is not None and superseded is not None:
                return LoadOutcome(active, "superseded", active.loaded_rows, superseded.load_id)
            if not allow_shrink:
                ledger.refuse_shrink(active, load)
            entry = ledger.next_entry(entries, load, run_id=run_id, code_version=code_version, now=_now())
            _deactivate(connection, load.month)
            _insert_entry(connection, entry)
            return LoadOutcome(entry, "loaded", self._replace_rows(connection, entry, load.totals))

        return self._file().change(change)

    def restore_load(self, month: str, load_id: str) -> LoadOutcome:
        """Make an earlier load of the month active again, from its write-once object; see `Warehouse`."""

        def change(connection: DuckDBPyConnection) -> LoadOutcome:
            _create_tables(connection)
            entry = ledger.find_load(_entries(connection, month), month, load_id)
            if entry.is_active:
                return LoadOutcome(entry, "unchanged", entry.loaded_rows)
            restored = dataclasses.replace(entry, is_active=True, activated_at=_now())
            _deactivate(connection, month)
            _activate(connection, restored)
            return LoadOutcome(restored, "restored", self._replace_rows(connection, restored, None))

        return self._file().change(change)

    def ledger(self, month: str | None = None) -> list[LedgerEntry]:
        """All entries, or those of one month, by month and version; empty when nothing was ever loaded."""
        file = self._file()
        if not file.exists():
            return []
        with file.reading() as connection:
            reader = _DuckDbReader(connection, file)
            rows = reader.query(_ENTRIES, [month]).rows if _has_tables(connection) else []
        return [ledger.ledger_entry(row) for row in rows]

    def create_view(self, name: str, select: str) -> None:
        """Create the view or replace its text."""
        if not _IDENTIFIER.fullmatch(name):
            raise WarehouseError(
                "This cannot be the name of a view.",
                place=repr(name),
                next_step="use letters, digits and underscores, starting with a letter.",
            )

        def change(connection: DuckDBPyConnection) -> None:
            _create_tables(connection)
            connection.execute(f"CREATE OR REPLACE VIEW {name} AS {select}")

        self._file().change(change)

    @contextlib.contextmanager
    def read(self) -> Iterator[Reader]:
        """A reader on one consistent snapshot. Loads wait meanwhile, so keep it short."""
        file = self._file()
        if not file.exists():
            raise self._nothing_loaded()
        with file.reading() as connection:
            if not _has_tables(connection):
                raise self._nothing_loaded()
            yield _DuckDbReader(connection, file)

    def _file(self) -> DuckDbFile:
        from walmart_bi.warehouse.duckdb_file import DuckDbFile

        return DuckDbFile(self._path, busy_timeout=self._busy_timeout, create=_create_tables)

    def _replace_rows(self, connection: DuckDBPyConnection, entry: LedgerEntry, written: ControlTotals | None) -> int:
        """Swap the month's rows for those of the entry's object; the number of rows it had before.

        `written` is what the writer of the object counted; for a restored load the ledger row stands in for it.
        """
        columns = ", ".join(name for name, _ in _sales_columns(connection))
        with self._object(entry) as path:
            _require_table_columns(connection, entry, path)
            _require_rows_of_month(connection, entry, path)
            found = _totals(connection, _OBJECT, [str(path)])
            expected = written or dataclasses.replace(found, rows=entry.loaded_rows, total_cents=entry.total_cents)
            require_equal(expected, found, where="The content of the object", place=entry.object_key)
            month = first_day(entry.month)
            deleted = connection.execute("DELETE FROM walmart_sales WHERE month = ?", [month]).fetchall()[0][0]
            connection.execute(
                f"INSERT INTO walmart_sales ({columns}, load_id) SELECT {columns}, ? FROM {_OBJECT}",
                [entry.load_id, str(path)],
            )
        loaded = _totals(connection, "walmart_sales WHERE month = ?", [month])
        require_equal(expected, loaded, where="The month in the table", place=self.table_name(SALES_TABLE))
        return int(deleted)

    @contextlib.contextmanager
    def _object(self, entry: LedgerEntry) -> Iterator[Path]:
        """The entry's object as a local file, checked to be the bytes that the ledger row names."""
        with self._store.fetch(entry.object_key) as path:
            with path.open("rb") as file:
                found = hashlib.file_digest(file, "sha256").hexdigest()
            if found != entry.object_sha256:
                raise WarehouseError(
                    f"The object's content has the hash {found[:16]}... instead of {entry.object_sha256[:16]}...:"
                    " it was replaced or damaged after it was written. Nothing was changed.",
                    place=entry.object_key,
                    next_step="load the month again from its raw file.",
                )
            yield path

    def _nothing_loaded(self) -> WarehouseError:
        return WarehouseError(
            "Nothing is loaded yet.",
            place=str(self._path),
            next_step="load a file first, for example with `walmart-bi load FILE`.",
        )


class _DuckDbReader:
    def __init__(self, connection: DuckDBPyConnection, file: DuckDbFile) -> None:
        self._connection = connection
        self._file = file

    def query(self, sql: str, parameters: Sequence[Any] = ()) -> QueryResult:
        """Run one SELECT with `?` placeholders bound to the parameters."""
        import duckdb

        try:
            result = self._connection.execute(sql, list(parameters))
            return QueryResult(tuple(column[0] for column in result.description or ()), result.fetchall())
        except duckdb.Error as error:
            raise self._file.explained(error) from error


def _now() -> dt.datetime:
    return dt.datetime.now(dt.UTC)


def _create_tables(connection: DuckDBPyConnection) -> None:
    for name in (SALES_TABLE, LEDGER_TABLE):
        connection.execute(read_table_ddl(name))


def _has_tables(connection: DuckDBPyConnection) -> bool:
    found = connection.execute(
        "SELECT COUNT(*) FROM duckdb_tables() WHERE table_name IN (?, ?)", [SALES_TABLE, LEDGER_TABLE]
    ).fetchall()
    return bool(found[0][0] == 2)


def _entries(connection: DuckDBPyConnection, month: str) -> list[LedgerEntry]:
    return [ledger.ledger_entry(row) for row in connection.execute(_ENTRIES, [month]).fetchall()]


def _insert_entry(connection: DuckDBPyConnection, entry: LedgerEntry) -> None:
    places = ", ".join("?" for _ in ledger.LEDGER_COLUMNS)
    connection.execute(f"INSERT INTO load_ledger ({_LEDGER_COLUMNS}) VALUES ({places})", ledger.ledger_values(entry))


def _deactivate(connection: DuckDBPyConnection, month: str) -> None:
    connection.execute("UPDATE load_ledger SET is_active = FALSE WHERE month = ? AND is_active", [month])


def _activate(connection: DuckDBPyConnection, entry: LedgerEntry) -> None:
    connection.execute(
        "UPDATE load_ledger SET is_active = TRUE, activated_at = ? WHERE load_id = ?",
        [entry.activated_at.replace(tzinfo=None), entry.load_id],
    )


def _totals(connection: DuckDBPyConnection, relation: str, parameters: list[Any]) -> ControlTotals:
    return totals_from_row(connection.execute(f"SELECT {TOTALS} FROM {relation}", parameters).fetchall()[0])


def _sales_columns(connection: DuckDBPyConnection) -> list[tuple[str, str]]:
    """Names and types of the table's columns that an object has, which is all but the load."""
    described = connection.execute("DESCRIBE walmart_sales").fetchall()
    return [(name, kind) for name, kind, *_ in described if name != "load_id"]


def _require_table_columns(connection: DuckDBPyConnection, entry: LedgerEntry, path: Path) -> None:
    """Refuse other columns or types: DuckDB would convert them, where Redshift's COPY goes by position and fails."""
    described = connection.execute(f"DESCRIBE SELECT * FROM {_OBJECT}", [str(path)]).fetchall()
    expected, found = _sales_columns(connection), [(name, kind) for name, kind, *_ in described]
    if found != expected:
        unlike = sorted({f"{name} {kind}" for name, kind in set(expected) ^ set(found)}) or ["their order"]
        raise WarehouseError(
            f"The object's columns are not those of walmart_sales: {', '.join(unlike)} differ. Nothing was changed.",
            place=entry.object_key,
            next_step="write the object again with the columns of the cleaning contract.",
        )


def _require_rows_of_month(connection: DuckDBPyConnection, entry: LedgerEntry, path: Path) -> None:
    """Refuse rows of another month: they would stay behind when this month is replaced next time."""
    month = first_day(entry.month)
    foreign = connection.execute(
        f"SELECT COUNT(*) FROM {_OBJECT} WHERE month <> ? OR purchase_date < ? OR purchase_date >= ?",
        [str(path), month, month, first_day(next_month(entry.month))],
    ).fetchall()[0][0]
    if foreign:
        raise WarehouseError(
            f"{foreign} rows of the object are not in {entry.month}. Nothing was changed.",
            place=entry.object_key,
            next_step="load the month again from its raw file.",
        )
