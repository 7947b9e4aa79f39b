"""What a reader sees at a glance: nothing lies on top of something else, columns line up, no card stands half alone."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser

from walmart_bi_tests.browser.pages import Built, Opened, opened

POINTS = ("executive", "sales_manager", "regional_director", "customer_experience", "marketing", "finance")


@pytest.fixture(scope="module")
def kept_open(chromium_browser: Browser, ordinary: Built) -> Iterator[Opened]:
    with opened(chromium_browser, ordinary.address) as page:
        yield page


@pytest.fixture
def tab(kept_open: Opened) -> Opened:
    kept_open.page.set_viewport_size({"width": 1280, "height": 900})
    return kept_open


# Pairs of an axis label or a text with a drawn point that it lies on.
COVERED = """() => [...document.querySelectorAll('.point:not([hidden]) .figure > svg')].flatMap(svg => {
  const texts = [...svg.querySelectorAll('text')].map(text => [text.textContent, text.getBoundingClientRect()]);
  return [...svg.querySelectorAll('.dot')].flatMap(dot => {
    const box = dot.getBoundingClientRect();
    const [x, y] = [box.left + box.width / 2, box.top + box.height / 2];
    return texts.filter(([, at]) => x > at.left && x < at.right && y > at.top && y < at.bottom).map(([text]) => text);
  });
})"""


@pytest.mark.parametrize("width", [1280, 360])
def test_given_any_point_then_no_label_lies_on_a_drawn_value(width: int, tab: Opened) -> None:
    tab.page.set_viewport_size({"width": width, "height": 900})
    for point in POINTS:
        tab.choose({}, point)
        assert tab.page.evaluate(COVERED) == [], point


def test_given_bars_of_money_then_all_of_a_column_have_cents_or_none_has(tab: Opened) -> None:
    for point in POINTS:
        tab.choose({}, point)
        for bars in tab.page.locator(".point:not([hidden]) .bars").all():
            amounts = [text for text in bars.locator(".value").all_inner_texts() if text.startswith("$")]
            assert len({bool(re.search(r"\.\d\d$", text)) for text in amounts}) == 1, amounts


def test_given_a_card_of_all_months_then_it_says_which_months_it_shows(tab: Opened) -> None:
    tab.choose({}, "finance")
    assert tab.card("kpi_revenue_by_payment_method").locator(".eyebrow").inner_text().endswith(" 2025")
    month = tab.page.locator("#filters select").first.locator("option").nth(1).inner_text()
    value = tab.page.locator("#filters select").first.locator("option").nth(1).get_attribute("value")
    tab.choose({"month": str(value)}, "finance")
    assert tab.card("kpi_revenue_by_payment_method").locator(".eyebrow").inner_text().endswith(month)


def test_given_an_odd_number_of_cards_then_the_last_one_fills_its_row(tab: Opened) -> None:
    tab.choose({}, "sales_manager")
    row = tab.page.locator(".point:not([hidden]) .rest")
    cards = row.locator(".card").all()
    whole, last = row.bounding_box(), cards[-1].bounding_box()
    assert len(cards) % 2 == 1
    assert whole is not None and last is not None
    assert abs(whole["width"] - last["width"]) < 1


def test_given_an_insight_longer_than_its_cards_then_the_chart_beside_it_grows(tab: Opened) -> None:
    heights = {}
    for point in ("executive", "customer_experience"):
        tab.choose({}, point)
        box = tab.card("revenue_a_day").locator(".figure svg").bounding_box()
        assert box is not None
        heights[point] = box["height"]
    assert heights["customer_experience"] > heights["executive"]
