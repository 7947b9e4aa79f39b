"""The decisions and records of a load that every warehouse shares."""

from __future__ import annotations

import dataclasses
import datetime as dt

import pytest
import sqlglot
from hypothesis import given
from hypothesis import strategies as st
from sqlglot import exp

from walmart_bi import sql_files
from walmart_bi.records import ControlTotals
from walmart_bi.sql_files import read_table_ddl, sql_directory
from walmart_bi.stores.directory import DirectoryStore
from walmart_bi.warehouse import ledger
from walmart_bi.warehouse.base import LEDGER_TABLE, SALES_TABLE, LedgerEntry, ShrinkRefused, TotalsMismatch
from walmart_bi.warehouse.totals import require_equal, totals_from_row
from walmart_bi_tests.builders import SALES_SCHEMA, make_month

NOW = dt.datetime(2025, 4, 1, 12, 30, 15, 123456, tzinfo=dt.UTC)
TOTALS = ControlTotals(3, 100, 60, 9, 1, 2, 9, "2025-03-01", "2025-03-31")


@pytest.fixture(scope="module")
def month(tmp_path_factory):
    return make_month(DirectoryStore(tmp_path_factory.mktemp("store")), "2025-03", 10)


@pytest.fixture
def first(month):
    return ledger.next_entry([], month, run_id="run", code_version="0.1.0", now=NOW)


def test_nothing_is_unchanged_before_the_first_load(month):
    assert ledger.active_entry([]) is None
    assert not ledger.is_unchanged(None, month)


def test_unchanged_means_both_the_same_object_and_the_same_source(month, first):
    other_source = dataclasses.replace(month, source=dataclasses.replace(month.source, sha256="0" * 64))

    assert ledger.is_unchanged(first, month)
    assert not ledger.is_unchanged(first, dataclasses.replace(month, sha256="0" * 64))
    assert not ledger.is_unchanged(first, other_source)


@given(old=st.integers(0, 1000), new=st.integers(0, 1000))
def test_the_guard_refuses_exactly_what_is_below_half(month, old, new):
    entry = ledger.next_entry([], month, run_id="r", code_version="c", now=NOW)
    active = dataclasses.replace(entry, loaded_rows=old)
    load = dataclasses.replace(month, totals=dataclasses.replace(month.totals, rows=new))
    try:
        ledger.refuse_shrink(active, load)
    except ShrinkRefused:
        assert new < old / 2
    else:
        assert new >= old / 2


def test_a_first_load_is_never_too_small(month):
    empty = dataclasses.replace(month, totals=dataclasses.replace(month.totals, rows=0))

    assert ledger.refuse_shrink(None, empty) is None


def test_the_next_version_follows_the_highest_and_supersedes_the_active(month, first):
    second = ledger.next_entry([first], month, run_id="run", code_version="0.1.0", now=NOW)
    history = [first, dataclasses.replace(second, is_active=False)]
    third = ledger.next_entry(history, month, run_id="run", code_version="0.1.0", now=NOW)

    assert [entry.load_id for entry in (first, second, third)] == ["2025-03-v1", "2025-03-v2", "2025-03-v3"]
    assert [entry.supersedes for entry in (first, second, third)] == [None, "2025-03-v1", "2025-03-v1"]


def test_an_entry_survives_its_table_row(first):
    for entry in (first, dataclasses.replace(first, supersedes="2025-03-v1", is_active=False)):
        assert ledger.ledger_entry(ledger.ledger_values(entry)) == entry


def test_a_time_of_another_zone_is_stored_in_utc(first):
    tokyo = NOW.astimezone(dt.timezone(dt.timedelta(hours=9)))
    stored = ledger.ledger_values(dataclasses.replace(first, committed_at=tokyo))

    assert stored[ledger.LEDGER_COLUMNS.index("committed_at")] == NOW.replace(tzinfo=None)


# Control totals


def test_equal_totals_pass():
    assert require_equal(TOTALS, dataclasses.replace(TOTALS), where="x", place="y") is None


@pytest.mark.parametrize("field", [field.name for field in dataclasses.fields(ControlTotals)])
def test_a_different_total_is_named_alone_with_both_values(field):
    other = dataclasses.replace(TOTALS, **{field: "other"})

    with pytest.raises(TotalsMismatch) as caught:
        require_equal(TOTALS, other, where="The table", place="walmart_sales")
    assert f"is other instead of {getattr(TOTALS, field)}" in caught.value.cause
    assert caught.value.cause.count("instead of") == 1
    assert caught.value.place == "walmart_sales"


def test_every_different_total_is_named():
    with pytest.raises(TotalsMismatch, match=r"rows is 4 instead of 3; sum of age is 0 instead of 60"):
        require_equal(TOTALS, dataclasses.replace(TOTALS, rows=4, age_sum=0), where="The table", place="x")


def test_totals_without_rows_have_empty_dates():
    assert totals_from_row([0, 0, 0, 0, 0, 0, 0, None, None]) == ControlTotals(0, 0, 0, 0, 0, 0, 0, "", "")


# The tables' text


def columns_in(table: str) -> dict[str, str]:
    """Each column's type and constraint as written."""
    statement = sqlglot.parse_one(read_table_ddl(table), dialect="redshift")
    return {column.name: column.sql("redshift").partition(" ")[2] for column in statement.find_all(exp.ColumnDef)}


def test_the_ledger_table_has_the_columns_of_the_entry_in_order():
    fields = tuple(field.name for field in dataclasses.fields(LedgerEntry))

    assert fields == ledger.LEDGER_COLUMNS
    assert fields == tuple(columns_in(LEDGER_TABLE))


def test_the_sales_table_has_the_columns_of_the_object_and_the_load():
    columns = columns_in(SALES_TABLE)

    assert list(columns) == [*SALES_SCHEMA.names, "load_id"]
    assert columns["purchase_amount"] == "DECIMAL(12, 2) NOT NULL"


@pytest.mark.parametrize(("table", "nullable"), [(SALES_TABLE, {"age", "rating"}), (LEDGER_TABLE, {"supersedes"})])
def test_only_what_may_be_missing_may_be_null(table, nullable):
    assert {name for name, kind in columns_in(table).items() if not kind.endswith(" NOT NULL")} == nullable


def test_two_loads_of_a_month_cannot_have_the_same_version():
    statement = sqlglot.parse_one(read_table_ddl(LEDGER_TABLE), dialect="redshift")

    assert statement.find(exp.PrimaryKey).sql("redshift") == "PRIMARY KEY (month, version)"


@pytest.mark.parametrize("dialect", ["duckdb", "redshift"])
@pytest.mark.parametrize("table", [SALES_TABLE, LEDGER_TABLE])
def test_the_text_is_one_statement_in_both_dialects(table, dialect):
    (statement,) = sqlglot.parse(read_table_ddl(table), dialect=dialect)

    assert statement is not None
    assert statement.key == "create"


def test_the_sql_comes_from_the_installed_package_when_it_is_there(tmp_path, monkeypatch):
    assert (sql_directory() / "tables" / "walmart_sales.sql").is_file()
    (tmp_path / "walmart_bi" / "sql" / "tables").mkdir(parents=True)
    (tmp_path / "walmart_bi" / "sql" / "tables" / "walmart_sales.sql").write_text("-- Größe", encoding="utf-8")
    monkeypatch.setattr(sql_files, "__file__", str(tmp_path / "walmart_bi" / "sql_files.py"))

    assert read_table_ddl("walmart_sales") == "-- Größe"
