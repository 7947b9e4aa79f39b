"""Loaded places that are damaged on purpose, in a way that a judge must tell. DuckDB only."""

from __future__ import annotations

from collections.abc import Callable

from walmart_bi.cli.project import Project
from walmart_bi.kpis.catalog import load_catalog
from walmart_bi.warehouse.rollups import ROLLUP_TABLES
from walmart_bi_tests.proof.loads import patient


def empty(project: Project) -> None:
    """No rows, no ledger, no sums."""
    _execute(project, *(f"DELETE FROM {table}" for table in ("walmart_sales", "load_ledger", *ROLLUP_TABLES)))


def vanish(project: Project) -> None:
    """No file."""
    project.settings.warehouse_file.unlink()


def forget_loads(project: Project) -> None:
    """Rows that no load brought."""
    _execute(project, "DELETE FROM load_ledger")


def change_a_sum(project: Project) -> None:
    """One cent more than the rows have."""
    cities = "(SELECT MIN(city) FROM sales_by_city)"
    _execute(project, f"UPDATE sales_by_city SET revenue = revenue + 0.01 WHERE city = {cities}")


def change_a_view(project: Project) -> None:
    """A KPI that does not tell everything."""
    view = load_catalog()[0]
    project.warehouse.create_views({view.name: f"SELECT * FROM ({view.select}) AS kpi LIMIT 1"})


DAMAGES: dict[str, Callable[[Project], None]] = {
    "empty": empty,
    "vanished": vanish,
    "forgotten loads": forget_loads,
    "changed sum": change_a_sum,
    "changed view": change_a_view,
}


def _execute(project: Project, *statements: str) -> None:
    def change(connection: object) -> None:
        for statement in statements:
            connection.execute(statement)  # type: ignore[attr-defined]

    patient(project, 60.0)._file().change(change)  # type: ignore[attr-defined]
