"""The rule sets behind the KPI checks hold for sound views, and each fails when its rule is broken."""

import dataclasses
from collections.abc import Callable, Iterator
from decimal import Decimal

import pytest

from walmart_bi.kpis.catalog import Kpi, KpiColumn
from walmart_bi.kpis.validity import GRAIN, TOTALS, Verdict, check_grain, check_totals, rule_sets
from walmart_bi_tests.unit.kpis.sales import CATALOG, SalesTable, sale

VIEWS = sorted(CATALOG)
WITH_SHARE = sorted(name for name, kpi in CATALOG.items() if "revenue_share" in kpi.column_names)
WITH_REVENUE_AND_AOV = sorted(name for name, kpi in CATALOG.items() if kpi.revenue_column)
SALES = [
    sale("2024-01-31", 10_001, city="Paris", category="Home", repeat_customer=True),
    sale("2024-01-31", 25, city="Paris", category="Beauty", payment_method="Cash on Delivery"),
    sale("2024-02-01", 40_000, city="Rome", category="Home", age_group="65+", discount_applied=True),
    sale("2024-02-02", 40_000, city="Oslo", category="Home"),
    sale("2024-04-02", 7, city="Oslo", category="Toys"),
]


@pytest.fixture(scope="module")
def sound_table() -> Iterator[SalesTable]:
    table = SalesTable().fill(SALES)
    for kpi in CATALOG.values():
        table.create_view(kpi)
    yield table
    table.close()


@pytest.fixture
def filled(sound_table: SalesTable) -> Iterator[SalesTable]:
    """Sound sales and views, which they are again after the test."""
    with sound_table.unchanged() as table:
        yield table


def spoiled(
    table: SalesTable, name: str, check: Callable[[SalesTable, Kpi], Verdict], select: str = "*", rest: str = ""
) -> Verdict:
    """The verdict after the view was replaced by one that changes its sound rows."""
    kpi = CATALOG[name]
    table.create_view(kpi, f"SELECT {select} FROM ({kpi.select}) AS sound {rest}")
    return check(table, kpi)


@pytest.mark.parametrize("name", VIEWS)
def test_given_sound_sales_every_rule_set_passes_and_counts(filled: SalesTable, name: str) -> None:
    kpi = CATALOG[name]
    for rules in rule_sets(kpi):
        verdict = rules.check(filled, kpi)
        assert verdict.passed, verdict.problems
    assert rule_sets(kpi) == (GRAIN, TOTALS)
    assert check_grain(filled, kpi).counts["rows"] == len(filled.rows(kpi))
    assert check_totals(filled, kpi).counts["sales rows"] == len(SALES)


@pytest.mark.parametrize("name", VIEWS)
def test_given_no_rows_the_grain_fails(filled: SalesTable, name: str) -> None:
    verdict = spoiled(filled, name, check_grain, rest="WHERE 1 = 0")
    assert not verdict.passed
    assert verdict.counts["rows"] == 0


@pytest.mark.parametrize("name", VIEWS)
def test_given_no_sales_at_all_only_the_grain_fails(filled: SalesTable, name: str) -> None:
    filled.fill([])
    assert not check_grain(filled, CATALOG[name]).passed
    assert check_totals(filled, CATALOG[name]).passed


@pytest.mark.parametrize("name", VIEWS)
def test_given_every_row_twice_grain_and_totals_fail(filled: SalesTable, name: str) -> None:
    kpi = CATALOG[name]
    assert not spoiled(filled, name, check_grain, rest=f"UNION ALL SELECT * FROM ({kpi.select}) AS again").passed
    assert any("sum of orders is 10, not 5" in problem for problem in check_totals(filled, kpi).problems)


def test_given_a_repeated_grain_the_problem_shows_examples(filled: SalesTable) -> None:
    kpi = CATALOG["kpi_revenue_by_category_month"]
    select = ", ".join("'Home' AS category" if name == "category" else name for name in kpi.column_names)
    verdict = spoiled(filled, kpi.name, check_grain, select)
    assert verdict.problems == ("1 values of (category, month) have more than one row: Home, 2024-01-01",)
    assert check_totals(filled, kpi).passed


@pytest.mark.parametrize("name", [name for name in VIEWS if CATALOG[name].grain])
def test_given_a_null_in_the_grain_it_fails(filled: SalesTable, name: str) -> None:
    kpi = CATALOG[name]
    nulled = kpi.grain[-1]
    select = ", ".join(
        f"CASE WHEN {nulled} = (SELECT MAX({nulled}) FROM ({kpi.select}) AS v) THEN NULL ELSE {nulled} END AS {nulled}"
        if column == nulled
        else column
        for column in kpi.column_names
    )
    verdict = spoiled(filled, name, check_grain, select)
    assert [problem for problem in verdict.problems if "have no value in" in problem]


@pytest.mark.parametrize("name", [name for name in VIEWS if len(CATALOG[name].grain) == 1])
def test_given_a_segment_left_out_the_totals_fail(filled: SalesTable, name: str) -> None:
    key = CATALOG[name].grain[0]
    filled.fill([*SALES, sale("2024-05-01", 1, city="A", category="A", payment_method="A", age_group="<18")])
    rest = f"WHERE {key} <> (SELECT MIN({key}) FROM ({CATALOG[name].select}) AS v)"
    verdict = spoiled(filled, name, check_totals, rest=rest)
    assert any("sum of orders" in problem for problem in verdict.problems)
    assert check_grain(filled, CATALOG[name]).passed


@pytest.mark.parametrize("name", WITH_REVENUE_AND_AOV)
def test_given_revenue_a_cent_off_the_totals_fail(filled: SalesTable, name: str) -> None:
    kpi = CATALOG[name]
    filled.fill([*SALES, *SALES, *SALES])  # three orders a segment, so that a cent leaves the averages right
    revenue = kpi.revenue_column
    changed = f"CAST({revenue} + 0.01 AS DECIMAL(18, 2)) AS {revenue}"
    select = ", ".join(changed if column == revenue else column for column in kpi.column_names)
    (problem,) = spoiled(filled, name, check_totals, select).problems
    assert problem.startswith(f"sum of {revenue} is ")


@pytest.mark.parametrize("cent", ["0.01", "-0.01", "NULL"])
@pytest.mark.parametrize("name", WITH_REVENUE_AND_AOV)
def test_given_an_average_a_cent_off_in_one_row_the_totals_fail(filled: SalesTable, name: str, cent: str) -> None:
    kpi = CATALOG[name]
    changed = f"CASE WHEN orders = (SELECT MAX(orders) FROM ({kpi.select}) AS v) THEN aov + {cent} ELSE aov END AS aov"
    select = ", ".join(changed if column == "aov" else column for column in kpi.column_names)
    (problem,) = spoiled(filled, name, check_totals, select).problems
    assert f"rows break: aov = {kpi.revenue_column} / orders to the cent" in problem


@pytest.mark.parametrize(("cents", "aov", "sound"), [(3, "0.02", True), (3, "0.01", False), (5, "0.03", True)])
def test_a_half_cent_must_be_rounded_up(table: SalesTable, cents: int, aov: str, sound: bool) -> None:
    kpi = CATALOG["kpi_revenue_by_month"]
    table.fill([sale(cents=1), sale(cents=cents - 1)])
    rounded = f"SELECT month, revenue, orders, CAST({aov} AS DECIMAL(18, 2)) AS aov FROM ({kpi.select}) AS v"
    assert check_totals(table.create_view(kpi, rounded), kpi).passed is sound


def test_given_orders_and_averages_alone_they_must_make_the_revenue_within_half_a_cent_an_order(
    filled: SalesTable,
) -> None:
    name = "kpi_city_aov_vs_orders"
    filled.fill([sale(cents=1), sale(cents=2)])  # the average of 1.5 cents is shown as 2
    assert check_totals(filled, CATALOG[name]).passed
    verdict = spoiled(filled, name, check_totals, "city, orders, aov + 0.01 AS aov")
    assert verdict.problems == ("sum of aov x orders is 0.06, not 0.03",)


@pytest.mark.parametrize("name", WITH_SHARE)
def test_given_shares_that_do_not_add_up_or_leave_0_to_1_the_totals_fail(filled: SalesTable, name: str) -> None:
    def with_share(expression: str) -> tuple[str, ...]:
        columns = [column for column in CATALOG[name].column_names if column != "revenue_share"]
        return spoiled(filled, name, check_totals, ", ".join([*columns, f"{expression} AS revenue_share"])).problems

    assert with_share("revenue_share") == ()
    (too_small,) = with_share("revenue_share * 0.999")
    assert too_small.startswith("sum of revenue_share is 0.99")
    assert any("break: revenue_share between 0 and 1" in problem for problem in with_share("revenue_share * 100"))
    assert any("break: revenue_share between 0 and 1" in problem for problem in with_share("-revenue_share"))
    assert any("break: revenue_share between 0 and 1" in problem for problem in with_share("NULL"))
    assert any("sum of revenue_share is nan" in problem for problem in with_share("CAST('nan' AS DOUBLE)"))


@pytest.mark.parametrize("changed", ["orders_effect", "aov_effect", "revenue_change"])
@pytest.mark.parametrize("by", ["+ 0.01", "+ NULL"])
def test_given_effects_that_do_not_make_the_change_the_totals_fail(filled: SalesTable, changed: str, by: str) -> None:
    kpi = CATALOG["kpi_executive_summary"]
    select = ", ".join(f"{name} {by} AS {name}" if name == changed else name for name in kpi.column_names)
    (problem,) = spoiled(filled, kpi.name, check_totals, select).problems
    assert problem == "2 rows break: orders_effect + aov_effect = revenue_change"


def test_given_a_row_lost_from_the_sales_after_a_copy_was_made_the_totals_fail(filled: SalesTable) -> None:
    kpi = CATALOG["kpi_total_revenue"]
    filled.connection.execute(f"CREATE TABLE copied AS {kpi.select}")
    filled.create_view(kpi, "SELECT * FROM copied")
    filled.connection.execute("DELETE FROM walmart_sales WHERE purchase_amount = 0.07")
    assert check_totals(filled, kpi).problems == (
        "sum of total_revenue is 900.33, not 900.26",
        "sum of orders is 5, not 4",
    )


def test_given_a_view_that_covers_some_only_its_rows_are_judged(filled: SalesTable) -> None:
    kpi = dataclasses.replace(CATALOG["kpi_revenue_by_city"], covers="some")
    filled.create_view(kpi, f"SELECT * FROM ({kpi.select}) AS v WHERE revenue_rank = 1")
    verdict = check_totals(filled, kpi)
    assert verdict.passed
    assert not any("sum of" in name for name in verdict.counts)
    filled.create_view(kpi, f"SELECT * REPLACE (aov + 1 AS aov) FROM ({kpi.select}) AS v")
    assert not check_totals(filled, kpi).passed


def test_given_a_view_without_figures_of_the_dictionary_only_its_grain_is_judged(filled: SalesTable) -> None:
    kpi = dataclasses.replace(
        CATALOG["kpi_revenue_by_month"],
        name="kpi_best_rating",
        columns=(KpiColumn("month", "DATE", "month", "M."), KpiColumn("best", "INTEGER", "number", "B.")),
        select="SELECT month, MAX(rating) AS best FROM walmart_sales GROUP BY month",
    )
    assert rule_sets(kpi) == (GRAIN,)
    assert check_grain(filled.create_view(kpi), kpi).counts == {"rows": 3, "repeated": 0, "nulls": 0}


def test_counts_of_money_are_exact(filled: SalesTable) -> None:
    counts = check_totals(filled, CATALOG["kpi_revenue_by_city"]).counts
    assert counts["sum of revenue"] == Decimal("900.33")
    assert isinstance(counts["sum of revenue"], Decimal)
