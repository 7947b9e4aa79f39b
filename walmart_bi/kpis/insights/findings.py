"""What can be said about a month: for each insight its case and the numbers in its slots, or None for nothing to say.

A case and an insight's name together are a pattern's key in `phrases.json`; the words are all there. The shown parts of
an amount are rounded so that they add up as shown; which part takes the rest is said where it happens.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import NamedTuple

from walmart_bi.kpis.insights.analysis import OTHERS, Analysis, Breakdown
from walmart_bi.kpis.insights.model import Slot
from walmart_bi.kpis.insights.statistics import (
    CONFIDENCE,
    LEAST_MONTHS,
    LEAST_ORDERS,
    Comparison,
    Range,
    Sums,
    half_away,
)
from walmart_bi.kpis.insights.wording import label, phrases, rounded, unit_of

# Ten cities with less than this share of revenue: none of them carries the business.
SPREAD_BELOW = 0.1
CITIES_SHOWN = 10
# Customers can be followed only if many come back; with more ids than this for each order they do not.
UNIQUE_CUSTOMERS = 0.9
MONTHS_OF_TWO_YEARS = 24
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


def revenue(numbers: Analysis) -> Finding:
    """The month's revenue and its change, or why it is not compared."""
    unit = unit_of_analysis(numbers)
    slots: dict[str, Slot] = {
        "month": numbers.month,
        "previous": numbers.previous,
        "revenue": numbers.now.cents,
        "revenue_before": numbers.before.cents,
    }
    if numbers.status == "partial":
        month = next(each for each in numbers.months if each.month == numbers.month)
        slots |= {"first_date": month.first_date, "last_date": month.last_date}
    if numbers.split is None:
        return Finding(numbers.status, slots, unit)
    change = numbers.split.change
    part = change / numbers.before.cents
    slots |= {"size": abs(change), "share": part, "size_share": abs(part)}
    return Finding("up" if change > 0 else "down" if change < 0 else "same", slots, unit)


def caption_revenue(numbers: Analysis) -> Finding:
    """The change as a caption, with whether it is usual; what a longer or shorter month explains is said with it."""
    found = revenue(numbers)
    if found.case in ("up", "down"):
        verdict = numbers.range.verdict
        length = calendar(numbers)
        if verdict == "usual" and length is not None and length.case != "same":
            days, days_before = _days(numbers)
            is_longer = days > days_before
            if is_longer == (found.case == "up"):
                case = f"{found.case}_{'longer' if is_longer else 'shorter'}_{length.case}"
                return found._replace(case=case, slots=found.slots | {"per_day_share": length.slots["per_day_share"]})
        return found if verdict == "too_few" else found._replace(case=f"{found.case}_{verdict}")
    if found.case in ("same", "nothing_loaded"):
        return found
    return found._replace(case="alone" if numbers.now.orders else "no_orders")


def orders(numbers: Analysis) -> Found:
    """How many orders, and of how much on average."""
    if not numbers.now.orders:
        return None
    aov = _aov(numbers.now)
    slots: dict[str, Slot] = {"orders": numbers.now.orders, "aov": aov}
    if numbers.split is None:
        return Finding("one" if numbers.now.orders == 1 else "alone", slots)
    changes: dict[str, Slot] = {
        "orders_change": numbers.now.orders - numbers.before.orders,
        "aov_change": aov - _aov(numbers.before),
    }
    return Finding("compared", slots | changes)


def unexplained(numbers: Analysis) -> Found:
    """That there is no change to explain."""
    return None if numbers.split or not numbers.month else Finding("always", {})


def calendar(numbers: Analysis) -> Found:
    """The change per day where the two months differ in length: February is a tenth shorter than January."""
    if numbers.split is None:
        return None
    now, before = _days(numbers)
    if now == before:
        return None
    per_day = (numbers.now.cents * before) / (numbers.before.cents * now) - 1
    shown = rounded(1000 * per_day)
    slots: dict[str, Slot] = {
        "month": numbers.month,
        "previous": numbers.previous,
        "days": now,
        "days_before": before,
        "per_day_share": abs(per_day),
    }
    return Finding("up" if shown > 0 else "down" if shown < 0 else "same", slots)


def _days(numbers: Analysis) -> tuple[int, int]:
    """The calendar's, of the month and of the one before."""
    days = {each.month: each.days for each in numbers.months}
    return days[numbers.month], days[numbers.previous]


def split(numbers: Analysis) -> Found:
    """The change as more or fewer, and larger or smaller orders; the average order takes the rounding's rest."""
    if numbers.split is None or (not numbers.split.change and not numbers.split.orders_effect):
        return Finding("nothing", {}) if numbers.split else None
    unit = unit_of_analysis(numbers)
    change, from_orders = rounded(numbers.split.change, unit), rounded(numbers.split.orders_effect, unit)
    from_aov = change - from_orders
    slots: dict[str, Slot] = {"orders_effect": from_orders, "aov_effect": from_aov}
    parts = [("aov", numbers.split.aov_effect), ("orders", numbers.split.orders_effect)]
    # Larger part first; of equal ones the average order.
    named = [f"{name}_{'up' if part > 0 else 'down'}" for name, part in sorted(parts, key=_size) if part]
    return Finding("_".join(named) if len(named) == 2 else f"only_{named[0]}", slots, unit)


def share(numbers: Analysis, dimension: str) -> Found:
    """How the month's revenue is divided; of two parts the second takes the rounding's rest."""
    parts = sorted(
        ((each.now, each.segment) for each in numbers.breakdowns[dimension].contributions if each.now),
        key=lambda part: (-part[0], part[1]),
    )
    if not parts:
        return None
    largest = rounded(1000 * parts[0][0] / numbers.now.cents) / 1000
    slots: dict[str, Slot] = {"month": numbers.month, "first": label(dimension, parts[0][1]), "share": largest}
    if len(parts) == 1:
        return Finding("one", slots)
    if len(parts) == 2:
        rest: dict[str, Slot] = {"second": label(dimension, parts[1][1]), "second_share": 1 - largest}
        return Finding("two", slots | rest)
    last: dict[str, Slot] = {
        "count": len(parts),
        "last": label(dimension, parts[-1][1]),
        "last_share": parts[-1][0] / numbers.now.cents,
    }
    return Finding("many", _words(dimension) | slots | last)


def leader(numbers: Analysis, dimension: str) -> Found:
    """Which segments moved revenue most; of two segments the second takes the rounding's rest."""
    if numbers.split is None:
        return None
    parts, unit = numbers.breakdowns[dimension].contributions, unit_of_analysis(numbers)
    slots = _words(dimension) | {"first": label(dimension, parts[0].segment)}
    if not parts[0].change:
        return Finding("still", slots, unit)
    if len(parts) == 1:
        return Finding("one", slots, unit)
    first, second = rounded(parts[0].change, unit), rounded(parts[1].change, unit)
    if len(parts) == 2:
        second = rounded(numbers.split.change, unit) - first
    slots |= {"first_change": first, "second": label(dimension, parts[1].segment), "second_change": second}
    return Finding("two" if len(parts) == 2 else "many", slots | {"count": len(parts)}, unit)


def caption_leader(numbers: Analysis, dimension: str) -> Finding:
    """The segment that moved most, or the largest one, as a caption."""
    found = leader(numbers, dimension)
    if found is None or found.case in ("still", "one"):
        return _caption_of_share(numbers, dimension, "share")
    looked_at = segments(numbers, dimension)
    is_usual = looked_at is not None and looked_at.case in ("none", "neither")
    return found._replace(case="moved_usual" if is_usual else "moved", slots=found.slots | {"month": numbers.month})


def caption_share(numbers: Analysis, dimension: str) -> Finding:
    """The largest segment as a caption."""
    return _caption_of_share(numbers, dimension, "largest")


def _caption_of_share(numbers: Analysis, dimension: str, case: str) -> Finding:
    found = share(numbers, dimension)
    if found is None:
        return Finding("none" if numbers.month else "nothing_loaded", {"month": numbers.month})
    return Finding("only" if found.case == "one" else case, _words(dimension) | found.slots)


def mix(numbers: Analysis, dimension: str) -> Found:
    """The average order's change from the mix and from within; what lies within takes the rounding's rest."""
    found = numbers.breakdowns[dimension].mix
    if found is None or len(numbers.breakdowns[dimension].contributions) < 2:
        return None
    from_mix = rounded(found.mix)
    rest = _aov(numbers.now) - _aov(numbers.before) - from_mix
    return Finding("moved", _words(dimension) | {"mix": from_mix, "rate": rest})


def usual(numbers: Analysis) -> Found:
    """Whether the month's revenue per day is within the usual range."""
    # A month without such orders may be incomplete as well; "too few months" would then give a wrong reason.
    if any(each.month == numbers.month and not each.is_complete for each in numbers.months):
        return Finding("partial", {})
    if numbers.status == "nothing_loaded":
        return None
    if numbers.range.verdict == "too_few":
        return Finding("too_few", {"least": LEAST_MONTHS, "months": numbers.range.months})
    slots, unit = _limits(numbers.range)
    return Finding(numbers.range.verdict, slots | {"months": numbers.range.months}, unit)


def segments(numbers: Analysis, dimension: str) -> Found:
    """Whether a segment is outside its own usual range, though the total may not be."""
    ranges = {name: each for name, each in numbers.breakdowns[dimension].ranges.items() if each.verdict != "too_few"}
    if len(ranges) < 2:
        return None
    slots = _words(dimension) | {"count": len(ranges)}
    outside = sorted(
        (-abs(each.value - each.mean) / (each.upper - each.mean or 1.0), name)
        for name, each in ranges.items()
        if each.verdict != "usual"
    )
    if not outside:
        if len(ranges) == 2:
            first, second = (label(dimension, name) for name in ranges)
            return Finding("neither", slots | {"first": first, "second": second})
        return Finding("none", slots)
    name = outside[0][1]
    limits, unit = _limits(ranges[name])
    slots |= limits | {"name": label(dimension, name), "outside": len(outside)}
    return Finding("one" if len(outside) == 1 else "several", slots, unit)


def compared(numbers: Analysis, dimension: str) -> Found:
    """What may be said about the averages of a dimension's segments, by the strongest comparison."""
    found = _strongest(numbers.breakdowns[dimension])
    if found is None:
        return None
    slots = _comparison(dimension, found) | _words(dimension)
    slots |= {"from": numbers.first_month, "to": numbers.last_month, "least": LEAST_ORDERS}
    is_one_of_many = found.other == OTHERS and found.verdict in ("unclear", "too_few")
    return Finding(f"all_{found.verdict}" if is_one_of_many else found.verdict, slots)


def caption_compare(numbers: Analysis, dimension: str) -> Finding:
    """The strongest comparison as a caption."""
    found = _strongest(numbers.breakdowns[dimension])
    if found is None:
        return Finding("one" if numbers.breakdowns[dimension].ranges else "none", _words(dimension))
    return Finding(found.verdict, _comparison(dimension, found))


def cities(numbers: Analysis) -> Found:
    """How concentrated revenue is, over all loaded months and whatever is selected."""
    found = numbers.cities
    if not found.cities:
        return None
    part = found.ten_largest_cents / found.cents
    slots: dict[str, Slot] = {"cities": found.cities, "share": part}
    if found.cities <= CITIES_SHOWN:
        return Finding("single" if found.cities == 1 else "few", slots)
    return Finding("spread" if part < SPREAD_BELOW else "concentrated", slots)


def caption_cities(numbers: Analysis) -> Finding:
    """Concentration as a caption."""
    return cities(numbers) or Finding("none", {})


def single_orders(numbers: Analysis) -> Found:
    """How many cities have one order only."""
    found = numbers.cities
    if not found.single_order_cities:
        return None
    is_most = 2 * found.single_order_cities >= found.cities
    return Finding("most" if is_most else "some", {"cities": found.cities, "single": found.single_order_cities})


def city_orders(numbers: Analysis) -> Found:
    """How many cities have enough orders for an average."""
    count = numbers.cities.cities_of_30_orders
    if not numbers.cities.cities or count == numbers.cities.cities:
        return None
    case = "some" if count > 1 else "one" if count else "none"
    return Finding(case, {"least": LEAST_ORDERS, "count": count})


def partial(numbers: Analysis) -> Found:
    """Which months are not complete."""
    names = [month.month for month in numbers.months if not month.is_complete]
    if not names:
        return None
    slots: dict[str, Slot] = {"first": names[0], "second": names[-1], "count": len(names)}
    return Finding({1: "one", 2: "two"}.get(len(names), "many"), slots)


def season(numbers: Analysis) -> Found:
    """Whether there are enough months to know a season."""
    complete = sum(month.is_complete for month in numbers.months)
    return Finding("short", {"months": complete}) if numbers.months and complete < MONTHS_OF_TWO_YEARS else None


def customers(numbers: Analysis) -> Found:
    """Whether customers can be followed at all."""
    if not numbers.orders:
        return None
    slots: dict[str, Slot] = {"customers": numbers.customers, "orders": numbers.orders}
    return Finding("unique" if numbers.customers >= UNIQUE_CUSTOMERS * numbers.orders else "known", slots)


def _always(numbers: Analysis) -> Found:
    return Finding("always", {"confidence": CONFIDENCE}) if numbers.months else None


def _aov(sums: Sums) -> int:
    """The average order in cents, halves up as in every view; 0 without orders."""
    return half_away(sums.cents, sums.orders) if sums.orders else 0


def _size(part: tuple[str, int]) -> int:
    return -abs(part[1])


def _words(dimension: str) -> dict[str, Slot]:
    words = phrases()["dimensions"][dimension]
    return {"one": words["one"], "many": words["many"]}


def _limits(found: Range) -> tuple[dict[str, Slot], int]:
    unit = 100 if found.upper >= WHOLE_PER_DAY_FROM else 1
    shown = {"per_day": found.value, "lower": found.lower, "upper": found.upper}
    return {name: rounded(value, unit) for name, value in shown.items()}, unit


def _strongest(breakdown: Breakdown) -> Comparison | None:
    ranks = ("difference", "negligible", "unclear", "too_few")
    ordered: Iterable[Comparison] = sorted(
        breakdown.comparisons,
        key=lambda each: (ranks.index(each.verdict), -abs(each.difference), each.segment),
    )
    return next(iter(ordered), None)


def _comparison(dimension: str, found: Comparison) -> dict[str, Slot]:
    """Slots of a comparison: signed ones in its own order, unsigned ones from the higher side down."""
    first, second = label(dimension, found.segment), label(dimension, found.other)
    is_higher = found.difference >= 0
    signed = (rounded(found.difference), rounded(found.lower), rounded(found.upper))
    if found.verdict in ("unclear", "too_few"):
        slots: dict[str, Slot] = {"difference": signed[0], "lower": signed[1], "upper": signed[2]}
    else:
        low, high = sorted((abs(signed[1]), abs(signed[2])))
        slots = {"size": abs(signed[0]), "lower": low, "upper": high, "spread": rounded(found.spread)}
    names = {"high": first if is_higher else second, "low": second if is_higher else first}
    return slots | names | {"first": first, "second": second}


GENERAL: dict[str, Callable[[Analysis], Found]] = {
    "caption_revenue": caption_revenue,
    "caption_cities": caption_cities,
    "revenue": revenue,
    "orders": orders,
    "unexplained": unexplained,
    "calendar": calendar,
    "split": split,
    "range": usual,
    "cities": cities,
    "single_orders": single_orders,
    "city_orders": city_orders,
    "partial": partial,
    "season": season,
    "customers": customers,
    **dict.fromkeys(("association", "intervals", "discounts", "costs", "payments", "places"), _always),
}
BY_DIMENSION: dict[str, Callable[[Analysis, str], Found]] = {
    "caption_leader": caption_leader,
    "caption_share": caption_share,
    "caption_compare": caption_compare,
    "share": share,
    "leader": leader,
    "mix": mix,
    "segments": segments,
    "compare": compared,
}
