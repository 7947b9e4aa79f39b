"""Every KPI view gives equal values on DuckDB and through the stand-in for Redshift, from the same text."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal

import pytest

from walmart_bi.kpis.catalog import load_catalog
from walmart_bi.warehouse.base import Warehouse
from walmart_bi_tests.builders import Row, make_month, make_row
from walmart_bi_tests.contracts.warehouses import DuckDbSite, RedshiftSite, Site, redshift_standin

CATALOG = {kpi.name: kpi for kpi in load_catalog()}


def january() -> list[Row]:
    """Ties, thirds and halves of cents, nulls, one-order groups, and texts that engines order or fold differently."""
    cents = [1, 2, 2, 100, 101, 333_333, 999_999_999_999, 999_999_999_998, 50_000, 50_000, 5, 10]
    cities = [
        "Zürich",
        "zürich",
        "Zurich",
        "ZURICH",
        "東京",
        "مكة",
        "\U0001f6d2",
        "O'Fallon; DROP",
        "a b",
        "ab",
        "NULL",
        "Ångström",
    ]
    return [
        make_row(
            "2024-01",
            number,
            purchase_amount=Decimal(amount).scaleb(-2),
            city=cities[number % len(cities)],
            category=("Home", "home", "Beauty & <b>", "Unknown")[number % 4],
            age=None if number % 3 == 0 else number,
            age_group="Unknown" if number % 3 == 0 else "<18",
            rating=None if number % 2 else 5,
        )
        for number, amount in enumerate(cents * 3, start=1)
    ]


MONTHS: dict[str, list[Row]] = {
    "2024-01": january(),
    # One order; then fewer orders and less revenue; a gap of months; then the same revenue as the month before.
    "2024-02": [make_row("2024-02", 1, purchase_amount=Decimal("0.01"), purchase_date=dt.date(2024, 2, 29))],
    "2024-06": [make_row("2024-06", n, purchase_amount=Decimal("0.05")) for n in range(1, 8)],
    "2024-12": [make_row("2024-12", n, purchase_amount=Decimal("0.35")) for n in range(1, 2)],
    "2025-01": [make_row("2025-01", n, repeat_customer=True, discount_applied=True) for n in range(1, 300)],
}


@pytest.fixture(scope="module")
def warehouses(tmp_path_factory):
    with redshift_standin(tmp_path_factory.mktemp("redshift")) as redshift:
        assert isinstance(redshift, RedshiftSite)
        yield [filled(DuckDbSite(tmp_path_factory.mktemp("duckdb"))), filled(redshift)]


def filled(site: Site) -> Warehouse:
    warehouse = site.warehouse()
    for month, rows in MONTHS.items():
        warehouse.replace_month(make_month(site.store(), month, rows), run_id="run", code_version="1")
    warehouse.create_views({kpi.name: kpi.select for kpi in CATALOG.values()})
    return warehouse


def rows_of(warehouse: Warehouse, name: str) -> list[dict[str, object]]:
    with warehouse.read() as reader:
        found = reader.query(f"SELECT * FROM {name}")
    rows = [dict(zip(found.columns, row, strict=True)) for row in found.rows]
    grain = CATALOG[name].grain
    return sorted(rows, key=lambda row: [str(row[column]) for column in grain])


def require_equal_rows(ours: list[dict[str, object]], theirs: list[dict[str, object]]) -> None:
    assert len(ours) == len(theirs) > 0
    for one, other in zip(ours, theirs, strict=True):
        assert list(one) == list(other)
        assert {column: type(value) for column, value in one.items()} == {
            column: type(value) for column, value in other.items()
        }
        for column, value in one.items():
            # A share is a double: its last digit is each engine's own.
            expected = pytest.approx(value, rel=1e-14) if isinstance(value, float) else value
            assert other[column] == expected, (column, one)


@pytest.mark.parametrize("name", sorted(CATALOG))
def test_a_view_gives_equal_rows_of_equal_types_on_both_engines(warehouses, name):
    require_equal_rows(*(rows_of(warehouse, name) for warehouse in warehouses))


@pytest.mark.parametrize(
    ("name", "text", "other_text"),
    [
        # A count of rows, the smallest amounts, one cent, a type, a null, the case of letters.
        ("kpi_revenue_by_month", "SUM(orders) AS BIGINT) AS orders", "COUNT(orders) AS BIGINT) AS orders"),
        ("kpi_revenue_by_category", "FROM sales_by_segment", "FROM sales_by_segment WHERE revenue > 0.35"),
        (
            "kpi_total_revenue",
            "    total_revenue,",
            "    CAST(total_revenue + 0.01 AS DECIMAL(18, 2)) AS total_revenue,",
        ),
        ("kpi_total_revenue", "    orders,", "    CAST(orders AS DOUBLE PRECISION) AS orders,"),
        ("kpi_revenue_by_age_group", "age_group,", "NULLIF(age_group, 'Unknown') AS age_group,"),
        ("kpi_revenue_by_city", "city,", "UPPER(city) AS city,"),
    ],
)
def test_a_view_that_one_engine_answers_otherwise_is_seen(warehouses, name, text, other_text):
    duckdb, redshift = warehouses
    changed = CATALOG[name].select.replace(text, other_text, 1)
    assert changed != CATALOG[name].select
    redshift.create_views({f"{name}_changed": changed})
    with redshift.read() as reader:
        found = reader.query(f"SELECT * FROM {name}_changed")
    rows = [dict(zip(found.columns, row, strict=True)) for row in found.rows]
    grain = CATALOG[name].grain
    with pytest.raises(AssertionError):
        require_equal_rows(rows_of(duckdb, name), sorted(rows, key=lambda row: [str(row[column]) for column in grain]))


def test_the_tables_hold_equal_rows_after_the_loads(warehouses):
    found = []
    for warehouse in warehouses:
        with warehouse.read() as reader:
            found.append(sorted(map(str, reader.query("SELECT * FROM walmart_sales").rows)))
    assert found[0] == found[1]
    assert len(found[0]) == sum(map(len, MONTHS.values()))
