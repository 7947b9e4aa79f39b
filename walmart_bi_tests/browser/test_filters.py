"""What a reader filters: tiles and tables are what pandas makes of the same rows, and the address keeps the state."""

from __future__ import annotations

import re
from decimal import ROUND_HALF_UP, Decimal

import pandas as pd
import pytest
from playwright.sync_api import Browser

from walmart_bi_tests.browser.pages import Built, Opened, opened

STATES: dict[str, dict[str, str]] = {
    "nothing filtered": {},
    "one category": {"category": "Beauty"},
    "one month": {"month": "2024-06"},
    "a month that is not complete": {"month": "2025-02"},
    "the first month": {"month": "2024-02", "payment_method": "UPI"},
    "one payment method without discount": {"payment_method": "UPI", "discount_applied": "No"},
    "repeat customers of the largest cities": {"repeat_customer": "Repeat", "city_group": "10 largest cities"},
    "the month after a gap": {"category": "Beauty", "payment_method": "UPI", "month": "2024-07"},
    "everything at once": {
        "month": "2024-09",
        "category": "Home",
        "city_group": "Other cities",
        "payment_method": "Debit Card",
        "discount_applied": "Yes",
        "repeat_customer": "New",
    },
    "no order": {"category": "Beauty", "payment_method": "UPI", "month": "2024-06"},
}


@pytest.fixture(scope="module")
def sales(ordinary: Built) -> pd.DataFrame:
    frame = pd.DataFrame(ordinary.rows)
    frame["cents"] = [int(amount * 100) for amount in frame["purchase_amount"]]
    frame["month"] = [f"{month:%Y-%m}" for month in frame["month"]]
    frame["discount_applied"] = frame["discount_applied"].map({True: "Yes", False: "No"})
    frame["repeat_customer"] = frame["repeat_customer"].map({True: "Repeat", False: "New"})
    by_city = frame.groupby("city")["cents"].sum().reset_index().sort_values(["cents", "city"], ascending=[False, True])
    largest = set(by_city["city"].head(10))
    frame["city_group"] = [("10 largest cities" if city in largest else "Other cities") for city in frame["city"]]
    return frame


@pytest.fixture(scope="module")
def tab(chromium_browser: Browser, ordinary: Built):  # type: ignore[no-untyped-def]
    with opened(chromium_browser, ordinary.address) as page:
        yield page


def kept(sales: pd.DataFrame, filters: dict[str, str], *, without_month: bool = False) -> pd.DataFrame:
    for name, value in filters.items():
        if not (without_month and name == "month"):
            sales = sales[sales[name] == value]
    return sales


def money(cents: int) -> str:
    if cents >= 1_000_000:
        return f"${int((Decimal(cents) / 100).quantize(Decimal(1), ROUND_HALF_UP)):,}"
    return f"${Decimal(cents) / 100:,.2f}"


def shown(frame: pd.DataFrame) -> list[str]:
    orders, cents = len(frame), int(frame["cents"].sum())
    if not orders:
        return ["$0.00", "0", "–"]
    average = (Decimal(cents) / orders).quantize(Decimal(1), ROUND_HALF_UP)
    return [money(cents), f"{orders:,}", money(int(average))]


@pytest.mark.parametrize("filters", STATES.values(), ids=STATES.keys())
def test_given_filters_then_tiles_show_the_month_and_the_total_that_pandas_counts(
    filters: dict[str, str], tab: Opened, sales: pd.DataFrame
) -> None:
    tab.choose(filters)
    history = kept(sales, filters, without_month=True)
    month = history[history["month"] == filters.get("month", "2025-01")]
    assert tab.tiles() == shown(month)
    assert tab.totals() == shown(history)
    assert tab.text("#shown").count(f"{len(kept(sales, filters)):,}") >= 1


@pytest.mark.parametrize("filters", STATES.values(), ids=STATES.keys())
def test_given_filters_then_tables_show_what_pandas_counts_and_add_up_to_the_total(
    filters: dict[str, str], tab: Opened, sales: pd.DataFrame
) -> None:
    tab.choose(filters, "sales_manager")
    frame, history = kept(sales, filters), kept(sales, filters, without_month=True)
    if frame.empty:
        assert "No order fits these filters" in tab.card("kpi_revenue_by_category").inner_text()
    else:
        rows = tab.table("kpi_revenue_by_category")
        assert rows[-1][1:4] == shown(frame)
        assert {row[0]: row[1:4] for row in rows[:-1]} == {
            name: shown(frame[frame["category"] == name]) for name in ("Beauty", "Clothing", "Electronics", "Home")
        }
    months = tab.table("kpi_revenue_by_month")
    assert months[-1][1:] == shown(history)
    assert [row[1:] for row in months[:-1]] == [shown(part) for part in by_month(sales, history)]


def by_month(sales: pd.DataFrame, history: pd.DataFrame) -> list[pd.DataFrame]:
    return [history[history["month"] == month] for month in sorted(sales["month"].unique())]


@pytest.mark.parametrize("filters", [{}, {"category": "Home"}, {"month": "2024-08"}], ids=str)
def test_given_filters_then_cities_and_ages_are_those_of_pandas(
    filters: dict[str, str], tab: Opened, sales: pd.DataFrame
) -> None:
    frame = kept(sales, filters)
    cities = tab.choose(filters, "regional_director").table("kpi_revenue_by_city")
    assert cities[-1][1:4] == shown(frame)
    largest = frame[frame["city_group"] == "10 largest cities"]
    expected = {name: shown(part) for name, part in largest.groupby("city")}
    assert {row[0]: row[1:4] for row in cities[:-1] if row[0] != "Other cities" and row[2] != "0"} == expected
    assert next(row for row in cities if row[0] == "Other cities")[1:4] == shown(frame.drop(largest.index))
    ages = tab.choose(filters, "customer_experience").table("kpi_revenue_by_age_group")
    assert {row[0]: row[1:4] for row in ages[:-1] if row[2] != "0"} == {
        name: shown(part) for name, part in frame.groupby("age_group")
    }


def test_given_a_month_that_is_not_complete_then_there_is_no_comparison_and_the_reason_is_said(tab: Opened) -> None:
    tab.choose({"month": "2025-02"})
    changes = tab.texts(".point:not([hidden]) .tile .change")
    assert changes == ["No comparison: Feb 2025 has orders from 1 Feb to 9 Feb only."] * 3
    tab.choose({"month": "2024-03"})
    assert all("No comparison: Feb 2024" in text for text in tab.texts(".point:not([hidden]) .tile .change"))


def test_given_no_order_then_the_page_says_so_in_words(tab: Opened) -> None:
    tab.choose(STATES["no order"], "finance")
    assert "No order fits these filters" in tab.card("kpi_revenue_by_payment_method").inner_text()
    assert "no such orders in Jun 2024" in tab.text(".point:not([hidden]) .insight")


CHARTS = ".point:not([hidden]) .card:has(.figure svg, .figure .bar-row)"
TABLE_OF_CARD = """card => [...card.querySelectorAll('details table tr')]
    .map(row => [...row.cells].map(cell => cell.textContent))"""


@pytest.mark.parametrize("filters", [{}, {"category": "Home", "month": "2024-08"}], ids=str)
def test_given_any_chart_then_a_table_is_behind_it_that_adds_up_to_what_is_shown(
    filters: dict[str, str], tab: Opened, sales: pd.DataFrame, ordinary: Built
) -> None:
    month, history = shown(kept(sales, filters)), shown(kept(sales, filters, without_month=True))
    seen = set()
    for persona in ordinary.story["personas"]:
        tab.choose(filters, persona["id"])
        charts = tab.page.locator(CHARTS)
        for number in range(charts.count()):
            name = charts.nth(number).get_attribute("data-kpi") or ""
            heads, *rows = charts.nth(number).evaluate(TABLE_OF_CARD)
            assert rows, name
            card = ordinary.story["cards"].get(name)
            if card is None or not card["live"]:
                continue
            at = [heads.index(label) for label in ("Revenue", "Orders", "AOV")]
            whole = history if "month" in card["grain"] else month
            assert [rows[-1][place] for place in at] == whole, name
            cents = [round(100 * float(re.sub(r"[$,]", "", row[at[0]]))) for row in rows]
            # Amounts of $10,000 and more are shown in whole dollars.
            assert abs(sum(cents[:-1]) - cents[-1]) <= 50 * len(cents), name
            seen.add(name)
    charted = {name for name, card in ordinary.story["cards"].items() if card["live"] and card["grain"]}
    assert seen == charted


@pytest.mark.parametrize(
    ("point", "card", "mark", "told"),
    [
        ("finance", "kpi_revenue_by_payment_method", "UPI", "Payment: UPI"),
        ("marketing", "kpi_revenue_by_discount", "Yes", "Discount: With discount"),
        ("customer_experience", "kpi_revenue_by_customer_type", "Repeat", "Customers: Repeat customers"),
        ("customer_experience", "kpi_aov_by_customer_type_month", "New", "Customers: New customers"),
        ("sales_manager", "kpi_revenue_by_category_month", "Beauty", "Category: Beauty"),
        ("executive", "kpi_executive_summary", "Jun 2024", "Month: Jun 2024"),
        ("executive", "revenue_a_day", "Jun 2024", "Month: Jun 2024"),
    ],
)
def test_given_a_click_on_a_mark_of_any_kind_then_it_filters(
    point: str, card: str, mark: str, told: str, tab: Opened
) -> None:
    tab.choose({}, point)
    # A line's mark is two points wide, so it is clicked as a script clicks, wherever the next mark begins.
    tab.card(card).get_by_role("button", name=mark).first.dispatch_event("click")
    tab.page.locator("#shown", has_text=told).wait_for()


def test_given_filters_when_reset_then_the_page_is_as_it_was(tab: Opened) -> None:
    before = tab.choose({}).page.inner_text("#story")
    tab.choose({"category": "Home", "month": "2024-06"})
    assert tab.page.inner_text("#story") != before
    tab.page.get_by_role("button", name="Reset filters").click()
    tab.page.locator("#shown", has_text="nothing is filtered").wait_for()
    assert tab.page.inner_text("#story") == before


def test_given_a_link_then_another_page_shows_the_same_state(
    tab: Opened, chromium_browser: Browser, ordinary: Built
) -> None:
    tab.choose({"category": "Clothing", "repeat_customer": "New"}, "marketing")
    with opened(chromium_browser, tab.page.url) as other:
        assert other.page.inner_text("#story") == tab.page.inner_text("#story")
        assert other.page.get_by_role("tab", selected=True).inner_text().endswith("Marketing")
        assert other.page.locator("#filter-category").input_value() == "Clothing"
        other.page.go_back()


def test_given_filters_when_going_back_then_the_last_state_returns(tab: Opened) -> None:
    tab.choose({"category": "Clothing"}).choose({"category": "Home"})
    tab.page.go_back()
    tab.page.locator("#shown", has_text="Clothing").wait_for()
    assert tab.page.locator("#filter-category").input_value() == "Clothing"


def test_given_a_link_with_a_value_that_is_unknown_then_the_page_says_so(tab: Opened) -> None:
    tab.choose({"category": "Garden", "tab": "nobody"})
    assert "This page does not know Category “Garden”." in tab.text("#shown")
    assert "nothing is filtered" in tab.text("#shown")


def test_given_a_click_on_a_bar_or_a_month_then_it_filters_and_a_second_click_takes_it_away(tab: Opened) -> None:
    tab.choose({}, "sales_manager")
    tab.card("kpi_revenue_by_category").get_by_role("button", name="Home").click()
    tab.page.locator("#shown", has_text="Category: Home").wait_for()
    assert (
        tab.card("kpi_revenue_by_category").get_by_role("button", name="Home").get_attribute("aria-pressed") == "true"
    )
    tab.card("kpi_revenue_by_category").get_by_role("button", name="Home").click()
    tab.page.locator("#shown", has_text="nothing is filtered").wait_for()
    tab.card("kpi_revenue_by_month").get_by_role("button", name="Jun 2024").click()
    tab.page.locator("#shown", has_text="Month: Jun 2024").wait_for()


def test_given_a_mark_then_its_values_show_on_hover_and_on_focus_and_go_with_escape(tab: Opened) -> None:
    tab.choose({}, "sales_manager")
    bar = tab.card("kpi_revenue_by_category").get_by_role("button", name="Home")
    bar.hover()
    assert "95% interval" in tab.text(".tip")
    tab.page.mouse.move(0, 0)
    assert not tab.page.locator(".tip").is_visible()
    bar.focus()
    assert tab.text(".tip").startswith("Home")
    tab.page.keyboard.press("Escape")
    assert not tab.page.locator(".tip").is_visible()


def test_given_all_that_was_done_here_then_the_page_asked_for_itself_alone_and_never_complained(
    chromium_browser: Browser, ordinary: Built
) -> None:
    with opened(chromium_browser, ordinary.address) as page:
        for persona in ordinary.story["personas"]:
            for filters in STATES.values():
                page.choose(filters, persona["id"])
        assert page.requests == [ordinary.address]
        assert page.complaints == []
