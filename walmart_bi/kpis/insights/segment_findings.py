"""What can be said about the segments of a dimension: shares, who moved, mix, usual ranges, comparisons of averages.

Findings as in `findings.py`, for one dimension each.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from walmart_bi.kpis.insights.analysis import OTHERS, Analysis, Breakdown
from walmart_bi.kpis.insights.finding import Finding, Found, average_order, limits_shown, unit_of_analysis
from walmart_bi.kpis.insights.model import Slot
from walmart_bi.kpis.insights.statistics import LEAST_ORDERS, Comparison
from walmart_bi.kpis.insights.wording import label, phrases, rounded


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
    rest = average_order(numbers.now) - average_order(numbers.before) - from_mix
    return Finding("moved", _words(dimension) | {"mix": from_mix, "rate": rest})


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
    limits, unit = limits_shown(ranges[name])
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


def _words(dimension: str) -> dict[str, Slot]:
    words = phrases()["dimensions"][dimension]
    return {"one": words["one"], "many": words["many"]}


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
