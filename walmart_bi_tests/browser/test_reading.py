"""Who reads the page and how: by keyboard, with a screen reader, on a phone, on paper, without scripts, in the dark."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from typing import Literal

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser
from pypdf import PdfReader

from walmart_bi_tests.browser.pages import Built, Opened, opened

POINTS = ("executive", "sales_manager", "regional_director", "customer_experience", "marketing", "finance")
WCAG = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]


@pytest.fixture
def tab(chromium_browser: Browser, ordinary: Built) -> Iterator[Opened]:
    with opened(chromium_browser, ordinary.address) as page:
        yield page


@pytest.fixture(scope="module")
def kept_open(chromium_browser: Browser, ordinary: Built) -> Iterator[Opened]:
    """One page for all who only look. Its policy would keep out axe and a reader's own spacing."""
    with opened(chromium_browser, ordinary.address, bypass_csp=True) as page:
        yield page


@pytest.fixture
def shown(kept_open: Opened) -> Opened:
    """That page as a new one would be."""
    kept_open.page.set_viewport_size({"width": 1280, "height": 900})
    kept_open.page.emulate_media(color_scheme="light", reduced_motion="no-preference")
    kept_open.page.evaluate("document.adoptedStyleSheets = []")
    return kept_open


# The dark theme is other values of the colours and nothing else, so only what axe says of colours can differ in it.
@pytest.mark.parametrize(
    ("theme", "rules", "fewest"),
    [("light", WCAG, 21), ("dark", ["color-contrast", "link-in-text-block"], 1)],
    ids=["light", "dark"],
)
def test_given_any_point_in_any_theme_then_axe_finds_no_barrier(
    theme: Literal["light", "dark"], rules: list[str], fewest: int, shown: Opened
) -> None:
    shown.page.emulate_media(color_scheme=theme, reduced_motion="reduce")
    found = {}
    for point in POINTS:
        shown.choose({"category": "Home"} if point == "finance" else {}, point)
        shown.page.locator(".point:not([hidden]) summary").first.click()
        shown.page.mouse.move(0, 0)
        # To name each node that passes, and not one for each rule, took axe most of its time.
        answer = Axe().run(shown.page, options={"runOnly": rules, "resultTypes": ["violations"]}).response
        assert len(answer["passes"]) >= fewest
        found[point] = [
            (rule["id"], node["target"], node["failureSummary"])
            for rule in answer["violations"]
            for node in rule["nodes"]
        ]
    assert found == {point: [] for point in POINTS}


def test_given_the_keyboard_alone_then_a_reader_skips_changes_points_and_filters_by_a_mark(tab: Opened) -> None:
    keyboard, focused = tab.page.keyboard, "document.activeElement.textContent"
    keyboard.press("Tab")
    assert tab.page.evaluate(focused) == "Skip to the story"
    keyboard.press("Enter")
    assert tab.page.evaluate("document.activeElement.id") == "story"
    tab.page.get_by_role("tab", selected=True).focus()
    for key, expected in (
        ("ArrowRight", 1),
        ("End", 5),
        ("ArrowRight", 0),
        ("ArrowLeft", 5),
        ("Home", 0),
        ("ArrowRight", 1),
    ):
        keyboard.press(key)
        tab.page.locator(f"#{POINTS[expected]}:not([hidden])").wait_for()
        assert tab.page.evaluate("document.activeElement.id") == f"tab-{POINTS[expected]}"
        assert tab.page.locator(".point:not([hidden])").count() == 1
    tab.card("kpi_revenue_by_month").locator("[tabindex='0'].mark").focus()
    keyboard.press("Home")
    keyboard.press("ArrowRight")
    assert tab.text(".tip").startswith("Mar 2024")
    keyboard.press("Enter")
    tab.page.locator("#shown", has_text="Month: Mar 2024").wait_for()
    assert tab.page.evaluate("document.activeElement.getAttribute('aria-label')").startswith("Mar 2024")


def test_given_a_filter_then_a_screen_reader_is_told_the_result_once(tab: Opened) -> None:
    assert tab.page.locator("#announced").get_attribute("aria-live") == "polite"
    assert tab.page.locator("#announced").text_content() == ""
    tab.choose({"category": "Home"})
    told = tab.page.locator("#announced").text_content() or ""
    assert re.fullmatch(r"Showing [\d,]+ of [\d,]+ orders\. Category: Home\. Revenue \$[\d,]+\.", told)


@pytest.mark.parametrize("width", [1440, 1024, 768, 390, 360, 320])
def test_given_a_width_then_no_point_scrolls_sideways(width: int, shown: Opened) -> None:
    shown.page.set_viewport_size({"width": width, "height": 800})
    for point in POINTS:
        shown.choose({}, point)
        assert shown.page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0, point


# What WCAG 1.4.12 lets a reader set.
WIDE_TEXT = """() => {
  const sheet = new CSSStyleSheet();
  sheet.replaceSync(`* { line-height: 1.5 !important; letter-spacing: .12em !important;
    word-spacing: .16em !important }`);
  document.adoptedStyleSheets = [sheet];
}"""
CUT_NAMES = """[...document.querySelectorAll('.point:not([hidden]) .bar-row .label')]
    .filter(name => name.scrollWidth > name.clientWidth || name.scrollHeight > name.clientHeight + 1)
    .map(name => name.textContent)"""


@pytest.mark.parametrize("spacing", ["", WIDE_TEXT], ids=["as written", "with wider text"])
def test_given_a_phone_then_no_name_of_a_bar_is_cut(spacing: str, shown: Opened) -> None:
    shown.page.set_viewport_size({"width": 360, "height": 800})
    for point in POINTS:
        shown.choose({}, point)
        if spacing:
            shown.page.evaluate(spacing)
        assert shown.page.evaluate(CUT_NAMES) == [], point
        assert shown.page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0, point


# axe cannot tell what lies behind a text inside a picture, so the charts' colours are looked at here.
CHART_COLOURS = """() => [...document.querySelectorAll('.point:not([hidden]) .figure svg text, .figure .bar-row span')]
    .filter(node => node.checkVisibility() && node.textContent.trim())
    .map(node => [node.textContent, getComputedStyle(node)[node.ownerSVGElement ? 'fill' : 'color'],
      getComputedStyle(node.closest('.card')).backgroundColor])"""


def luminance(colour: str) -> float:
    parts = [int(part) / 255 for part in re.findall(r"\d+", colour)[:3]]
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_given_any_theme_then_every_text_in_a_chart_stands_out(theme: Literal["light", "dark"], shown: Opened) -> None:
    shown.page.emulate_media(color_scheme=theme)
    for point in POINTS:
        texts = shown.choose({}, point).page.evaluate(CHART_COLOURS)
        assert len(texts) > 10
        assert [text for text in texts if contrast(text[1], text[2]) < 4.5] == [], point


def test_given_twice_the_size_then_text_grows_and_nothing_scrolls_sideways(
    chromium_browser: Browser, ordinary: Built
) -> None:
    # A browser's zoom of 200% at 1280 points: half the points, twice the pixels.
    half = {"viewport": {"width": 640, "height": 450}, "device_scale_factor": 2}
    with opened(chromium_browser, ordinary.address, **half) as page:
        for point in POINTS:
            page.choose({}, point)
            assert page.page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0, point


def test_given_the_button_then_the_theme_changes_whatever_the_system_says(tab: Opened) -> None:
    background = "getComputedStyle(document.body).backgroundColor"
    light = tab.page.evaluate(background)
    tab.page.get_by_role("button", name="Dark theme").click()
    assert tab.page.evaluate(background) != light
    tab.page.get_by_role("button", name="Light theme").click()
    assert tab.page.evaluate(background) == light


def test_given_the_dark_theme_when_printed_then_each_point_is_on_pages_of_its_own_in_light(
    chromium_browser: Browser, ordinary: Built
) -> None:
    with opened(chromium_browser, ordinary.address, color_scheme="dark") as page:
        page.page.get_by_role("button", name="Light theme").wait_for()
        printed = page.page.pdf(format="A4", print_background=True)
        page.page.emulate_media(media="print", color_scheme="dark")
        assert page.page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
        assert page.page.evaluate("getComputedStyle(document.querySelector('h2')).color") == "rgb(17, 17, 17)"
        line = "getComputedStyle(document.querySelector('.grid-line')).stroke"
        assert page.page.evaluate(line) == "rgb(228, 228, 228)"
    sheets = [sheet.extract_text() for sheet in PdfReader(io.BytesIO(printed)).pages]
    starts = [number for number, text in enumerate(sheets) if re.search(r"\d of 6 · ", text)]
    assert len(starts) == len(POINTS)
    assert len(sheets) <= 2 * len(POINTS)
    for persona, start in zip(ordinary.story["personas"], starts, strict=True):
        assert f"of 6 · {persona['title']}" in sheets[start]
        assert "What is behind it" in sheets[start]


def test_given_no_scripts_then_numbers_sentences_and_a_table_with_bars_for_each_kpi_are_there(
    chromium_browser: Browser, ordinary: Built
) -> None:
    context = chromium_browser.new_context(java_script_enabled=False, viewport={"width": 390, "height": 800})
    try:
        page = context.new_page()
        page.goto(ordinary.address)
        assert page.locator(".point").count() == len(POINTS)
        for box in ordinary.story["insights"]["boxes"]:
            section = page.locator(f"#{box['persona']}")
            assert section.is_visible()
            told = section.inner_text()
            for part in ("headline", "what", "why", "unusual", "limits"):
                assert all(sentence["text"] in told for sentence in box[part]), part
            assert section.locator(".tile .big").all_inner_texts()[0].startswith("$")
        for name, card in ordinary.story["cards"].items():
            shown = page.locator(f"[data-kpi={name}]")
            assert shown.is_visible()
            assert shown.locator("td.bar rect").count() > 0 or card["chart"] == "scatter", name
        assert page.locator("#filters").is_hidden()
    finally:
        context.close()


def test_given_less_motion_then_nothing_moves(shown: Opened) -> None:
    duration = "getComputedStyle(document.querySelector('.bar-row .length')).transitionDuration"
    assert shown.choose({}, "finance").page.evaluate(duration) != "0s"
    shown.page.emulate_media(reduced_motion="reduce")
    assert shown.page.evaluate(duration) == "0s"
