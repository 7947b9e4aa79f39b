"""The records of a file found by other means than the project's: gzip, codecs and one regular expression.

Nothing here imports the project. It answers only for files that the project accepted, so it may be plain: a file that
it cannot open itself is a finding.
"""

from __future__ import annotations

import codecs
import gzip
import io
import re
from dataclasses import dataclass

import pyarrow.parquet as pq

_ENDS = re.compile(rb"\r\n|\r|\n")
_MARKS = ((codecs.BOM_UTF8, ""), (codecs.BOM_UTF16_LE, "utf-16-le"), (codecs.BOM_UTF16_BE, "utf-16-be"))


@dataclass(frozen=True)
class FoundRecord:
    """A record: its fields, and the line it begins on (of a Parquet file: as if it were CSV with a header)."""

    line: int
    fields: tuple[bytes, ...]


@dataclass(frozen=True)
class Found:
    """What a file holds: the names of its header, and its records."""

    names: tuple[bytes, ...]
    records: tuple[FoundRecord, ...]


def find_records(content: bytes) -> Found:
    """The header's names and every record of the file."""
    if content.startswith(b"PAR1"):
        return _of_parquet(content)
    text = _text(content)
    header, line, rest = _header(text)
    delimiter = max((b",", b";", b"\t"), key=lambda mark: _sales_names(_cut(header, mark)))
    return Found(_cut(header, delimiter), tuple(_records(rest, line, delimiter)))


def _text(content: bytes) -> bytes:
    if content.startswith(b"\x1f\x8b"):
        content = gzip.decompress(content)
    for mark, codec in _MARKS:
        if content.startswith(mark):
            content = content[len(mark) :]
            if codec:
                odd = b"\xff" if len(content) % 2 else b""
                units = content[: len(content) - len(content) % 2]
                content = units.decode(codec, "surrogatepass").encode("utf-8", "surrogatepass") + odd
            break
    return content


def _header(text: bytes) -> tuple[bytes, int, bytes]:
    """The first line that is not blank, the number of the line after it, and what follows."""
    line, position = 1, 0
    while end := _ENDS.search(text, position):
        if end.start() > position:
            return text[position : end.start()], line + 1, text[end.end() :]
        line, position = line + 1, end.end()
    return text[position:], line + 1, b""


def _sales_names(names: tuple[bytes, ...]) -> int:
    return sum(
        bool(re.search(rb"custom|age|gender|city|categ|prod|date|amount|method|discount|rating|repeat", name, re.I))
        for name in names
    )


def _pattern(delimiter: bytes) -> re.Pattern[bytes]:
    """A field: quoted text and what follows its closing quote, or plain text up to the next delimiter or line end."""
    plain = b"[^" + re.escape(delimiter) + rb"\r\n]*"
    return re.compile(rb'("(?:[^"]|"")*(?:"|\Z))?(' + plain + rb")(" + re.escape(delimiter) + rb"|\r\n|\r|\n|\Z)")


def _fields(text: bytes, position: int, pattern: re.Pattern[bytes], delimiter: bytes) -> tuple[list[bytes], int]:
    fields = []
    while True:
        match = pattern.match(text, position)
        assert match is not None
        quoted, plain, end = match.groups()
        inside = quoted[1:-1].replace(b'""', b'"') if quoted else b""
        fields.append(inside + plain)
        position = match.end()
        if end != delimiter:
            return fields, position


def _cut(header: bytes, delimiter: bytes) -> tuple[bytes, ...]:
    return tuple(_fields(header, 0, _pattern(delimiter), delimiter)[0])


def _records(text: bytes, line: int, delimiter: bytes) -> list[FoundRecord]:
    found, position, pattern = [], 0, _pattern(delimiter)
    while position < len(text):
        blank = _ENDS.match(text, position)
        if blank:
            line, position = line + 1, blank.end()
            continue
        fields, end = _fields(text, position, pattern, delimiter)
        found.append(FoundRecord(line, tuple(fields)))
        line += len(_ENDS.findall(text, position, end))
        position = end
    return found


def _of_parquet(content: bytes) -> Found:
    table = pq.read_table(io.BytesIO(content))
    rows = zip(*(column.to_pylist() for column in table.columns), strict=True)
    records = [
        FoundRecord(number, tuple(_as_bytes(value) for value in row)) for number, row in enumerate(rows, start=2)
    ]
    return Found(tuple(name.encode() for name in table.column_names), tuple(records))


def _as_bytes(value: object) -> bytes:
    """A value as its text; a damaged footer may have made bytes of what was text."""
    if isinstance(value, bytes):
        return value
    return b"" if value is None else str(value).encode("utf-8", "replace")
