"""Reads the KPI views for the page: in their own order, without the rows that they ask to leave out, cut to a bound."""

# ruff: noqa: S608 - the catalog checked every name that is put into SQL here.

from __future__ import annotations

from collections.abc import Sequence

from walmart_bi.kpis.model import Kpi
from walmart_bi.kpis.public.edition import published_rows
from walmart_bi.reporting.page.cards import SHOWN_ROWS, Published
from walmart_bi.warehouse.base import Reader


def read_published(reader: Reader, catalog: Sequence[Kpi]) -> dict[str, Published]:
    """Each view's rows as the page may show them. Raises SmallCell."""
    return {kpi.name: _read(reader, kpi) for kpi in catalog}


def _read(reader: Reader, kpi: Kpi) -> Published:
    least = kpi.show.minimum_orders
    where = f" WHERE orders >= {least}" if least and "orders" in kpi.column_names else ""
    order = f" ORDER BY {kpi.order_by}" if kpi.order_by else ""
    limit = min(kpi.show.top or SHOWN_ROWS, SHOWN_ROWS) if "month" not in kpi.grain else 10 * SHOWN_ROWS
    columns = ", ".join(kpi.column_names)
    rows = published_rows(reader, kpi, f"SELECT {columns} FROM {kpi.name}{where}{order} LIMIT {limit}").rows
    count = reader.query(f"SELECT COUNT(*) FROM {kpi.name}{where}").rows[0][0]
    return Published(tuple(rows), count)
