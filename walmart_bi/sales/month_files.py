"""Typed rows into one Parquet file a month, with their control totals. What the rows hold was decided before."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from walmart_bi.records import ControlTotals

_REPEATING = pa.dictionary(pa.int32(), pa.string())
# Texts of few values stay dictionaries up to the writer; in the file they are plain strings, because no Arrow schema is
# stored with it.
SCHEMA = pa.schema(
    [
        ("month", pa.date32()),
        ("source_line", pa.int64()),
        ("customer_id", pa.string()),
        ("age", pa.int32()),
        ("age_group", _REPEATING),
        ("gender", _REPEATING),
        ("city", pa.string()),
        ("category", _REPEATING),
        ("product_name", _REPEATING),
        ("purchase_date", pa.date32()),
        ("purchase_amount", pa.decimal128(12, 2)),
        ("payment_method", _REPEATING),
        ("discount_applied", pa.bool_()),
        ("rating", pa.int32()),
        ("repeat_customer", pa.bool_()),
    ]
)
# A dictionary of values that hardly repeat costs time and memory and is given up in the end.
_DICTIONARY_COLUMNS = [name for name in SCHEMA.names if name not in ("customer_id", "source_line")]
# All rows that wait for their row group; with many months each gets a smaller group instead of more memory.
_WAITING_ROWS = 300_000


@dataclass(frozen=True)
class MonthFile:
    """A finished month: its Parquet file and what the file holds.

    `written_rows` is read back from the file's footer; `totals` were summed over the rows on their way into it.
    """

    path: Path
    sha256: str
    size: int
    written_rows: int
    totals: ControlTotals


@dataclass
class _OpenMonth:
    writer: Any
    path: Path
    waiting: list[Any] = field(default_factory=list)
    waiting_rows: int = 0
    totals: dict[str, int] = field(default_factory=dict)
    first_date: str = ""
    last_date: str = ""

    def add(self, rows: Any) -> None:
        self.waiting.append(rows)
        self.waiting_rows += len(rows)
        for name, value in _sums(rows).items():
            self.totals[name] = self.totals.get(name, 0) + value
        days = pc.min_max(rows["purchase_date"]).as_py()
        first, last = days["min"].isoformat(), days["max"].isoformat()
        self.first_date = min(self.first_date or first, first)
        self.last_date = max(self.last_date, last)

    def flush(self) -> None:
        if self.waiting:
            rows = pa.concat_tables(self.waiting).unify_dictionaries()
            self.writer.write_table(rows, row_group_size=len(rows))
        self.waiting, self.waiting_rows = [], 0

    def close(self) -> MonthFile:
        self.flush()
        self.writer.close()
        with self.path.open("rb") as file:
            sha256 = hashlib.file_digest(file, "sha256").hexdigest()
        totals = {**dict.fromkeys(_sums(SCHEMA.empty_table()), 0), **self.totals}
        return MonthFile(
            self.path,
            sha256,
            self.path.stat().st_size,
            pq.read_metadata(self.path).num_rows,
            ControlTotals(**totals, first_date=self.first_date, last_date=self.last_date),
        )


class MonthFiles:
    """The Parquet files of the asked months while rows arrive. Equal rows in equal order give equal bytes."""

    def __init__(self, months: Iterable[str], directory: Path) -> None:
        self._open = {month: _open_month(directory / f"walmart_sales_{month}.parquet") for month in months}

    def add(self, month: str, rows: Any) -> None:
        """Rows of a month, as a table of the schema."""
        self._open[month].add(rows)
        while sum(month.waiting_rows for month in self._open.values()) > _WAITING_ROWS:
            max(self._open.values(), key=lambda month: month.waiting_rows).flush()

    def close(self) -> dict[str, MonthFile]:
        """Finish every file."""
        return {month: file.close() for month, file in self._open.items()}


def as_table(frame: pd.DataFrame) -> Any:
    """Typed rows as an Arrow table of exactly the schema, without pandas' metadata."""
    # Nothing is converted, the columns are Arrow arrays already; threads would only cost.
    table = pa.Table.from_pandas(frame, schema=SCHEMA, preserve_index=False, nthreads=1)
    return table.replace_schema_metadata(None)


def _open_month(path: Path) -> _OpenMonth:
    writer = pq.ParquetWriter(
        path, SCHEMA, compression="snappy", store_schema=False, use_dictionary=_DICTIONARY_COLUMNS
    )
    return _OpenMonth(writer, path)


def _sums(rows: Any) -> dict[str, int]:
    return {
        "rows": len(rows),
        "total_cents": int(_sum(rows["purchase_amount"]) * 100),
        "age_sum": int(_sum(rows["age"])),
        "rating_sum": int(_sum(rows["rating"])),
        "discounted_rows": int(_sum(rows["discount_applied"])),
        "repeat_rows": int(_sum(rows["repeat_customer"])),
        "line_sum": int(_sum(rows["source_line"])),
    }


def _sum(column: Any) -> Any:
    return pc.sum(column, min_count=0).as_py()
