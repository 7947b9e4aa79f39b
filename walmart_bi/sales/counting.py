"""How many records a delivered file holds, counted by code that shares nothing with the cleaning reader.

Row conservation compares this count with what cleaning accounted for, so a defect in the reader cannot hide. Shared are
only the opening of the file as UTF-8 text and its header's delimiter; lines are split by Python, records with quotes
are read by Python's csv module.
"""

from __future__ import annotations

import contextlib
import csv
from collections.abc import Callable, Iterator
from itertools import chain
from pathlib import Path

from walmart_bi.sales.contract import MAX_RECORD_BYTES, QUARANTINE_BLOCK_SHARE
from walmart_bi.sales.decoding import is_parquet, text_chunks
from walmart_bi.sales.errors import RejectedFile

_CERTAIN_RECORDS = 10
MAX_LINE_BYTES = MAX_RECORD_BYTES + len(b"\r\n")


def count_records(
    path: Path,
    name: str,
    delimiter: str,
    on_bytes: Callable[[bytes], object] | None = None,
    *,
    in_parts: bool = False,
) -> int:
    """The number of records after the header; `on_bytes` sees every byte of the file. Raises RejectedFile."""
    if is_parquet(path):
        return _count_parquet(path, on_bytes)
    counter = _Counter(name, delimiter, _lines(text_chunks(path, name, on_bytes, in_parts=in_parts)))
    with _longest_field():
        counter.count()
    counter.reject_other_encoding()
    return counter.records - 1


class _Counter:
    def __init__(self, name: str, delimiter: str, lines: Iterator[bytes]) -> None:
        self.records = 0
        self._name, self._lines = name, lines
        self._line = self._undecodable = self._beyond_ascii = 0
        self._first_undecodable = ""
        self._begun = b""
        self._reader = csv.reader(self._lines_of_record(), delimiter=delimiter)

    def count(self) -> None:
        """Count every record; a blank line is none."""
        for line in self._lines:
            self._line += 1
            if len(line) > MAX_LINE_BYTES:
                raise RejectedFile(
                    "record_too_long",
                    f"A line has more than {MAX_RECORD_BYTES:,} bytes: a field is too large, or line ends are missing.",
                    place=f"{self._name}, line {self._line}",
                    next_step="shorten that field, or put each record on its own line, and deliver the file again.",
                )
            if not line.isascii():
                self._look_at(line)
            if b'"' in line:
                self._pass_quoted(line)
            elif line.strip(b"\r\n"):
                self.records += 1

    def _pass_quoted(self, line: bytes) -> None:
        """A record with quotes: the csv module takes as many lines as it has."""
        begun, self._begun = self._line, line
        try:
            next(self._reader)
        except csv.Error:
            raise RejectedFile(
                "unclosed_quote",
                f"A quoted text has more than {MAX_RECORD_BYTES:,} characters: its quote is not closed.",
                place=f"{self._name}, line {begun}",
                next_step='close the quote, or write a quote inside a quoted text twice (""), and deliver again.',
            ) from None
        self.records += 1

    def _lines_of_record(self) -> Iterator[str]:
        """For the csv module: the line that was met already, then as many more as it asks for."""
        while self._begun:
            line, self._begun = self._begun, b""
            yield line.decode("latin-1")
            if not self._begun and (following := next(self._lines, b"")):
                self._line += 1
                self._begun = following

    def _look_at(self, line: bytes) -> None:
        try:
            line.decode()
        except UnicodeDecodeError as error:
            self._undecodable += 1
            if not self._first_undecodable:
                self._first_undecodable = (
                    f"line {self._line}, byte {error.start + 1} of the line (0x{line[error.start]:02X})"
                )
        else:
            self._beyond_ascii += 1

    def reject_other_encoding(self) -> None:
        """Few undecodable records are quarantined; a file that is not UTF-8 throughout is rejected as a whole.

        That is: half of all records, or more than the quarantine limit while not one record has a proper character
        beyond ASCII.
        """
        data_records = self.records - 1
        throughout = self._undecodable * 2 >= data_records > 0
        systematic = (
            self._undecodable >= _CERTAIN_RECORDS
            and self._undecodable > data_records * QUARANTINE_BLOCK_SHARE
            and not self._beyond_ascii
        )
        if throughout or systematic:
            raise RejectedFile(
                "other_encoding",
                f"{self._undecodable:,} of {data_records:,} records are not UTF-8; the file is in another encoding, "
                "such as Windows-1252 or Latin-1.",
                place=f"{self._name}, {self._first_undecodable}",
                next_step="save the file as UTF-8 and deliver it again.",
            )


@contextlib.contextmanager
def _longest_field() -> Iterator[None]:
    """The csv module's limit, which is the whole process's: another library may have raised it, or lowered it."""
    before = csv.field_size_limit(MAX_RECORD_BYTES)
    try:
        yield
    finally:
        csv.field_size_limit(before)


def _lines(chunks: Iterator[bytes]) -> Iterator[bytes]:
    """Lines with their ends (LF, CR or CRLF); of one that is too long only its beginning, for it ends the count."""
    carry = b""
    for chunk in chain(chunks, (None,)):
        lines = (carry + (chunk or b"")).splitlines(keepends=True)
        carry = lines.pop() if chunk is not None and lines else b""
        if len(carry) > MAX_LINE_BYTES:
            lines.append(carry)
        yield from lines


def _count_parquet(path: Path, on_bytes: Callable[[bytes], object] | None) -> int:
    import pyarrow.parquet as pq

    if on_bytes is not None:
        with path.open("rb") as file:
            while chunk := file.read(MAX_RECORD_BYTES):
                on_bytes(chunk)
    rows: int = pq.read_metadata(path).num_rows
    return rows
