"""The numbers for one selection of the cube: what the sentences say is chosen from these, and from nothing else.

The page computes the same for a reader's filters (`walmart_bi/reporting/page`); a test compares both. No text here.
"""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from walmart_bi.kpis.insights.model import CHOSEN_BY_REVENUE, DIMENSIONS, Cell, Cities, Facts, Month, Selection
from walmart_bi.kpis.insights.statistics import (
    CONFIDENCE,
    LEAST_ORDERS,
    LIMIT,
    SEGMENT_LIMIT,
    Comparison,
    MixRate,
    Range,
    Split,
    Sums,
    compare,
    mix_and_rate,
    split_change,
    usual_range,
)
from walmart_bi.months import first_day, month_of

OTHERS = ""  # the segment name of "all the others" in a comparison; no value is empty, the cleaning sees to that


@dataclass(frozen=True)
class Contribution:
    """What a segment had in both months, in cents, and so its part of the change."""

    segment: str
    before: int
    now: int

    @property
    def change(self) -> int:
        """The segment's part of the change in revenue."""
        return self.now - self.before


@dataclass(frozen=True)
class Breakdown:
    """One dimension: the month's contributions (largest change first), mix and rate, ranges, and comparisons.

    `comparisons` are over all covered months: the two segments, or each of several against all the others;
    none where segments were chosen by their revenue.
    """

    contributions: tuple[Contribution, ...]
    mix: MixRate | None
    ranges: dict[str, Range]
    comparisons: tuple[Comparison, ...]


@dataclass(frozen=True)
class Analysis:
    """All numbers of one selection. `status` says whether the month can be compared, and if not, why.

    `compared`, `new` (no orders before), `gone` (none now), `no_orders`, `partial`, `no_previous`, `previous_partial`,
    or `nothing_loaded`. `confidence` is that of each single comparison.
    """

    status: str
    month: str
    previous: str
    first_month: str
    last_month: str
    now: Sums
    before: Sums
    split: Split | None
    range: Range
    confidence: float
    breakdowns: dict[str, Breakdown]
    months: tuple[Month, ...]
    cities: Cities
    customers: int
    orders: int


def analyse(facts: Facts, selection: Selection = Selection()) -> Analysis:  # noqa: B008 - frozen, without state
    """The numbers for what a reader looks at."""
    covered = _covered(facts)
    month = selection.month or _analysis_month(covered)
    previous = month_of(first_day(month) - dt.timedelta(days=1)) if month else ""
    cells = [cell for cell in facts.cube if _is_kept(cell, selection)]
    totals = _by_month(cells)
    now, before = totals.get(month, Sums()), totals.get(previous, Sums())
    status = _status(covered, month, previous, now, before)
    segments = {name: _segments(cells, name) for name in DIMENSIONS}
    confidence = 1 - (1 - CONFIDENCE) / max(1, sum(_possible(_pairs(name, segments[name])) for name in DIMENSIONS))
    return Analysis(
        status=status,
        month=month,
        previous=previous,
        first_month=covered[0].month if covered else "",
        last_month=covered[-1].month if covered else "",
        now=now,
        before=before if status in ("compared", "gone") else Sums(),
        split=split_change(before, now) if status == "compared" else None,
        range=usual_range(_per_day(covered, totals), month, LIMIT),
        confidence=confidence,
        breakdowns={
            name: _breakdown(name, segments[name], covered, month, previous, status, confidence) for name in DIMENSIONS
        },
        months=covered,
        cities=facts.cities,
        customers=facts.customers,
        orders=facts.orders,
    )


Segments = Mapping[str, Mapping[str, Sums]]  # segment -> month -> sums


def _covered(facts: Facts) -> tuple[Month, ...]:
    """The months that the cube holds, which are the latest."""
    first = min((cell.month for cell in facts.cube), default="")
    return tuple(month for month in facts.months if facts.cube and month.month >= first)


def _analysis_month(covered: tuple[Month, ...]) -> str:
    """The latest complete month; where there is none, the latest."""
    complete = [month.month for month in covered if month.is_complete]
    return (complete or [month.month for month in covered] or [""])[-1]


def _is_kept(cell: Cell, selection: Selection) -> bool:
    return all(getattr(cell, name) in kept for name in DIMENSIONS if (kept := getattr(selection, name)))


def _status(covered: tuple[Month, ...], month: str, previous: str, now: Sums, before: Sums) -> str:
    complete = {each.month: each.is_complete for each in covered}
    if not covered:
        return "nothing_loaded"
    is_comparable = complete.get(month, False) and complete.get(previous, False)
    if not now.orders:
        return "gone" if is_comparable and before.orders else "no_orders"
    if not complete.get(month, False):
        return "partial"
    if previous not in complete:
        return "no_previous"
    if not is_comparable:
        return "previous_partial"
    return "compared" if before.orders else "new"


def _by_month(cells: Iterable[Cell]) -> dict[str, Sums]:
    totals: dict[str, Sums] = defaultdict(Sums)
    for cell in cells:
        totals[cell.month] = totals[cell.month].plus(cell.orders, cell.cents, cell.squares)
    return totals


def _segments(cells: Iterable[Cell], name: str) -> Segments:
    groups: dict[str, list[Cell]] = defaultdict(list)
    for cell in cells:
        groups[segment_name(getattr(cell, name))].append(cell)
    return {segment: _by_month(groups[segment]) for segment in sorted(groups)}


def segment_name(value: str | bool) -> str:
    """A dimension's value as a segment's name: flags are `true` and `false`."""
    return value if isinstance(value, str) else str(value).lower()


def _per_day(covered: tuple[Month, ...], totals: Mapping[str, Sums]) -> dict[str, float]:
    return {month.month: totals.get(month.month, Sums()).cents / month.days for month in covered if month.is_complete}


def _breakdown(
    dimension: str,
    segments: Segments,
    covered: tuple[Month, ...],
    month: str,
    previous: str,
    status: str,
    confidence: float,
) -> Breakdown:
    now = {name: months[month] for name, months in segments.items() if month in months}
    before: dict[str, Sums] = {}
    if status in ("compared", "gone"):
        before = {name: months[previous] for name, months in segments.items() if previous in months}
    contributions = [
        Contribution(name, before.get(name, Sums()).cents, now.get(name, Sums()).cents) for name in {*now, *before}
    ]
    return Breakdown(
        contributions=tuple(sorted(contributions, key=lambda each: (-abs(each.change), -each.now, each.segment))),
        mix=mix_and_rate(before, now) if status == "compared" else None,
        ranges={
            name: usual_range(_per_day(covered, months), month, SEGMENT_LIMIT) for name, months in segments.items()
        },
        comparisons=tuple(
            compare((name, other), first, second, confidence)
            for name, other, first, second in _pairs(dimension, segments)
        ),
    )


Pairs = list[tuple[str, str, Sums, Sums]]


def _pairs(dimension: str, segments: Segments) -> Pairs:
    """What is compared in a dimension: two segments with each other, more of them each with all the others."""
    if dimension in CHOSEN_BY_REVENUE:
        return []
    sums = {name: _total(months.values()) for name, months in segments.items()}
    names = sorted(sums)
    if len(names) == 2:
        # `true` comes first: "with a discount" against "without".
        first, second = reversed(names) if names == ["false", "true"] else names
        return [(first, second, sums[first], sums[second])]
    if len(names) < 2:
        return []
    return [(name, OTHERS, sums[name], _total(other for each, other in sums.items() if each != name)) for name in names]


def _possible(pairs: Pairs) -> int:
    """How many comparisons have enough orders on both sides."""
    return sum(min(first.orders, second.orders) >= LEAST_ORDERS for _, _, first, second in pairs)


def _total(parts: Iterable[Sums]) -> Sums:
    total = Sums()
    for part in parts:
        total = total.plus(*part)
    return total
