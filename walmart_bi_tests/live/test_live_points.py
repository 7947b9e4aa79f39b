"""What only Redshift itself can show: how it rounds, decodes, refuses, and tells of errors.

Each of these is assumed somewhere: in a KPI's text, in the driver's decoding, in the lint, in what an error says.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from decimal import Decimal

import pyarrow as pa
import pytest

from walmart_bi.warehouse.base import WarehouseError
from walmart_bi.warehouse.copy import LoadFailed, copy_parquet
from walmart_bi.warehouse.redshift_connection import SerializationConflict, Session, StatementTimedOut, session
from walmart_bi_tests.builders import SALES_SCHEMA, make_month, make_rows
from walmart_bi_tests.live.place import LiveSite, scratch_site

MONTH = "2025-03"


@pytest.fixture(scope="module")
def site() -> Iterator[LiveSite]:
    with scratch_site() as site:
        site.warehouse().create_tables()
        yield site


@pytest.fixture
def opened(site: LiveSite) -> Iterator[Session]:
    with session(site.settings()) as opened:
        yield opened


def test_half_a_cent_is_rounded_up_by_the_words_that_the_views_use(opened: Session) -> None:
    opened.execute("CREATE TEMPORARY TABLE amounts (amount DECIMAL(12, 2))")
    opened.execute("INSERT INTO amounts VALUES (0.01), (0.02)")
    (row,) = opened.query(
        "WITH totals AS (SELECT COUNT(*) AS orders,"
        " CAST(CAST(SUM(amount) AS DECIMAL(24, 2)) * 200 AS BIGINT) + COUNT(*) AS halves FROM amounts)"
        " SELECT CAST(CAST(ROUND(CAST(halves - MOD(halves, 2 * orders) AS DOUBLE PRECISION) / (2 * orders)) AS BIGINT)"
        " * 0.01 AS DECIMAL(18, 2)) FROM totals"
    ).rows
    assert row == (Decimal("0.02"),)


def test_every_type_that_the_tables_use_comes_back_as_itself(opened: Session) -> None:
    (row,) = opened.query(
        "SELECT CAST('2025-03-31' AS DATE), CAST(9999999999.99 AS DECIMAL(12, 2)), CAST(-0.01 AS DECIMAL(12, 2)),"
        " CAST(TRUE AS BOOLEAN), CAST(9223372036854775807 AS BIGINT), CAST(NULL AS INTEGER),"
        " CAST('Zürich 日本語' AS VARCHAR(64)), CAST('2025-03-31 23:59:59.123456' AS TIMESTAMP)"
    ).rows
    assert row == (
        dt.date(2025, 3, 31),
        Decimal("9999999999.99"),
        Decimal("-0.01"),
        True,
        9223372036854775807,
        None,
        "Zürich 日本語",
        dt.datetime(2025, 3, 31, 23, 59, 59, 123456),  # noqa: DTZ001 - TIMESTAMP has no zone
    )


@pytest.mark.parametrize(
    "statement",
    [
        "SELECT STRING_AGG(city, ',') FROM walmart_sales",
        "SELECT DISTINCT ON (city) city FROM walmart_sales",
        "INSERT INTO load_ledger (month) VALUES ('2025-03') ON CONFLICT DO NOTHING",
        "DELETE FROM walmart_sales RETURNING city",
        "CREATE INDEX by_city ON walmart_sales (city)",
    ],
)
def test_what_the_lint_calls_foreign_is_refused(opened: Session, statement: str) -> None:
    with pytest.raises(WarehouseError):
        opened.execute(statement)


def test_nulls_come_last_where_a_view_says_so(opened: Session) -> None:
    rows = opened.query(
        "SELECT a FROM (SELECT 1 AS a UNION ALL SELECT NULL UNION ALL SELECT 2) AS x ORDER BY a DESC NULLS LAST"
    ).rows
    assert [row[0] for row in rows] == [2, 1, None]


def test_the_view_of_load_errors_has_the_columns_that_an_error_is_made_of(opened: Session) -> None:
    found = opened.query("SELECT file_name, line_number, column_name, error_message FROM sys_load_error_detail LIMIT 0")
    assert found.columns == ("file_name", "line_number", "column_name", "error_message")


def test_a_file_with_a_column_of_another_type_is_refused_with_the_reason_and_no_value(
    site: LiveSite, opened: Session
) -> None:
    wrong = pa.schema([pa.field(f.name, pa.int64() if f.name == "city" else f.type) for f in SALES_SCHEMA])
    month = make_month(site.store(), MONTH, make_rows(MONTH, 3, city=17_071_707), schema=wrong)
    opened.execute("CREATE TEMPORARY TABLE stage (LIKE walmart_sales)")
    opened.execute("ALTER TABLE stage DROP COLUMN load_id")
    size = site.store().head(month.key).size
    role = site.settings().copy_role_arn
    with pytest.raises(LoadFailed) as caught:
        copy_parquet(opened, site.store(), month.key, size, table="stage", role=role)
    assert "COPY failed" in str(caught.value)
    assert "17071707" not in str(caught.value)


def test_a_statement_that_runs_too_long_is_known_as_such(site: LiveSite, opened: Session) -> None:
    with session(site.settings()) as holder, holder.transaction():
        holder.execute("LOCK load_ledger")
        opened.limit(1)
        with pytest.raises(StatementTimedOut), opened.transaction():
            opened.execute("LOCK load_ledger")


def test_of_two_transactions_that_change_the_same_rows_one_is_told_so(site: LiveSite, opened: Session) -> None:
    month = make_month(site.store(), MONTH, 3)
    site.warehouse().replace_month(month, run_id="run", code_version="1")
    with session(site.settings()) as rival, opened.transaction(), pytest.raises(SerializationConflict):
        opened.query("SELECT COUNT(*) FROM walmart_sales")
        rival.execute("DELETE FROM walmart_sales WHERE month = '2025-03-01'")
        opened.execute("DELETE FROM walmart_sales WHERE month = '2025-03-01'")
