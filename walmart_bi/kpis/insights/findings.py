"""What can be said about a month: for each insight its case and the numbers in its slots, or None for nothing to say.

A case and an insight's name together are a pattern's key in `phrases.json`; the words are all there. The shown parts of
an amount are rounded so that they add up as shown; which part takes the rest is said where it happens. What can be said
about segments is in `segment_findings.py`.
"""

from __future__ import annotations

from collections.abc import Callable

from walmart_bi.kpis.insights.analysis import Analysis
from walmart_bi.kpis.insights.finding import Finding, Found, average_order, limits_shown, unit_of_analysis
from walmart_bi.kpis.insights.model import Slot
from walmart_bi.kpis.insights.statistics import CONFIDENCE, LEAST_MONTHS, LEAST_ORDERS
from walmart_bi.kpis.insights.wording import rounded

# Ten cities with less than this share of revenue: none of them carries the business.
SPREAD_BELOW = 0.1
CITIES_SHOWN = 10
# Customers can be followed only if many come back; with more ids than this for each order they do not.
UNIQUE_CUSTOMERS = 0.9
MONTHS_OF_TWO_YEARS = 24


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
    aov = average_order(numbers.now)
    slots: dict[str, Slot] = {"orders": numbers.now.orders, "aov": aov}
    if numbers.split is None:
        return Finding("one" if numbers.now.orders == 1 else "alone", slots)
    changes: dict[str, Slot] = {
        "orders_change": numbers.now.orders - numbers.before.orders,
        "aov_change": aov - average_order(numbers.before),
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


def usual(numbers: Analysis) -> Found:
    """Whether the month's revenue per day is within the usual range."""
    # A month without such orders may be incomplete as well; "too few months" would then give a wrong reason.
    if any(each.month == numbers.month and not each.is_complete for each in numbers.months):
        return Finding("partial", {})
    if numbers.status == "nothing_loaded":
        return None
    if numbers.range.verdict == "too_few":
        return Finding("too_few", {"least": LEAST_MONTHS, "months": numbers.range.months})
    slots, unit = limits_shown(numbers.range)
    return Finding(numbers.range.verdict, slots | {"months": numbers.range.months}, unit)


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


def _size(part: tuple[str, int]) -> int:
    return -abs(part[1])


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
