"""What the story claims: planted causes are named, noise is not, and awkward data is told plainly."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from itertools import combinations, product
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from walmart_bi.kpis.insights.analysis import Analysis, analyse
from walmart_bi.kpis.insights.finding import unit_of_analysis
from walmart_bi.kpis.insights.findings import split, usual
from walmart_bi.kpis.insights.model import DIMENSIONS, Cell, Cities, Facts, Insights, Selection
from walmart_bi.kpis.insights.personas import build_insights
from walmart_bi.kpis.insights.segment_findings import leader, mix, segments
from walmart_bi.kpis.insights.statistics import Sums
from walmart_bi.kpis.insights.wording import FORMATS, rounded
from walmart_bi.months import months_between
from walmart_bi_tests.unit.insights.made import YEAR, cell, facts, per_day, spread

PERSONAS = [
    *("executive", "sales_manager", "regional_director", "customer_experience", "marketing", "finance"),
    "warehouse_keeper",
]
LAST, BEFORE = YEAR[-1], YEAR[-2]


def told(made: Facts, persona: str = "executive", selection: Selection | None = None) -> str:
    box = build_insights(made, PERSONAS, selection).box(persona)
    return " ".join(sentence.text for part in (box.headline, *box.sections.values()) for sentence in part)


def two_months(before: tuple[int, int], now: tuple[int, int]) -> Analysis:
    return analyse(facts([cell(BEFORE, *before), cell(LAST, *now)]))


# --- planted causes ---------------------------------------------------------------------------------------------------


def test_given_only_more_orders_then_all_of_the_change_is_from_orders():
    found = split(two_months((100, 1_000_000), (150, 1_500_000)))
    assert found is not None and found.case == "only_orders_up"


def test_given_only_larger_orders_then_all_of_the_change_is_from_the_average_order():
    found = split(two_months((100, 1_000_000), (100, 1_500_000)))
    assert found is not None and found.case == "only_aov_up"


def test_given_both_in_opposite_directions_then_both_are_told_the_larger_first():
    found = split(two_months((100, 2_000_000), (98, 2_500_000)))
    assert found is not None and found.case == "aov_up_orders_down"


def test_given_that_only_the_mix_moved_then_the_whole_change_of_the_average_is_mix():
    cells = [
        *(cell(BEFORE, 80, 80 * 1_000, category="Small"), cell(BEFORE, 20, 20 * 9_000, category="Large")),
        *(cell(LAST, 50, 50 * 1_000, category="Small"), cell(LAST, 50, 50 * 9_000, category="Large")),
    ]
    found = mix(analyse(facts(cells)), "category")
    assert found is not None and (found.slots["mix"], found.slots["rate"]) == (2_400, 0)


def test_given_that_only_values_within_moved_then_none_of_it_is_mix():
    cells = [
        cell(month, 50, 50 * mean, category=name)
        for month, name, mean in ((BEFORE, "A", 10), (BEFORE, "B", 90), (LAST, "A", 20), (LAST, "B", 100))
    ]
    found = mix(analyse(facts(cells)), "category")
    assert found is not None and (found.slots["mix"], found.slots["rate"]) == (0, 10)


def steady(**extra: Any) -> list[Cell]:
    """A year of two categories with a small wave."""
    return [
        spread(month, 100, per_day(month, 1_000 + 20 * (number % 3)) // 100, 300, category=name, **extra)
        for number, month in enumerate(YEAR)
        for name in ("Home", "Beauty", "Toys")
    ]


def test_given_that_one_segment_moved_then_it_is_named_and_found_outside_its_own_range():
    cells = [*steady(), spread(LAST, 600, 30_000, 300, category="Toys", payment_method="Cash")]
    numbers = analyse(facts(cells))

    found, outside = leader(numbers, "category"), segments(numbers, "category")

    assert found is not None and found.slots["first"] == "Toys"
    assert outside is not None and (outside.case, outside.slots["name"]) == ("one", "Toys")


def test_given_one_month_out_of_range_then_it_is_said_and_a_calm_month_is_not():
    calm, loud = facts(steady()), facts([*steady(), cell(LAST, 100, 30_000_000)])
    assert [found.case for found in (usual(analyse(calm)), usual(analyse(loud))) if found] == ["usual", "above"]
    assert "no sign that anything changed" in told(calm)
    assert "a sign that something changed" in told(loud)


def test_given_a_real_difference_between_groups_then_it_is_claimed_with_its_interval():
    cells = [spread(LAST, 400, 10_000 + 3_000 * flag, 4_000, discount_applied=flag) for flag in (False, True)]
    text = told(facts(cells), "marketing")
    assert "$30.00 larger for orders with a discount than for orders without a discount" in text
    assert "large enough to matter" in text


def test_given_millions_of_orders_and_a_sure_but_tiny_difference_then_it_is_called_too_small():
    cells = [spread(LAST, 5_000_000, 10_000 + 100 * flag, 4_000, repeat_customer=flag) for flag in (False, True)]
    text = told(facts(cells), "customer_experience")
    assert "too small to matter" in text and "Order values hardly differ" in text


# --- noise ------------------------------------------------------------------------------------------------------------


AGE_BANDS = ("18-24", "25-34", "35-44", "45-54", "55-64", "65+", "Unknown")
GROUPS = ("Other cities", "10 largest cities")
# Each pair of segments of two dimensions equally often, as in all 448 kinds: no two comparisons correlate more than
# there. The analysis reads one dimension at a time, so a quarter of the cells shows the same at a quarter of the cost.
KINDS = [
    ("ABCD"[a], "WXYZ"[b], bool((a ^ b) & 1), bool((a ^ b ^ (a >> 1)) & 1), age)
    for a, b, age in product(range(4), range(4), AGE_BANDS)
]


def null_facts(generator: np.random.Generator, rows: int, months: int) -> Facts:
    """Orders that depend on nothing: flat amounts. Nearly each has a city of its own, as in the public file.

    The largest cities are those of the highest revenue, as `cube.sql` chooses them.
    """
    covered = YEAR[-months:]
    kinds, amounts = generator.integers(0, months * len(KINDS), rows), generator.integers(500, 50_000, rows)
    cities = generator.integers(0, rows, rows)
    largest = np.argsort(-np.bincount(cities, weights=amounts))[:10]
    places = 2 * kinds + np.isin(cities, largest)
    sums = [np.bincount(places, weights=amounts.astype(float) ** power) for power in (0, 1, 2)]
    cells = []
    for place in np.flatnonzero(sums[0]).tolist():
        month, kind = divmod(place // 2, len(KINDS))
        *key, age = KINDS[kind]
        orders, cents, squares = (int(each[place]) for each in sums)
        cells.append(Cell(covered[month], *key, GROUPS[place % 2], age, orders, cents, squares))
    return facts(cells)


def test_the_kinds_of_orders_hold_each_pair_of_segments_equally_often():
    for one, two in combinations(range(5), 2):
        pairs = Counter((kind[one], kind[two]) for kind in KINDS)
        assert len(set(pairs.values())) == 1
        assert len(pairs) == len({kind[one] for kind in KINDS}) * len({kind[two] for kind in KINDS})


def claims(numbers: Analysis) -> Iterator[str]:
    yield from (f"total {numbers.range.verdict}" for _ in "1" if numbers.range.verdict in ("above", "below"))
    for name in DIMENSIONS:
        found = numbers.breakdowns[name]
        yield from (f"{name} {each.segment}" for each in found.comparisons if each.verdict == "difference")
        yield from (f"{name} {each}" for each, found in found.ranges.items() if found.verdict in ("above", "below"))


# Of 200 data sets two may claim something. Where it was forgotten that many segments are compared, 5 of 200 did for 400
# orders in twelve months; where each was sure to 95%, half of them for 400.
@pytest.mark.parametrize(("rows", "months", "trials"), [(400, 6, 200), (400, 12, 200), (50_000, 12, 100)])
def test_on_pure_noise_anything_is_claimed_in_at_most_one_of_a_hundred_data_sets(rows, months, trials):
    generator = np.random.default_rng(rows)
    claimed = [found for _ in range(trials) if (found := list(claims(analyse(null_facts(generator, rows, months)))))]
    assert len(claimed) <= trials / 100, claimed


def test_given_cities_that_were_chosen_by_their_revenue_then_their_orders_are_compared_with_no_others():
    cells = [spread(LAST, 100, 10_000 + 9_000 * (group == GROUPS[1]), 2_000, city_group=group) for group in GROUPS]
    numbers = analyse(facts(cells))

    assert numbers.breakdowns["city_group"].comparisons == ()
    assert len(numbers.breakdowns["city_group"].contributions) == 2


# --- what is shown adds up --------------------------------------------------------------------------------------------

MANY = st.integers(1, 100_000)
AMOUNT = st.integers(1, 10**9)


@settings(max_examples=200)
@given(st.tuples(MANY, AMOUNT), st.tuples(MANY, AMOUNT), st.tuples(MANY, AMOUNT), st.tuples(MANY, AMOUNT))
def test_shown_parts_add_up_to_the_shown_change(one, two, three, four):
    cells = [
        cell(month, orders, cents, cents**2, category=name)
        for (month, name), (orders, cents) in zip(
            product((BEFORE, LAST), ("Home", "Toys")), (one, two, three, four), strict=True
        )
    ]
    numbers = analyse(facts(cells))
    assert numbers.split is not None
    change = rounded(numbers.split.change, unit_of_analysis(numbers))

    found, parts, within = split(numbers), leader(numbers, "category"), mix(numbers, "category")

    assert found is not None and parts is not None and within is not None
    if "aov_effect" in found.slots and found.case.count("_") > 2:
        assert found.slots["orders_effect"] + found.slots["aov_effect"] == change
    if parts.case == "two":
        assert parts.slots["first_change"] + parts.slots["second_change"] == change
    assert sum(each.change for each in numbers.breakdowns["category"].contributions) == numbers.split.change
    exact = numbers.now.mean - numbers.before.mean
    assert within.slots["mix"] + within.slots["rate"] == pytest.approx(exact, abs=1.01)


# --- awkward data -----------------------------------------------------------------------------------------------------


def test_given_nothing_loaded_then_every_box_says_so_and_claims_nothing():
    insights = build_insights(facts([]), PERSONAS)
    assert insights.month is None
    assert "No month is loaded" in told(facts([]))
    assert all(box.headline and box.what for box in insights.boxes)


def test_given_one_month_then_it_is_told_without_a_comparison():
    text = told(facts([cell(LAST, 4, 4_000)]))
    assert "Nov 2024 is not loaded, so there is no month to compare it with." in text
    assert "no change to explain" in text and "it takes at least 6 complete months" in text


def test_given_a_gap_before_the_month_then_it_is_not_compared_across_the_gap():
    text = told(facts([cell("2024-09", 4, 4_000), cell(LAST, 4, 8_000)]))
    assert "Nov 2024 is not loaded" in text and "up" not in text.split()


def test_given_a_partial_month_then_the_one_before_is_analysed_and_the_partial_one_named():
    made = facts([cell("2024-10", 10, 10_000), cell(BEFORE, 10, 20_000), cell(LAST, 2, 2_000)], partial=[LAST])
    text = told(made)
    assert "Revenue in Nov 2024 was $200.00, up $100.00 (+100.0%) on Oct 2024." in text
    assert "Dec 2024 is not complete and is left out of comparisons." in text


def test_given_that_a_partial_month_is_selected_then_it_is_not_compared_and_the_reason_is_given():
    made = facts([cell(BEFORE, 10, 20_000), cell(LAST, 2, 2_000)], partial=[LAST])
    text = told(made, selection=Selection(month=LAST))
    assert "it is loaded from 1 Dec 2024 to 9 Dec 2024, so it is not compared" in text
    assert "is not judged for a month that is not complete" in text


def test_given_a_month_after_a_partial_one_then_there_is_none_to_compare_with():
    made = facts([cell(BEFORE, 10, 20_000), cell(LAST, 2, 2_000)], partial=[BEFORE])
    assert "Nov 2024 is not complete, so there is no month to compare it with." in told(made)


def test_given_filters_that_leave_nothing_then_it_says_so_and_nothing_fails():
    made = facts(steady())
    nothing = Selection(category=("Home",), payment_method=("Cash",))
    assert "There are no such orders in Dec 2024." in told(made, selection=nothing)
    for persona in PERSONAS:
        assert told(made, persona, nothing)


def test_given_orders_that_began_or_ended_then_no_rate_of_change_is_made_up():
    began = facts([cell(BEFORE, 1, 100, category="Old"), cell(LAST, 1, 100, category="New")])
    assert "no rate of change" in told(began, selection=Selection(category=("New",)))
    assert "Nov 2024 had $1.00 of revenue" in told(began, selection=Selection(category=("Old",)))


def test_given_one_segment_only_then_no_comparison_and_no_mix_is_told():
    text = told(facts(steady()), "finance")
    assert "All revenue of Dec 2024 comes from UPI." in text and "interval" not in text.replace("Intervals", "")


def test_given_equal_amounts_everywhere_then_no_difference_is_claimed():
    cells = [cell(month, 40, 40_000, category=name) for month in YEAR for name in ("A", "B", "C")]
    numbers = analyse(facts(cells))
    assert list(claims(numbers)) == []
    assert {each.verdict for each in numbers.breakdowns["category"].comparisons} == {"unclear"}


@pytest.mark.parametrize(
    ("cities", "expected", "unexpected"),
    [
        (Cities(900, 880, 0, 10, 1_000, 0.001, ((0.0, 0.0),)), "no single city carries", "Averages are shown"),
        (Cities(900, 880, 0, 10, 1_000, 0.001, ((0.0, 0.0),)), "No city has 30 orders or more", "larger for"),
        (Cities(1, 0, 1, 1_000, 1_000, 1.0, ((0.0, 0.0),)), "revenue comes from one city", "single order"),
        (Cities(40, 5, 9, 800, 1_000, 0.2, ((0.0, 0.0),)), "the 9 cities with at least 30", "carries"),
    ],
)
def test_cities_are_told_by_what_their_orders_allow(cities, expected, unexpected):
    text = told(facts(steady(), cities=cities), "regional_director")
    assert expected in text and unexpected not in text


@pytest.mark.parametrize(
    "name",
    ["{month:month}", "</script><b>", '"; DROP TABLE', "%s {0} \\1 $& $1", "\u202eevil\u202c", "مكة", "x" * 300],
)
def test_given_a_hostile_name_then_it_is_text_and_never_a_pattern(name):
    text = told(facts([*steady(), cell(LAST, 1, 90_000_000, category=name)]), "sales_manager")
    assert "\u202e" not in text and "x" * 60 not in text
    if name.isascii() and len(name) < 60:
        assert f"{name} moved revenue most" in text
    if name == "مكة":
        assert "\u2068مكة\u2069" in text


def test_given_a_persona_that_nobody_knows_then_it_gets_the_general_box():
    boxes = build_insights(facts(steady()), PERSONAS)
    assert boxes.box("warehouse_keeper").title == "Warehouse keeper"
    assert boxes.box("warehouse_keeper").what == boxes.box("executive").what


# --- the document -----------------------------------------------------------------------------------------------------


def test_given_equal_facts_then_the_documents_bytes_are_equal_whatever_the_order_of_rows():
    cells = steady()
    first, second = build_insights(facts(cells), PERSONAS), build_insights(facts(cells[::-1]), PERSONAS)
    assert first.to_json() == second.to_json()


def test_the_document_survives_json_and_holds_every_sentence_with_its_numbers():
    insights = build_insights(facts(steady()), PERSONAS)
    document = json.loads(insights.to_json())

    assert Insights.from_json(insights.to_json()) == insights
    for box in document["boxes"]:
        sentences = [each for part in ("headline", "what", "why", "unusual", "limits") for each in box[part]]
        assert len(sentences) >= 5
        assert all(each["text"] and "{" not in each["text"] and each["pattern"] for each in sentences)


def test_given_filters_then_the_numbers_are_those_of_the_kept_cells():
    made = facts(steady())
    numbers = analyse(made, Selection(month=BEFORE, category=("Home", "Toys")))
    kept = [each for each in made.cube if each.month == BEFORE and each.category in ("Home", "Toys")]
    assert numbers.now == Sums(sum(c.orders for c in kept), sum(c.cents for c in kept), sum(c.squares for c in kept))


# --- months of different lengths --------------------------------------------------------------------------------------


def usual_days(february: int, january: int) -> Facts:
    """Eleven months whose days differ a little, then these cents a day: all within the usual range."""
    days = {month: 100_000 + 5_000 * (at % 2) for at, month in enumerate(months_between("2024-02", "2024-12"))}
    days |= {"2025-01": january, "2025-02": february}
    return facts(cell(month, 100, per_day(month, cents)) for month, cents in days.items())


@pytest.mark.parametrize(
    ("february", "january", "per_day_words"),
    [(103_000, 100_000, "per day it rose 3.0%"), (100_000, 101_000, "per day it fell 1.0%")],
)
def test_given_a_shorter_month_with_less_revenue_then_the_headline_says_what_a_day_brought(
    february: int, january: int, per_day_words: str
) -> None:
    headline = build_insights(usual_days(february, january), PERSONAS).box("executive").headline[0].text
    assert f"in Feb 2025, a shorter month; {per_day_words}, within its usual range" in headline


@pytest.mark.parametrize("persona", PERSONAS)
def test_given_months_of_different_lengths_then_each_box_says_what_that_explains(persona: str) -> None:
    made = usual_days(103_000, 100_000)
    assert "Feb 2025 has 28 days, Jan 2025 has 31: per day, revenue rose 3.0%." in told(made, persona)
    assert "per day, revenue" not in told(made, persona, Selection(month="2024-08"))  # as long as July


def test_given_the_same_revenue_a_day_then_the_months_lengths_explain_all_of_the_change() -> None:
    made = usual_days(100_000, 100_000)
    assert "Feb 2025 has 28 days, Jan 2025 has 31: per day, revenue was the same." in told(made)
    assert "shorter" not in told(made)


def test_given_categories_that_are_all_usual_then_the_headline_does_not_make_a_story_of_the_one_that_moved_most() -> (
    None
):
    cells = [
        cell(month, 100, per_day(month, 100_000 + 5_000 * (at % 2)), category=category)
        for at, month in enumerate(YEAR)
        for category in ("Beauty", "Home")
    ]
    headline = build_insights(facts(cells), PERSONAS).box("sales_manager").headline[0].text
    assert headline.startswith("No category left its usual range in Dec 2024; ")


def test_given_a_partial_month_without_such_orders_then_it_is_not_said_that_months_are_missing() -> None:
    cells = [cell(month, 100, per_day(month, 100_000)) for month in YEAR]
    made = facts([*cells, cell("2025-01", 10, 10_000, category="Beauty")], partial=["2025-01"])
    words = told(made, selection=Selection(month="2025-01", category=("Home",)))
    assert "not judged for a month that is not complete" in words
    assert "it takes at least" not in words


def test_given_a_single_category_then_the_headline_does_not_rank_it() -> None:
    made = facts([cell(BEFORE, 100, 1_000_000), cell(LAST, 100, 900_000)])
    headline = build_insights(made, PERSONAS).box("sales_manager").headline[0].text
    assert headline == "All revenue in Dec 2024 comes from Home"


def test_given_a_share_too_small_to_show_then_it_is_not_called_nothing() -> None:
    share = FORMATS["share"]
    assert (share(0.0004, 1), share(0.0005, 1), share(0, 1)) == ("<0.1%", "0.1%", "0.0%")
