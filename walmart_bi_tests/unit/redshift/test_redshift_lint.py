"""Every statement that Redshift gets is one that Redshift takes, as far as its guide tells; and the rules can fail."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest

from walmart_bi.kpis.catalog import load_catalog
from walmart_bi.kpis.insights.facts import read_facts
from walmart_bi.kpis.validity import check_grain, check_totals
from walmart_bi.sales.contract import OUTPUT_COLUMNS
from walmart_bi.sql_files import read_table_ddl, sql_directory
from walmart_bi.warehouse.base import LEDGER_TABLE, SALES_TABLE, WarehouseBusy
from walmart_bi.warehouse.copy import LoadFailed
from walmart_bi.warehouse.integrity import check_ledger, read_loads
from walmart_bi.warehouse.ledger import LEDGER_COLUMNS
from walmart_bi.warehouse.rollup_agreement import check_cells, check_months
from walmart_bi.warehouse.rollups import ROLLUP_TABLES, ROLLUPS
from walmart_bi_tests.builders import make_month
from walmart_bi_tests.contracts.warehouses import RedshiftSite, redshift_standin
from walmart_bi_tests.redshift_lint import RESERVED_NAMES, broken_rules
from walmart_bi_tests.redshift_rules import RULES, Rule
from walmart_bi_tests.redshift_standin.front import Fault
from walmart_bi_tests.redshift_standin.messages import SqlError
from walmart_bi_tests.redshift_standin.standin import shared_standin

CATALOG = load_catalog()
TABLES = (SALES_TABLE, LEDGER_TABLE, *ROLLUP_TABLES)
MONTH = "2025-03"
# What the product does, by a word that its statements must have: the lint must have seen all of it.
SEEN = (
    *("CREATE TABLE", "CREATE TEMPORARY TABLE", "ALTER TABLE", "COPY", "pg_last_copy_count", "sys_load_error_detail"),
    *("BEGIN", "LOCK", "DELETE", "INSERT INTO walmart_sales", "UPDATE load_ledger", "INSERT INTO load_ledger"),
    *("COMMIT", "ROLLBACK", "SET search_path", "SET statement_timeout", "pg_tables", "svv_transactions"),
    *("CREATE OR REPLACE VIEW", "DROP VIEW", "CREATE VIEW", "BEGIN READ ONLY"),
    *("COUNT(DISTINCT source_line)", "FROM kpi_revenue_by_city", "activated_at =", "FROM sales_by_segment"),
    *("INSERT INTO sales_by_city", "DELETE FROM sales_by_month", "UNION ALL", "LEFT JOIN sales_by_month"),
)


def do_all_that_the_product_does(site: RedshiftSite) -> None:
    warehouse, store = site.warehouse(), site.store()
    for count in (4, 5):
        warehouse.replace_month(make_month(store, MONTH, count), run_id="run", code_version="1")
    warehouse.replace_month(make_month(store, MONTH, 5), run_id="run", code_version="1")
    warehouse.restore_load(MONTH, f"{MONTH}-v1")
    warehouse.ledger()
    warehouse.ledger(MONTH)
    warehouse.create_views({"kpi_changed": "SELECT COUNT(*) AS orders FROM walmart_sales"})
    warehouse.create_views({"kpi_changed": "SELECT month FROM walmart_sales"})
    warehouse.create_views({kpi.name: kpi.select for kpi in CATALOG})
    with warehouse.read() as reader:
        loads = read_loads(reader)
        assert all(verdict.passed for verdict in check_ledger(loads).values())
        assert check_months(reader, loads).passed and check_cells(reader, [MONTH]).passed
        read_facts(reader)
        for kpi in CATALOG:
            assert check_grain(reader, kpi).passed and check_totals(reader, kpi).passed
    shared_standin().front.faults.append(Fault("^COPY", error=SqlError("XX000", "S3ServiceException: denied")))
    with pytest.raises(LoadFailed):
        warehouse.replace_month(make_month(store, "2025-04", 3), run_id="run", code_version="1")
    with site.held_by_another_process(), pytest.raises(WarehouseBusy):
        site.warehouse(busy_timeout=0.2).restore_load(MONTH, f"{MONTH}-v2")


@pytest.fixture(scope="module")
def sent(tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[str]]:
    """Each different statement that reached the server."""
    with redshift_standin(tmp_path_factory.mktemp("redshift")) as site:
        assert isinstance(site, RedshiftSite)
        log = shared_standin().front.log
        log.clear()
        do_all_that_the_product_does(site)
        yield sorted({statement.sql for statement in log})


def test_no_statement_that_the_product_sends_breaks_a_rule(sent: list[str]):
    assert {sql: broken_rules(sql) for sql in sent if broken_rules(sql)} == {}


def test_the_statements_that_were_looked_at_are_those_of_every_part_of_the_product(sent: list[str]):
    text = "\n".join(" ".join(sql.split()) for sql in sent)
    assert [words for words in SEEN if words not in text] == []


@pytest.mark.parametrize("name", TABLES)
def test_the_tables_are_created_by_statements_that_break_no_rule(name: str):
    assert broken_rules(f"{read_table_ddl(name)}\n{read_table_ddl(f'redshift/{name}')}") == []


def test_the_physical_design_stays_out_of_the_files_that_both_engines_run():
    shared = [path.read_text() for path in (sql_directory() / "tables").glob("*.sql")]
    assert len(shared) == len(TABLES)
    assert not any(re.search(r"\b(DIST|SORT)(KEY|STYLE)\b|\bENCODE\b", text) for text in shared)


def test_no_name_of_a_table_column_or_alias_is_reserved_in_redshift(sent: list[str]):
    named = {column.name for column in OUTPUT_COLUMNS} | set(LEDGER_COLUMNS) | {kpi.name for kpi in CATALOG}
    named |= {name for kpi in CATALOG for name in kpi.column_names}
    named |= {name for rollup in ROLLUPS for name in (rollup.name, *rollup.keys, *rollup.facts)}
    named |= {alias for sql in sent for alias in re.findall(r"\bAS\s+([a-z_]\w*)\b(?!\s*\()", sql)}
    assert len(named) > 60
    assert named & RESERVED_NAMES == set()


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)
def test_each_rule_alone_sees_its_example(rule: Rule):
    assert broken_rules(rule.example) == [rule.name]
    assert rule.reason and re.fullmatch(r"[\w-]+", rule.source)


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)
def test_no_rule_looks_into_literals_and_comments(rule: Rule):
    quoted = rule.example.replace("'", "''")
    remark = " ".join(rule.example.split())
    assert broken_rules(f"SELECT load_id FROM load_ledger WHERE month = '{quoted}' -- {remark}") == []


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT month FROM load_ledger WHERE month = ? AND version IN (?, ?) AND load_id <> ?",
        "INSERT INTO load_ledger (month, version) VALUES (?, ?)",
        "UPDATE load_ledger SET is_active = TRUE, activated_at = ? WHERE load_id = $2",
        "INSERT INTO t (a, b) SELECT a, CAST(? AS VARCHAR(32)) FROM s",
        "CREATE TABLE IF NOT EXISTS t (context VARCHAR(10) NOT NULL, PRIMARY KEY (context)) DISTSTYLE ALL",
        "SELECT SUM(a) OVER (PARTITION BY b ORDER BY c ROWS UNBOUNDED PRECEDING) AS s FROM t;",
    ],
)
def test_plain_statements_break_no_rule(sql: str):
    assert broken_rules(sql) == []
