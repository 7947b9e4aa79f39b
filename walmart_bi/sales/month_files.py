"""Typed rows into one Parquet file a month, with their control totals. What the rows hold was decided before."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from walmart_bi.records import ControlTotals
from walmart_bi.sales.ahead import OneBehind

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
_CODEC, _SAMPLE_ROWS, _WORTHWHILE_SHARE, _REPEATING_SHARE = "snappy", 2_000, 0.9, 0.5
# All rows that wait for their row group; with many months each gets a smaller group instead of more memory. One group
# more may be on its way into its file.
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
    path: Path
    writer: Any = None
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

    def take(self) -> list[Any]:
        """The waiting rows, which wait no more."""
        taken, self.waiting, self.waiting_rows = self.waiting, [], 0
        return taken

    def write(self, tables: list[Any]) -> None:
        """One row group."""
        rows = pa.concat_tables([SCHEMA.empty_table(), *tables]).unify_dictionaries()
        if self.writer is None:
            self.writer = _writer(self.path, rows)
        if len(rows):
            self.writer.write_table(rows, row_group_size=len(rows))

    def close(self) -> MonthFile:
        waiting = self.take()
        if waiting or self.writer is None:
            self.write(waiting)
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

    def __init__(self, months: Iterable[str], directory: Path, writing: OneBehind) -> None:
        self._open = {month: _OpenMonth(directory / f"walmart_sales_{month}.parquet") for month in months}
        self._writing = writing

    def add(self, month: str, rows: Any) -> None:
        """Rows of a month, as a table of the schema."""
        self._open[month].add(rows)
        while sum(month.waiting_rows for month in self._open.values()) > _WAITING_ROWS:
            largest = max(self._open.values(), key=lambda month: month.waiting_rows)
            self._writing.call(partial(largest.write, largest.take()))

    def close(self) -> dict[str, MonthFile]:
        """Finish every file."""
        self._writing.wait()
        return {month: file.close() for month, file in self._open.items()}


def as_table(frame: pd.DataFrame) -> Any:
    """Typed rows as an Arrow table of exactly the schema, without pandas' metadata."""
    # Nothing is converted, the columns are Arrow arrays already; threads would only cost.
    table = pa.Table.from_pandas(frame, schema=SCHEMA, preserve_index=False, nthreads=1)
    return table.replace_schema_metadata(None)


def _writer(path: Path, rows: Any) -> Any:
    """A file for rows of which these are the first; how it is written is decided by a sample of them."""
    sample = rows.slice(0, _SAMPLE_ROWS)
    # A dictionary of values that hardly repeat costs time and memory, and is given up in the end.
    repeating = [name for name in SCHEMA.names if _repeats(sample[name])]
    # Random ids do not shrink, and trying costs a third of writing all columns.
    codecs = {name: _CODEC if name in repeating or _shrinks(sample[name]) else "none" for name in SCHEMA.names}
    return pq.ParquetWriter(path, SCHEMA, compression=codecs, store_schema=False, use_dictionary=repeating)


def _repeats(values: Any) -> bool:
    encoded = pa.types.is_dictionary(values.type)
    return bool(encoded or pc.count_distinct(values).as_py() <= len(values) * _REPEATING_SHARE)


def _shrinks(values: Any) -> bool:
    """Whether the values get smaller. Numbers always do: there are zeros in them."""
    if not pa.types.is_string(values.type):
        return True
    text = "".join(values.to_pylist()).encode()
    return len(pa.compress(text, codec=_CODEC, asbytes=True)) < len(text) * _WORTHWHILE_SHARE


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
