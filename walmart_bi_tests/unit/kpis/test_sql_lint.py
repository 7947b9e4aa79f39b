"""Every KPI's SQL keeps to the portable subset and the house layout; and the rules can fail."""

import re

import pytest
from sqlglot.errors import ParseError

from walmart_bi.sql_files import sql_directory
from walmart_bi_tests.sql_lint import problems
from walmart_bi_tests.unit.kpis.sales import CATALOG

VIEWS = sorted(CATALOG)
AOV = re.compile(
    r"    -- Exact on every engine: \"Exact averages\" in docs/kpis\.md\.\n    CAST\(\n.*?\n    \) AS aov\b", re.DOTALL
)


@pytest.mark.parametrize("name", VIEWS)
def test_a_view_keeps_to_the_portable_subset_and_the_layout(name: str) -> None:
    assert problems(CATALOG[name].select) == []


@pytest.mark.parametrize("name", VIEWS)
def test_a_file_ends_with_one_line_break_and_no_semicolon(name: str) -> None:
    text = (sql_directory() / "kpis" / CATALOG[name].path).read_text(encoding="utf-8")
    assert text.endswith("\n") and not text.endswith("\n\n") and not text.rstrip().endswith(";")


def test_every_average_is_written_in_one_way() -> None:
    written = [AOV.findall(CATALOG[name].select) for name in VIEWS]
    assert written == [written[0]] * len(VIEWS)
    assert len(written[0]) == 1


@pytest.mark.parametrize(
    ("sql", "complaint"),
    [
        ("SELECT\n    TO_CHAR(month, 'Mon') AS m\nFROM walmart_sales", "TO_CHAR"),
        ("SELECT\n    MEDIAN(purchase_amount) AS m\nFROM walmart_sales", "MEDIAN"),
        ("SELECT\n    DATEDIFF(month, month, purchase_date) AS m\nFROM walmart_sales", "DATEDIFF"),
        ("SELECT\n    CURRENT_DATE AS today\nFROM walmart_sales", "CURRENT_DATE"),
        ("SELECT\n    SQRT(age) AS a\nFROM walmart_sales", "SQRT: not known"),
        ("SELECT\n    city\nFROM walmart_sales\nWHERE city ILIKE 'a%'", "ILIKE"),
        ("SELECT\n    city\nFROM walmart_sales\nLIMIT 3", "LIMIT"),
        ("SELECT\n    COUNT(city) FILTER (WHERE age > 3) AS n\nFROM walmart_sales", "FILTER"),
        (
            "SELECT\n    city\nFROM walmart_sales\nQUALIFY ROW_NUMBER() OVER (ORDER BY city ASC NULLS LAST) = 1",
            "QUALIFY",
        ),
        ("SELECT DISTINCT ON (city)\n    city\nFROM walmart_sales", "DISTINCT ON"),
        ("SELECT\n    age::BIGINT AS age\nFROM walmart_sales", "'::'"),
        ('SELECT\n    age AS "Age"\nFROM walmart_sales', "quoted names"),
        ("SELECT\n\tage\nFROM walmart_sales", "four spaces"),
        ("SELECT\n    age / 10 AS decade\nFROM walmart_sales", "/: DuckDB divides"),
        ("SELECT\n    AVG(age) AS age\nFROM walmart_sales", "AVG"),
        ("SELECT\n    ROUND(purchase_amount, 1) AS amount\nFROM walmart_sales", "ROUND(x, n)"),
        ("SELECT\n    DATE_TRUNC('month', purchase_date) AS m\nFROM walmart_sales", "DATE_TRUNC"),
        ("SELECT\n    *\nFROM walmart_sales", "*: name"),
        ("SELECT\n    city\nFROM walmart_sales\nORDER BY city ASC NULLS LAST", "promises no order"),
        ("SELECT\n    LAG(age) OVER (ORDER BY age ASC) AS a\nFROM walmart_sales", "NULLS FIRST or NULLS LAST"),
        ("SELECT\n    SUM(age) OVER (ORDER BY age ASC NULLS LAST) AS a\nFROM walmart_sales", "explicit frame"),
        ("SELECT\n    SUM(age) AS age,\n    2 * SUM(age) AS twice\nFROM walmart_sales", "an alias that a later"),
        ("SELECT\n    sum(age) AS a\nFROM walmart_sales", "line 2: write SUM"),
        ("SELECT\n    age as a\nFROM walmart_sales", "line 2: write AS"),
        ("SELECT age FROM walmart_sales", "line 1: begin a new line with FROM"),
        ("SELECT\n    age \nFROM walmart_sales", "line 2: at most 120"),
        ("SELECT\n    age" + " + age" * 30 + " AS a\nFROM walmart_sales", "line 2: at most 120"),
    ],
)
def test_given_sql_outside_the_subset_the_lint_says_which_rule_it_breaks(sql: str, complaint: str) -> None:
    found = problems(sql)
    assert any(complaint in problem for problem in found), found


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT\n    CAST(DATE_TRUNC('month', purchase_date) AS DATE) AS m\nFROM walmart_sales",
        "SELECT\n    AVG(CAST(rating AS DOUBLE PRECISION)) AS rating\nFROM walmart_sales",
        "SELECT\n    COUNT(*) AS n\nFROM walmart_sales\nWHERE city = 'to_char(x)::\"y\" // limit' -- ILIKE",
        "SELECT\n    EXTRACT(YEAR FROM month) AS year_number\nFROM walmart_sales",
        "SELECT\n    2 * SUM(age) AS twice,\n    SUM(age) AS age\nFROM walmart_sales",
        "SELECT\n    SUM(age) OVER (ORDER BY age ASC NULLS LAST ROWS UNBOUNDED PRECEDING) AS a\nFROM walmart_sales",
    ],
)
def test_given_portable_sql_the_lint_is_silent(sql: str) -> None:
    assert problems(sql) == []


def test_given_sql_that_an_engine_cannot_parse_the_lint_raises() -> None:
    with pytest.raises(ParseError):
        problems("SELECT\n    city city city\nFROM walmart_sales")
