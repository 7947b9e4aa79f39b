"""What a delivered file is before any cleaning: its hash, its columns, how many records, which months."""

from __future__ import annotations

import datetime as dt
import hashlib
from pathlib import Path

from walmart_bi.months import month_of
from walmart_bi.records import SourceFile
from walmart_bi.sales.counting import count_records
from walmart_bi.sales.coverage import declared_months
from walmart_bi.sales.date_order import date_texts, prove_date_order
from walmart_bi.sales.errors import RejectedFile
from walmart_bi.sales.reading import open_header
from walmart_bi.sales.values import Fault, parse_date


def inspect_source(path: Path, *, key: str, etag: str, modified: dt.datetime, in_parts: bool = False) -> SourceFile:
    """The facts about a delivered file, which may be larger when it is to be cleaned in parts.

    Raises RejectedFile when it cannot be cleaned as a whole.
    """
    header = open_header(path, key)
    digest = hashlib.sha256()
    records = count_records(path, key, header.delimiter, digest.update, in_parts=in_parts)
    if records == 0:
        raise RejectedFile(
            "header_only",
            "The file has a header and no record.",
            place=f"{key}, line {header.line}",
            next_step="deliver the file with its records; a month is never emptied by an empty file.",
        )
    return SourceFile(
        key=key,
        etag=etag,
        size=path.stat().st_size,
        modified=modified.astimezone(dt.UTC).isoformat(),
        sha256=digest.hexdigest(),
        records=records,
        columns=header.contract_columns,
        extra_columns=list(header.extra_columns),
        declared_months=list(declared_months(key)),
    )


def months_in(path: Path, today: dt.date, *, key: str) -> tuple[str, ...]:
    """The months of the accepted dates, sorted; at least one. Raises RejectedFile, which names the file `key`."""
    texts = set(date_texts(path, key))
    order = prove_date_order(path, key)
    days = (parse_date(text, order) for text in texts)
    months = sorted({month_of(day) for day in days if not isinstance(day, Fault) and day <= today})
    if not months:
        raise RejectedFile(
            "no_month",
            "Neither the file's name nor any date in it tells which month it belongs to.",
            place=key,
            next_step="put the month into the name (sales_2025-03.csv), or correct the column Purchase_Date.",
        )
    return tuple(months)
