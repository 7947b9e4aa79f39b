"""Loaders that are wrong on purpose. The suite that clears the real one must convict each of these.

Each puts into two transactions what belongs into one, with the real statements and the real points.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from unittest import mock

from walmart_bi.cli.project import Project
from walmart_bi.points import reached
from walmart_bi.records import MonthlyObject
from walmart_bi.warehouse import duckdb_warehouse as real
from walmart_bi.warehouse import ledger, redshift_warehouse
from walmart_bi.warehouse.base import LoadOutcome, Warehouse
from walmart_bi.warehouse.duckdb_warehouse import DuckDbWarehouse
from walmart_bi.warehouse.redshift_warehouse import RedshiftWarehouse
from walmart_bi.warehouse.rollups import Execute, refresh_month


class _TwoTransactions(DuckDbWarehouse):
    def _planned(self, connection: Any, load: MonthlyObject) -> LoadOutcome:
        real._create_tables(connection)
        entries = real._entries(connection, load.month)
        return ledger.plan_load(
            entries,
            load,
            run_id="proof",
            code_version="proof",
            allow_shrink=False,
            allow_superseded=False,
            now=real._now(),
        )

    def _mark(self, connection: Any, planned: LoadOutcome) -> None:
        real._deactivate(connection, planned.entry.month)
        reached("ledger.before")
        real._insert_entry(connection, planned.entry)
        reached("ledger.after")


class LedgerFirst(_TwoTransactions):
    """Marks the month as loaded, then loads it: a load that dies between the two is never made up for."""

    def replace_month(self, load: MonthlyObject, **_: Any) -> LoadOutcome:
        planned = self._file().change(lambda connection: self._planned(connection, load))
        if planned.action == "loaded":
            self._file().change(lambda connection: self._mark(connection, planned))
            self._file().change(lambda connection: self._replace_rows(connection, planned.entry, load.totals))
        return planned


class LedgerLast(_TwoTransactions):
    """Loads the month and marks it afterwards: until then the rows belong to a load that nobody knows."""

    def replace_month(self, load: MonthlyObject, **_: Any) -> LoadOutcome:
        planned = self._file().change(lambda connection: self._planned(connection, load))
        if planned.action == "loaded":
            self._file().change(lambda connection: self._replace_rows(connection, planned.entry, load.totals))
            self._file().change(lambda connection: self._mark(connection, planned))
        return planned


class AppendThenMark(_TwoTransactions):
    """Adds the rows and marks the file afterwards, as a plain COPY does: one that dies between the two adds twice."""

    def replace_month(self, load: MonthlyObject, **_: Any) -> LoadOutcome:
        planned = self._file().change(lambda connection: self._planned(connection, load))
        if planned.action == "loaded":
            self._file().change(lambda connection: self._append(connection, planned))
            self._file().change(lambda connection: self._mark(connection, planned))
        return planned

    def _append(self, connection: Any, planned: LoadOutcome) -> None:
        entry = planned.entry
        # What was there before goes only when the ledger says that it was replaced.
        if entry.supersedes:
            connection.execute("DELETE FROM walmart_sales WHERE load_id = ?", [entry.supersedes])
        with self._store.fetch(entry.object_key) as path:
            columns = ", ".join(name for name, _ in real._sales_columns(connection))
            connection.execute(
                f"INSERT INTO walmart_sales ({columns}, load_id) SELECT {columns}, ? FROM {real._OBJECT}",
                [entry.load_id, str(path)],
            )


class TruncateFirst(_TwoTransactions):
    """Empties everything, then loads the month: until then nobody sees anything, as if nothing was ever loaded."""

    def replace_month(self, load: MonthlyObject, **_: Any) -> LoadOutcome:
        planned = self._file().change(lambda connection: self._planned(connection, load))
        if planned.action == "loaded":
            self._file().change(self._truncate)
            self._file().change(lambda connection: self._load(connection, planned, load))
        return planned

    def _truncate(self, connection: Any) -> None:
        for table in ("walmart_sales", "load_ledger", *real.ROLLUP_TABLES):
            connection.execute(f"DELETE FROM {table}")

    def _load(self, connection: Any, planned: LoadOutcome, load: MonthlyObject) -> None:
        self._mark(connection, planned)
        self._replace_rows(connection, planned.entry, load.totals)


class RollupsLast(_TwoTransactions):
    """Refreshes the sums when the rows are committed: a load that dies between leaves KPIs of another state."""

    def replace_month(self, load: MonthlyObject, **_: Any) -> LoadOutcome:
        planned = self._file().change(lambda connection: self._planned(connection, load))
        if planned.action == "loaded":
            self._file().change(lambda connection: self._rows_alone(connection, planned, load))
            self._file().change(lambda connection: real.refresh_month(connection.execute, load.month))
        return planned

    def _rows_alone(self, connection: Any, planned: LoadOutcome, load: MonthlyObject) -> None:
        self._mark(connection, planned)
        with mock.patch.object(real, "refresh_month", lambda *_: None):
            self._replace_rows(connection, planned.entry, load.totals)


class RowsFirst(RedshiftWarehouse):
    """On Redshift: commits the rows, then their sums and the ledger row in a second transaction."""

    def _transaction(self, *arguments: Any) -> LoadOutcome:
        with mock.patch.object(redshift_warehouse, "refresh_month", self._refresh_anew):
            return super()._transaction(*arguments)

    def _refresh_anew(self, execute: Execute, month: str) -> None:
        execute("COMMIT", [])
        execute("BEGIN", [])
        refresh_month(execute, month)


def _of(loader: type[DuckDbWarehouse]) -> Callable[[Project], Warehouse]:
    return lambda project: loader(project.settings.warehouse_file, project.store)


LOADERS: dict[str, Callable[[Project], Warehouse]] = {
    "real": lambda project: project.warehouse,
    "ledger first": _of(LedgerFirst),
    "ledger last": _of(LedgerLast),
    "append": _of(AppendThenMark),
    "truncate first": _of(TruncateFirst),
    "rollups last": _of(RollupsLast),
    "rows first": lambda project: RowsFirst(project.settings.aws.redshift, project.store),
}
