"""What a KPI file must say, and what a person reads when it does not."""

import subprocess
import sys
from pathlib import Path

import pytest

from walmart_bi.kpis.catalog import Display, KpiColumn, KpiFileError, Sort, load_catalog
from walmart_bi.kpis.model import REVENUE_COLUMNS
from walmart_bi_tests.unit.kpis.sales import CATALOG

HEADER = """\
/* ---
title: Revenue by gender
question: Who buys?
grain: [gender]
columns:
  gender:
    type: VARCHAR
    unit: label
    description: "Gender: as delivered."
  revenue:
    type: DECIMAL(18, 2)
    unit: usd
    description: Sum of purchase_amount.
show:
  chart: bar
  x: gender
  y: [revenue]
  sort: [revenue desc]
  caption: No
--- */
"""
SELECT = """\
SELECT
    gender,
    CAST(SUM(purchase_amount) AS DECIMAL(18, 2)) AS revenue
FROM walmart_sales
GROUP BY gender
"""
PLACE = "marketing/kpi_revenue_by_gender.sql"


def write(root: Path, text: str = HEADER + SELECT, place: str = PLACE) -> Path:
    file = root / place
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text, encoding="utf-8")
    return root


def refusal(root: Path) -> str:
    with pytest.raises(KpiFileError) as caught:
        load_catalog(root)
    text = str(caught.value)
    assert "\n" not in text and "Next step: " in text
    return text


def test_the_catalog_has_the_views_of_every_department() -> None:
    assert {kpi.persona_title for kpi in CATALOG.values()} == {
        *("Executive", "Sales manager", "Regional director", "Customer experience", "Marketing", "Finance")
    }
    assert len(CATALOG) == 12
    assert {kpi.revenue_column for kpi in CATALOG.values()} == {*REVENUE_COLUMNS, None}


def test_given_a_file_for_a_new_persona_the_catalog_has_its_kpi(tmp_path: Path) -> None:
    (kpi,) = load_catalog(write(tmp_path, place="store_design/kpi_revenue_by_gender.sql"))
    assert (kpi.name, kpi.persona, kpi.persona_title) == ("kpi_revenue_by_gender", "store_design", "Store design")
    assert (kpi.title, kpi.question, kpi.grain, kpi.covers) == ("Revenue by gender", "Who buys?", ("gender",), "all")
    assert kpi.columns[0] == KpiColumn("gender", "VARCHAR", "label", "Gender: as delivered.")
    assert kpi.show == Display("bar", "gender", ("revenue",), None, (Sort("revenue", True),), None, None, "No")
    assert kpi.select == SELECT.strip()
    assert kpi.order_by == "revenue DESC NULLS LAST, gender ASC NULLS LAST"


def test_given_every_optional_key_the_kpi_has_them(tmp_path: Path) -> None:
    text = HEADER.replace("  caption", "  series: gender\n  top: 10\n  minimum_orders: 30\n  caption")
    text = text.replace("sort: [revenue desc]", "sort: [gender desc]").replace("columns:", "covers: some\ncolumns:", 1)
    (kpi,) = load_catalog(write(tmp_path, text + SELECT))
    assert (kpi.show.series, kpi.show.top, kpi.show.minimum_orders, kpi.covers) == ("gender", 10, 30, "some")
    assert kpi.order_by == "gender DESC NULLS LAST"


def test_given_a_table_or_tiles_no_axis_is_asked_for(tmp_path: Path) -> None:
    table = HEADER.replace("chart: bar\n  x: gender\n  y: [revenue]\n  sort: [revenue desc]", "chart: table")
    (kpi,) = load_catalog(write(tmp_path, table.replace("grain: [gender]", "grain: []") + SELECT))
    assert (kpi.show.x, kpi.show.y, kpi.order_by) == (None, (), "")


@pytest.mark.parametrize(
    "text",
    [
        "\ufeff" + HEADER + SELECT,
        (HEADER + SELECT).replace("\n", "\r\n"),
        "\n\n" + HEADER + SELECT,
        HEADER + SELECT + ";\n",
        HEADER + SELECT + ";  -- the end; really\n",
    ],
    ids=["byte order mark", "CRLF", "blank lines", "semicolon", "comment after the semicolon"],
)
def test_given_a_harmless_difference_the_select_is_the_same(tmp_path: Path, text: str) -> None:
    (kpi,) = load_catalog(write(tmp_path, text))
    assert kpi.select == SELECT.strip()


def test_given_semicolons_in_strings_names_and_comments_there_is_still_one_select(tmp_path: Path) -> None:
    select = "-- a; b\nSELECT gender, '; it''s' AS \"re;venue\" /* ; */ FROM walmart_sales"
    (kpi,) = load_catalog(write(tmp_path, HEADER + select + ";"))
    assert kpi.select == select


def with_change(old: str, new: str) -> str:
    assert HEADER.count(old) >= 1
    return HEADER.replace(old, new, 1) + SELECT


@pytest.mark.parametrize(
    ("text", "line", "cause"),
    [
        (SELECT, 1, "does not begin with a header"),
        ("", 1, "does not begin with a header"),
        (HEADER.replace("--- */", "*/") + SELECT, 1, "does not begin with a header"),
        ("/* ---\n--- */\n" + SELECT, 1, "The header is empty"),
        ("/* ---\njust text\n--- */\n" + SELECT, 2, "the header is not a list of"),
        (with_change("grain: [gender]", "grain: [gender"), 5, "not YAML"),
        (with_change("Who buys?", "Who: buys?"), 3, "not YAML"),
        (with_change("Who buys?", "Who\x07 buys?"), 1, "not YAML"),
        (with_change("question:", "qestion:"), 3, "unknown key `qestion`"),
        (with_change("question: Who buys?\n", ""), 2, "no `question`"),
        (with_change("question: Who buys?", "question:"), 3, "question is not a text"),
        (with_change("question: Who buys?", "question: [a]"), 3, "question is not a text"),
        (with_change("question: Who buys?", "title: Twice"), 3, "`title` twice"),
        (with_change("grain: [gender]", "grain: gender"), 4, "grain is not a list"),
        (with_change("grain: [gender]", "grain: [sex]"), 4, "grain names `sex`"),
        (with_change("grain: [gender]", "grain: [gender, gender]"), 4, "grain names `gender` twice"),
        (with_change("  gender:", "  Gender:"), 6, "`Gender` is not a column name"),
        (with_change("VARCHAR", "TEXT"), 7, "type cannot be `TEXT`"),
        (with_change("unit: label", "unit: name"), 8, "unit cannot be `name`"),
        (with_change("    unit: label\n", ""), 7, "column `gender` has no `unit`"),
        (with_change("    unit: label", "    units: label"), 8, "unknown key `units`"),
        (with_change("chart: bar", "chart: pie"), 15, "chart cannot be `pie`"),
        (with_change("  x: gender\n", ""), 15, "A bar chart has no `x`"),
        (with_change("  y: [revenue]\n", ""), 15, "A bar chart has no `y`"),
        (with_change("x: gender", "x: city"), 16, "x names `city`"),
        (with_change("y: [revenue]", "y: [aov]"), 17, "y names `aov`"),
        (with_change("revenue desc", "revenue"), 18, "sort is not"),
        (with_change("revenue desc", "aov desc"), 18, "sort names `aov`"),
        (with_change("sort: [revenue desc]", "top: 10"), 15, "`top` has no order"),
        (with_change("caption: No", "caption: No\n  top: many"), 20, "top is not a whole number"),
        (with_change("grain:", "covers: most\ngrain:"), 4, "covers cannot be `most`"),
        (HEADER, 20, "no SELECT"),
        (HEADER + "DELETE FROM walmart_sales", 20, "no SELECT"),
        (HEADER + SELECT + ";\nDROP TABLE walmart_sales;", 26, "more than one statement"),
        (HEADER + SELECT + ";;", 26, "more than one statement"),
    ],
)
def test_given_a_bad_file_the_error_says_where_and_what(tmp_path: Path, text: str, line: int, cause: str) -> None:
    said = refusal(write(tmp_path, text))
    assert said.startswith(f"KPI file {PLACE}, line {line}: ")
    assert cause in said


def test_given_no_columns_the_error_says_so(tmp_path: Path) -> None:
    start, end = HEADER.index("columns:"), HEADER.index("show:")
    text = HEADER[:start] + "columns: {}\n" + HEADER[end:]
    assert "line 5: columns is empty" in refusal(write(tmp_path, text.replace("[gender]", "[]") + SELECT))


@pytest.mark.parametrize(
    ("place", "cause"),
    [
        ("marketing/revenue.sql", "cannot name a view"),
        ("marketing/kpi_Revenue.sql", "cannot name a view"),
        ("marketing/kpi_revenue.SQL", "cannot name a view"),
        ("marketing/kpi_insights.sql", "cannot name a view"),
        ("marketing/kpi_a; DROP TABLE x.sql", "cannot name a view"),
        ("Marketing team/kpi_revenue.sql", "not directly in a persona's directory"),
        ("kpi_revenue.sql", "not directly in a persona's directory"),
        ("marketing/deeper/kpi_revenue.sql", "not directly in a persona's directory"),
    ],
)
def test_given_a_file_in_a_wrong_place_the_error_names_it(tmp_path: Path, place: str, cause: str) -> None:
    said = refusal(write(tmp_path, place=place))
    assert said.startswith(f"KPI file {place}: ")
    assert cause in said


def test_given_a_name_used_twice_the_error_names_both_files(tmp_path: Path) -> None:
    write(tmp_path)
    said = refusal(write(tmp_path, place="finance/kpi_revenue_by_gender.sql"))
    assert PLACE in said and "finance/kpi_revenue_by_gender.sql" in said


def test_given_bytes_that_are_not_utf_8_the_error_says_so(tmp_path: Path) -> None:
    write(tmp_path)
    (tmp_path / PLACE).write_bytes((HEADER + SELECT).replace("Who", "Wér").encode("latin-1"))
    assert "not UTF-8" in refusal(tmp_path)


@pytest.mark.parametrize("make", [True, False], ids=["empty directory", "no directory"])
def test_given_no_kpi_file_the_error_names_the_directory(tmp_path: Path, make: bool) -> None:
    root = tmp_path / "kpis"
    if make:
        root.mkdir()
    assert str(root) in refusal(root)


def test_given_other_files_beside_the_views_they_are_left_alone(tmp_path: Path) -> None:
    write(tmp_path, "notes", "marketing/README.md")
    write(tmp_path, "lock", "marketing/.#kpi_revenue_by_gender.sql")
    assert [kpi.name for kpi in load_catalog(write(tmp_path))] == ["kpi_revenue_by_gender"]


def test_the_hash_follows_what_the_select_says_and_not_its_layout_or_header(tmp_path: Path) -> None:
    def sha256(text: str) -> str:
        (kpi,) = load_catalog(write(tmp_path, text))
        return kpi.sql_sha256

    text = HEADER + SELECT + "HAVING gender <> 'a  b'\n"
    same = [
        HEADER + text.removeprefix(HEADER).replace("    ", "  ").replace("FROM", "/* all */ FROM -- 'sales\n"),
        text.replace("Who buys?", "Who?"),
        text + ";",
    ]
    other = [text.replace("'a  b'", "'a b'"), text.replace("SUM", "MAX"), text.replace("gender <>", "gender <> --")]
    assert {sha256(each) for each in same} == {sha256(text)}
    assert sha256(text) not in {sha256(each) for each in other}


def test_loading_the_catalog_imports_no_heavy_library() -> None:
    script = (
        "import sys; from walmart_bi.kpis.catalog import load_catalog; load_catalog();"
        "print({'sqlglot', 'pandas', 'pyarrow', 'duckdb', 'dagster', 'boto3'} & sys.modules.keys())"
    )
    assert (
        subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout == "set()\n"
    )
