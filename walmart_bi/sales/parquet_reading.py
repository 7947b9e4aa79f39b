"""A Parquet object from another producer as batches of text records, so that the same cleaning applies to it.

Every column is written out as text, as CSV would hold it; null becomes the empty text. Records are numbered as lines
of such a CSV: the first one is line 2.

A file of a few kilobytes may hold a long value once and repeat it a million times. So texts are read as dictionaries,
their lengths are looked at first, and no more than `BATCH_TEXT_BYTES` of them are written out at a time.
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

from walmart_bi.sales.contract import (
    EXPANSION_GRACE_BYTES,
    INVALID_CHARACTER,
    MAX_EXPANSION,
    MAX_RECORD_BYTES,
    MAX_RECORDS,
    MAX_TEXT_BYTES,
)
from walmart_bi.sales.errors import RejectedFile
from walmart_bi.sales.header import Header, match_columns
from walmart_bi.sales.raw_batch import REPEATING_SHARE, DamagedRecord, RawBatch, RawFile

BATCH_ROWS = 65_536
BATCH_TEXT_BYTES = 64 * 2**20
_HASH_CHUNK = 8 * 2**20
_TEXTS = {pa.string(), pa.large_string(), pa.binary(), pa.large_binary()}


def open_parquet(path: Path, name: str, on_bytes: Callable[[bytes], object] | None = None) -> RawFile:
    """Open a Parquet file; see `reading.open_raw`. Raises RejectedFile."""
    try:
        metadata = pq.read_metadata(path)
        names = [metadata.schema.column(number).path for number in range(metadata.num_columns)]
        file = pq.ParquetFile(path, metadata=metadata, read_dictionary=names)
        found = file.schema_arrow.names
    except UnicodeDecodeError:  # pyarrow decodes the names of the columns only when they are asked for
        raise _unreadable(name, "the name of a column is not UTF-8") from None
    except (pa.ArrowException, OSError) as error:
        raise _unreadable(name, str(error)) from None
    header = match_columns(found, name)
    rows = metadata.num_rows
    size = sum(metadata.row_group(group).total_byte_size for group in range(metadata.num_row_groups))
    if size > EXPANSION_GRACE_BYTES and size > path.stat().st_size * MAX_EXPANSION:
        raise RejectedFile(
            "expansion",
            f"The Parquet file grows to more than {MAX_EXPANSION} times its size; sales data never does.",
            place=name,
            next_step="find out who made this file; deliver the data as CSV if it is real.",
        )
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
    return RawFile(header, _batches(file, rows, path, header, name, on_bytes))


def _batches(
    file: Any, rows: int, path: Path, header: Header, name: str, on_bytes: Callable[[bytes], object] | None
) -> Iterator[RawBatch]:
    first_line, text_bytes = 2, 0
    with file:
        try:
            for batch in file.iter_batches(batch_size=BATCH_ROWS):
                lengths = _text_lengths(batch)
                text_bytes += int(lengths.sum())
                _check_text(lengths, text_bytes, name, first_line)
                for piece in _pieces(batch, lengths):
                    columns = [_as_text(column) for column in piece.columns]
                    table = pa.Table.from_arrays(columns, names=header.field_names)
                    yield _raw_batch(table, first_line)
                    first_line += piece.num_rows
        except (pa.ArrowException, OSError) as error:
            raise _unreadable(name, str(error)) from None
    # Where a column has fewer values than the footer says, pyarrow ends without a word, or with fewer rows.
    if first_line - 2 != rows:
        raise _unreadable(name, f"its footer tells of {rows:,} records, and {first_line - 2:,} can be read")
    if on_bytes is not None:
        with path.open("rb") as raw:
            while chunk := raw.read(_HASH_CHUNK):
                on_bytes(chunk)


def _text_lengths(batch: Any) -> Any:
    """The bytes of each record's texts. Numbers and dates are left out: they are short."""
    lengths = np.zeros(batch.num_rows, np.int64)
    for column in batch.columns:
        # Whatever is text in the file is a dictionary here; so may be other values, if their producer had them so.
        if pa.types.is_dictionary(column.type) and column.type.value_type in _TEXTS:
            each = pc.binary_length(column.dictionary).take(column.indices)
            lengths += pc.fill_null(each, 0).to_numpy(zero_copy_only=False)
    return lengths


def _check_text(lengths: Any, text_bytes: int, name: str, first_line: int) -> None:
    """Hold the limits that a text file has; `text_bytes` are those of the file up to the end of this batch."""
    too_long = np.flatnonzero(lengths > MAX_RECORD_BYTES)
    if len(too_long):
        raise RejectedFile(
            "record_too_long",
            f"A record has more than {MAX_RECORD_BYTES:,} bytes: a field is too large.",
            place=f"{name}, line {first_line + int(too_long[0])}",
            next_step="shorten that field, and deliver the file again.",
        )
    if text_bytes > MAX_TEXT_BYTES:
        raise RejectedFile(
            "too_large",
            f"The file has more than {MAX_TEXT_BYTES:,} bytes of text.",
            place=name,
            next_step="split the file by month and deliver the parts.",
        )


def _pieces(batch: Any, lengths: Any) -> Iterator[Any]:
    """The batch in slices of about `BATCH_TEXT_BYTES` of text; nearly always in one."""
    piece = np.cumsum(lengths) // BATCH_TEXT_BYTES
    starts = [0, *(np.flatnonzero(np.diff(piece)) + 1).tolist()]
    for start, stop in zip(starts, [*starts[1:], batch.num_rows], strict=True):
        yield batch.slice(start, stop - start)


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
    columns = [_encoded_if_repeating(column) for column in table.combine_chunks().columns]
    return pa.Table.from_arrays(columns, names=table.column_names)


def _encoded_if_repeating(column: Any) -> Any:
    encoded = pc.dictionary_encode(column.combine_chunks())
    return encoded if len(encoded.dictionary) <= len(column) * REPEATING_SHARE else column


def _csv_record(table: Any, row: int) -> bytes:
    text = io.StringIO()
    csv.writer(text, lineterminator="").writerow([column[row].as_py() for column in table.columns])
    return text.getvalue().encode()


def _unreadable(name: str, detail: str) -> RejectedFile:
    return RejectedFile(
        "unreadable_parquet",
        f"The Parquet file cannot be read as text columns: {_printable(detail[:300])}.",
        place=name,
        next_step="write the file again with plain columns (text, numbers, dates), or deliver CSV.",
    )


def _printable(text: str) -> str:
    """pyarrow quotes bytes of the file in its errors, control characters too."""
    return "".join(each if each.isprintable() else ascii(each)[1:-1] for each in text)
