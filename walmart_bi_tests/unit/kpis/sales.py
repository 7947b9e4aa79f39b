"""A sales table in an in-memory DuckDB, and rows for it, for the tests of the KPI layer."""

import datetime as dt
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from decimal import Decimal
from typing import Any

import duckdb
import pyarrow as pa

from walmart_bi.kpis.catalog import Kpi, load_catalog
from walmart_bi.sales.contract import OUTPUT_COLUMNS
from walmart_bi.sql_files import read_table_ddl
from walmart_bi.warehouse.base import QueryResult
from walmart_bi.warehouse.rollups import ROLLUP_TABLES, refresh_month

CATALOG = {kpi.name: kpi for kpi in load_catalog()}
Row = dict[str, Any]

_ARROW = {"DATE": pa.date32(), "BIGINT": pa.int64(), "INTEGER": pa.int32(), "BOOLEAN": pa.bool_()}
_SCHEMA = pa.schema([(column.name, _ARROW.get(column.sql_type, pa.string())) for column in OUTPUT_COLUMNS])
_AMOUNT = _SCHEMA.get_field_index("purchase_amount")
_SCHEMA = _SCHEMA.set(_AMOUNT, pa.field("purchase_amount", pa.decimal128(12, 2)))


def sale(day: str = "2024-03-05", cents: int = 10_000, **fields: Any) -> Row:
    """One accepted transaction, with the keys that the oracle reads as well."""
    date = dt.date.fromisoformat(day)
    defaults = {
        "source_line": 2,
        "customer_id": "c-1",
        "age": 30,
        "age_group": "25-34",
        "gender": "Female",
        "city": "Springfield",
        "category": "Home",
        "product_name": "Lamp",
        "payment_method": "UPI",
        "discount_applied": False,
        "rating": 3,
        "repeat_customer": False,
    }
    amount = Decimal(cents).scaleb(-2)
    dates = {"purchase_date": date, "month": date.replace(day=1)}
    return defaults | fields | dates | {"cents": cents, "purchase_amount": amount}


class SalesTable:
    """The table, readable as a warehouse's Reader."""

    def __init__(self) -> None:
        self.connection = duckdb.connect()
        columns = ", ".join(f"{column.name} {column.sql_type}" for column in OUTPUT_COLUMNS)
        self.connection.execute(f"CREATE TABLE walmart_sales ({columns}, load_id VARCHAR(32))")
        for name in ROLLUP_TABLES:
            self.connection.execute(read_table_ddl(name))

    @contextmanager
    def unchanged(self) -> Iterator["SalesTable"]:
        """The table, which is after the block what it was before: to roll back is quicker than to make another."""
        self.connection.begin()
        try:
            yield self
        finally:
            self.connection.rollback()

    def fill(self, rows: Iterable[Row]) -> "SalesTable":
        """Replace all rows."""
        sales = pa.Table.from_pylist([{name: row[name] for name in _SCHEMA.names} for row in rows], schema=_SCHEMA)
        self.connection.execute("DELETE FROM walmart_sales")
        self.connection.register("sales", sales)
        self.connection.execute("INSERT INTO walmart_sales SELECT *, 'load' FROM sales")
        return self.refresh()

    def refresh(self) -> "SalesTable":
        """Make the rollups from the rows that are there."""
        for name in ROLLUP_TABLES:
            self.connection.execute(f"DELETE FROM {name}")
        for (month,) in self.connection.execute("SELECT DISTINCT month FROM walmart_sales").fetchall():
            refresh_month(self.connection.execute, f"{month:%Y-%m}")
        return self

    def create_view(self, kpi: Kpi, select: str | None = None) -> "SalesTable":
        """The KPI's view, or one with a text to compare it with."""
        self.connection.execute(f"CREATE OR REPLACE VIEW {kpi.name} AS {select or kpi.select}")
        return self

    def rows(self, kpi: Kpi) -> list[Row]:
        """The rows of the KPI's SELECT in its total order."""
        order = f" ORDER BY {kpi.order_by}" if kpi.order_by else ""
        result = self.query(f"SELECT * FROM ({kpi.select}) AS view{order}")
        return [dict(zip(result.columns, row, strict=True)) for row in result.rows]

    def query(self, sql: str, parameters: Sequence[Any] = ()) -> QueryResult:
        cursor = self.connection.execute(sql, list(parameters))
        return QueryResult(tuple(column[0] for column in cursor.description), cursor.fetchall())

    def close(self) -> None:
        self.connection.close()
