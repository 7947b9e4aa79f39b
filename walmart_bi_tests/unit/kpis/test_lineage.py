"""Where each output column comes from, and whether header and SELECT agree."""

import dataclasses

import pytest

from walmart_bi.kpis.catalog import Kpi, KpiColumn, KpiFileError
from walmart_bi.kpis.lineage import check_select, column_origins
from walmart_bi_tests.unit.kpis.sales import CATALOG


def kpi(select: str, *columns: str) -> Kpi:
    return dataclasses.replace(
        CATALOG["kpi_revenue_by_month"],
        select=select,
        columns=tuple(KpiColumn(name, "VARCHAR", "label", "A column.") for name in columns),
    )


@pytest.mark.parametrize("name", sorted(CATALOG))
def test_a_view_of_the_catalog_returns_what_its_header_declares(name: str) -> None:
    check_select(CATALOG[name])
    assert tuple(column_origins(CATALOG[name])) == CATALOG[name].column_names


def test_origins_are_followed_through_ctes_windows_and_expressions() -> None:
    assert column_origins(CATALOG["kpi_revenue_by_city"]) == {
        "city": ("city",),
        "revenue": ("purchase_amount",),
        "orders": ("customer_id",),
        "aov": ("customer_id", "purchase_amount"),
        "revenue_rank": ("city", "purchase_amount"),
        "revenue_share": ("purchase_amount",),
    }
    assert column_origins(CATALOG["kpi_revenue_by_customer_type"])["customer_type"] == ("repeat_customer",)


@pytest.mark.parametrize(
    ("select", "origins"),
    [
        ("SELECT COUNT(*) AS n FROM walmart_sales", ()),
        ("SELECT 'all' AS n FROM walmart_sales", ()),
        ("SELECT COUNT(DISTINCT city) AS n FROM walmart_sales WHERE age > 3", ("city",)),
        ("SELECT w.n FROM (SELECT age + rating AS n FROM walmart_sales) AS w", ("age", "rating")),
        ("SELECT city AS n FROM walmart_sales UNION ALL SELECT gender FROM walmart_sales", ("city", "gender")),
        ("SELECT (SELECT MAX(age) FROM walmart_sales) AS n FROM walmart_sales", ("age",)),
        ("SELECT load_id AS n FROM walmart_sales", ("load_id",)),
    ],
)
def test_what_feeds_a_value_is_its_origin(select: str, origins: tuple[str, ...]) -> None:
    assert column_origins(kpi(select, "n")) == {"n": origins}


@pytest.mark.parametrize(
    ("select", "columns", "cause"),
    [
        ("SELECT city, age FROM walmart_sales", ("city",), "returns age, which the header does not declare"),
        ("SELECT city FROM walmart_sales", ("city", "age"), "declares age, which the SELECT does not return"),
        ("SELECT age, city FROM walmart_sales", ("city", "age"), "in this order"),
        ("SELECT city, city FROM walmart_sales", ("city",), "in this order"),
        ("SELECT * FROM walmart_sales", ("city",), "returns *"),
        ("SELECT COUNT(city) FROM walmart_sales", ("city",), "an unnamed expression"),
        ("SELECT city FROM load_ledger", ("city",), "reads load_ledger"),
        ("WITH a AS (SELECT x FROM kpi_other) SELECT x FROM a", ("x",), "reads kpi_other"),
        ("SELECT city FROM walmart_sales WHERE (", ("city",), "cannot be parsed"),
        ("WITH a AS (SELECT 1 AS x) DELETE FROM walmart_sales", ("city",), "is not a SELECT"),
    ],
)
def test_given_a_select_that_does_not_fit_the_error_names_file_and_cause(
    select: str, columns: tuple[str, ...], cause: str
) -> None:
    with pytest.raises(KpiFileError, match=r"^KPI file sales_manager/kpi_revenue_by_month.sql: ") as caught:
        check_select(kpi(select, *columns))
    assert cause in str(caught.value)


def test_given_a_column_that_the_sales_do_not_have_the_error_names_it() -> None:
    with pytest.raises(KpiFileError, match="cityy"):
        column_origins(kpi("SELECT cityy AS n FROM walmart_sales", "n"))
