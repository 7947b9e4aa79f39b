"""Where each output column comes from, and whether header and SELECT agree."""

import dataclasses
from collections.abc import Callable

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
        ("SELECT w.n FROM (SELECT LENGTH(city) + rating AS n FROM walmart_sales) AS w", ("city", "rating")),
        ("SELECT city AS n FROM walmart_sales UNION ALL SELECT gender FROM walmart_sales", ("city", "gender")),
        ("SELECT (SELECT MAX(rating) FROM walmart_sales) AS n FROM walmart_sales", ("rating",)),
        ("SELECT AVG(age) AS n FROM walmart_sales GROUP BY city", ("age",)),
        ("SELECT SUM(squares) AS n FROM sales_by_segment", ("purchase_amount",)),
        ("SELECT orders AS n FROM sales_by_month", ("customer_id",)),
        ("SELECT s.first_date AS n FROM sales_by_month AS s", ("purchase_date",)),
        ("SELECT SUM(c.orders) + SUM(g.orders) AS n FROM sales_by_city AS c, sales_by_segment AS g", ("customer_id",)),
        ("WITH sales_by_city AS (SELECT rating AS r FROM walmart_sales) SELECT r AS n FROM sales_by_city", ("rating",)),
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
        (
            "SELECT\n    gender\nFROM sales_by_segment",
            ("gender",),
            "Column 'gender' could not be resolved. Line 2 of the SELECT, column 10. Next step: use the columns of ",
        ),
        ("WITH a AS (SELECT x FROM kpi_other) SELECT x FROM a", ("x",), "reads kpi_other"),
        ("SELECT city FROM walmart_sales WHERE (", ("city",), "cannot be parsed"),
        (
            "SELECT city FROM (\n SELEC",
            ("city",),
            "Expecting ). Line 2 of the SELECT, column 6. SELECT city FROM ( SELEC",
        ),
        ("WITH a AS (SELECT 1 AS x) DELETE FROM walmart_sales", ("city",), "is not a SELECT"),
    ],
)
def test_given_a_select_that_does_not_fit_the_error_names_file_and_cause(
    select: str, columns: tuple[str, ...], cause: str
) -> None:
    with pytest.raises(KpiFileError, match=r"^KPI file sales_manager/kpi_revenue_by_month.sql: ") as caught:
        check_select(kpi(select, *columns))
    assert cause in str(caught.value)


LEAKS = {
    "another name": "SELECT customer_id AS n FROM walmart_sales",
    "grouped": "SELECT customer_id AS n FROM walmart_sales GROUP BY customer_id",
    "the load": "SELECT load_id AS n FROM walmart_sales",
    "the load of a month": "SELECT load_id AS n FROM sales_by_month",
    "the line": "SELECT MAX(source_line) AS n FROM walmart_sales",
    "one of many": "SELECT MAX(customer_id) AS n FROM walmart_sales GROUP BY city",
    "one age of many": "SELECT MIN(age) AS n FROM walmart_sales GROUP BY city",
    "a part": "SELECT SUBSTRING(customer_id, 1, 4) AS n FROM walmart_sales",
    "a band of the exact age": "SELECT CASE WHEN age < 30 THEN 1 ELSE 0 END AS n FROM walmart_sales",
    "beside an aggregate": "SELECT CONCAT(customer_id, COUNT(*)) AS n FROM walmart_sales GROUP BY customer_id",
    "through a CTE": "WITH a AS (SELECT customer_id AS b FROM walmart_sales) SELECT b AS n FROM a GROUP BY b",
    "through a star": "WITH a AS (SELECT * FROM walmart_sales) SELECT customer_id AS n FROM a",
    "through a subquery": "SELECT (SELECT MAX(customer_id) FROM walmart_sales) AS n FROM walmart_sales",
    "second part of a union": "SELECT city AS n FROM walmart_sales UNION ALL SELECT customer_id FROM walmart_sales",
    "a window": "SELECT SUM(age) OVER (ORDER BY city ROWS BETWEEN CURRENT ROW AND CURRENT ROW) AS n FROM walmart_sales",
    "numbered customers": "SELECT ROW_NUMBER() OVER (ORDER BY customer_id) AS n FROM walmart_sales",
    "the age of each customer": "SELECT AVG(age) AS n FROM walmart_sales GROUP BY customer_id",
    "each customer by position": "WITH a AS (SELECT customer_id AS b, SUM(age) AS n FROM walmart_sales GROUP BY 1) "
    "SELECT n FROM a",
    "what each customer spent": "WITH a AS (SELECT customer_id AS b, purchase_amount AS p FROM walmart_sales) "
    "SELECT SUM(p) AS n FROM a GROUP BY b",
}


@pytest.mark.parametrize("select", LEAKS.values(), ids=LEAKS.keys())
@pytest.mark.parametrize("check", [check_select, column_origins])
def test_given_a_value_of_one_customer_under_another_name_the_view_is_refused(
    check: Callable[[Kpi], object], select: str
) -> None:
    with pytest.raises(KpiFileError, match=r"returns n, which tells about single customers .*(COUNT|age_group)"):
        check(kpi(select, "n"))


@pytest.mark.parametrize(
    "select",
    [
        "SELECT COUNT(DISTINCT customer_id) AS n FROM walmart_sales GROUP BY city",
        "SELECT SUM(age) * 1.0 / COUNT(customer_id) AS n FROM walmart_sales GROUP BY 'all'",
        "SELECT age_group AS n FROM walmart_sales GROUP BY age_group",
        "WITH a AS (SELECT customer_id, SUM(purchase_amount) AS p FROM walmart_sales GROUP BY customer_id) "
        "SELECT AVG(p) AS n FROM a",
        "WITH a AS (SELECT customer_id, COUNT(*) AS o FROM walmart_sales GROUP BY customer_id) "
        "SELECT o AS n FROM a GROUP BY o",
        "SELECT SUM(COUNT(customer_id)) OVER () AS n FROM walmart_sales GROUP BY city",
        "SELECT SUM(purchase_amount) AS n FROM walmart_sales WHERE age > 17",
    ],
)
def test_given_a_number_about_many_customers_the_view_is_allowed(select: str) -> None:
    check_select(kpi(select, "n"))


def test_given_a_column_that_the_sales_do_not_have_the_error_names_it() -> None:
    with pytest.raises(KpiFileError, match="cityy"):
        column_origins(kpi("SELECT cityy AS n FROM walmart_sales", "n"))
