"""A Parquet object from another producer as batches of text records, so that the same cleaning applies to it.

Every column is written out as text, as CSV would hold it; null becomes the empty text. Records are numbered as lines
of such a CSV: the first one is line 2.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from walmart_bi.sales.contract import INVALID_CHARACTER, MAX_RECORDS, MAX_TEXT_BYTES
from walmart_bi.sales.errors import RejectedFile
from walmart_bi.sales.header import Header, match_columns
from walmart_bi.sales.raw_batch import DamagedRecord, RawBatch, RawFile

BATCH_ROWS = 65_536
_HASH_CHUNK = 8 * 2**20


def open_parquet(path: Path, name: str, on_bytes: Callable[[bytes], object] | None = None) -> RawFile:
    """Open a Parquet file; see `reading.open_raw`. Raises RejectedFile."""
    try:
        file = pq.ParquetFile(path)
    except (pa.ArrowException, OSError) as error:
        raise _unreadable(name, str(error)) from None
    header = match_columns(file.schema_arrow.names, name)
    rows = file.metadata.num_rows
    size = sum(file.metadata.row_group(group).total_byte_size for group in range(file.metadata.num_row_groups))
    if rows > MAX_RECORDS or size > MAX_TEXT_BYTES:
        raise RejectedFile(
            "too_large",
            f"The file has {rows:,} records in {size:,} bytes.",
            place=name,
            next_step="split the file by month and deliver the parts.",
        )
    if rows == 0:
        raise RejectedFile(
            "header_only",
            "The Parquet file has no record.",
            place=name,
            next_step="deliver the file with its records; a month is never emptied by an empty file.",
        )
    return RawFile(header, _batches(file, path, header, name, on_bytes))


def _batches(
    file: Any, path: Path, header: Header, name: str, on_bytes: Callable[[bytes], object] | None
) -> Iterator[RawBatch]:
    first_line = 2
    with file:
        try:
            for batch in file.iter_batches(batch_size=BATCH_ROWS):
                columns = [_as_text(column) for column in batch.columns]
                table = pa.Table.from_arrays(columns, names=header.field_names)
                yield _raw_batch(table, first_line)
                first_line += batch.num_rows
        except (pa.ArrowException, OSError) as error:
            raise _unreadable(name, str(error)) from None
    if on_bytes is not None:
        with path.open("rb") as raw:
            while chunk := raw.read(_HASH_CHUNK):
                on_bytes(chunk)


def _as_text(column: Any) -> Any:
    """The values as text; pyarrow raises for nested types and for bytes that are not UTF-8."""
    text = pc.fill_null(pc.cast(column, pa.string()), "")
    text.validate(full=True)
    return text


def _raw_batch(table: Any, first_line: int) -> RawBatch:
    lines = np.arange(first_line, first_line + table.num_rows, dtype=np.int64)
    bad = {
        name: pc.match_substring(table[name], "\0").to_numpy(zero_copy_only=False)
        for name in table.column_names
        if b"\0" in b"".join(chunk.buffers()[2] or b"" for chunk in table[name].chunks)
    }
    any_bad = np.logical_or.reduce([np.zeros(table.num_rows, np.bool_), *bad.values()])
    damaged = tuple(
        DamagedRecord(
            int(lines[row]),
            (INVALID_CHARACTER,),
            tuple(name for name, rows in bad.items() if rows[row]),
            _csv_record(table, row),
        )
        for row in np.flatnonzero(any_bad).tolist()
    )
    kept = table.filter(pa.array(~any_bad)) if damaged else table
    return RawBatch(_encoded(kept), lines[~any_bad], lambda row: _csv_record(kept, row), damaged)


def _encoded(table: Any) -> Any:
    """Columns whose values repeat as dictionaries, as the text reader delivers them."""
    columns = [
        column if name == "Customer_ID" else pc.dictionary_encode(column)
        for name, column in zip(table.column_names, table.combine_chunks().columns, strict=True)
    ]
    return pa.Table.from_arrays(columns, names=table.column_names)


def _csv_record(table: Any, row: int) -> bytes:
    text = io.StringIO()
    csv.writer(text, lineterminator="").writerow([column[row].as_py() for column in table.columns])
    return text.getvalue().encode()


def _unreadable(name: str, detail: str) -> RejectedFile:
    return RejectedFile(
        "unreadable_parquet",
        f"The Parquet file cannot be read as text columns: {detail[:300]}.",
        place=name,
        next_step="write the file again with plain columns (text, numbers, dates), or deliver CSV.",
    )
