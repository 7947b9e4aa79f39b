"""The whole workbook and the data source file as XML. Packing them with the extract is `packages.py`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from walmart_bi.kpis.model import Kpi
from walmart_bi.reporting.tableau.dashboards import Page, PersonaText, dashboard, story
from walmart_bi.reporting.tableau.datasources import datasource
from walmart_bi.reporting.tableau.markup import VERSION, Element, document, element, simple_id
from walmart_bi.reporting.tableau.sheets import Sheet, build_sheets
from walmart_bi.reporting.tableau.tables import Table
from walmart_bi.reporting.tableau.worksheets import shared_filters, worksheet

EXTRACT = "Data/Extracts/walmart_bi.hyper"  # inside a package, and so in the connection: never a path of a machine
STORY_NAME = "The story"


@dataclass(frozen=True)
class Contents:
    """Everything that the files of one snapshot are made from."""

    catalog: tuple[Kpi, ...]
    published: tuple[Table, ...]
    story: Table
    texts: tuple[PersonaText, ...]

    @property
    def tables(self) -> tuple[Table, ...]:
        """Every table of the extract: the story cube, then the views."""
        return (self.story, *self.published)


def workbook(contents: Contents) -> bytes:
    """The `.twb` document; equal contents give equal bytes."""
    sheets = build_sheets(contents.catalog, {table.name: table for table in contents.published}, contents.story)
    pages = _pages(sheets, contents.texts)
    root = element(
        "workbook",
        {
            "original-version": VERSION,
            "source-build": "0.0.0 (0000.0.0.0)",
            "source-platform": "win",
            "version": VERSION,
        },
        element("document-format-change-manifest", {}, element("ManifestByVersion")),
        element("preferences"),
        element("datasources", {}, *(datasource(table, EXTRACT) for table in contents.tables)),
        element("shared-views", {}, shared_filters(contents.story)),
        element("worksheets", {}, *(worksheet(sheet) for sheet in sheets)),
        element("dashboards", {}, *(dashboard(page) for page in pages), story(STORY_NAME, pages)),
        element("windows", {"source-height": "30"}, *_windows(sheets, pages)),
        element(
            "explain-data",
            {"enabled-for-viewer": "false", "extreme-values-enabled-for-all": "false"},
            element("explanation-types"),
        ),
    )
    return document(root)


def data_source(contents: Contents) -> bytes:
    """The `.tds` document on the story cube."""
    return document(datasource(contents.story, EXTRACT, is_file=True))


def _pages(sheets: Sequence[Sheet], texts: Sequence[PersonaText]) -> list[Page]:
    """A page for each persona that has a sheet. Sheets and dashboards share one space of names."""
    taken = {sheet.name for sheet in sheets} | {STORY_NAME}
    pages = []
    for text in texts:
        own = tuple(sheet for sheet in sheets if sheet.kpi.persona == text.persona)
        name = text.title if text.title not in taken else f"{text.title} (persona)"
        taken.add(name)
        if own:
            pages.append(Page(name, text, own))
    return pages


def _windows(sheets: Sequence[Sheet], pages: Sequence[Page]) -> list[Element]:
    windows = [
        element("window", {"class": "dashboard", "maximized": "true", "name": STORY_NAME}, *_story_window(STORY_NAME))
    ]
    windows += [element("window", {"class": "dashboard", "name": page.name}, *_page_window(page)) for page in pages]
    windows += [
        element("window", {"class": "worksheet", "name": sheet.name}, *_sheet_window(sheet.name)) for sheet in sheets
    ]
    return windows


def _story_window(name: str) -> list[Element]:
    return [element("viewpoints"), element("active", {"id": "-1"}), simple_id("window", name)]


def _page_window(page: Page) -> list[Element]:
    views = [
        element("viewpoint", {"name": sheet.name}, element("zoom", {"type": "entire-view"})) for sheet in page.sheets
    ]
    return [element("viewpoints", {}, *views), element("active", {"id": "-1"}), simple_id("window", page.name)]


def _sheet_window(name: str) -> list[Element]:
    def strip(size: str, *cards: str) -> Element:
        return element("strip", {"size": size}, *(element("card", {"type": card}) for card in cards))

    cards = element(
        "cards",
        {},
        element("edge", {"name": "left"}, strip("160", "pages", "filters", "marks")),
        element(
            "edge",
            {"name": "top"},
            strip("2147483647", "columns"),
            strip("2147483647", "rows"),
            strip("31", "title"),
        ),
    )
    zoom = element("viewpoint", {}, element("zoom", {"type": "entire-view"}))
    return [cards, zoom, simple_id("window", name)]
