"""The decisions and records of a load that every warehouse shares."""

from __future__ import annotations

import dataclasses
import datetime as dt
import time
from decimal import Decimal

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
from walmart_bi.warehouse.base import (
    LEDGER_TABLE,
    SALES_TABLE,
    LedgerEntry,
    LoadOutcome,
    ShrinkRefused,
    TotalsMismatch,
    UnknownLoad,
)
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


def test_an_entry_tells_what_was_loaded_from_where_by_whom_and_when(month):
    active = ledger.next_entry([], month, run_id="before", code_version="0.0.9", now=NOW)
    entry = ledger.next_entry([active], month, run_id="run", code_version="0.1.0", now=NOW)

    assert entry == LedgerEntry(
        load_id="2025-03-v2",
        month="2025-03",
        version=2,
        is_active=True,
        loaded_rows=10,
        quarantined_rows=1,
        duplicate_rows=2,
        total_cents=month.totals.total_cents,
        object_key=month.key,
        object_sha256=month.sha256,
        source_key=month.source.key,
        source_etag=month.source.etag,
        source_sha256=month.source.sha256,
        source_records=15,
        source_quarantined=3,
        source_duplicates=2,
        source_repairs=7,
        contract_version="1",
        code_version="0.1.0",
        run_id="run",
        supersedes="2025-03-v1",
        committed_at=NOW,
        activated_at=NOW,
    )


def test_a_refused_shrink_names_both_counts_the_file_and_the_way_to_load_it_all_the_same(month, first):
    active = dataclasses.replace(first, loaded_rows=21_000)

    with pytest.raises(ShrinkRefused) as caught:
        ledger.refuse_shrink(active, month)
    assert str(caught.value) == (
        f"{month.source.key}: The new version of 2025-03 has 10 rows, less than half of the 21,000 rows that are "
        "loaded (2025-03-v1). Nothing of it was loaded. Next step: check whether the file is complete; if it is, load "
        "it on purpose: walmart-bi load --allow-shrink FILE, or allow_shrink: true in the configuration of "
        "walmart_sales."
    )


# What loading and restoring come to


def planned(entries, load, **options):
    settings = {"allow_shrink": False, "allow_superseded": False, **options}
    return ledger.plan_load(entries, load, run_id="run", code_version="0.1.0", now=NOW, **settings)


@pytest.fixture
def other(month):
    """The month with other content from another file."""
    return dataclasses.replace(
        month, sha256="1" * 64, source=dataclasses.replace(month.source, key="raw_data/other.csv", sha256="2" * 64)
    )


@pytest.fixture
def corrected(first, other):
    """The month's history after a correction: the first load, which was replaced, and the second."""
    second = ledger.next_entry([first], other, run_id="run", code_version="0.1.0", now=NOW)
    return [dataclasses.replace(first, is_active=False), second]


def test_a_first_load_is_to_be_carried_out(month, first):
    assert planned([], month) == LoadOutcome(first, "loaded", 0)


def test_what_is_active_already_is_unchanged_whatever_is_allowed(month, first):
    assert planned([first], month) == LoadOutcome(first, "unchanged", 10)
    assert planned([first], month, allow_superseded=True, allow_shrink=True) == LoadOutcome(first, "unchanged", 10)


def test_what_was_replaced_since_is_superseded_and_named_unless_it_is_asked_for(month, corrected):
    assert planned(corrected, month) == LoadOutcome(corrected[1], "superseded", 10, "2025-03-v1")
    again = planned(corrected, month, allow_superseded=True)
    assert (again.action, again.entry.load_id, again.rows_before) == ("loaded", "2025-03-v3", 0)


def test_of_several_replaced_loads_with_the_same_content_the_latest_is_named(month, first, corrected):
    repeated = [corrected[0], dataclasses.replace(first, load_id="2025-03-v3", version=3, is_active=False)]
    assert planned([*repeated, corrected[1]], month).superseded_load_id == "2025-03-v3"


def test_a_replaced_load_with_other_content_supersedes_nothing(month, other, first, corrected):
    third = dataclasses.replace(other, sha256="3" * 64)
    history = [corrected[0], dataclasses.replace(corrected[1], is_active=False)]
    active = ledger.next_entry(history, third, run_id="run", code_version="0.1.0", now=NOW)

    assert planned([*history, active], month).superseded_load_id == "2025-03-v1"
    assert planned([*history, active], dataclasses.replace(other, sha256="4" * 64)).action == "loaded"


def test_a_month_without_an_active_load_takes_what_it_had_before(month, first):
    assert planned([dataclasses.replace(first, is_active=False)], month).action == "loaded"


def test_a_file_that_is_older_than_the_active_one_is_outdated_unless_it_is_asked_for(other, first):
    asked = []

    def newer(entry):
        asked.append(entry)
        return True

    assert planned([first], other, is_newer=newer) == LoadOutcome(first, "outdated", 10)
    assert asked == [first]
    assert planned([first], other, is_newer=newer, allow_superseded=True).action == "loaded"
    assert planned([first], other, is_newer=lambda _: False).action == "loaded"
    assert planned([first], other).action == "loaded"


def test_a_load_that_is_too_small_is_refused_unless_that_is_allowed(other, first):
    active = dataclasses.replace(first, loaded_rows=21)

    with pytest.raises(ShrinkRefused):
        planned([active], other)
    outcome = planned([active], other, allow_shrink=True)
    assert outcome == LoadOutcome(
        ledger.next_entry([active], other, run_id="run", code_version="0.1.0", now=NOW), "loaded", 0
    )


def test_a_restored_load_is_active_again_from_now_on_and_otherwise_as_it_was(corrected):
    later = NOW + dt.timedelta(days=1)

    assert ledger.plan_restore(corrected, "2025-03", "2025-03-v1", now=later) == LoadOutcome(
        dataclasses.replace(corrected[0], is_active=True, activated_at=later), "restored", 0
    )


def test_restoring_what_is_active_changes_nothing(corrected):
    later = NOW + dt.timedelta(days=1)

    assert ledger.plan_restore(corrected, "2025-03", "2025-03-v2", now=later) == LoadOutcome(
        corrected[1], "unchanged", 10
    )


@pytest.mark.parametrize(("some", "known"), [(True, "2025-03-v1, 2025-03-v2"), (False, "none")])
def test_a_load_that_the_month_does_not_have_is_refused_with_those_it_has(corrected, some, known):
    with pytest.raises(UnknownLoad) as caught:
        ledger.plan_restore(corrected if some else [], "2025-03", "2025-03-v7", now=NOW)
    assert str(caught.value) == (
        f"load_ledger: The month 2025-03 has no load '2025-03-v7'; it has: {known}. "
        "Next step: choose one that `walmart-bi history 2025-03` shows."
    )


# Rows of the ledger table


def test_a_row_with_another_number_of_columns_is_no_entry(first):
    with pytest.raises(ValueError, match="shorter"):
        ledger.ledger_entry(ledger.ledger_values(first)[:-1])


def test_an_entry_survives_its_table_row(first):
    for entry in (first, dataclasses.replace(first, supersedes="2025-03-v1", is_active=False)):
        assert ledger.ledger_entry(ledger.ledger_values(entry)) == entry


@pytest.fixture(params=["UTC", "Asia/Tokyo"])
def zone_of_the_machine(request, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setenv("TZ", request.param)
        time.tzset()
        yield
    time.tzset()


@pytest.mark.usefixtures("zone_of_the_machine")
def test_a_time_of_another_zone_is_stored_in_utc_wherever_the_machine_is(first):
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
    with pytest.raises(TotalsMismatch) as caught:
        require_equal(TOTALS, dataclasses.replace(TOTALS, rows=4, age_sum=0), where="The table", place="x")
    assert str(caught.value) == (
        "x: The table differs from what was written to the object: rows is 4 instead of 3; sum of age is 0 instead of "
        "60. Nothing was changed. Next step: load the month again from its raw file; if it happens again, report it as "
        "a defect."
    )


def test_totals_are_read_in_their_order_as_whole_numbers_and_days():
    days = dt.date(2025, 3, 1), dt.date(2025, 3, 31)
    assert totals_from_row([3, Decimal(100), 60, 9, 1, 2, 9, *days]) == TOTALS
    with pytest.raises(ValueError, match="shorter"):
        totals_from_row([3, 100, 60, 9, 1, 2, *days])


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
