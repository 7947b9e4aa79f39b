"""What the page knows, as JSON for its script: months, members, packed cubes, cards, insights and the quality line.

It is made of facts and published rows only, whose number does not follow the number of sales.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from itertools import groupby, repeat
from operator import add, attrgetter
from typing import Any

from walmart_bi.kpis.insights.model import Cell, CityCell, Facts, Insights, as_plain
from walmart_bi.kpis.insights.wording import phrases
from walmart_bi.kpis.model import Kpi
from walmart_bi.reporting.page.cards import Published, card, could_be_live, dimension_of, equals_cube, shares_values
from walmart_bi.reporting.page.cube import PackedCube, pack_cube
from walmart_bi.reporting.page.words import month_name

TITLE = "What sells, and why"
FLAGS = {"discount_applied": ("No", "Yes"), "repeat_customer": ("New", "Repeat")}
AGE_GROUPS = ("<18", "18-24", "25-34", "35-44", "45-54", "55-64", "65+", "Unknown")
OTHER = "Other"
CITY_GROUPS = ("10 largest cities", "Other cities")

Members = Mapping[str, Sequence[str]]


def story(facts: Facts, insights: Insights, catalog: Sequence[Kpi], views: Mapping[str, Published]) -> dict[str, Any]:
    """Everything that the page's script reads."""
    cells = without_ages(facts.cube)
    members = members_of(facts, cells)
    covered = [month for month in facts.months if month.month in members["month"]]
    cards = {
        kpi.name: card(kpi, views[kpi.name], members, live=is_live(kpi, facts, cells, views[kpi.name]))
        for kpi in catalog
    }
    personas = [
        (persona, title, list(kpis))
        for (persona, title), kpis in groupby(catalog, lambda kpi: (kpi.persona, kpi.persona_title))
    ]
    return {
        "title": TITLE,
        "span": f"{month_name(covered[0].month)} to {month_name(covered[-1].month)}",
        "months": [asdict(month) for month in covered],
        "members": members,
        "cubes": {name: asdict(cube) for name, cube in _cubes(facts, cells, members)},
        "personas": [
            {"id": persona, "title": title, "cards": _lead_first(persona, kpis)} for persona, title, kpis in personas
        ],
        "cards": cards,
        "insights": {name: part for name, part in as_plain(insights).items() if name not in ("numbers", "months")},
        "phrases": phrases(),
        "uncovered": len(facts.months) - len(covered),
    }


def without_ages(cube: Iterable[Cell]) -> list[Cell]:
    """The cube's cells added up over the age groups, whose name is empty in them.

    Most of the page needs no ages, and so only an eighth of the cells of a full cube.
    """
    sums: dict[tuple[Any, ...], Sequence[int]] = {}
    for cell in cube:
        kept, numbers = cell[:6], cell[7:]  # all that stands before the age group, and all after it
        before = sums.get(kept)
        sums[kept] = numbers if before is None else tuple(map(add, before, numbers))
    return [Cell._make((*kept, "", *numbers)) for kept, numbers in sums.items()]


def members_of(facts: Facts, cells: Iterable[Cell]) -> dict[str, list[str]]:
    """The values of each dimension in the order of the page: largest revenue first, "Other" last, bands by age."""
    revenue: dict[str, dict[str, int]] = defaultdict(lambda: defaultdict(int))
    for cell in cells:
        revenue["category"][cell.category] += cell.cents
        revenue["payment_method"][cell.payment_method] += cell.cents
        revenue["city_group"][cell.city_group] += cell.cents
    for cell in facts.cube:
        revenue["age_group"][cell.age_group] += cell.cents
    for city in facts.city_cube:
        revenue["city"][city.city] += city.cents
    ranked = {
        name: sorted(sums, key=lambda value: (value == OTHER, -sums[value], value)) for name, sums in revenue.items()
    }
    known_ages = [group for group in AGE_GROUPS if group in revenue["age_group"]]
    return {
        "month": sorted({cell.month for cell in cells}),
        "category": ranked["category"],
        "payment_method": ranked["payment_method"],
        "discount_applied": list(FLAGS["discount_applied"]),
        "repeat_customer": list(FLAGS["repeat_customer"]),
        "city_group": [group for group in CITY_GROUPS if group in revenue["city_group"]],
        "age_group": known_ages + [group for group in ranked["age_group"] if group not in known_ages],
        "city": ranked.get("city", []),
    }


def is_live(kpi: Kpi, facts: Facts, cells: Sequence[Cell], published: Published) -> bool:
    """Whether the card may be computed from the cubes: its kind allows it, and its published rows are theirs."""
    whole = len({cell.month for cell in cells}) == len(facts.months)
    compare = whole or "month" in kpi.grain
    if not could_be_live(kpi):
        return False
    sums = _sums(kpi, facts, cells)
    # A public snapshot may have the view's values, and only all of them together in the cubes.
    return shares_values(kpi, published, sums) and (not compare or equals_cube(kpi, published, sums))


def _sums(kpi: Kpi, facts: Facts, cells: Sequence[Cell]) -> dict[tuple[str, ...], tuple[int, int]]:
    """Orders and cents of each key that the view's grain can have in the cubes."""
    dimension = dimension_of(kpi)
    source: Iterable[Cell | CityCell] = cells
    if dimension in ("city", "age_group"):
        source = facts.city_cube if dimension == "city" else facts.cube
    fields = [column if column == "month" else dimension or "" for column in kpi.grain]
    sums: dict[Any, tuple[int, int]] = {}
    for key, cell in zip(map(attrgetter(*fields), source) if fields else repeat(()), source, strict=False):
        orders, cents = sums.get(key, (0, 0))
        sums[key] = (orders + cell.orders, cents + cell.cents)
    named = {_as_published(fields, key if len(fields) != 1 else (key,)): found for key, found in sums.items()}
    return {key: found for key, found in named.items() if OTHER not in key}  # of several values, named by the view


def _as_published(fields: Sequence[str], key: Sequence[Any]) -> tuple[str, ...]:
    """A key of the cubes as the views give it: the first day of a month, the word for a flag."""
    return tuple(
        f"{value}-01" if field == "month" else FLAGS[field][value] if field in FLAGS else value
        for field, value in zip(fields, key, strict=True)
    )


def _cubes(facts: Facts, cells: Iterable[Cell], members: Members) -> Iterable[tuple[str, PackedCube]]:
    """Four cubes instead of one with everything: ages and cities are drawn, but neither is filtered by."""
    filters = ("month", "category", "payment_method", "discount_applied", "repeat_customer")
    values = {**members, **dict.fromkeys(FLAGS, (False, True))}

    def pack(dimensions: Sequence[str], measures: Sequence[str], taken: Iterable[tuple[Any, ...]]) -> PackedCube:
        fields = Cell._fields if "city" not in dimensions else CityCell._fields
        key, numbers = _stretch(fields, dimensions), _stretch(fields, measures)
        kept = {name: values[name] for name in dimensions}
        return pack_cube(kept, measures, ((cell[key], cell[numbers]) for cell in taken))

    yield "main", pack((*filters, "city_group"), ("orders", "cents", "squares"), cells)
    yield "age", pack((*filters, "city_group", "age_group"), ("orders", "cents"), facts.cube)
    # Ages are compared over all months, so their squares need none: a fiftieth of the cells.
    yield "age_total", pack((*filters[1:], "city_group", "age_group"), ("orders", "cents", "squares"), facts.cube)
    yield "city", pack((*filters, "city"), ("orders", "cents"), facts.city_cube)


def _stretch(fields: Sequence[str], wanted: Sequence[str]) -> slice:
    """Where the wanted fields stand, which follow each other: a slice takes them in half the time of their names."""
    first = fields.index(wanted[0])
    if tuple(wanted) != tuple(fields[first : first + len(wanted)]):
        raise ValueError(f"not in the order of the cells: {', '.join(wanted)}")
    return slice(first, first + len(wanted))


def _lead_first(persona: str, kpis: Sequence[Kpi]) -> list[str]:
    """The chart that matters stands beside the insight: of what the headline speaks of, a split, bars, and so on."""
    boxes = phrases()["boxes"]
    _, _, headline = boxes.get(persona, boxes["*"])["headline"][0].partition(":")
    kinds = ("effects", "bar", "line", "scatter", "table", "tiles")
    ordered = sorted(
        kpis, key=lambda kpi: (bool(headline) and dimension_of(kpi) != headline, kinds.index(kpi.show.chart))
    )
    return [kpi.name for kpi in ordered]
