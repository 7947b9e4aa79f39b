"""`walmart-bi sample`: data of the real shape for a first run."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

from walmart_bi.errors import WalmartBiError
from walmart_bi.months import first_day, month_of, next_month
from walmart_bi.sales.sample import sample_file_name, write_sample

# The public file of this shape covers these days.
DEFAULT_DAYS = (dt.date(2024, 2, 10), dt.date(2025, 2, 9))


class SampleRefused(WalmartBiError):
    """No such sample can be made."""


def make_sample(rows: int, months: list[str] | None, output: Path | None, seed: int) -> int:
    """Write the sample file and say where it is."""
    first, last = DEFAULT_DAYS
    if months:
        first, last = first_day(months[0]), first_day(next_month(months[1])) - dt.timedelta(days=1)
    if last < first:
        raise SampleRefused(
            "The first month lies after the last.", place="--months", next_step="give the earlier month first."
        )
    path = output or Path(sample_file_name(month_of(first), month_of(last)))
    try:
        write_sample(path, rows=rows, first_day=first, last_day=last, seed=seed)
    except OSError as error:
        raise SampleRefused(
            f"The file cannot be written: {error.strerror}.",
            place=str(path),
            next_step="choose a directory that you may write to: --output PATH.",
        ) from error
    print(f"{path}: {rows:,} rows, {first} to {last}")
    print(f"next: walmart-bi load {path}")
    return 0
