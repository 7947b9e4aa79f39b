"""Business months as `YYYY-MM` text, the form that partitions, keys, tags and the ledger share.

Only calendar arithmetic belongs here. Which file supplies which month is in `sales/coverage.py`.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterable

_MONTH = re.compile(r"(?P<year>[12]\d{3})-(?P<month>0[1-9]|1[0-2])")


def is_month(text: str) -> bool:
    """Whether the text is a month in the form YYYY-MM."""
    return _MONTH.fullmatch(text) is not None


def first_day(month: str) -> dt.date:
    """The first day of a month; ValueError when the text is not YYYY-MM."""
    match = _MONTH.fullmatch(month)
    if match is None:
        raise ValueError(f"not a month in the form YYYY-MM: {month!r}")
    return dt.date(int(match["year"]), int(match["month"]), 1)


def month_of(day: dt.date) -> str:
    """The month that a day lies in."""
    return f"{day.year:04d}-{day.month:02d}"


def next_month(month: str) -> str:
    """The month after the given one."""
    return month_of(first_day(month) + dt.timedelta(days=32))


def months_between(first: str, last: str) -> tuple[str, ...]:
    """All months from first to last, both included; empty when last lies before first."""
    first_day(last)
    months, month = [], first
    while month <= last:
        months.append(month)
        month = next_month(month)
    return tuple(months)


def contiguous_ranges(months: Iterable[str]) -> tuple[tuple[str, ...], ...]:
    """The months sorted and cut into runs without a gap: one Dagster run loads one such range."""
    ranges: list[list[str]] = []
    for month in sorted(set(months)):
        if ranges and next_month(ranges[-1][-1]) == month:
            ranges[-1].append(month)
        else:
            ranges.append([month])
    return tuple(tuple(run) for run in ranges)
