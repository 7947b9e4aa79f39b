"""How the command line shows tables, numbers and progress."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from decimal import Decimal

MAX_CELL = 40


def print_table(columns: Sequence[str], rows: Sequence[Sequence[object]], *, indent: str = "  ") -> None:
    """Print an aligned table; numbers to the right."""
    cells = [[_cell(value) for value in row] for row in rows]
    right = [bool(rows) and all(_is_number(row[i]) for row in rows) for i in range(len(columns))]
    widths = [max(len(column), *(len(row[i]) for row in cells), 0) for i, column in enumerate(columns)]
    for line in [list(columns), *cells]:
        padded = (
            cell.rjust(width) if number else cell.ljust(width)
            for cell, width, number in zip(line, widths, right, strict=True)
        )
        print((indent + "  ".join(padded)).rstrip())


def span_of(months: Sequence[str]) -> str:
    """Contiguous months as people say them: 2025-03, or 13 months, 2024-02 to 2025-02."""
    return months[0] if len(months) == 1 else f"{len(months)} months, {months[0]} to {months[-1]}"


def by_unit(value: object, unit: str) -> str:
    """A KPI value as people read it, by the unit that its column declares."""
    if value is None:
        return "-"
    if unit == "usd" and isinstance(value, Decimal):
        return f"-${-value:,.2f}" if value < 0 else f"${value:,.2f}"
    if unit == "share" and isinstance(value, Decimal | float):
        return f"{value:.1%}"
    if unit == "month" and isinstance(value, dt.date):
        return f"{value:%Y-%m}"
    if isinstance(value, int) and not isinstance(value, bool):
        return f"{value:,}"
    return _cell(value)


def _cell(value: object) -> str:
    text = "-" if value is None else " ".join(str(value).split())
    printable = "".join(character if character.isprintable() else "?" for character in text)
    return printable if len(printable) <= MAX_CELL else printable[: MAX_CELL - 1] + "\u2026"


def _is_number(value: object) -> bool:
    return str(value).lstrip("-$").replace(",", "").replace(".", "").rstrip("%").isdigit() or value in (None, "-")
