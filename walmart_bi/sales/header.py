"""The header of a delivered file against the contract: which field is which column, and what separates fields."""

from __future__ import annotations

import csv
import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

from walmart_bi.sales.contract import RAW_COLUMNS, RAW_NAMES
from walmart_bi.sales.errors import RejectedFile

DELIMITERS = (",", ";", "\t")
MAX_SHOWN = 400

_COLUMN_BY_SPELLING = {spelling: column.name for column in RAW_COLUMNS for spelling in (column.field, *column.aliases)}


@dataclass(frozen=True)
class Header:
    """A file's fields in their order: the contract's name of each, or None for an extra one, which is kept out."""

    delimiter: str
    columns: tuple[str | None, ...]
    extra_columns: tuple[str, ...]
    line: int = 1

    @property
    def field_names(self) -> list[str]:
        """A unique name for every field: the contract's name, or its position."""
        return [name or f"extra {position}" for position, name in enumerate(self.columns, start=1)]

    @property
    def contract_columns(self) -> list[str]:
        """The contract's columns in the file's order."""
        return [name for name in self.columns if name is not None]


def read_header(record: str, name: str, line: int = 1) -> Header:
    """The header of a text file, from its first record that is not blank. Raises RejectedFile."""
    best = max(DELIMITERS, key=lambda delimiter: _known(_split(record, delimiter)))
    header = match_columns(_split(record, best), name, delimiter=best, line=line)
    # A reader that lets a name go on over the line's end would take the first record for a part of the header.
    if len(list(csv.reader([record, "another line"], delimiter=best))) == 1:
        raise RejectedFile(
            "unclosed_quote",
            "A quote is opened in the header and not closed on its line.",
            place=f"{name}, line {line}",
            next_step="close the quote, write the header on one line, and deliver the file again.",
        )
    return header


def match_columns(names: Sequence[str], name: str, *, delimiter: str = ",", line: int = 1) -> Header:
    """Match column names to the contract: any order, case, spaces or hyphens for underscores, declared aliases."""
    columns = tuple(_COLUMN_BY_SPELLING.get(_normalised(column)) for column in names)
    place = f"{name}, line {line}"
    for required in RAW_NAMES:
        spelled = [_shown(column) for column, match in zip(names, columns, strict=True) if match == required]
        if len(spelled) > 1:
            raise RejectedFile(
                "duplicate_column",
                f"Column {required} is there {len(spelled)} times: {_shortened(', '.join(spelled))}.",
                place=place,
                next_step=f"leave one column {required} and deliver the file again.",
            )
    missing = [required for required in RAW_NAMES if required not in columns]
    if missing:
        found = _shortened(", ".join(_shown(column) for column in names[:30]))
        raise RejectedFile(
            "missing_column",
            f"Missing columns: {', '.join(missing)}. Found: {found}.",
            place=place,
            next_step=f"put the columns {', '.join(RAW_NAMES)} on the first line, between commas, semicolons or tabs.",
        )
    extra = [
        column.strip() or f"column {position} without a name"
        for position, (column, match) in enumerate(zip(names, columns, strict=True), start=1)
        if match is None
    ]
    return Header(delimiter, columns, tuple(extra), line)


def _split(record: str, delimiter: str) -> list[str]:
    return next(csv.reader([record], delimiter=delimiter), [])


def _known(names: Sequence[str]) -> int:
    return sum(_normalised(column) in _COLUMN_BY_SPELLING for column in names)


def _normalised(column: str) -> str:
    text = unicodedata.normalize("NFKC", column).replace("\ufeff", "").strip().casefold()
    return re.sub(r"[\s_\-]+", "_", text)


def _shortened(text: str) -> str:
    """A line that can still be read: a file of another kind may have names of hundreds of escapes."""
    return text if len(text) <= MAX_SHOWN else text[:MAX_SHOWN] + "..."


def _shown(column: str) -> str:
    text = ascii(column.strip()[:60])[1:-1]
    return text or "(empty)"
