"""The formulas: exact where they promise to be, and right against tables and simulations that are not ours."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from walmart_bi.kpis.insights.statistics import (
    Sums,
    compare,
    half_away,
    mix_and_rate,
    split_change,
    t_quantile,
    usual_range,
)
from walmart_bi.months import months_between

ORDERS = st.integers(1, 10_000_000)
CENTS = st.integers(1, 10**13)
SUMS = st.builds(Sums, ORDERS, CENTS)
MAYBE_EMPTY = st.one_of(st.just(Sums()), SUMS)
MONTHS = months_between("2023-01", "2024-12")


@given(SUMS, SUMS)
def test_the_parts_of_a_change_add_up_to_it_and_the_part_of_orders_is_the_midpoint_rounded(before: Sums, now: Sums):
    split = split_change(before, now)
    exact = (now.orders - before.orders) * (Fraction(*before[1::-1]) + Fraction(*now[1::-1])) / 2

    assert split.change == now.cents - before.cents
    assert split.orders_effect + split.aov_effect == split.change
    assert abs(split.orders_effect - exact) <= Fraction(1, 2)


@given(SUMS, SUMS)
def test_lmdi_adds_up_as_well_and_agrees_in_sign(before: Sums, now: Sums):
    split = split_change(before, now)
    scale = max(abs(split.lmdi_orders), abs(split.lmdi_aov), 1.0)

    assert split.lmdi_orders + split.lmdi_aov == pytest.approx(split.change, abs=1e-6 * scale)
    assert math.copysign(1, split.lmdi_orders) == math.copysign(1, split.orders_effect) or not split.orders_effect
    assert (now.orders > before.orders) == (split.lmdi_orders > 0)
    gap = now.cents * before.orders - before.cents * now.orders
    assert (gap > 0, gap < 0) == (split.lmdi_aov > 0, split.lmdi_aov < 0)


@given(st.dictionaries(st.sampled_from("abcdef"), st.tuples(MAYBE_EMPTY, MAYBE_EMPTY), min_size=1))
def test_mix_and_rate_add_up_to_the_change_of_the_average_order(segments: dict[str, tuple[Sums, Sums]]):
    before = {name: pair[0] for name, pair in segments.items() if pair[0].orders}
    now = {name: pair[1] for name, pair in segments.items() if pair[1].orders}
    assume(before and now)
    means = [sum(x.cents for x in part.values()) / sum(x.orders for x in part.values()) for part in (before, now)]

    found = mix_and_rate(before, now)

    largest = max(sums.mean for part in (before, now) for sums in part.values())
    assert found.mix + found.rate == pytest.approx(means[1] - means[0], abs=max(1e-6, 1e-12 * largest))


def test_a_half_is_rounded_away_from_zero():
    assert [half_away(numerator, 2) for numerator in (1, -1, 3, -3, 4, 0)] == [1, -1, 2, -2, 2, 0]


# Student's quantiles as printed in statistical tables.
@pytest.mark.parametrize(
    ("probability", "freedom", "printed", "digits"),
    [
        (0.975, 30, 2.042, 3),
        (0.975, 40, 2.021, 3),
        (0.975, 60, 2.000, 3),
        (0.975, 120, 1.980, 3),
        (0.995, 30, 2.750, 3),
        (0.995, 60, 2.660, 3),
        (0.995, 120, 2.617, 3),
        (0.9995, 30, 3.646, 3),
        (0.9995, 60, 3.460, 3),
        (0.9995, 120, 3.373, 3),
        (0.975, 1e12, 1.959964, 6),
    ],
)
def test_the_t_quantile_is_that_of_published_tables(probability, freedom, printed, digits):
    assert round(t_quantile(probability, freedom), digits) == printed


@pytest.mark.parametrize("confidence", [0.9, 0.95, 0.995])
@pytest.mark.parametrize("shape", ["flat", "normal", "unequal"])
def test_welchs_interval_holds_the_true_difference_about_as_often_as_it_says(confidence, shape):
    generator, trials, inside = np.random.default_rng(11), 4_000, 0
    for _ in range(trials):
        if shape == "flat":
            groups = [generator.integers(500, 50_000, size) for size in (60, 90)]
        else:
            deviations = (9_000, 9_000) if shape == "normal" else (4_000, 16_000)
            groups = [
                np.rint(generator.normal(50_000, deviation, size)).astype(int)
                for deviation, size in zip(deviations, (120, 40), strict=True)
            ]
        first, second = (Sums(len(g), int(g.sum()), int((g**2).sum())) for g in groups)
        found = compare(("a", "b"), first, second, confidence)
        inside += found.lower <= 0 <= found.upper
    error = math.sqrt(confidence * (1 - confidence) / trials)
    assert inside / trials == pytest.approx(confidence, abs=4 * error + 0.001)


def test_the_variance_is_exact_where_floats_would_lose_it():
    amounts = [10**12 + cents for cents in range(100)]
    sums = Sums(100, sum(amounts), sum(amount**2 for amount in amounts))
    assert sums.variance == pytest.approx(sum((x - 49.5) ** 2 for x in range(100)) / 99, rel=1e-15)


@pytest.mark.parametrize(
    ("first", "second", "verdict"),
    [
        (Sums(29, 2_900, 290_000), Sums(1_000, 100_000, 10**8), "too_few"),
        # All amounts equal: no spread, so the interval has no width.
        (Sums(30, 3_000, 300_000), Sums(30, 3_000, 300_000), "unclear"),
        (Sums(30, 3_000, 300_000), Sums(30, 6_000, 1_200_000), "difference"),
        # 5 million orders on each side, means 10,000 and 10,100, spread 2,000: sure, and a twentieth of the spread.
        (
            Sums(5 * 10**6, 5 * 10**10, 5 * 10**6 * (10_000**2 + 2_000**2)),
            Sums(5 * 10**6, 5 * 10_100 * 10**6, 5 * 10**6 * (10_100**2 + 2_000**2)),
            "negligible",
        ),
    ],
)
def test_what_may_be_said_about_two_averages(first, second, verdict):
    assert compare(("a", "b"), first, second, 0.995).verdict == verdict


def test_given_a_month_far_outside_then_its_range_says_so_on_the_right_side():
    calm = {month: 1_000.0 + 10 * (number % 3) for number, month in enumerate(MONTHS)}
    verdicts = {
        value: usual_range({**calm, MONTHS[-1]: value}, MONTHS[-1], 2.66).verdict for value in (100.0, 1_010.0, 5_000.0)
    }
    assert verdicts == {100.0: "below", 1_010.0: "usual", 5_000.0: "above"}


def test_given_equal_months_then_the_range_has_no_width_and_the_month_is_usual():
    found = usual_range(dict.fromkeys(MONTHS, 500.0), MONTHS[-1], 2.66)
    assert (found.lower, found.upper, found.verdict) == (500.0, 500.0, "usual")


@pytest.mark.parametrize(
    "months",
    [MONTHS[:5], MONTHS[::2], ()],
    ids=["five months", "no two in a row", "none"],
)
def test_given_too_few_months_or_only_gaps_then_nothing_is_called_usual(months):
    last = months[-1] if months else "2024-12"
    assert usual_range(dict.fromkeys(months, 1.0), last, 2.66).verdict == "too_few"


def test_given_a_gap_then_the_jump_across_it_does_not_widen_the_range():
    low, high = dict.fromkeys(MONTHS[:6], 100.0), dict.fromkeys(MONTHS[12:18], 900.0)
    found = usual_range({**low, **high}, MONTHS[17], 2.66)
    assert found.upper - found.lower == 0.0
