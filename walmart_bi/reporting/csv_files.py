"""One KPI view as one CSV file: UTF-8 without a mark, a header, RFC 4180 quoting and its CRLF line ends.

Equal rows give equal bytes, because the snapshot's identity rests on them. Numbers, dates and booleans are written as
they are (decimals exact, `true`/`false`, ISO dates, NULL as nothing); text is made safe for spreadsheets. The order of
the rows is the query's, so asking for a total order is the caller's part.
"""

from __future__ import annotations

import csv
import datetime as dt
from decimal import Decimal
from pathlib import Path
from typing import Any

from walmart_bi.kpis.privacy import refuse_customer_columns
from walmart_bi.spreadsheet import formula_safe
from walmart_bi.warehouse.base import QueryResult


def write_csv(path: Path, view: str, result: QueryResult) -> None:
    """Write the view's rows, in their order. Raises CustomerColumn before anything is written."""
    refuse_customer_columns(view, result.columns)
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\r\n")
        writer.writerow(result.columns)
        writer.writerows([_cell(value) for value in row] for row in result.rows)


def _cell(value: Any) -> str:
    match value:
        case None:
            return ""
        case bool():
            return "true" if value else "false"
        case Decimal():
            return format(value, "f")
        case dt.date():
            return value.isoformat()
        case str():
            return formula_safe(value)
        case _:
            return repr(value)
