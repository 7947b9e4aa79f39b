"""Pages for the browser tests: facts made of rows, a story page built from them, and a browser to open it in.

The rows go into a real warehouse file, the real views and queries make the sums, and the real builder writes the page.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from playwright.sync_api import Browser, Locator, Page, sync_playwright

from walmart_bi.kpis.catalog import Kpi, load_catalog
from walmart_bi.kpis.insights.facts import read_facts
from walmart_bi.kpis.insights.model import Facts
from walmart_bi.kpis.insights.personas import build_insights
from walmart_bi.reporting.page.document import document
from walmart_bi.reporting.page.published import read_published
from walmart_bi.reporting.page.story import story
from walmart_bi.stores.directory import DirectoryStore
from walmart_bi.warehouse.base import Warehouse
from walmart_bi.warehouse.duckdb_warehouse import DuckDbWarehouse
from walmart_bi_tests.browser.chromium import ARGUMENTS, chromium
from walmart_bi_tests.builders import Row, make_month

# The page draws when it hears of the new address; listeners hear in the order of their coming, so this one hears last.
DRAWN = """hash => new Promise(done => {
  if (location.hash === `#${hash}`) { done(); return; }
  addEventListener('hashchange', () => done(), { once: true });
  location.hash = hash;
})"""


@dataclass(frozen=True)
class Built:
    """A page in a file, and what it was made from."""

    path: Path
    facts: Facts
    story: dict[str, Any]
    rows: list[Row]
    warehouse: Warehouse

    @property
    def address(self) -> str:
        return self.path.as_uri()

    @property
    def size(self) -> int:
        return self.path.stat().st_size


def build_page(folder: Path, rows: Sequence[Row], catalog: Sequence[Kpi] | None = None) -> Built:
    """Load the rows, create the views, and write the page."""
    kpis = load_catalog() if catalog is None else catalog
    store = DirectoryStore(folder / "bucket")
    warehouse = DuckDbWarehouse(folder / "warehouse.duckdb", store)
    warehouse.create_tables()
    by_month: dict[str, list[Row]] = {}
    for row in rows:
        by_month.setdefault(f"{row['month']:%Y-%m}", []).append(row)
    for month, content in sorted(by_month.items()):
        warehouse.replace_month(make_month(store, month, content), run_id="test", code_version="test")
    warehouse.create_views({kpi.name: kpi.select for kpi in kpis})
    with warehouse.read() as reader:
        facts, views = read_facts(reader), read_published(reader, kpis)
    insights = build_insights(facts, list(dict.fromkeys(kpi.persona for kpi in kpis)))
    content = story(facts, insights, kpis, views)
    path = folder / "story.html"
    path.write_text(document(content, views), encoding="utf-8")
    return Built(path, facts, content, list(rows), warehouse)


@contextlib.contextmanager
def browser() -> Iterator[Browser]:
    """A headless Chromium, ended with the block."""
    executable, variables = chromium()
    with sync_playwright() as driver:
        started = driver.chromium.launch(
            executable_path=str(executable), args=list(ARGUMENTS), env={**os.environ, **variables}
        )
        try:
            yield started
        finally:
            started.close()


@dataclass
class Opened:
    """An open page, what it asked for, and what it complained about."""

    page: Page
    requests: list[str] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)

    def go(self, address: str) -> Opened:
        """Open the address anew and wait until the page has drawn itself."""
        self.page.goto("about:blank")
        self.requests.clear()
        self.page.goto(address)
        self.page.locator("html[data-ready=yes]").wait_for(state="attached")
        return self

    def choose(self, filters: Mapping[str, str], tab: str = "executive") -> Opened:
        """Set tab and filters through the address, as a link does, and wait until they are drawn."""
        self.page.evaluate(DRAWN, urlencode({"tab": tab, **filters}))
        return self

    def card(self, name: str) -> Locator:
        """A card of the shown story point."""
        return self.page.locator(f".point:not([hidden]) [data-kpi={name}]")

    def table(self, name: str) -> list[list[str]]:
        """The cells of the table behind a card's chart; the last row is its total, where it has one."""
        rows: list[list[str]] = (
            self.card(name)
            .locator("table")
            .evaluate("table => [...table.rows].slice(1).map(row => [...row.cells].map(cell => cell.textContent))")
        )
        return rows

    def tiles(self) -> list[str]:
        """Revenue, orders and average order value of the analysis month."""
        return self.texts(".point:not([hidden]) .tile .big")

    def totals(self) -> list[str]:
        """The same of all months."""
        return self.texts(".point:not([hidden]) .tile .sum")

    def text(self, selector: str) -> str:
        return self.page.locator(selector).first.inner_text()

    def texts(self, selector: str) -> list[str]:
        return self.page.locator(selector).all_inner_texts()


@contextlib.contextmanager
def opened(started: Browser, address: str | None = None, **options: Any) -> Iterator[Opened]:
    """A fresh page in a context of its own."""
    context = started.new_context(**{"viewport": {"width": 1280, "height": 900}, **options})
    try:
        page = context.new_page()
        found = Opened(page)
        page.on("request", lambda request: found.requests.append(request.url))
        page.on("console", lambda message: found.complaints.append(f"{message.type}: {message.text}"))
        page.on("pageerror", lambda error: found.complaints.append(str(error)))
        yield found.go(address) if address else found
    finally:
        context.close()
