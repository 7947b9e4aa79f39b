"""A month's rows on their way into Redshift: COPY into a temporary table, counted there before anything changes.

Outside the transaction that replaces the month, so that no lock is held while files are read.
"""

# ruff: noqa: S608 - what is put into a statement are this project's own constants; values are bound.

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

from walmart_bi.months import first_day, next_month
from walmart_bi.points import reached
from walmart_bi.records import ControlTotals
from walmart_bi.stores.base import ObjectStore
from walmart_bi.stores.local_files import file_errors
from walmart_bi.warehouse.base import LedgerEntry
from walmart_bi.warehouse.month_object import month_object, require_limits, require_rows_of_month, require_table_columns
from walmart_bi.warehouse.totals import TOTALS, require_equal, totals_from_row

if TYPE_CHECKING:
    from walmart_bi.warehouse.redshift_connection import Session

STAGE = "walmart_sales_stage"
# The types of the driver's column descriptions, as the Parquet file of the same table names them.
_PARQUET_TYPES = {
    16: "bool",
    20: "int64",
    23: "int32",
    1043: "string",
    1082: "date32[day]",
    1700: "decimal128(12, 2)",
}


def stage_object(
    session: Session, store: ObjectStore, entry: LedgerEntry, written: ControlTotals | None, *, role: str
) -> ControlTotals:
    """Bring the object's rows into a temporary table of the fresh session; the totals that they have and must have.

    `written` is what the writer of the object counted; for a restored load the ledger row stands in for it. Raises
    TotalsMismatch, LoadFailed, WarehouseError; nothing but the temporary table was changed.
    """
    from walmart_bi.warehouse.copy import copy_parquet

    session.execute(f"CREATE TEMPORARY TABLE {STAGE} (LIKE walmart_sales)")
    session.execute(f"ALTER TABLE {STAGE} DROP COLUMN load_id")
    reached("stage.table_made")
    with month_object(store, entry) as path:
        columns = [(name, _PARQUET_TYPES.get(kind, str(kind))) for name, kind in session.column_types(STAGE)]
        require_table_columns(entry, columns, path)
        require_limits(entry, path)
        with file_errors(path):
            size = path.stat().st_size
    copied = copy_parquet(session, store, entry.object_key, size, table=STAGE, role=role)
    start, end = first_day(entry.month), first_day(next_month(entry.month))
    foreign = session.query(
        f"SELECT COUNT(*) FROM {STAGE} WHERE month <> ? OR purchase_date < ? OR purchase_date >= ?",
        [start, start, end],
    ).rows[0][0]
    require_rows_of_month(entry, foreign)
    found = totals_from_row(session.query(f"SELECT {TOTALS} FROM {STAGE}").rows[0])
    expected = written or dataclasses.replace(found, rows=entry.loaded_rows, total_cents=entry.total_cents)
    require_equal(expected, found, where="The content of the object", place=entry.object_key)
    require_equal(expected, dataclasses.replace(found, rows=copied), where="What COPY counted", place=entry.object_key)
    reached("stage.table_counted")
    return expected
