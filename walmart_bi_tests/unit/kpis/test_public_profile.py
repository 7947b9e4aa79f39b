"""What the profile `public` shows: no cell under ten people, none that a subtraction gives, and the same totals."""

from __future__ import annotations

import dataclasses
import json
import random
from collections.abc import Iterator, Sequence
from decimal import Decimal
from typing import Any

import pytest
import sqlglot
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlglot import exp

from walmart_bi.kpis.catalog import load_catalog
from walmart_bi.kpis.insights.facts import read_facts
from walmart_bi.kpis.insights.model import Cell, Facts
from walmart_bi.kpis.insights.personas import build_insights
from walmart_bi.kpis.model import Kpi
from walmart_bi.kpis.public.cells import SmallCell, coarsened, refuse_small_cells
from walmart_bi.kpis.public.edition import published_facts, published_reader, published_rows
from walmart_bi.kpis.public.rows import LEAST_PEOPLE, OTHER_LABEL
from walmart_bi.sql_files import read_table_ddl
from walmart_bi.warehouse.base import QueryResult, Reader
from walmart_bi_tests.redshift_lint import broken_rules
from walmart_bi_tests.unit.kpis.sales import Row, SalesTable, sale

CATALOG = load_catalog()
CITIES = ("Rome", "Oslo", "Lima", "'); DROP TABLE walmart_sales; --", OTHER_LABEL)
Conditions = dict[str, Any]


@pytest.fixture(scope="module")
def table() -> Iterator[SalesTable]:
    made = SalesTable()
    made.connection.execute(read_table_ddl("load_ledger"))
    for kpi in CATALOG:
        made.create_view(kpi)
    yield made
    made.close()


def some_sales(seed: int, orders: int, rare: float) -> list[dict[str, Any]]:
    """Three months in which some categories, payments, ages and flags are rare, and most cities have one order."""
    chance = random.Random(seed)

    def pick(common: Sequence[Any], uncommon: Sequence[Any]) -> Any:
        return chance.choice(uncommon if chance.random() < rare else common)

    return [
        sale(
            f"2024-0{pick((1, 2), (3,))}-{chance.randint(1, 28):02d}",
            chance.randint(1, 50_000),
            source_line=number,
            customer_id=f"c{number}",
            category=pick(("Home", "Toys"), ("Books", "Garden", "Other")),
            payment_method=pick(("UPI", "Cash"), ("Cheque", "Other", "Voucher")),
            city=pick(CITIES, [f"Village {number}", "Ubud"]),
            age_group=pick(("25-34", "35-44"), ("65+", "<18", "Unknown")),
            discount_applied=pick((True, False), (True,)),
            repeat_customer=pick((True, False), (False,)),
        )
        for number in range(orders)
    ]


def public(table: SalesTable) -> tuple[Reader, dict[str, QueryResult], Facts]:
    reader = published_reader(table, CATALOG, "public")
    views = {kpi.name: _rows(reader, kpi) for kpi in CATALOG}
    return reader, views, published_facts(reader)


def _rows(reader: Reader, kpi: Kpi) -> QueryResult:
    return published_rows(reader, kpi, f"SELECT {', '.join(kpi.column_names)} FROM {kpi.name}")


def cells_of_views(views: dict[str, QueryResult]) -> Iterator[tuple[str, Conditions, int]]:
    """Every published cell of a view: what its orders have in common, and how many they are."""
    for kpi in CATALOG:
        result = views[kpi.name]
        for row in result.rows:
            named = dict(zip(result.columns, row, strict=True))
            yield kpi.name, {_plain(name): _word(named[name]) for name in kpi.grain}, named["orders"]


def cells_of_cube(facts: Facts) -> Iterator[tuple[str, Conditions, int]]:
    for cell in facts.cube:
        key = {name: value for name, value in cell._asdict().items() if name not in ("orders", "cents", "squares")}
        yield "cube", {name: _word(value) for name, value in key.items()}, cell.orders


def _plain(name: str) -> str:
    return {"customer_type": "repeat_customer"}.get(name, name)


def _word(value: Any) -> str:
    words = {True: "yes", False: "no", "Yes": "yes", "No": "no", "Repeat": "yes", "New": "no"}
    return words.get(value) or str(value)[:7] if not isinstance(value, str) else words.get(value, value)


def is_inside(inner: Conditions, outer: Conditions) -> bool:
    return all(inner.get(name) == value for name, value in outer.items())


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 10**6), orders=st.integers(0, 900), rare=st.sampled_from([0.0, 0.02, 0.1, 0.3]))
def test_whatever_was_sold_no_cell_or_difference_has_fewer_than_ten_people_and_totals_are_right_to_the_cent(
    table: SalesTable, seed: int, orders: int, rare: float
):
    sales = some_sales(seed, orders, rare)
    try:
        _, views, facts = public(table.fill(sales))
    except SmallCell:
        return  # nothing is published; how that comes about is in tests of its own
    assert_no_small_cell(views, facts)
    assert_equal_totals(views, facts, sales)


def assert_no_small_cell(views: dict[str, QueryResult], facts: Facts) -> None:
    cells = [*cells_of_views(views), *cells_of_cube(facts)]
    assert all(count >= LEAST_PEOPLE for _, _, count in cells)
    for view, outer, whole in cells:
        for other in {name for name, _, _ in cells} - {view}:
            inside = [(inner, count) for name, inner, count in cells if name == other and is_inside(inner, outer)]
            parts = [count for inner, count in inside if inner != outer]
            # A published cell minus the cells of a finer view that are its own, all of them or all but some.
            # "Other" of the cube is a delivered label of that name and all that the cube keeps no name of.
            left = abs(whole - sum(parts)) if "Other" in outer.values() else whole - sum(parts)
            assert not parts or left == 0 or left >= LEAST_PEOPLE, (view, outer, other, left)


def assert_equal_totals(views: dict[str, QueryResult], facts: Facts, sales: list[Row]) -> None:
    cents = sum(each["cents"] for each in sales)
    for kpi in CATALOG:
        named = [dict(zip(views[kpi.name].columns, row, strict=True)) for row in views[kpi.name].rows]
        assert sum(row["orders"] for row in named) == len(sales)
        if kpi.revenue_column:
            assert sum(row[kpi.revenue_column] for row in named) == Decimal(cents) / 100
        if named and "revenue_share" in kpi.column_names:
            assert sum(row["revenue_share"] for row in named) == pytest.approx(1)
    assert (facts.orders, facts.cents) == (len(sales), cents)
    assert (sum(cell.orders for cell in facts.cube), sum(cell.cents for cell in facts.cube)) == (len(sales), cents)


def test_given_common_labels_only_when_public_then_the_views_are_those_of_the_warehouse(table: SalesTable):
    table.fill([sale(f"2024-0{1 + n % 2}-05", 100 + n, customer_id=f"c{n}", city=f"City {n % 3}") for n in range(300)])
    reader = published_reader(table, CATALOG, "public")

    for kpi in CATALOG:
        assert sorted(_rows(reader, kpi).rows) == sorted(_rows(table, kpi).rows)


def test_given_rare_cities_when_public_then_they_are_one_that_tells_none_of_them(table: SalesTable):
    few = [("Rome", 12), ("Oslo", 11), ("Lima", 9), ("Ubud", 2)]
    table.fill([sale(customer_id=f"{city} {n}", city=city) for city, count in few for n in range(count)])

    _, views, facts = public(table)
    orders = {row[0]: row[2] for row in views["kpi_revenue_by_city"].rows}
    assert orders == {"Rome": 12, "Oslo": 11, OTHER_LABEL: 11}
    assert facts.city_cube == () and {cell.city_group for cell in facts.cube} == {"Other cities"}
    assert (facts.cities.cities, facts.cities.single_order_cities, facts.cities.hhi) == (4, 0, 0.0)


def test_given_one_rare_city_when_public_then_the_next_rarest_is_hidden_with_it(table: SalesTable):
    few = [("Rome", 20), ("Oslo", 11), ("Lima", 12), ("Ubud", 2)]
    table.fill([sale(customer_id=f"{city} {n}", city=city) for city, count in few for n in range(count)])

    orders = {row[0]: row[2] for row in public(table)[1]["kpi_revenue_by_city"].rows}
    assert orders == {"Rome": 20, "Lima": 12, OTHER_LABEL: 13}  # 45 - 20 - 12 - 11 would be the two of Ubud


def test_given_one_customer_with_many_orders_when_public_then_they_are_not_taken_for_people(table: SalesTable):
    few = [("Rome", 40), ("Oslo", 30), ("Lonely Hamlet", 12)]
    sold = [(city, f"{city} {n}") for city, count in few for n in range(count)]
    table.fill([sale(customer_id="one" if city == "Lonely Hamlet" else customer, city=city) for city, customer in sold])

    orders = {row[0]: row[2] for row in public(table)[1]["kpi_revenue_by_city"].rows}
    assert orders == {"Rome": 40, OTHER_LABEL: 42}  # 10 people and 11 repeated orders make 21


def test_given_customers_with_two_orders_each_when_public_then_twice_as_many_orders_are_asked_for(table: SalesTable):
    few = [("Rome", 60), ("Oslo", 20), ("Lima", 18), ("Ubud", 40)]
    table.fill([sale(customer_id=f"{city} {n // 2}", city=city) for city, count in few for n in range(count)])

    orders = {row[0]: row[2] for row in public(table)[1]["kpi_revenue_by_city"].rows}
    assert orders == {"Rome": 60, "Ubud": 40, OTHER_LABEL: 38}


def test_given_a_label_rare_in_one_month_when_public_then_it_is_in_no_view(table: SalesTable):
    """Its total minus its other months would be the month in which it is rare."""
    sold = [("2024-01", "Home", 40), ("2024-01", "Toys", 30), ("2024-01", "Books", 30), ("2024-02", "Home", 40)]
    sold += [("2024-02", "Toys", 30), ("2024-02", "Books", 3), ("2024-02", "Garden", 12), ("2024-01", "Garden", 12)]
    table.fill(
        [
            sale(f"{month}-05", customer_id=f"{month} {name} {n}", category=name)
            for month, name, k in sold
            for n in range(k)
        ]
    )

    _, views, _ = public(table)
    assert {row[0] for row in views["kpi_revenue_by_category"].rows} == {"Home", "Toys", OTHER_LABEL}
    assert {row[0] for row in views["kpi_revenue_by_category_month"].rows} == {"Home", "Toys", OTHER_LABEL}


def test_given_a_month_with_few_orders_of_a_kind_when_public_then_nothing_is_shown_and_the_reason_is_told(
    table: SalesTable,
):
    table.fill([sale("2024-01-05", customer_id=f"c{n}", repeat_customer=n >= 4) for n in range(40)])

    with pytest.raises(SmallCell, match=r"kpi_.*fewer than 10 people.*Next step: load the rest of the month"):
        public(table)


def test_given_a_cube_of_single_orders_when_coarsened_then_ages_go_first_and_filters_stay():
    cube = [
        Cell("2024-01", category, "UPI", discount, False, "10 largest cities", age, 3, 300, 30_000)
        for category in ("Home", "Toys")
        for discount in (True, False)
        for age in ("18-24", "25-34", "35-44", "45-54")
    ]
    cells = coarsened(cube)

    assert {(cell.category, cell.payment_method, cell.age_group) for cell in cells} == {
        ("Home", "UPI", "all ages"),
        ("Toys", "UPI", "all ages"),
    }
    assert [cell.orders for cell in cells] == [12] * 4
    assert sum(cell.squares for cell in cells) == sum(cell.squares for cell in cube)


def test_given_a_cube_that_stays_small_when_coarsened_then_it_is_refused_with_month_and_group():
    cube = [Cell("2024-01", "Home", "UPI", True, True, "Other cities", "18-24", 9, 900, 90_000)]

    with pytest.raises(SmallCell, match=r"2024-01 has 9 order\(s\) of repeat customers with a discount.*under 10"):
        coarsened(cube)


def test_given_a_view_that_does_not_count_its_orders_when_public_then_it_is_refused():
    kpi = dataclasses.replace(CATALOG[0], name="kpi_new")

    with pytest.raises(SmallCell, match=r"kpi_new.*add the column orders"):
        refuse_small_cells(kpi, QueryResult(("gender", "revenue"), [("Female", Decimal(1))]))
    with pytest.raises(SmallCell, match="kpi_new: 1 row"):
        refuse_small_cells(kpi, QueryResult(("gender", "orders"), [("Female", 10), ("Male", 9)]))


def test_given_rare_labels_when_public_then_no_sentence_and_no_number_names_one(table: SalesTable):
    table.fill(some_sales(5, 900, 0.1))
    _, views, facts = public(table)
    told = json.dumps(build_insights(facts, ["executive", "regional_director"]).to_json()) + repr(views) + repr(facts)

    assert "Village" not in told
    assert "all ages" in told


def test_the_profile_internal_reads_the_warehouse_as_it_is(table: SalesTable):
    table.fill(some_sales(5, 100, 0.3))

    assert published_reader(table, CATALOG, "internal") is table
    facts = published_facts(table)
    assert facts.city_cube and min(cell.orders for cell in facts.cube) < LEAST_PEOPLE


def test_given_a_rare_age_band_when_public_then_it_is_no_band_of_its_own(table: SalesTable):
    bands = [("25-34", 40), ("35-44", 30), ("45-54", 20), ("<18", 3)]
    table.fill([sale(customer_id=f"{band} {n}", age_group=band) for band, count in bands for n in range(count)])

    rows = {row[0]: (row[1], row[3]) for row in public(table)[1]["kpi_revenue_by_age_group"].rows}
    assert rows == {"25-34": (25, 40), "35-44": (35, 30), OTHER_LABEL: (None, 23)}


class Listening:
    """A reader that keeps what it was asked."""

    def __init__(self, reader: Reader) -> None:
        self.reader = reader
        self.asked: list[str] = []

    def query(self, sql: str, parameters: Sequence[Any] = ()) -> QueryResult:
        self.asked.append(sql)
        return self.reader.query(sql, parameters)


def test_every_statement_reads_generalised_tables_only_and_keeps_to_what_redshift_understands(table: SalesTable):
    table.fill(some_sales(5, 900, 0.1))
    reader = published_reader(listening := Listening(table), CATALOG, "public")
    listening.asked.clear()  # the counts by which labels are found rare are of the real rows
    for kpi in CATALOG:
        _rows(reader, kpi)
    read_facts(reader)

    for sql in listening.asked:
        asked = sqlglot.parse_one(sql, read="redshift")
        own = {cte.alias_or_name for cte in asked.find_all(exp.CTE)}
        defined = {cte.alias: cte for cte in asked.find_all(exp.CTE) if cte.alias.startswith("shown_")}
        inside = {id(found) for cte in defined.values() for found in cte.find_all(exp.Table)}
        outside = {found.name for found in asked.find_all(exp.Table) if id(found) not in inside}
        assert outside <= own | {"load_ledger", "pg_tables"}, sql
        assert broken_rules(sql) == []
    assert len(listening.asked) > len(CATALOG) + 5
