"""The files for people: records that were quarantined, and exact copies that were removed.

CSV in UTF-8. A text that a spreadsheet would take for a formula gets an apostrophe in front; bytes that are not UTF-8
and NUL characters are written as visible escapes.
"""

from __future__ import annotations

import csv
from collections.abc import Sequence
from pathlib import Path
from typing import IO, Any, Self

from walmart_bi.spreadsheet import formula_safe

QUARANTINE_COLUMNS = ("file", "line", "reasons", "column", "raw_text")
DUPLICATES_COLUMNS = ("file", "line", "first_line", "raw_text")


class SetAside:
    """A CSV file that exists only once it has a record. `rows` counts the records that were written to it."""

    def __init__(self, path: Path, columns: Sequence[str], name: str) -> None:
        self._path, self._columns, self._name = path, columns, formula_safe(name)
        self.rows = 0
        self._file: IO[str] | None = None
        self._writer: Any = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        if self._file is not None:
            self._file.close()

    @property
    def path(self) -> Path | None:
        """The file, or None when no record came."""
        return self._path if self._file is not None else None

    def add(self, line: int, *texts: str | int, raw: bytes) -> None:
        """One record: its line, the file's own columns, and its bytes."""
        if self._file is None:
            self._file = self._path.open("w", encoding="utf-8", newline="")
            self._writer = csv.writer(self._file, lineterminator="\n")
            self._writer.writerow(self._columns)
        self._writer.writerow((self._name, line, *texts, formula_safe(visible(raw))))
        self.rows += 1


def visible(raw: bytes) -> str:
    """The bytes as text; what is not UTF-8, and NUL, as escapes."""
    return raw.decode("utf-8", "backslashreplace").replace("\0", "\\x00")
