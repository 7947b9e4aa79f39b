"""Months as Dagster partitions, and the months that a run is about."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterable, Mapping
from typing import Final

import dagster as dg

from walmart_bi.errors import WalmartBiError
from walmart_bi.months import month_of, months_between

RANGE_START_TAG: Final = "dagster/asset_partition_range_start"
RANGE_END_TAG: Final = "dagster/asset_partition_range_end"
PARTITION_TAG: Final = "dagster/partition"


class MonthOutOfRange(WalmartBiError):
    """A month that has no partition: before the first one, or after the current month."""


def monthly_partitions(first_month: str) -> dg.MonthlyPartitionsDefinition:
    """Months from the first one up to the current month (`end_offset=1`: a month is delivered before it is over)."""
    return dg.MonthlyPartitionsDefinition(start_date=first_month, fmt="%Y-%m", end_offset=1)


def require_partitions(months: Iterable[str], *, first_month: str, today: dt.date, place: str) -> None:
    """Raise MonthOutOfRange when a month lies before the first partition or after the current month."""
    early = sorted(month for month in months if month < first_month)
    late = sorted(month for month in months if month > month_of(today))
    if early:
        raise MonthOutOfRange(
            f"It covers {', '.join(early)}, before the first month {first_month}.",
            place=place,
            next_step=f"set WALMART_BI_FIRST_MONTH={early[0]} for all commands and make dev, or deliver later months.",
        )
    if late:
        raise MonthOutOfRange(
            f"It covers {', '.join(late)}, after the current month {month_of(today)}.",
            place=place,
            next_step="correct the month in the file's name or its dates, and deliver it again.",
        )


def range_tags(months: tuple[str, ...]) -> dict[str, str]:
    """Run tags that make one run materialize a contiguous range of months."""
    return {RANGE_START_TAG: months[0], RANGE_END_TAG: months[-1]}


def run_months(tags: Mapping[str, str]) -> tuple[str, ...]:
    """The months of a run, from its tags; empty for a run without partitions.

    A check has no partitions of its own (partitioned checks are a preview feature), so it asks its run.
    """
    if RANGE_START_TAG in tags:
        return months_between(tags[RANGE_START_TAG], tags[RANGE_END_TAG])
    return tuple(re.findall(r"^\d{4}-\d{2}$", tags.get(PARTITION_TAG, "")))
