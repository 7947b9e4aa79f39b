"""The warehouse as a DuckDB file, for work without a cloud account.

Only the statements belong here. What a load decides is in `ledger.py`, what is compared in `totals.py`, how the file
is opened and shared in `duckdb_file.py` and `locking.py`. DuckDB is imported when a method first needs it.
"""

# ruff: noqa: S608 - what is put into a statement are this project's own constants and column names; values are bound.

from __future__ import annotations

import contextlib
import dataclasses
import datetime as dt
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from walmart_bi.months import first_day, next_month
from walmart_bi.points import reached
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
from walmart_bi.warehouse.month_object import month_object, require_limits, require_rows_of_month, require_table_columns
from walmart_bi.warehouse.names import IDENTIFIER, require_view_names
from walmart_bi.warehouse.rollups import ROLLUP_TABLES, STALE_MONTHS, refresh_month
from walmart_bi.warehouse.source_age import is_from_newer_file
from walmart_bi.warehouse.totals import TOTALS, require_equal, totals_from_row

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

    from walmart_bi.warehouse.duckdb_file import DuckDbFile

_OBJECT = "read_parquet(?, hive_partitioning = FALSE)"
# DuckDB's names of types, as the Parquet file of the same table names them.
_PARQUET_TYPES = {
    "BOOLEAN": "bool",
    "BIGINT": "int64",
    "INTEGER": "int32",
    "VARCHAR": "string",
    "DATE": "date32[day]",
    "DECIMAL(12,2)": "decimal128(12, 2)",
}
_LOADS_TO_TIDY_AFTER = 24
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
        if not IDENTIFIER.fullmatch(catalog):
            catalog = '"' + catalog.replace('"', '""') + '"'
        return f"{catalog}.main.{name}"

    def create_tables(self) -> None:
        """Create the tables where they are missing, and rollups of months that have none. Safe to repeat."""
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
            planned = ledger.plan_load(
                _entries(connection, load.month),
                load,
                run_id=run_id,
                code_version=code_version,
                allow_shrink=allow_shrink,
                allow_superseded=allow_superseded,
                now=_now(),
                is_newer=lambda entry: is_from_newer_file(entry, load, self._store),
            )
            if planned.action != "loaded":
                return planned
            _deactivate(connection, load.month)
            reached("ledger.before")
            _insert_entry(connection, planned.entry)
            reached("ledger.after")
            return dataclasses.replace(planned, rows_before=self._replace_rows(connection, planned.entry, load.totals))

        return self._file().change(change)

    def restore_load(self, month: str, load_id: str) -> LoadOutcome:
        """Make an earlier load of the month active again, from its write-once object; see `Warehouse`."""

        def change(connection: DuckDBPyConnection) -> LoadOutcome:
            _create_tables(connection)
            planned = ledger.plan_restore(_entries(connection, month), month, load_id, now=_now())
            if planned.action != "restored":
                return planned
            _deactivate(connection, month)
            reached("ledger.before")
            _activate(connection, planned.entry)
            reached("ledger.after")
            return dataclasses.replace(planned, rows_before=self._replace_rows(connection, planned.entry, None))

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

    def create_views(self, views: Mapping[str, str]) -> None:
        """Create the views, given as name and SELECT, or replace their text; all of them or none."""
        require_view_names(views)

        def change(connection: DuckDBPyConnection) -> None:
            _create_tables(connection)
            for name, select in views.items():
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
        with month_object(self._store, entry) as path:
            require_table_columns(entry, _sales_columns(connection), path)
            require_limits(entry, path)
            require_rows_of_month(entry, _rows_of_other_months(connection, entry.month, path))
            found = _totals(connection, _OBJECT, [str(path)])
            expected = written or dataclasses.replace(found, rows=entry.loaded_rows, total_cents=entry.total_cents)
            require_equal(expected, found, where="The content of the object", place=entry.object_key)
            month = first_day(entry.month)
            _tidy_seldom(connection)
            reached("rows.before_delete")
            deleted = connection.execute("DELETE FROM walmart_sales WHERE month = ?", [month]).fetchall()[0][0]
            reached("rows.before_insert")
            connection.execute(
                f"INSERT INTO walmart_sales ({columns}, load_id) SELECT {columns}, ? FROM {_OBJECT}",
                [entry.load_id, str(path)],
            )
            reached("rows.after_insert")
        refresh_month(connection.execute, entry.month)
        loaded = _totals(connection, "walmart_sales WHERE month = ?", [month])
        require_equal(expected, loaded, where="The month in the table", place=self.table_name(SALES_TABLE))
        return int(deleted)

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
    for name in (SALES_TABLE, LEDGER_TABLE, *ROLLUP_TABLES):
        connection.execute(read_table_ddl(name))
    for (month,) in connection.execute(STALE_MONTHS).fetchall():
        refresh_month(connection.execute, month)


def _has_tables(connection: DuckDBPyConnection) -> bool:
    """Asked of the tables themselves: the first look at DuckDB's list of tables costs ten times as much."""
    import duckdb

    try:
        connection.execute("SELECT 1 FROM walmart_sales, load_ledger LIMIT 0")
    except duckdb.CatalogException:
        return False
    return True


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


def _tidy_seldom(connection: DuckDBPyConnection) -> None:
    """Let the checkpoint of every twenty-fourth load tidy the file, and no other.

    Tidying closes the holes of deleted rows and joins small pieces, and moves rows of other months for it: at each load
    it would cost more the more is loaded. Never, it would leave each load's ledger row and rollups in blocks of their
    own, all of which the next load reads. Loads are rows of the ledger; a roll-back adds none, so all of them tidy
    while there are 24, 48, ... rows, and none in between.
    """
    loads = connection.execute("SELECT COUNT(*) FROM load_ledger").fetchall()[0][0]
    connection.execute("RESET max_vacuum_tasks" if loads % _LOADS_TO_TIDY_AFTER == 0 else "SET max_vacuum_tasks = 0")


def _totals(connection: DuckDBPyConnection, relation: str, parameters: list[Any]) -> ControlTotals:
    return totals_from_row(connection.execute(f"SELECT {TOTALS} FROM {relation}", parameters).fetchall()[0])


def _sales_columns(connection: DuckDBPyConnection) -> list[tuple[str, str]]:
    """Names and Parquet types of the table's columns that an object has, which is all but the load."""
    described = connection.execute("DESCRIBE walmart_sales").fetchall()
    return [(name, _PARQUET_TYPES.get(kind, kind)) for name, kind, *_ in described if name != "load_id"]


def _rows_of_other_months(connection: DuckDBPyConnection, month: str, path: Path) -> int:
    start, end = first_day(month), first_day(next_month(month))
    rows = connection.execute(
        f"SELECT COUNT(*) FROM {_OBJECT} WHERE month <> ? OR purchase_date < ? OR purchase_date >= ?",
        [str(path), start, start, end],
    ).fetchall()
    return int(rows[0][0])
