"""The arithmetic of "why" and "is it unusual": pure functions on sums, each with the source of its formula in ADR 14.

No text and no cube here. Sums are whole numbers and stay exact until the one division at the end, so the page, which
does the same in the browser, gets the same cents.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import NormalDist
from typing import NamedTuple

from walmart_bi.months import next_month

# A group of fewer orders gets no statement about its average.
LEAST_ORDERS = 30
# All intervals that one page shows hold together with this confidence: each gets its share of the rest (Bonferroni).
CONFIDENCE = 0.999
# A difference of averages below a fifth of the orders' own spread is called too small to matter, however sure it is:
# with millions of orders every difference is sure. A fifth is Cohen's "small effect".
EFFECT_FLOOR = 0.2
# Wheeler's constant for limits of single values from the mean moving range: 3 sigma / 1.128.
LIMIT = 2.66
# About twenty segments are looked at beside the total, so theirs are wider. With 2.66 for the total and 5 for segments,
# 0.6% of 4,000 data sets of noise (400 orders, 12 months) get any claim; with 4.5 it was 0.8 to 1.25%.
SEGMENT_LIMIT = 5.0
LEAST_MONTHS = 6


class Sums(NamedTuple):
    """Orders of a group: their number, sum in cents, and sum of squares."""

    orders: int = 0
    cents: int = 0
    squares: int = 0

    def plus(self, orders: int, cents: int, squares: int) -> Sums:
        """These orders and others."""
        return Sums(self.orders + orders, self.cents + cents, self.squares + squares)

    @property
    def mean(self) -> float:
        """The average order in cents."""
        return self.cents / self.orders

    @property
    def variance(self) -> float:
        """The sample variance in cents squared; exact until the division."""
        return (self.orders * self.squares - self.cents**2) / (self.orders * (self.orders - 1))


@dataclass(frozen=True)
class Split:
    """A change of revenue in cents: `orders_effect` + `aov_effect` = `change`, exactly. LMDI is the cross-check."""

    change: int
    orders_effect: int
    aov_effect: int
    lmdi_orders: float
    lmdi_aov: float


@dataclass(frozen=True)
class MixRate:
    """A change of the average order in cents: the part from the mix of segments, and the part from within them."""

    mix: float
    rate: float


@dataclass(frozen=True)
class Comparison:
    """The averages of two groups. `difference`, its interval and the `spread` of single orders are in cents.

    `verdict`: `difference` (sure and large), `negligible` (sure, but below the floor), `unclear` (the interval holds
    zero), or `too_few` (a group has fewer than 30 orders; all numbers are 0).
    """

    segment: str
    other: str
    orders: int
    other_orders: int
    difference: float
    lower: float
    upper: float
    spread: float
    verdict: str


@dataclass(frozen=True)
class Range:
    """The usual range of revenue per day, in cents, from so many complete months; `verdict` is about `value`.

    `usual`, `above`, `below`, or `too_few` (fewer than six months or no two that follow each other).
    """

    months: int
    value: float
    mean: float
    lower: float
    upper: float
    verdict: str


def half_away(numerator: int, denominator: int) -> int:
    """The quotient as a whole number, halves away from zero; the denominator is positive."""
    whole = (2 * abs(numerator) + denominator) // (2 * denominator)
    return whole if numerator >= 0 else -whole


def split_change(before: Sums, now: Sums) -> Split:
    """Orders times average: the midpoint (Shapley) split; both months have orders.

    The part from orders is rounded to the cent, halves away from zero; the average order takes what is left, so that
    both add up. The view `kpi_executive_summary` does the same.
    """
    change = now.cents - before.cents
    orders_effect = half_away(
        (now.orders - before.orders) * (before.cents * now.orders + now.cents * before.orders),
        2 * before.orders * now.orders,
    )
    growth = _log_ratio(now.cents, before.cents)
    weight = change / growth if growth else float(before.cents)
    orders_growth = _log_ratio(now.orders, before.orders)
    aov_growth = _log_ratio(now.cents * before.orders, before.cents * now.orders)
    return Split(change, orders_effect, change - orders_effect, weight * orders_growth, weight * aov_growth)


def mix_and_rate(before: Mapping[str, Sums], now: Mapping[str, Sums]) -> MixRate:
    """Kitagawa's split of the change in the average order over segments; both months have orders.

    A segment without orders in one month has no average there; the other month's stands in, so all of its part is mix.
    """
    orders_before = sum(sums.orders for sums in before.values())
    orders_now = sum(sums.orders for sums in now.values())
    centre = (
        sum(sums.cents for sums in before.values()) / orders_before
        + sum(sums.cents for sums in now.values()) / orders_now
    ) / 2
    mix = rate = 0.0
    for segment in sorted({*before, *now}):
        old, new = before.get(segment, Sums()), now.get(segment, Sums())
        old_mean = old.mean if old.orders else new.mean
        new_mean = new.mean if new.orders else old.mean
        old_weight, new_weight = old.orders / orders_before, new.orders / orders_now
        mix += (new_weight - old_weight) * ((old_mean + new_mean) / 2 - centre)
        rate += (old_weight + new_weight) / 2 * (new_mean - old_mean)
    return MixRate(mix, rate)


def normal_quantile(probability: float) -> float:
    """The standard normal quantile (Wichura's AS 241, which the standard library implements)."""
    return NormalDist().inv_cdf(probability)


def t_quantile(probability: float, freedom: float) -> float:
    """Student's quantile by the Cornish-Fisher expansion, for the 29 degrees of freedom and more that are used here."""
    x = normal_quantile(probability)
    terms = (
        (x**3 + x) / 4,
        (5 * x**5 + 16 * x**3 + 3 * x) / 96,
        (3 * x**7 + 19 * x**5 + 17 * x**3 - 15 * x) / 384,
        (79 * x**9 + 776 * x**7 + 1482 * x**5 - 1920 * x**3 - 945 * x) / 92160,
    )
    return x + sum(term / freedom**power for power, term in enumerate(terms, start=1))


def compare(names: tuple[str, str], first: Sums, second: Sums, confidence: float) -> Comparison:
    """Welch's interval for the difference of two averages, and what may be said about it."""
    if min(first.orders, second.orders) < LEAST_ORDERS:
        return Comparison(*names, first.orders, second.orders, 0.0, 0.0, 0.0, 0.0, "too_few")
    one, two = first.variance / first.orders, second.variance / second.orders
    difference, width = first.mean - second.mean, 0.0
    if one + two > 0:
        freedom = (one + two) ** 2 / (one**2 / (first.orders - 1) + two**2 / (second.orders - 1))
        width = t_quantile((1 + confidence) / 2, freedom) * math.sqrt(one + two)
    lower, upper = difference - width, difference + width
    spread = math.sqrt(
        ((first.orders - 1) * first.variance + (second.orders - 1) * second.variance)
        / (first.orders + second.orders - 2)
    )
    verdict = "unclear"
    if lower > 0 or upper < 0:
        verdict = "difference" if abs(difference) >= EFFECT_FLOOR * spread else "negligible"
    return Comparison(*names, first.orders, second.orders, difference, lower, upper, spread, verdict)


def usual_range(per_day: Mapping[str, float], month: str, limit: float) -> Range:
    """Limits for single values (XmR) from the moving ranges of months that follow each other.

    `per_day` is revenue per day of each complete month, that of `month` among them. Months are compared per day,
    because their lengths differ.
    """
    values = [per_day[name] for name in sorted(per_day)]
    moves = _moves(per_day)
    value = per_day.get(month, 0.0)
    if len(values) < LEAST_MONTHS or not moves or month not in per_day:
        return Range(len(values), value, 0.0, 0.0, 0.0, "too_few")
    mean = sum(values) / len(values)
    width = limit * (sum(moves) / len(moves))
    verdict = "above" if value > mean + width else "below" if value < mean - width else "usual"
    return Range(len(values), value, mean, max(0.0, mean - width), mean + width, verdict)


def _moves(per_day: Mapping[str, float]) -> Sequence[float]:
    return [
        abs(per_day[later] - per_day[earlier])
        for earlier, later in pairwise(sorted(per_day))
        if later == next_month(earlier)
    ]


def _log_ratio(now: int, before: int) -> float:
    """The logarithm of now / before. Near 1 the difference of whole numbers comes first, far from it would cancel."""
    growth = (now - before) / before
    return math.log1p(growth) if abs(growth) < 0.5 else math.log(now) - math.log(before)
