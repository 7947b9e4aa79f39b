"""Every KPI view on DuckDB against the independent oracle."""

import datetime as dt
from collections.abc import Iterator
from decimal import Decimal

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from walmart_bi_tests import oracle
from walmart_bi_tests.unit.kpis.sales import CATALOG, Row, SalesTable, sale

VIEWS = sorted(CATALOG)
CENT = Decimal("0.01")

_TABLE = SalesTable()  # one connection for the property tests: an example costs milliseconds


def assert_equals_oracle(table: SalesTable, rows: list[Row]) -> None:
    expected_views = oracle.kpis(rows)
    assert sorted(expected_views) == VIEWS
    for name, expected_rows in expected_views.items():
        kpi = CATALOG[name]
        rows_of_view = table.rows(kpi)
        found = {tuple(row[column] for column in kpi.grain): row for row in rows_of_view}
        expected = {tuple(row[column] for column in kpi.grain): row for row in expected_rows}
        assert len(found) == len(rows_of_view)
        assert found.keys() == expected.keys(), name
        for key, row in expected.items():
            compared = {column: found[key][column] for column in row}
            if "revenue_share" in row:
                assert compared.pop("revenue_share") == pytest.approx(float(row["revenue_share"]), rel=1e-14), name
            assert compared == {column: value for column, value in row.items() if column != "revenue_share"}, name


def months_of(revenue_and_orders: list[tuple[str, int, int]]) -> Iterator[Row]:
    """For each (day, cents, orders) so many orders in that month with so many cents together."""
    for day, cents, orders in revenue_and_orders:
        yield from (sale(day, 1) for _ in range(orders - 1))
        yield sale(day, cents - orders + 1)


def summary(table: SalesTable, rows: Iterator[Row]) -> list[Row]:
    return table.fill(rows).rows(CATALOG["kpi_executive_summary"])


SOME_SALES = [
    sale("2024-02-29", 12_345, city="Zürich", category="Beauty", age_group="<18", age=12, repeat_customer=True),
    sale("2024-02-29", 1, city="Zurich", category="Home", age_group="65+", age=80, discount_applied=True),
    sale("2024-03-01", 999_999_999_999, city="東京", category="Home", age_group="Unknown", age=None),
    sale("2024-03-31", 50_000, city="zürich", category="Beauty", payment_method="Cash on Delivery"),
    sale("2024-06-15", 50_000, city="مكة", category="Home", payment_method="Débito \U0001f4b3", repeat_customer=True),
    sale("2025-01-01", 20_001, city="O'Fallon; DROP", category="Home & <b>", discount_applied=True),
]


def test_given_mixed_sales_with_gaps_and_any_script_every_view_equals_the_oracle(table: SalesTable) -> None:
    table.fill(SOME_SALES)
    assert_equals_oracle(table, SOME_SALES)


def test_given_one_sale_every_view_has_one_row_and_equals_the_oracle(table: SalesTable) -> None:
    table.fill([sale()])
    assert_equals_oracle(table, [sale()])
    assert all(len(table.rows(kpi)) == 1 for kpi in CATALOG.values())


@pytest.mark.parametrize("name", VIEWS)
def test_given_no_sales_a_view_has_no_rows(table: SalesTable, name: str) -> None:
    assert table.rows(CATALOG[name]) == []


@pytest.mark.parametrize("name", VIEWS)
def test_a_view_returns_the_columns_and_types_of_its_header(table: SalesTable, name: str) -> None:
    kpi = CATALOG[name]
    described = table.query(f"DESCRIBE {kpi.select}").rows
    declared = [
        (column.name, column.type.replace(", ", ",").replace("DOUBLE PRECISION", "DOUBLE")) for column in kpi.columns
    ]
    assert [tuple(row[:2]) for row in described] == declared


@pytest.mark.parametrize("name", VIEWS)
def test_a_view_is_equal_whatever_the_order_of_the_rows_in_the_table(table: SalesTable, name: str) -> None:
    forwards = table.fill(SOME_SALES).rows(CATALOG[name])
    assert table.fill(SOME_SALES[::-1]).rows(CATALOG[name]) == forwards


@pytest.mark.parametrize(
    ("cents", "aov"),
    [
        ([1, 2], "0.02"),  # 1.5 cents
        ([100, 101], "1.01"),  # 100.5 cents: 1.005 has no exact float and would come out as 1.00
        ([1, 1, 2], "0.01"),  # 1.33 cents
        ([1, 2, 2], "0.02"),  # 1.67 cents
        ([999_999_999_999, 999_999_999_998], "9999999999.99"),  # a half at the greatest amount
        ([999_999_999_998, 999_999_999_998, 999_999_999_999], "9999999999.98"),
    ],
)
def test_an_average_is_rounded_exactly_with_halves_up(table: SalesTable, cents: list[int], aov: str) -> None:
    table.fill([sale(cents=amount) for amount in cents])
    found = [row["aov"] for kpi in CATALOG.values() for row in table.rows(kpi)]
    assert found == [Decimal(aov)] * len(VIEWS)


def test_given_the_greatest_amount_a_million_times_the_sums_are_exact(table: SalesTable) -> None:
    table.fill([sale(cents=999_999_999_999)])
    table.connection.execute("INSERT INTO walmart_sales SELECT walmart_sales.* FROM walmart_sales, RANGE(999999)")
    table.refresh()
    (total,) = table.rows(CATALOG["kpi_total_revenue"])
    assert (total["total_revenue"], total["orders"]) == (Decimal("9999999999990000.00"), 1_000_000)
    assert total["aov"] == Decimal("9999999999.99")
    (month,) = table.rows(CATALOG["kpi_executive_summary"])
    assert month["revenue"] == total["total_revenue"]


def test_given_more_revenue_than_the_type_holds_the_view_fails_instead_of_answering_wrongly(table: SalesTable) -> None:
    table.fill([sale(cents=999_999_999_999)])
    table.connection.execute("INSERT INTO walmart_sales SELECT walmart_sales.* FROM walmart_sales, RANGE(1000001)")
    table.refresh()
    with pytest.raises(duckdb.Error):
        table.rows(CATALOG["kpi_total_revenue"])


def test_given_a_missing_month_the_change_is_from_the_month_present_before(table: SalesTable) -> None:
    first, second = summary(table, months_of([("2024-01-31", 1000, 1), ("2024-04-01", 1500, 1)]))
    assert (first["previous_month"], first["revenue_change"], first["orders_effect"], first["aov_effect"]) == (
        None,
    ) * 4
    assert second["previous_month"] == dt.date(2024, 1, 1)
    assert second["revenue_change"] == Decimal("5.00")


@pytest.mark.parametrize(
    ("before", "after", "orders_effect", "aov_effect"),
    [
        ((1000, 2), (2000, 4), "10.00", "0.00"),  # only orders moved
        ((1000, 2), (1500, 2), "0.00", "5.00"),  # only the order value moved
        ((2000, 4), (1000, 2), "-10.00", "0.00"),
        ((200, 1), (401, 2), "2.00", "0.01"),  # 200.25 cents
        ((301, 1), (604, 2), "3.02", "0.01"),  # 301.5 cents: a half goes away from zero
        ((604, 2), (301, 1), "-3.02", "-0.01"),
    ],
)
def test_a_change_in_revenue_is_split_between_orders_and_order_value(
    table: SalesTable, before: tuple[int, int], after: tuple[int, int], orders_effect: str, aov_effect: str
) -> None:
    _, month = summary(table, months_of([("2024-01-01", *before), ("2024-02-01", *after)]))
    assert (month["orders_effect"], month["aov_effect"]) == (Decimal(orders_effect), Decimal(aov_effect))


def test_given_a_billion_a_month_the_split_is_exact(table: SalesTable) -> None:
    rows = [sale("2024-01-01", 100_000_000_001)] * 7 + [sale("2024-02-01", 100_000_000_003)] * 1000
    assert_equals_oracle(table.fill(rows), rows)


def test_given_equal_revenue_cities_are_ranked_by_name_and_no_rank_is_shared(table: SalesTable) -> None:
    table.fill([sale(city=city, cents=cents) for city, cents in [("b", 5), ("a", 5), ("Ä", 5), ("c", 9), ("A", 5)]])
    cities = table.rows(CATALOG["kpi_revenue_by_city"])
    assert [(row["revenue_rank"], row["city"]) for row in cities] == [(1, "c"), (2, "A"), (3, "a"), (4, "b"), (5, "Ä")]


def test_age_groups_are_shown_from_the_youngest_with_unknown_last(table: SalesTable) -> None:
    groups = ["<18", "18-24", "25-34", "35-44", "45-54", "55-64", "65+", "Unknown"]
    table.fill([sale(age_group=group) for group in sorted(groups)])
    rows = table.rows(CATALOG["kpi_revenue_by_age_group"])
    assert [row["age_group"] for row in rows] == groups
    assert [row["age_from"] for row in rows] == [0, 18, 25, 35, 45, 55, 65, None]


sales_of_few_segments = st.builds(
    sale,
    day=st.dates(dt.date(2023, 11, 1), dt.date(2024, 4, 30)).map(dt.date.isoformat),
    cents=st.one_of(st.integers(1, 300), st.integers(1, 999_999_999_999)),
    city=st.sampled_from(["Paris", "paris", "Łódź", "Lodz", "東京", "Unknown"])
    | st.text("ab'\"\\;%_é", min_size=1, max_size=2),
    category=st.sampled_from(["Home", "Beauty", "Toys"]),
    payment_method=st.sampled_from(["UPI", "Credit Card"]),
    age_group=st.sampled_from(["<18", "18-24", "65+", "Unknown"]),
    discount_applied=st.booleans(),
    repeat_customer=st.booleans(),
)


@settings(max_examples=20, deadline=None)
@given(st.lists(sales_of_few_segments, min_size=1, max_size=30))
def test_whatever_the_sales_every_view_equals_the_oracle_segments_add_up_and_effects_make_the_change(
    rows: list[Row],
) -> None:
    assert_equals_oracle(_TABLE.fill(rows), rows)
    revenue = sum(row["purchase_amount"] for row in rows)
    for kpi in CATALOG.values():
        found = _TABLE.rows(kpi)
        if kpi.revenue_column:
            assert sum(row[kpi.revenue_column] for row in found) == revenue
        assert sum(row["orders"] for row in found) == len(rows)
        if "revenue_share" in kpi.column_names:
            assert sum(row["revenue_share"] for row in found) == pytest.approx(1, abs=1e-12)
            assert all(0 <= row["revenue_share"] <= 1 for row in found)
    for month in _TABLE.rows(CATALOG["kpi_executive_summary"])[1:]:
        assert month["orders_effect"] + month["aov_effect"] == month["revenue_change"]
