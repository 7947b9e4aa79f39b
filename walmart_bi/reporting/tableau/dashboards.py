"""Dashboards and the story as XML: one dashboard for each persona, one story point for each dashboard.

Positions are shares of 100,000 of the canvas, as Tableau writes them.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from walmart_bi.reporting.tableau.datasources import reference, source_name
from walmart_bi.reporting.tableau.markup import Element, element, formatted_text, line_break, run, simple_id
from walmart_bi.reporting.tableau.sheets import Sheet, filter_pill
from walmart_bi.reporting.tableau.tables import STORY_DIMENSIONS
from walmart_bi.reporting.tableau.worksheets import dependencies

CANVAS = 100_000
_TITLE_HEIGHT = 6_000
_INSIGHT_HEIGHT = 24_000
_FILTER_WIDTH = 16_000
_GREY = "#666666"


@dataclass(frozen=True)
class PersonaText:
    """What the story says to one persona: the story point's caption, and the sentences of the insight box."""

    persona: str
    title: str
    caption: str
    sentences: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Page:
    """One dashboard: its name, its text and its sheets in order."""

    name: str
    text: PersonaText
    sheets: tuple[Sheet, ...]


@dataclass(frozen=True)
class _Box:
    x: int
    y: int
    w: int
    h: int

    @property
    def attributes(self) -> dict[str, str]:
        return {"x": str(self.x), "y": str(self.y), "w": str(self.w), "h": str(self.h)}


def dashboard(page: Page) -> Element:
    """The persona's dashboard: title, insight box, sheets, and the story's filters where a sheet follows them."""
    numbers = itertools.count(2)
    filtered = next((sheet for sheet in page.sheets if sheet.is_filtered), None)
    width = CANVAS - _FILTER_WIDTH if filtered else CANVAS
    zones = [_column(page, _Box(0, 0, width, CANVAS), numbers)]
    if filtered:
        zones.append(_filters(filtered, _Box(width, 0, CANVAS - width, CANVAS), numbers))
    row = _zone(_Box(0, 0, CANVAS, CANVAS), next(numbers), {"type-v2": "layout-flow", "param": "horz"}, *zones)
    root = _zone(_Box(0, 0, CANVAS, CANVAS), 1, {"type-v2": "layout-basic"}, row)
    used = []
    if filtered:
        source = element("datasource", {"caption": filtered.table.caption, "name": source_name(filtered.table)})
        pills = [filter_pill(field.name) for field in STORY_DIMENSIONS]
        used = [element("datasources", {}, source), dependencies(filtered.table, pills)]
    return element(
        "dashboard",
        {"name": page.name},
        element("style"),
        _size(1366, 900),
        *used,
        element("zones", {}, root),
        simple_id("dashboard", page.name),
    )


def story(name: str, pages: Sequence[Page]) -> Element:
    """The story: one point for each page, captioned with the page's headline."""
    points = [
        element(
            "story-point",
            {"id": str(number), "captured-sheet": page.name, "caption": page.text.caption},
        )
        for number, page in enumerate(pages, start=1)
    ]
    board = element(
        "flipboard",
        {"active-id": "1", "nav-type": "caption", "show-nav-arrows": "true"},
        element("story-points", {}, *points),
    )
    title, bar = _Box(0, 0, CANVAS, _TITLE_HEIGHT), _Box(0, _TITLE_HEIGHT, CANVAS, 9_000)
    rest = _Box(0, _TITLE_HEIGHT + bar.h, CANVAS, CANVAS - _TITLE_HEIGHT - bar.h)
    flow = _zone(
        _Box(0, 0, CANVAS, CANVAS),
        2,
        {"type-v2": "layout-flow", "param": "vert"},
        _zone(title, 3, {"type-v2": "title"}),
        _zone(bar, 4, {"type-v2": "flipboard-nav", "paired-zone-id": "5"}),
        _zone(rest, 5, {"type-v2": "flipboard", "paired-zone-id": "4"}, board),
    )
    return element(
        "dashboard",
        {"name": name, "type": "storyboard"},
        element("style"),
        _size(1400, 1060),
        element("zones", {}, _zone(_Box(0, 0, CANVAS, CANVAS), 1, {"type-v2": "layout-basic"}, flow)),
        simple_id("dashboard", name),
    )


def _size(width: int, height: int) -> Element:
    sides = {"maxheight": height, "maxwidth": width, "minheight": height, "minwidth": width}
    return element("size", {**{name: str(side) for name, side in sides.items()}, "sizing-mode": "fixed"})


def _zone(box: _Box, number: int, attributes: dict[str, str], *children: Element) -> Element:
    return element("zone", {**box.attributes, "id": str(number), **attributes}, *children)


def _column(page: Page, box: _Box, numbers: Iterator[int]) -> Element:
    title = _Box(box.x, 0, box.w, _TITLE_HEIGHT)
    insight = _Box(box.x, title.h, box.w, _INSIGHT_HEIGHT)
    rows = [page.sheets[place : place + 2] for place in range(0, len(page.sheets), 2)]
    top = title.h + insight.h
    height = (CANVAS - top) // max(len(rows), 1)
    zones = [_text(title, numbers, _heading(page)), _text(insight, numbers, _insight(page.text))]
    for place, sheets in enumerate(rows):
        zones.append(_row(sheets, _Box(box.x, top + place * height, box.w, height), numbers))
    return _zone(box, next(numbers), {"type-v2": "layout-flow", "param": "vert"}, *zones)


def _row(sheets: Sequence[Sheet], box: _Box, numbers: Iterator[int]) -> Element:
    width = box.w // len(sheets)
    zones = [
        _zone(_Box(box.x + place * width, box.y, width, box.h), next(numbers), {"name": sheet.name})
        for place, sheet in enumerate(sheets)
    ]
    return _zone(box, next(numbers), {"type-v2": "layout-flow", "param": "horz"}, *zones)


def _filters(sheet: Sheet, box: _Box, numbers: Iterator[int]) -> Element:
    height = box.h // len(STORY_DIMENSIONS)
    zones = [
        _zone(
            _Box(box.x, place * height, box.w, height),
            next(numbers),
            {
                "type-v2": "filter",
                "name": sheet.name,
                "param": reference(sheet.table, filter_pill(field.name)),
                "mode": "checkdropdown",
            },
        )
        for place, field in enumerate(STORY_DIMENSIONS)
    ]
    return _zone(box, next(numbers), {"type-v2": "layout-flow", "param": "vert"}, *zones)


def _text(box: _Box, numbers: Iterator[int], runs: list[Element]) -> Element:
    return _zone(box, next(numbers), {"type-v2": "text"}, formatted_text(runs))


def _heading(page: Page) -> list[Element]:
    return [run(page.text.title, bold="true", fontsize="18")]


def _insight(text: PersonaText) -> list[Element]:
    runs = [run(text.caption, bold="true", fontsize="12")]
    for label, sentence in text.sentences:
        runs += [line_break(), run(f"{label}: ", bold="true"), run(sentence)]
    return runs
