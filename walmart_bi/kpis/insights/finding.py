"""What a finding is, and how the numbers are rounded that findings of several kinds show."""

from __future__ import annotations

from typing import NamedTuple

from walmart_bi.kpis.insights.analysis import Analysis
from walmart_bi.kpis.insights.model import Slot
from walmart_bi.kpis.insights.statistics import Range, Sums, half_away
from walmart_bi.kpis.insights.wording import rounded, unit_of

# Usual ranges of a few dollars a day are shown to the cent.
WHOLE_PER_DAY_FROM = 10_000


class Finding(NamedTuple):
    """A case of an insight, its slots, and the step of its money in cents."""

    case: str
    slots: dict[str, Slot]
    unit: int = 1


Found = Finding | None


def unit_of_analysis(numbers: Analysis) -> int:
    """One step for all money of the month, so that a change and its parts are shown alike."""
    return unit_of(numbers.now.cents, numbers.before.cents)


def average_order(sums: Sums) -> int:
    """The average order in cents, halves up as in every view; 0 without orders."""
    return half_away(sums.cents, sums.orders) if sums.orders else 0


def limits_shown(found: Range) -> tuple[dict[str, Slot], int]:
    """A usual range and the value within it as shown, and the step of its money in cents."""
    unit = 100 if found.upper >= WHOLE_PER_DAY_FROM else 1
    shown = {"per_day": found.value, "lower": found.lower, "upper": found.upper}
    return {name: rounded(value, unit) for name, value in shown.items()}, unit
