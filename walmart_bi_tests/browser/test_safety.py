"""Names that try to break out, and sizes that try to grow: neither changes what the page is."""

from __future__ import annotations

import itertools
import random
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser

from walmart_bi.kpis.catalog import Kpi, load_catalog
from walmart_bi.kpis.insights.model import Cell, Cities, CityCell, Facts, Month, Quality
from walmart_bi.kpis.insights.personas import build_insights
from walmart_bi.kpis.kpi_file import parse_kpi
from walmart_bi.reporting.page.agreement import disagreements, outside_requests
from walmart_bi.reporting.page.cards import Published
from walmart_bi.reporting.page.document import document
from walmart_bi.reporting.page.publish import LARGEST_PAGE
from walmart_bi.reporting.page.published import read_published
from walmart_bi.reporting.page.readback import read_page
from walmart_bi.reporting.page.story import story
from walmart_bi_tests.browser.pages import Built, build_page, opened
from walmart_bi_tests.browser.rows import AGES, HOSTILE, months_from, ordinary_rows

NEW_KPI = """/* ---
title: Revenue of gifts
question: Do <b>gifts</b> sell?
grain: [product_name]
columns:
  product_name: {type: VARCHAR, unit: label, description: Product.}
  revenue: {type: "DECIMAL(18, 2)", unit: usd, description: Sum.}
  orders: {type: BIGINT, unit: orders, description: Count.}
covers: some
show: {chart: bar, x: product_name, y: [revenue], sort: [revenue desc], caption: Look.}
--- */
SELECT
    product_name,
    SUM(purchase_amount) AS revenue,
    COUNT(customer_id) AS orders
FROM walmart_sales
WHERE discount_applied
GROUP BY product_name
"""


def test_given_hostile_names_then_the_page_shows_them_as_text_and_nothing_else_happens(
    hostile: Built, chromium_browser: Browser
) -> None:
    with opened(chromium_browser, hostile.address, viewport={"width": 390, "height": 800}) as tab:
        for persona in hostile.story["personas"]:
            for category in HOSTILE:
                tab.choose({"category": category}, persona["id"])
                assert tab.page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0
        tab.choose({}, "sales_manager")
        names = {row[0] for row in tab.table("kpi_revenue_by_category")[:-1]}
        assert names == set(HOSTILE)
        assert "taken" not in tab.page.title()
        assert tab.page.locator("img").count() == 0
        assert tab.requests == [hostile.address]
        assert tab.complaints == []


def test_given_hostile_names_then_a_link_with_one_shows_the_same_and_a_filter_with_it_works(
    hostile: Built, chromium_browser: Browser
) -> None:
    name = HOSTILE[0]
    with opened(chromium_browser, hostile.address) as tab:
        tab.choose({}, "sales_manager")
        tab.page.locator("#filter-category").select_option(name)
        tab.page.locator("#shown", has_text="Category: </script>").wait_for()
        with opened(chromium_browser, tab.page.url) as other:
            assert other.page.inner_text("#story") == tab.page.inner_text("#story")


def test_given_hostile_names_then_without_scripts_they_are_text_too(hostile: Built, chromium_browser: Browser) -> None:
    context = chromium_browser.new_context(java_script_enabled=False)
    try:
        page = context.new_page()
        page.goto(hostile.address)
        assert page.title() == f"{hostile.story['title']}: {hostile.story['span']}"
        assert page.locator("td bdi", has_text="onerror").count() > 0
        assert page.locator("img").count() == 0
    finally:
        context.close()


def test_given_the_published_file_then_it_asks_for_nothing_and_its_policy_allows_no_loose_script(
    ordinary: Built,
) -> None:
    content = ordinary.path.read_text(encoding="utf-8")
    page = read_page(content)
    assert outside_requests(page) == []
    sources = r"script-src 'sha256-[\w+/=]+'; style-src 'sha256-[\w+/=]+'"
    assert re.fullmatch(rf"default-src 'none'; {sources}; base-uri 'none'; form-action 'none'", page.policy)
    assert not re.search(r"\beval\(|new Function|innerHTML|outerHTML|insertAdjacentHTML|document\.write", content)


def test_given_a_page_then_its_numbers_agree_with_the_views_and_a_changed_view_is_seen(ordinary: Built) -> None:
    catalog, page = load_catalog(), read_page(ordinary.path.read_text(encoding="utf-8"))
    with ordinary.warehouse.read() as reader:
        views = read_published(reader, catalog)
    assert list(disagreements(page, views, catalog)) == []
    for kpi in catalog:
        if not views[kpi.name].rows:
            continue
        first, *others = views[kpi.name].rows
        at = kpi.column_names.index("orders")
        changed = Published(((*first[:at], first[at] + 1, *first[at + 1 :]), *others), views[kpi.name].count)
        problems = list(disagreements(page, {**views, kpi.name: changed}, catalog))
        assert problems and all(problem.startswith(f"{kpi.name}:") for problem in problems)


@pytest.fixture(scope="module")
def extended(tmp_path_factory: pytest.TempPathFactory) -> Built:
    """A page with KPIs beside those of the project."""
    select = "SELECT category, SUM(purchase_amount) AS revenue, COUNT(customer_id) AS orders FROM walmart_sales"
    by_category = NEW_KPI.split("SELECT")[0].replace("product_name", "category").replace("covers: some\n", "")
    added = [
        parse_kpi(text, path=f"{persona}/{name}.sql", persona=persona, name=name)
        for name, persona, text in (
            ("kpi_gifts", "gift_buyer", NEW_KPI),
            ("kpi_tricky", "marketing", f"{by_category}{select} WHERE discount_applied GROUP BY category"),
            ("kpi_honest", "marketing", f"{by_category}{select} GROUP BY category"),
        )
    ]
    return build_page(tmp_path_factory.mktemp("extended"), ordinary_rows(400), [*load_catalog(), *added])


def test_given_a_new_kpi_of_a_new_persona_then_it_has_a_card_and_a_tab_by_its_header_alone(
    extended: Built, chromium_browser: Browser
) -> None:
    assert extended.story["cards"]["kpi_gifts"]["live"] is False
    with opened(chromium_browser, extended.address) as tab:
        tab.choose({"category": "Home"}, "gift_buyer")
        card = tab.card("kpi_gifts").inner_text()
        assert "Do <b>gifts</b> sell?" in card
        assert "All data: the filters do not apply here." in card
        assert tab.page.get_by_role("tab", selected=True).inner_text().endswith("Gift buyer")
        assert tab.complaints == []


def test_given_a_view_that_selects_orders_then_its_card_shows_the_view_and_not_the_cubes(extended: Built) -> None:
    assert [extended.story["cards"][name]["live"] for name in ("kpi_tricky", "kpi_honest")] == [False, True]


def full_facts(orders_of_a_cell: int) -> Facts:
    """A cube of 25 months in which every cell is taken, as an unlucky data set of any size may have it."""
    months = months_from("2023-01", 25)
    names = [f"A name of a category {number}" for number in range(8)] + ["Other"]
    flags = (False, True)
    numbers = itertools.cycle(_numbers(orders_of_a_cell))
    cube = [
        Cell(*key, *next(numbers))
        for key in itertools.product(months, names, names, flags, flags, ("10 largest cities", "Other cities"), AGES)
    ]
    cities = [
        CityCell(*key, *next(numbers)[:2])
        for key in itertools.product(months, names, names, flags, flags, [f"City {number}" for number in range(10)])
    ]
    orders, cents = sum(cell.orders for cell in cube), sum(cell.cents for cell in cube)
    part = [(sum(c.orders for c in cube if c.month == m), sum(c.cents for c in cube if c.month == m)) for m in months]
    return Facts(
        months=tuple(Month(m, f"{m}-01", f"{m}-28", 28, *sums, True) for m, sums in zip(months, part, strict=True)),
        cube=tuple(cube),
        city_cube=tuple(cities),
        cities=Cities(70_000, 10, 60_000, cents // 9, cents, 0.1, tuple((n / 20, n / 20) for n in range(21))),
        customers=orders,
        quality=Quality(25, orders, 10, 10, "2026-01-01T00:00:00Z", ("2025-01-v1",)),
    )


def _numbers(orders: int) -> Iterator[tuple[int, int, int]]:
    """Numbers without a pattern that packing could use: orders about the given, amounts from 10 to 500 dollars."""
    rng = random.Random(5)
    for _ in range(9973):
        count = max(1, round(rng.gauss(orders, orders**0.5)))
        cents = round(rng.gauss(25_500 * count, 14_145 * count**0.5))
        yield count, max(1_000, cents), round(rng.gauss(8.5e8 * count, 6.7e8 * count**0.5)) + 10**9


def page_of(facts: Facts, catalog: tuple[Kpi, ...]) -> str:
    insights = build_insights(facts, list(dict.fromkeys(kpi.persona for kpi in catalog)))
    views: dict[str, Published] = {kpi.name: Published((), 0) for kpi in catalog}
    return document(story(facts, insights, catalog, views), views)


def test_given_every_cell_of_25_months_from_ten_million_orders_then_the_page_stays_below_its_limit_and_draws(
    tmp_path: Path, chromium_browser: Browser
) -> None:
    facts = full_facts(orders_of_a_cell=77)
    assert len(facts.cube) == 25 * 9 * 9 * 2 * 2 * 2 * 8
    assert facts.orders > 9_900_000
    content = page_of(facts, load_catalog())
    assert len(content.encode()) <= LARGEST_PAGE
    path = tmp_path / "story.html"
    path.write_text(content, encoding="utf-8")
    with opened(chromium_browser, path.as_uri()) as tab:
        assert tab.totals()[1] == f"{facts.orders:,}"
        tab.choose({"month": "2024-05", "category": "Other"}, "finance")
        assert tab.complaints == []


def test_given_five_times_the_rows_of_the_same_shop_then_the_page_hardly_grows(ordinary: Built, tmp_path: Path) -> None:
    large = build_page(tmp_path, ordinary_rows(5 * 3_000))
    assert ordinary.size < large.size < 400_000
