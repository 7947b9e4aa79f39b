"""How many records a delivered file holds, counted by code that shares nothing with the cleaning reader.

Row conservation compares this count with what cleaning accounted for, so a defect in the reader cannot hide. Shared are
only the opening of the file as UTF-8 text and its header's delimiter; lines are split by Python, records with quotes
are read by Python's csv module.
"""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

from walmart_bi.sales.contract import MAX_RECORD_BYTES, QUARANTINE_BLOCK_SHARE
from walmart_bi.sales.decoding import is_parquet, text_chunks
from walmart_bi.sales.errors import RejectedFile

_CERTAIN_RECORDS = 10
MAX_LINE_BYTES = MAX_RECORD_BYTES + len(b"\r\n")


def count_records(path: Path, name: str, delimiter: str, on_bytes: Callable[[bytes], object] | None = None) -> int:
    """The number of records after the header; `on_bytes` sees every byte of the file. Raises RejectedFile."""
    if is_parquet(path):
        return _count_parquet(path, on_bytes)
    counter = _Counter(name, delimiter)
    counter.count(_lines(text_chunks(path, name, on_bytes)))
    counter.reject_other_encoding()
    return counter.records - 1


@dataclass
class _Counter:
    name: str
    delimiter: str
    records: int = 0
    line: int = 0
    undecodable: int = 0
    first_undecodable: str = ""
    beyond_ascii: int = 0

    def count(self, lines: Iterator[bytes]) -> None:
        """Count every record; a blank line is none."""
        for line in lines:
            self.line += 1
            if len(line) > MAX_LINE_BYTES:
                raise RejectedFile(
                    "record_too_long",
                    f"A line has more than {MAX_RECORD_BYTES:,} bytes: line ends are missing.",
                    place=f"{self.name}, line {self.line}",
                    next_step="look at that line, correct it and deliver the file again.",
                )
            if b'"' in line:
                self._quoted(line, lines)
            elif line.strip(b"\r\n"):
                self.records += 1
            else:
                continue
            if not line.isascii():
                self._look_at(line)

    def _quoted(self, line: bytes, lines: Iterator[bytes]) -> None:
        """A record with quotes: the csv module takes as many lines as it has."""
        begun = self.line

        def following() -> Iterator[str]:
            yield line.decode("latin-1")
            for more in lines:
                self.line += 1
                yield more.decode("latin-1")

        try:
            next(csv.reader(following(), delimiter=self.delimiter))
        except csv.Error:
            raise RejectedFile(
                "unclosed_quote",
                f"A quoted text has more than {MAX_RECORD_BYTES:,} characters: its quote is not closed.",
                place=f"{self.name}, line {begun}",
                next_step='close the quote, or write a quote inside a quoted text twice (""), and deliver again.',
            ) from None
        self.records += 1

    def _look_at(self, line: bytes) -> None:
        try:
            line.decode()
        except UnicodeDecodeError as error:
            self.undecodable += 1
            if not self.first_undecodable:
                self.first_undecodable = (
                    f"line {self.line}, byte {error.start + 1} of the line (0x{line[error.start]:02X})"
                )
        else:
            self.beyond_ascii += 1

    def reject_other_encoding(self) -> None:
        """Few undecodable records are quarantined; a file that is not UTF-8 throughout is rejected as a whole.

        That is: half of all records, or more than the quarantine limit while not one record has a proper character
        beyond ASCII.
        """
        data_records = self.records - 1
        throughout = self.undecodable * 2 >= data_records > 0
        systematic = (
            self.undecodable >= _CERTAIN_RECORDS
            and self.undecodable > data_records * QUARANTINE_BLOCK_SHARE
            and not self.beyond_ascii
        )
        if throughout or systematic:
            raise RejectedFile(
                "other_encoding",
                f"{self.undecodable:,} of {data_records:,} records are not UTF-8; the file is in another encoding, "
                "such as Windows-1252 or Latin-1.",
                place=f"{self.name}, {self.first_undecodable}",
                next_step="save the file as UTF-8 and deliver it again.",
            )


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
