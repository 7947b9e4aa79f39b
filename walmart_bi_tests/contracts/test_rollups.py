"""What every warehouse promises of its rollups: after any change, or any attempt at one, they are sums of the rows."""

from __future__ import annotations

import datetime as dt
import itertools
from concurrent.futures import ThreadPoolExecutor, wait
from decimal import Decimal

import pytest

from walmart_bi.kpis.catalog import load_catalog
from walmart_bi.kpis.insights.facts import read_facts
from walmart_bi.months import first_day
from walmart_bi.records import MonthlyObject
from walmart_bi.stores.base import ObjectNotFound
from walmart_bi.verdict import Verdict
from walmart_bi.warehouse.base import SALES_TABLE, LoadOutcome, ShrinkRefused, Warehouse, WarehouseError
from walmart_bi.warehouse.integrity import read_loads
from walmart_bi.warehouse.rollup_agreement import check_cells, check_months
from walmart_bi.warehouse.rollups import ROLLUP_TABLES, ROLLUPS, require_rollups
from walmart_bi_tests.builders import Row, make_month, make_row, make_rows
from walmart_bi_tests.contracts.warehouses import WAREHOUSES, DuckDbSite, Site, execute
from walmart_bi_tests.rollups import rollup_problems, rollup_rows, rollups_of

MONTH, OTHER = "2025-03", "2025-04"
TABLES = (SALES_TABLE, *ROLLUP_TABLES)
VIEW = "SELECT SUM(orders) AS orders FROM sales_by_month"


@pytest.fixture(params=sorted(WAREHOUSES))
def site(request, tmp_path):
    with WAREHOUSES[request.param](tmp_path) as site:
        yield site


@pytest.fixture
def warehouse(site: Site) -> Warehouse:
    return site.warehouse()


@pytest.fixture
def store(site: Site):
    return site.store()


def load(warehouse: Warehouse, month: MonthlyObject, **allowed: bool) -> LoadOutcome:
    return warehouse.replace_month(month, run_id="run-1", code_version="0.1.0", **allowed)


def mixed(month: str, count: int) -> list[Row]:
    """Rows that share cells, differ in every dimension, and have the largest and the smallest amounts."""
    cents = [1, 10_050, 999_999_999_999, 33_333]
    return [
        make_row(
            month,
            number,
            purchase_amount=Decimal(cents[number % 4]).scaleb(-2),
            purchase_date=first_day(month) + dt.timedelta(days=3 + number % 20),
            city=["Zürich", "zürich", "東京", "NULL", "O'Fallon; DROP"][number % 5],
            category=["Home", "Beauty"][number % 2],
            payment_method=["UPI", "upi", "Cash on Delivery"][number % 3],
            discount_applied=number % 2 == 0,
            repeat_customer=number % 7 == 0,
            age_group=["<18", "Unknown", "65+"][number % 3],
        )
        for number in range(1, count + 1)
    ]


def with_load(rows: list[Row], load_id: str) -> list[Row]:
    return [{**row, "load_id": load_id} for row in rows]


def problems(warehouse: Warehouse) -> list[str]:
    with warehouse.read() as reader:
        return rollup_problems(reader)


# After each change


def test_a_load_brings_the_sums_of_its_rows_exactly(warehouse, store):
    load(warehouse, make_month(store, MONTH, mixed(MONTH, 60)))
    load(warehouse, make_month(store, OTHER, mixed(OTHER, 40)))

    rows = [*with_load(mixed(MONTH, 60), f"{MONTH}-v1"), *with_load(mixed(OTHER, 40), f"{OTHER}-v1")]
    assert rollup_rows(warehouse) == rollups_of(rows)
    assert problems(warehouse) == []


def test_a_correction_and_a_way_back_leave_the_sums_of_the_rows_that_are_active(warehouse, store):
    load(warehouse, make_month(store, OTHER, mixed(OTHER, 20)))
    load(warehouse, make_month(store, MONTH, mixed(MONTH, 60)))
    load(warehouse, make_month(store, MONTH, make_rows(MONTH, 50, city="Corrected")))
    other = with_load(mixed(OTHER, 20), f"{OTHER}-v1")
    corrected = with_load(make_rows(MONTH, 50, city="Corrected"), f"{MONTH}-v2")
    assert rollup_rows(warehouse) == rollups_of([*other, *corrected])

    warehouse.restore_load(MONTH, f"{MONTH}-v1")
    assert rollup_rows(warehouse) == rollups_of([*other, *with_load(mixed(MONTH, 60), f"{MONTH}-v1")])

    warehouse.restore_load(MONTH, f"{MONTH}-v2")
    assert rollup_rows(warehouse) == rollups_of([*other, *corrected])


def test_a_month_without_rows_has_no_sums_and_that_is_right(warehouse, store):
    load(warehouse, make_month(store, MONTH, 0))
    assert rollup_rows(warehouse) == {name: [] for name in ROLLUP_TABLES}
    assert problems(warehouse) == []

    load(warehouse, make_month(store, MONTH, 5))
    load(warehouse, make_month(store, MONTH, 0, source="emptied"), allow_shrink=True)
    assert rollup_rows(warehouse) == {name: [] for name in ROLLUP_TABLES}
    assert problems(warehouse) == []


def test_a_load_that_is_refused_or_fails_leaves_the_sums_as_they_were(warehouse, store):
    first = make_month(store, MONTH, 10)
    load(warehouse, first)
    load(warehouse, make_month(store, MONTH, 12))
    before = rollup_rows(warehouse)

    assert load(warehouse, first).action == "superseded"
    with pytest.raises(ShrinkRefused):
        load(warehouse, make_month(store, MONTH, 2))
    store.delete(first.key)
    with pytest.raises(ObjectNotFound):
        warehouse.restore_load(MONTH, f"{MONTH}-v1")

    assert rollup_rows(warehouse) == before
    assert problems(warehouse) == []


def test_sums_and_rows_are_replaced_together_for_a_reader(site, warehouse, store):
    """A reader of Redshift keeps the state that it began with; one of DuckDB keeps the load waiting."""
    load(warehouse, make_month(store, MONTH, 10))
    more = make_month(store, MONTH, 30)
    with ThreadPoolExecutor(1) as other:
        with warehouse.read() as reader:
            assert reader.query(VIEW).rows == [(10,)]
            loading = other.submit(load, site.warehouse(), more)
            ended = wait([loading], timeout=0.3 if isinstance(site, DuckDbSite) else None).done
            assert bool(ended) != isinstance(site, DuckDbSite)
            assert reader.query(VIEW).rows == [(10,)]
            assert rollup_problems(reader) == []
        assert loading.result().action == "loaded"
    with warehouse.read() as reader:
        assert reader.query(VIEW).rows == [(30,)]
        assert rollup_problems(reader) == []


# A warehouse of an earlier version


def make_it_of_an_earlier_version(site: Site) -> None:
    """The tables that an earlier version knew, with what it would have loaded."""
    execute(site, *(f"DROP TABLE {name}" for name in ROLLUP_TABLES))


@pytest.fixture
def earlier(site: Site) -> Site:
    """Two months, one of them corrected, and a view of that time, in a warehouse without rollups."""
    warehouse, store = site.warehouse(), site.store()
    for month, count in ((MONTH, 20), (MONTH, 30), (OTHER, 15)):
        load(warehouse, make_month(store, month, mixed(month, count)))
    make_it_of_an_earlier_version(site)
    execute(site, "CREATE VIEW kpi_orders AS SELECT COUNT(*) AS orders FROM walmart_sales")
    return site


def expected_rows() -> list[Row]:
    return [*with_load(mixed(MONTH, 30), f"{MONTH}-v2"), *with_load(mixed(OTHER, 15), f"{OTHER}-v1")]


def test_an_earlier_version_can_be_read_as_before_and_what_needs_sums_says_what_to_do(earlier):
    warehouse = earlier.warehouse()
    assert len(warehouse.ledger()) == 3
    with warehouse.read() as reader:
        assert reader.query("SELECT orders FROM kpi_orders").rows == [(45,)]
        assert check_months(reader, read_loads(reader)) == Verdict(
            {"months": 0}, ("there are none; materialize any KPI view, which makes them from the rows",)
        )
        with pytest.raises(
            WarehouseError, match=r"sales_by_month: .*: all months\. Next step: materialize any KPI view"
        ):
            read_facts(reader)


def test_the_first_view_that_is_made_brings_the_sums_of_every_month_with_it(earlier):
    warehouse = earlier.warehouse()
    warehouse.create_views({"kpi_orders": VIEW})

    with warehouse.read() as reader:
        assert reader.query("SELECT orders FROM kpi_orders").rows == [(45,)]
        assert rollup_problems(reader) == []
    assert rollup_rows(warehouse) == rollups_of(expected_rows())


def test_the_first_load_brings_the_sums_of_every_month_with_it(earlier):
    warehouse = earlier.warehouse()
    load(warehouse, make_month(earlier.store(), "2025-05", mixed("2025-05", 8)))

    assert rollup_rows(warehouse) == rollups_of([*expected_rows(), *with_load(mixed("2025-05", 8), "2025-05-v1")])


def test_a_first_load_that_changes_nothing_brings_the_sums_too(earlier):
    warehouse = earlier.warehouse()
    assert load(warehouse, make_month(earlier.store(), OTHER, mixed(OTHER, 15))).action == "unchanged"
    assert rollup_rows(warehouse) == rollups_of(expected_rows())


def test_a_month_that_an_earlier_version_loaded_since_gets_its_sums_with_the_next_change(earlier):
    warehouse = earlier.warehouse()
    warehouse.create_tables()
    # What an earlier version does: rows and ledger, and no rollup.
    execute(
        earlier,
        "DELETE FROM walmart_sales WHERE month = DATE '2025-04-01' AND source_line > 10",
        "UPDATE walmart_sales SET load_id = '2025-04-v2' WHERE load_id = '2025-04-v1'",
        "UPDATE load_ledger SET load_id = '2025-04-v2', version = 2 WHERE load_id = '2025-04-v1'",
    )
    assert any("2025-04-v1" in problem for problem in problems(warehouse))
    with warehouse.read() as reader, pytest.raises(WarehouseError, match=r"not those of the active loads: 2025-04\."):
        read_facts(reader)

    warehouse.create_views({"kpi_orders": VIEW})
    assert problems(warehouse) == []


# What the check sees

BREAKS = {
    "a cent": "UPDATE sales_by_city SET revenue = revenue + 0.01 WHERE city = '東京'",
    "an order": "UPDATE sales_by_segment SET orders = orders + 1 WHERE payment_method = 'UPI'",
    "a square": "UPDATE sales_by_segment SET squares = squares + 0.0001 WHERE payment_method = 'upi'",
    "two cells for one another": "UPDATE sales_by_city SET city = CASE city WHEN 'NULL' THEN '東京' ELSE 'NULL' END"
    " WHERE city IN ('NULL', '東京')",
    "another dimension": "UPDATE sales_by_segment SET discount_applied = NOT discount_applied",
    "a cell twice": "INSERT INTO sales_by_city (month, city, orders, revenue)"
    " SELECT month, city, 0, 0 FROM sales_by_city WHERE city = 'NULL'",
    "a cell of nothing": "INSERT INTO sales_by_city (month, city, orders, revenue)"
    " VALUES (DATE '2025-03-01', 'x', 0, 0)",
    "a lost cell": "DELETE FROM sales_by_city WHERE city = 'Zürich'",
    "a lost month": "DELETE FROM sales_by_segment WHERE month = DATE '2025-03-01'",
    "a month of nobody": "INSERT INTO sales_by_city (month, city, orders, revenue)"
    " VALUES (DATE '2024-01-01', 'x', 1, 1)",
    "a month twice": "INSERT INTO sales_by_month (month, load_id, first_date, last_date, orders, revenue)"
    " SELECT month, load_id, first_date, last_date, 0, 0 FROM sales_by_month WHERE month = DATE '2025-03-01'",
    "another load": "UPDATE sales_by_month SET load_id = '2025-03-v9' WHERE month = DATE '2025-03-01'",
    "another first day": "UPDATE sales_by_month SET first_date = DATE '2025-03-01' WHERE month = DATE '2025-03-01'",
    "a row of the sales changed": "UPDATE walmart_sales SET city = 'Elsewhere' WHERE source_line = 2",
    "a row of the sales lost": "DELETE FROM walmart_sales WHERE source_line = 2",
}


@pytest.fixture(scope="module", params=sorted(WAREHOUSES))
def unbroken(request, tmp_path_factory):
    """A month that is loaded once, with a copy of each table by which `mended` puts right what a test broke."""
    with WAREHOUSES[request.param](tmp_path_factory.mktemp(request.param)) as site:
        load(site.warehouse(), make_month(site.store(), MONTH, mixed(MONTH, 30)))
        execute(site, *(f"CREATE TABLE kept_{name} AS SELECT * FROM {name}" for name in TABLES))
        yield site


@pytest.fixture
def mended(unbroken: Site) -> Site:
    statements = ((f"DELETE FROM {name}", f"INSERT INTO {name} SELECT * FROM kept_{name}") for name in TABLES)
    execute(unbroken, *itertools.chain.from_iterable(statements))
    return unbroken


@pytest.mark.parametrize("statement", BREAKS.values(), ids=BREAKS.keys())
def test_whatever_is_changed_in_sums_or_rows_the_check_sees_it_and_names_the_month(mended, statement):
    warehouse = mended.warehouse()
    assert problems(warehouse) == []

    execute(mended, statement)

    found = problems(warehouse)
    assert found and all(problem.startswith(("2025-03: ", "2024-01: ")) for problem in found)


def test_sums_of_a_month_that_were_removed_are_made_again_with_the_next_view(site, warehouse, store):
    load(warehouse, make_month(store, MONTH, mixed(MONTH, 30)))
    execute(site, BREAKS["a cent"], "DELETE FROM sales_by_month WHERE month = DATE '2025-03-01'")

    warehouse.create_views({"kpi_orders": VIEW})

    assert problems(warehouse) == []


def test_the_checks_say_what_they_counted(warehouse, store):
    for month in ("2025-02", MONTH):
        load(warehouse, make_month(store, month, mixed(month, 30)))
    cells = rollup_rows(warehouse)
    with warehouse.read() as reader:
        assert check_months(reader, read_loads(reader)) == Verdict({"months": 2, "rollups": 3}, ())
        assert check_cells(reader, ["2025-02", MONTH]) == Verdict(
            {"cells": len(cells["sales_by_segment"]) + len(cells["sales_by_city"])}, ()
        )


def test_sums_that_were_made_from_another_load_are_told_with_both_and_their_days(site, warehouse, store):
    load(warehouse, make_month(store, MONTH, make_rows(MONTH, 3)))
    days = "from 2025-03-02 to 2025-03-04"
    execute(site, "UPDATE walmart_sales SET load_id = '2025-03-v0' WHERE source_line = 3")
    assert f"2025-03: sales_by_month was made from 2025-03-v1 {days}, the table has 2025-03-v0, 2025-03-v1 {days}" in (
        problems(warehouse)
    )
    execute(site, "DELETE FROM sales_by_month")
    assert f"2025-03: sales_by_month was made from no load, the table has 2025-03-v0, 2025-03-v1 {days}" in (
        problems(warehouse)
    )


def test_who_needs_sums_is_told_which_months_have_none(site, warehouse, store):
    for month in ("2025-02", MONTH):
        load(warehouse, make_month(store, month, 3))
    execute(site, "DELETE FROM sales_by_month")
    with warehouse.read() as reader, pytest.raises(WarehouseError) as caught:
        require_rollups(reader)
    assert caught.value.cause == (
        "The sums that views and story read are not those of the active loads: 2025-02, 2025-03."
    )


# What they are


def test_the_tables_have_the_columns_that_the_code_names(warehouse, store):
    load(warehouse, make_month(store, MONTH, 3))
    with warehouse.read() as reader:
        for rollup in ROLLUPS:
            found = reader.query(f"SELECT * FROM {rollup.name}").columns
            assert found == (*rollup.keys, *rollup.facts)


def test_every_view_of_the_catalog_answers_from_them(warehouse, store):
    load(warehouse, make_month(store, MONTH, mixed(MONTH, 30)))
    for kpi in load_catalog():
        assert "walmart_sales" not in kpi.select
    warehouse.create_views({kpi.name: kpi.select for kpi in load_catalog()})
    with warehouse.read() as reader:
        for kpi in load_catalog():
            assert reader.query(f"SELECT COUNT(*) FROM {kpi.name}").rows[0][0] > 0
