"""Which insight each persona gets, from the table `boxes` in `phrases.json`; a new persona gets the general one (`*`).

The whole story for a selection is made here: the page does the same with the same table.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

from walmart_bi.kpis.insights.analysis import Analysis, analyse
from walmart_bi.kpis.insights.findings import GENERAL
from walmart_bi.kpis.insights.model import Box, Facts, Insights, Selection, Sentence, as_plain
from walmart_bi.kpis.insights.segment_findings import BY_DIMENSION
from walmart_bi.kpis.insights.wording import fill, phrases
from walmart_bi.kpis.model import persona_title

FORMAT_VERSION = 1
_ELSEWHERE = {"months", "cities", "customers", "orders"}  # of the analysis; the insights have them of their own


def build_insights(facts: Facts, personas: Sequence[str], selection: Selection | None = None) -> Insights:
    """Every persona's box for the selection, by default the latest complete month and everything in it."""
    numbers = analyse(facts, selection or Selection())
    plain = as_plain(numbers)
    return Insights(
        format_version=FORMAT_VERSION,
        month=numbers.month or None,
        previous_month=numbers.previous or None,
        orders=facts.orders,
        cents=facts.cents,
        customers=facts.customers,
        months=facts.months,
        cities=facts.cities,
        quality=facts.quality,
        numbers={name: plain[name] for name in plain if name not in _ELSEWHERE},
        boxes=tuple(box_of(numbers, persona) for persona in personas),
    )


def box_of(numbers: Analysis, persona: str) -> Box:
    """One persona's box."""
    boxes = phrases()["boxes"]
    table: dict[str, list[str]] = boxes.get(persona, boxes["*"])
    parts = {
        field.name: _sentences(numbers, table[field.name])
        for field in dataclasses.fields(Box)
        if field.name not in ("persona", "title")
    }
    return Box(persona=persona, title=persona_title(persona), **parts)


def _sentences(numbers: Analysis, insights: Sequence[str]) -> tuple[Sentence, ...]:
    sentences = []
    for insight in insights:
        name, _, dimension = insight.partition(":")
        found = BY_DIMENSION[name](numbers, dimension) if dimension else GENERAL[name](numbers)
        if found is not None:
            sentences.append(fill(f"{name}.{found.case}", found.slots, found.unit))
    return tuple(sentences)
