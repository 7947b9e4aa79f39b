"""The tables on Redshift: which of them are there, and making those that are not.

Their statements are in `sql/tables/`; what is in them, rollups too, is the warehouse's business.
"""

# ruff: noqa: S608 - what is put into a statement is a number of placeholders; values are bound.

from __future__ import annotations

from typing import TYPE_CHECKING

from walmart_bi.sql_files import read_table_ddl
from walmart_bi.warehouse.base import LEDGER_TABLE, SALES_TABLE, WarehouseError
from walmart_bi.warehouse.redshift_settings import RedshiftSettings
from walmart_bi.warehouse.rollups import ROLLUP_TABLES

if TYPE_CHECKING:
    from walmart_bi.warehouse.redshift_connection import Session

# In the order in which they are made: the last two say that there is something to read, so all others are there then.
_TABLES = (*ROLLUP_TABLES, SALES_TABLE, LEDGER_TABLE)


def has_tables(session: Session, settings: RedshiftSettings) -> bool:
    """Whether anything can be read; a warehouse of an earlier version has no rollups. Raises NoSuchSchema."""
    return {SALES_TABLE, LEDGER_TABLE} <= _tables(session, settings)


def create_tables(session: Session, settings: RedshiftSettings) -> None:
    """Create the tables that are missing. Raises NoSuchSchema."""
    there = _tables(session, settings)
    for name in _TABLES:
        if name in there:
            continue
        try:
            session.execute(f"{read_table_ddl(name)}\n{read_table_ddl(f'redshift/{name}')}")
        except WarehouseError:
            # Of two that create it at once, one is told that it is there.
            if name not in _tables(session, settings):
                raise


def _tables(session: Session, settings: RedshiftSettings) -> set[str]:
    from walmart_bi.warehouse.redshift_connection import require_schema

    places = ", ".join("?" for _ in _TABLES)
    found = session.query(
        f"SELECT tablename FROM pg_tables WHERE schemaname = ? AND tablename IN ({places})",
        [settings.schema.lower(), *_TABLES],
    )
    if not found.rows:
        require_schema(session, settings)
    return {row[0] for row in found.rows}
