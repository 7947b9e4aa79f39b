"""A delivered file as batches of text records, in bounded memory.

Nothing is converted and no type is guessed here. Text is cut into records by `splitting.py` and into fields by pyarrow;
columns whose values repeat arrive dictionary-encoded, so that cleaning works once per distinct value (`encodings.py`).
"""

from __future__ import annotations

import codecs
import csv
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.csv as pa_csv

from walmart_bi.sales.contract import (
    INVALID_CHARACTER,
    INVALID_ENCODING,
    MAX_RECORD_BYTES,
    MAX_RECORDS,
    MAX_RECORDS_IN_PARTS,
    WRONG_FIELD_COUNT,
)
from walmart_bi.sales.decoding import CHUNK_BYTES, TOO_LARGE_STEP, is_parquet, text_chunks
from walmart_bi.sales.encodings import Encodings
from walmart_bi.sales.errors import RejectedFile
from walmart_bi.sales.header import Header, read_header
from walmart_bi.sales.parquet_reading import open_parquet
from walmart_bi.sales.raw_batch import DamagedRecord, RawBatch, RawFile
from walmart_bi.sales.splitting import Block, Split, is_utf8, split


def open_raw(path: Path, name: str, on_bytes: Callable[[bytes], object] | None = None) -> RawFile:
    """Open a CSV or Parquet file. `on_bytes` sees every byte of the file once the batches are read to their end.

    `name` stands for the file in messages. Raises RejectedFile, here or while the batches are read.
    """
    if is_parquet(path):
        return open_parquet(path, name, on_bytes)
    text = _open_text(path, name, on_bytes)
    return RawFile(text.header, _parsed(text.header, _splits(text, name, MAX_RECORDS)))


def open_header(path: Path, name: str) -> Header:
    """The header alone. Raises RejectedFile."""
    return open_raw(path, name).header


def open_splits(
    path: Path, name: str, on_bytes: Callable[[bytes], object] | None = None
) -> tuple[Header, int, Iterator[Split]]:
    """For a file in parts: the header, where the text after it begins, and that text cut into records, no further.

    The splits follow each other without a gap. Raises RejectedFile for the same files as `open_raw`.
    """
    text = _open_text(path, name, on_bytes, in_parts=True)
    return text.header, text.begin, _splits(text, name, MAX_RECORDS_IN_PARTS)


def read_part(header: Header, first_line: int, data: bytes, name: str) -> Iterator[RawBatch]:
    """The batches of some whole records of a CSV file, of which the first begins on `first_line`."""
    chunks = (data[start : start + CHUNK_BYTES] for start in range(0, len(data), CHUNK_BYTES))
    return _parsed(header, _splits(_Text(header, 0, first_line, chunks), name, MAX_RECORDS))


@dataclass(frozen=True)
class _Text:
    """The text after a header: where it begins in all text, on which line, and in chunks."""

    header: Header
    begin: int
    line: int
    chunks: Iterator[bytes]


def _open_text(path: Path, name: str, on_bytes: Callable[[bytes], object] | None, *, in_parts: bool = False) -> _Text:
    chunks = text_chunks(path, name, on_bytes, in_parts=in_parts)
    data, end = b"", -1
    for chunk in chunks:
        data += chunk
        end = _end_of_first_record(data)
        if end >= 0 or len(data) > CHUNK_BYTES:
            break
    if not data.strip():
        raise RejectedFile(
            "empty_file", "The file is empty.", place=name, next_step="deliver the file again, with its data."
        )
    end = len(data) if end < 0 else end
    start = len(data) - len(data.lstrip(b"\r\n"))
    line = 1 + len(data[:start].splitlines())
    if end - start > MAX_RECORD_BYTES:
        raise _too_long(name, line)
    header = read_header(data[start:end].decode("utf-8", "replace"), name, line)
    after = end + (2 if data[end : end + 2] == b"\r\n" else 1)
    return _Text(header, after, line + 1, chain((data[after:],), chunks))


def _end_of_first_record(data: bytes) -> int:
    """Where the first line that is not blank ends; -1 while that, or the byte after it, is not known yet."""
    start = len(data) - len(data.lstrip(b"\r\n"))
    ends = [end for end in (data.find(b"\n", start), data.find(b"\r", start)) if end >= 0]
    return min(ends) if ends and min(ends) < len(data) - 1 else -1


def _parsed(header: Header, splits: Iterator[Split]) -> Iterator[RawBatch]:
    encodings = Encodings(header.field_names)
    for part in splits:
        if len(part.block):
            yield _parse(part.block, header, encodings)


def _splits(text: _Text, name: str, most: int) -> Iterator[Split]:
    header, line = text.header, text.line
    carry, records = b"", 0
    for chunk in chain(text.chunks, (None,)):
        data = carry + (chunk or b"")
        if not data:
            continue
        part = split(data, header.delimiter, line, at_end=chunk is None)
        _check_record_sizes(part, data, name, at_end=chunk is None)
        carry, line = data[part.consumed :], part.next_line
        records += len(part.block)
        if records > most:
            raise RejectedFile(
                "too_large",
                f"The file has more than {most:,} records.",
                place=f"{name}, line {line}",
                next_step=TOO_LARGE_STEP,
            )
        yield part
    if records == 0:
        raise RejectedFile(
            "header_only",
            "The file has a header and no record.",
            place=f"{name}, line {header.line}",
            next_step="deliver the file with its records; a month is never emptied by an empty file.",
        )


def _check_record_sizes(part: Split, data: bytes, name: str, *, at_end: bool) -> None:
    """A quote that is never closed would swallow the rest of the file: say where it opened instead."""
    block = part.block
    too_long = np.flatnonzero(block.ends - block.starts > MAX_RECORD_BYTES)
    if len(too_long):
        record = int(too_long[0])
        line = int(block.lines[record])
        raise _unclosed_quote(name, line) if b'"' in block.raw(record) else _too_long(name, line)
    if len(data) - part.consumed > MAX_RECORD_BYTES:
        quoted = b'"' in data[part.consumed :]
        raise _unclosed_quote(name, part.next_line) if quoted else _too_long(name, part.next_line)
    if at_end and part.open_quote_line is not None:
        raise _unclosed_quote(name, part.open_quote_line)


def _unclosed_quote(name: str, line: int) -> RejectedFile:
    return RejectedFile(
        "unclosed_quote",
        "A quoted text is opened and not closed again; everything after it would be lost.",
        place=f"{name}, line {line}",
        next_step='close the quote, or write a quote inside a quoted text twice (""), and deliver the file again.',
    )


def _too_long(name: str, line: int) -> RejectedFile:
    return RejectedFile(
        "record_too_long",
        f"A record has more than {MAX_RECORD_BYTES:,} bytes: a field is too large, or line ends are missing.",
        place=f"{name}, line {line}",
        next_step="shorten that field, or put each record on its own line, and deliver the file again.",
    )


def _parse(block: Block, header: Header, encodings: Encodings) -> RawBatch:
    """Cut the block's records into fields; those with another number of fields are damaged too."""
    kept = np.delete(np.arange(len(block)), list(block.damaged))
    schema = encodings.schema()
    table, wrong = schema.empty_table(), list[int]()
    if len(kept):
        table, wrong = _read_fields(_without(block), header.delimiter, schema, quoted=b'"' in block.data)
        encodings.learn(table)
    damaged = {**block.damaged, **{int(kept[row]): WRONG_FIELD_COUNT for row in wrong}}
    rows = np.delete(kept, wrong)
    return RawBatch(
        table,
        block.lines[rows],
        lambda row: block.raw(int(rows[row])),
        tuple(_describe(block, record, reason, header) for record, reason in sorted(damaged.items())),
    )


def _read_fields(data: Any, delimiter: str, schema: Any, *, quoted: bool) -> tuple[Any, list[int]]:
    """The fields of records that are whole and UTF-8, and which of the records have a wrong number of fields."""
    wrong: list[int] = []

    def on_wrong_count(row: Any) -> str:
        wrong.append(row.number - 1)
        return "skip"

    if data[:3].to_pybytes() == codecs.BOM_UTF8:
        # pyarrow takes one mark off the front of what it is given: here it is text of the block's first record.
        data = pa.py_buffer(codecs.BOM_UTF8 + data.to_pybytes())
    table = pa_csv.read_csv(
        pa.BufferReader(data),
        # One thread and one block: only then are rows numbered.
        read_options=pa_csv.ReadOptions(column_names=schema.names, use_threads=False, block_size=len(data) + 1),
        parse_options=pa_csv.ParseOptions(
            delimiter=delimiter, newlines_in_values=quoted, invalid_row_handler=on_wrong_count
        ),
        convert_options=pa_csv.ConvertOptions(
            column_types=schema, strings_can_be_null=False, check_utf8=False, auto_dict_encode=False
        ),
    )
    return table.combine_chunks(), wrong


def _without(block: Block) -> Any:
    """The block's bytes without its damaged records; without a copy, when there are none."""
    end = min(int(block.ends[-1]) + 1, len(block.data))
    if not block.damaged:
        return pa.py_buffer(block.data).slice(0, end)
    pieces, position = [], 0
    for record in block.damaged:
        pieces.append(block.data[position : block.starts[record]])
        position = int(block.ends[record])
    return pa.py_buffer(b"".join([*pieces, block.data[position:end]]))


def _describe(block: Block, record: int, reason: str, header: Header) -> DamagedRecord:
    """The damaged record with every reason that its bytes show, and the columns where they do."""
    raw = block.raw(record)
    fields = next(csv.reader([raw.decode("latin-1")], delimiter=header.delimiter))
    reasons, columns = [reason], []
    if reason in (INVALID_ENCODING, INVALID_CHARACTER):
        for position, field in enumerate(fields):
            reasons_here = [INVALID_CHARACTER] if "\0" in field else []
            reasons_here += [INVALID_ENCODING] if not is_utf8(field.encode("latin-1")) else []
            if reasons_here:
                reasons += reasons_here
                columns.append(header.field_names[position] if position < len(header.columns) else "")
    if len(fields) != len(header.columns):
        reasons.append(WRONG_FIELD_COUNT)
    return DamagedRecord(int(block.lines[record]), tuple(dict.fromkeys(reasons)), tuple(filter(None, columns)), raw)
