"""What every warehouse promises. The same tests run on each entry of `warehouses.WAREHOUSES`."""

from __future__ import annotations

import dataclasses
import datetime as dt
import hashlib
import io
import itertools
import random
import re
import threading
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from walmart_bi.records import ControlTotals, MonthlyObject
from walmart_bi.stores.base import ObjectNotFound, ObjectStore
from walmart_bi.warehouse.base import (
    LEDGER_TABLE,
    SALES_TABLE,
    LedgerEntry,
    LoadOutcome,
    ShrinkRefused,
    TotalsMismatch,
    UnknownLoad,
    Warehouse,
    WarehouseBusy,
    WarehouseError,
)
from walmart_bi_tests.builders import SALES_SCHEMA, Row, make_month, make_row, make_rows
from walmart_bi_tests.contracts.warehouses import WAREHOUSES, Site, execute, load_all, load_for_ever
from walmart_bi_tests.processes import forked, raced
from walmart_bi_tests.rollups import rollup_problems

MONTH = "2025-03"


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


def table_rows(warehouse: Warehouse, month: str = MONTH) -> list[Row]:
    """The month's rows as the builder makes them, with their load id."""
    columns = [*SALES_SCHEMA.names, "load_id"]
    with warehouse.read() as reader:
        result = reader.query(
            f"SELECT {', '.join(columns)} FROM walmart_sales WHERE month = CAST(? AS DATE)"
            " ORDER BY load_id, source_line",
            (f"{month}-01",),
        )
    assert result.columns == tuple(columns)
    return [dict(zip(columns, row, strict=True)) for row in result.rows]


def with_load(rows: Sequence[Row], load_id: str) -> list[Row]:
    return [{**row, "load_id": load_id} for row in rows]


def state(warehouse: Warehouse, month: str = MONTH) -> tuple[list[Row], list[LedgerEntry]]:
    return table_rows(warehouse, month), warehouse.ledger()


def write_object(store: ObjectStore, described: MonthlyObject, table: pa.Table) -> MonthlyObject:
    """The described month with another Parquet table as its object."""
    content = io.BytesIO()
    pq.write_table(table, content)
    key = f"monthly_data/{described.month}/other.parquet"
    store.write_bytes(key, content.getvalue())
    return dataclasses.replace(described, key=key, sha256=hashlib.sha256(content.getvalue()).hexdigest())


def require_one_whole_load(warehouse: Warehouse, contents: dict[str, list[Row]], month: str = MONTH) -> None:
    """The month is exactly the rows of its one active load, with its rollups, and the history has no gap."""
    entries = warehouse.ledger(month)
    active = [entry for entry in entries if entry.is_active]
    assert len(active) == 1
    assert [entry.version for entry in entries] == list(range(1, len(entries) + 1))
    assert table_rows(warehouse, month) == with_load(contents[active[0].object_sha256], active[0].load_id)
    with warehouse.read() as reader:
        assert rollup_problems(reader) == []


# Before the first load


def test_a_new_warehouse_has_an_empty_history(warehouse):
    assert warehouse.ledger() == []
    assert warehouse.ledger(MONTH) == []


def test_the_tables_can_be_created_twice_and_are_then_empty(warehouse):
    warehouse.create_tables()
    warehouse.create_tables()

    assert state(warehouse) == ([], [])


def test_creating_the_tables_keeps_what_is_loaded(warehouse, store):
    load(warehouse, make_month(store, MONTH, 3))
    before = state(warehouse)

    warehouse.create_tables()

    assert state(warehouse) == before


def test_the_table_name_ends_with_the_table_and_can_be_queried(warehouse, store):
    load(warehouse, make_month(store, MONTH, 3))

    with warehouse.read() as reader:
        for name, rows in ((SALES_TABLE, 3), (LEDGER_TABLE, 1)):
            assert warehouse.table_name(name).endswith(name)
            assert reader.query(f"SELECT COUNT(*) FROM {warehouse.table_name(name)}").rows == [(rows,)]


# Loading a month


def test_a_first_load_brings_every_row_and_its_ledger_entry(warehouse, store):
    month = make_month(store, MONTH, 50)
    before = dt.datetime.now(dt.UTC)
    outcome = load(warehouse, month)
    after = dt.datetime.now(dt.UTC)

    assert (outcome.action, outcome.rows_before) == ("loaded", 0)
    assert before <= outcome.entry.committed_at <= after
    assert outcome.entry == LedgerEntry(
        load_id="2025-03-v1",
        month="2025-03",
        version=1,
        is_active=True,
        loaded_rows=50,
        quarantined_rows=1,
        duplicate_rows=2,
        total_cents=month.totals.total_cents,
        object_key=month.key,
        object_sha256=month.sha256,
        source_key=month.source.key,
        source_etag=month.source.etag,
        source_sha256=month.source.sha256,
        source_records=55,
        source_quarantined=3,
        source_duplicates=2,
        source_repairs=7,
        contract_version="1",
        code_version="0.1.0",
        run_id="run-1",
        supersedes=None,
        committed_at=outcome.entry.committed_at,
        activated_at=outcome.entry.committed_at,
    )
    assert warehouse.ledger() == [outcome.entry]
    assert table_rows(warehouse) == with_load(make_rows(MONTH, 50), "2025-03-v1")


def test_another_client_of_the_same_place_sees_the_load(site, warehouse, store):
    load(warehouse, make_month(store, MONTH, 3))

    assert state(site.warehouse()) == state(warehouse)


def test_every_value_arrives_exactly(warehouse, store):
    rows = [
        make_row(MONTH, 1, purchase_amount=Decimal("9999999999.99"), age=None, rating=None),
        make_row(MONTH, 2, purchase_amount=Decimal("0.01"), age=0, rating=1, customer_id="00042"),
        make_row(MONTH, 3, purchase_amount=Decimal("0.10"), age=120, city="Zürich 東京 🛒 'quoted' \"x\" \\ ,;\t"),
        make_row(MONTH, 4, city="NULL", product_name="N" * 1024, source_line=2**40),
        make_row(MONTH, 5, purchase_date=dt.date(2025, 3, 31), customer_id="é" * 128, gender="NA"),
    ]
    load(warehouse, make_month(store, MONTH, rows))

    found = table_rows(warehouse)
    assert sorted(found, key=lambda row: row["customer_id"]) == sorted(
        with_load(rows, "2025-03-v1"), key=lambda row: row["customer_id"]
    )
    for column in ("purchase_amount", "purchase_date", "discount_applied", "source_line", "city"):
        assert {type(row[column]) for row in found} == {type(rows[0][column])}


def test_counts_are_integers_and_money_is_exact(warehouse, store):
    load(
        warehouse,
        make_month(store, MONTH, [make_row(MONTH, n, purchase_amount=Decimal("0.10")) for n in range(1, 1001)]),
    )

    with warehouse.read() as reader:
        result = reader.query(
            "SELECT COUNT(*) AS orders, SUM(purchase_amount) AS revenue, SUM(source_line) AS line_sum,"
            " MIN(purchase_date) AS first_day, MAX(rating) AS best FROM walmart_sales"
        )
    assert result.columns == ("orders", "revenue", "line_sum", "first_day", "best")
    orders, revenue, lines, first_day, best = result.rows[0]
    assert (type(orders), orders) == (int, 1000)
    assert (type(revenue), revenue) == (Decimal, Decimal("100.00"))
    assert lines == sum(range(2, 1002)) and not isinstance(lines, float)
    assert first_day == dt.date(2025, 3, 1)
    assert best == 5


def test_parameters_are_bound_and_never_read_as_sql(warehouse, store):
    hostile = "x'); DROP TABLE walmart_sales; --"
    load(warehouse, make_month(store, MONTH, [make_row(MONTH, 1, city=hostile), make_row(MONTH, 2)]))

    with warehouse.read() as reader:
        assert reader.query("SELECT source_line FROM walmart_sales WHERE city = ?", (hostile,)).rows == [(2,)]
        assert reader.query("SELECT COUNT(*) FROM walmart_sales").rows == [(2,)]


def test_months_are_independent_of_each_other(warehouse, store):
    load(warehouse, make_month(store, "2025-02", 4))
    load(warehouse, make_month(store, "2025-03", 5))
    february = state(warehouse, "2025-02")[0]

    load(warehouse, make_month(store, "2025-03", 6))

    assert state(warehouse, "2025-02")[0] == february
    assert [entry.load_id for entry in warehouse.ledger()] == ["2025-02-v1", "2025-03-v1", "2025-03-v2"]
    assert [entry.load_id for entry in warehouse.ledger("2025-02")] == ["2025-02-v1"]


def test_a_month_without_rows_can_be_a_first_load(warehouse, store):
    outcome = load(warehouse, make_month(store, MONTH, 0))

    assert (outcome.entry.loaded_rows, outcome.entry.total_cents) == (0, 0)
    assert table_rows(warehouse) == []


# The same content again


def test_loading_the_same_object_again_changes_nothing(warehouse, store):
    month = make_month(store, MONTH, 3)
    first = load(warehouse, month)
    before = state(warehouse)

    again = load(warehouse, month)

    assert again == LoadOutcome(first.entry, "unchanged", 3)
    assert state(warehouse) == before


def test_the_same_bytes_delivered_under_another_name_change_nothing(warehouse, store):
    month = make_month(store, MONTH, 3)
    load(warehouse, month)
    renamed = dataclasses.replace(
        month, source=dataclasses.replace(month.source, key="raw_data/copy.csv", etag="other")
    )

    assert load(warehouse, renamed).action == "unchanged"


def test_a_load_that_was_replaced_since_is_not_loaded_again_unless_that_is_asked_for(warehouse, store):
    first, second = make_month(store, MONTH, 10, source="first"), make_month(store, MONTH, 12, source="second")
    load(warehouse, first)
    active = load(warehouse, second).entry
    before = state(warehouse)

    assert load(warehouse, first) == LoadOutcome(active, "superseded", 12, "2025-03-v1")
    assert state(warehouse) == before
    asked_for = load(warehouse, first, allow_superseded=True)
    assert (asked_for.action, asked_for.entry.load_id, asked_for.rows_before) == ("loaded", "2025-03-v3", 12)
    assert table_rows(warehouse) == with_load(make_rows(MONTH, 10), "2025-03-v3")


def of_delivered_file(store, name, rows, *, days_before=0):
    """A month from a file that lies in `raw_data/`, as if it had been delivered so many days earlier."""
    delivered = store.write_bytes(f"raw_data/{name}", name.encode())
    month = make_month(store, MONTH, rows, source=name.removesuffix(".csv"))
    modified = (delivered.modified - dt.timedelta(days=days_before)).isoformat()
    return dataclasses.replace(
        month, source=dataclasses.replace(month.source, key=delivered.key, etag=delivered.etag, modified=modified)
    )


def test_a_file_that_is_older_than_the_one_loaded_meanwhile_is_not_loaded_unless_that_is_asked_for(warehouse, store):
    older = of_delivered_file(store, "a.csv", 10, days_before=1)
    active = load(warehouse, of_delivered_file(store, "b.csv", 12)).entry
    before = state(warehouse)

    assert load(warehouse, older) == LoadOutcome(active, "outdated", 12)
    assert state(warehouse) == before
    assert load(warehouse, older, allow_superseded=True).action == "loaded"


@pytest.mark.parametrize("change", ["removed", "replaced"])
def test_an_older_file_is_loaded_when_the_newer_one_lies_there_no_more(warehouse, store, change):
    older = of_delivered_file(store, "a.csv", 10, days_before=1)
    load(warehouse, of_delivered_file(store, "b.csv", 12))
    if change == "removed":
        store.delete("raw_data/b.csv")
    else:
        store.write_bytes("raw_data/b.csv", b"another file")

    assert load(warehouse, older).action == "loaded"
    assert table_rows(warehouse) == with_load(make_rows(MONTH, 10), "2025-03-v2")


def test_the_same_rows_from_another_file_are_a_new_version(warehouse, store):
    load(warehouse, make_month(store, MONTH, 3, source="first"))
    outcome = load(warehouse, make_month(store, MONTH, 3, source="second"))

    assert (outcome.action, outcome.entry.load_id, outcome.rows_before) == ("loaded", "2025-03-v2", 3)
    assert table_rows(warehouse) == with_load(make_rows(MONTH, 3), "2025-03-v2")


# Corrections and history


def test_a_correction_replaces_the_month_and_keeps_the_history(warehouse, store):
    first = load(warehouse, make_month(store, MONTH, 10)).entry
    corrected = make_rows(MONTH, 8, city="Corrected")
    outcome = load(warehouse, make_month(store, MONTH, corrected))

    assert (outcome.action, outcome.rows_before) == ("loaded", 10)
    assert (outcome.entry.version, outcome.entry.supersedes) == (2, "2025-03-v1")
    assert table_rows(warehouse) == with_load(corrected, "2025-03-v2")
    assert warehouse.ledger() == [dataclasses.replace(first, is_active=False), outcome.entry]


def test_versions_count_without_gaps_and_only_the_last_is_active(warehouse, store):
    for count in (10, 11, 12, 13):
        load(warehouse, make_month(store, MONTH, count))

    entries = warehouse.ledger(MONTH)
    assert [entry.load_id for entry in entries] == [f"2025-03-v{version}" for version in (1, 2, 3, 4)]
    assert [entry.supersedes for entry in entries] == [None, "2025-03-v1", "2025-03-v2", "2025-03-v3"]
    assert [entry.is_active for entry in entries] == [False, False, False, True]


# Going back


def test_an_earlier_load_can_be_made_active_again(warehouse, store):
    first = load(warehouse, make_month(store, MONTH, 10)).entry
    second = load(warehouse, make_month(store, MONTH, 30)).entry
    outcome = warehouse.restore_load(MONTH, first.load_id)

    assert (outcome.action, outcome.rows_before) == ("restored", 30)
    assert outcome.entry == dataclasses.replace(first, activated_at=outcome.entry.activated_at)
    assert outcome.entry.activated_at > second.activated_at
    assert table_rows(warehouse) == with_load(make_rows(MONTH, 10), first.load_id)
    assert warehouse.ledger() == [outcome.entry, dataclasses.replace(second, is_active=False)]


def test_restoring_forth_and_back_ends_where_it_began(warehouse, store):
    for count in (10, 11):
        load(warehouse, make_month(store, MONTH, count))
    before = table_rows(warehouse)

    warehouse.restore_load(MONTH, "2025-03-v1")
    warehouse.restore_load(MONTH, "2025-03-v2")

    assert table_rows(warehouse) == before
    assert [entry.is_active for entry in warehouse.ledger()] == [False, True]


def test_restoring_the_active_load_changes_nothing(warehouse, store):
    load(warehouse, make_month(store, MONTH, 3))
    before = state(warehouse)

    assert warehouse.restore_load(MONTH, "2025-03-v1").action == "unchanged"
    assert state(warehouse) == before


def test_a_load_after_a_restored_one_supersedes_that_one(warehouse, store):
    for count in (10, 11):
        load(warehouse, make_month(store, MONTH, count))
    warehouse.restore_load(MONTH, "2025-03-v1")

    entry = load(warehouse, make_month(store, MONTH, 12)).entry

    assert (entry.load_id, entry.supersedes) == ("2025-03-v3", "2025-03-v1")
    assert [item.is_active for item in warehouse.ledger()] == [False, False, True]


def test_a_load_that_the_month_does_not_have_is_refused_naming_those_it_has(warehouse, store):
    load(warehouse, make_month(store, "2025-02", 2))
    load(warehouse, make_month(store, MONTH, 3))
    before = state(warehouse)

    for load_id in ("2025-03-v9", "2025-02-v1", "", "'; DROP TABLE load_ledger; --"):
        with pytest.raises(UnknownLoad, match=r"2025-03-v1"):
            warehouse.restore_load(MONTH, load_id)
    assert state(warehouse) == before


def test_restoring_in_an_empty_warehouse_is_an_unknown_load(warehouse):
    with pytest.raises(UnknownLoad, match="none"):
        warehouse.restore_load(MONTH, "2025-03-v1")


def test_a_load_whose_object_is_gone_cannot_be_restored_and_the_month_stays(warehouse, store):
    first = make_month(store, MONTH, 10)
    load(warehouse, first)
    load(warehouse, make_month(store, MONTH, 11))
    before = state(warehouse)
    store.delete(first.key)

    with pytest.raises(ObjectNotFound):
        warehouse.restore_load(MONTH, "2025-03-v1")
    assert state(warehouse) == before


def test_a_load_whose_object_was_replaced_cannot_be_restored_and_the_month_stays(warehouse, store):
    first, second = make_month(store, MONTH, 10), make_month(store, MONTH, 11)
    load(warehouse, first)
    load(warehouse, second)
    before = state(warehouse)
    with store.fetch(second.key) as path:
        store.put(first.key, path)

    with pytest.raises(WarehouseError, match="replaced or damaged"):
        warehouse.restore_load(MONTH, "2025-03-v1")
    assert state(warehouse) == before


@pytest.mark.parametrize(
    ("column", "words"),
    [("loaded_rows", "rows is 10 instead of 11"), ("total_cents", "in cents is 5555 instead of 5556")],
)
def test_a_load_whose_object_is_not_what_the_ledger_says_cannot_be_restored(site, warehouse, store, column, words):
    first = make_month(store, MONTH, 10)
    load(warehouse, first)
    load(warehouse, make_month(store, MONTH, 11))
    execute(site, f"UPDATE load_ledger SET {column} = {column} + 1 WHERE load_id = '2025-03-v1'")
    before = state(warehouse)

    with pytest.raises(TotalsMismatch, match=f"The content of the object differs .*{words}") as caught:
        warehouse.restore_load(MONTH, "2025-03-v1")
    assert caught.value.place == first.key
    assert state(warehouse) == before


# The shrink guard


@pytest.mark.parametrize(("old", "new"), [(10, 5), (11, 6), (1, 1), (10, 1000)])
def test_a_version_with_at_least_half_of_the_rows_is_loaded(warehouse, store, old, new):
    load(warehouse, make_month(store, MONTH, old))

    assert load(warehouse, make_month(store, MONTH, new, source="new")).entry.loaded_rows == new


@pytest.mark.parametrize(("old", "new"), [(10, 4), (11, 5), (1, 0)])
def test_a_version_with_less_than_half_of_the_rows_is_refused(warehouse, store, old, new):
    load(warehouse, make_month(store, MONTH, old))
    before = state(warehouse)

    with pytest.raises(ShrinkRefused, match=rf"{new} rows.*{old} rows.*allow_shrink"):
        load(warehouse, make_month(store, MONTH, new))
    assert state(warehouse) == before


def test_a_smaller_version_is_loaded_when_a_person_allows_it(warehouse, store):
    load(warehouse, make_month(store, MONTH, 10))

    assert load(warehouse, make_month(store, MONTH, 1), allow_shrink=True).rows_before == 10
    assert table_rows(warehouse) == with_load(make_rows(MONTH, 1), "2025-03-v2")


def test_the_guard_compares_with_the_active_load_and_not_with_the_newest(warehouse, store):
    load(warehouse, make_month(store, MONTH, 10))
    load(warehouse, make_month(store, MONTH, 100))
    warehouse.restore_load(MONTH, "2025-03-v1")

    assert load(warehouse, make_month(store, MONTH, 6)).action == "loaded"


# Objects that are not what they are said to be


def test_a_difference_in_any_control_total_stops_the_load(warehouse, store):
    load(warehouse, make_month(store, MONTH, 3))
    before = state(warehouse)
    month = make_month(store, MONTH, 5)

    for field in dataclasses.fields(ControlTotals):
        told = getattr(month.totals, field.name)
        wrong = "2025-03-30" if isinstance(told, str) else told + 1
        totals = dataclasses.replace(month.totals, **{field.name: wrong})
        with pytest.raises(TotalsMismatch, match=rf": The content of the object differs .*{told} instead of {wrong}"):
            load(warehouse, dataclasses.replace(month, totals=totals))
    assert state(warehouse) == before


def test_an_object_that_is_gone_stops_the_load(warehouse, store):
    load(warehouse, make_month(store, MONTH, 3))
    before = state(warehouse)
    month = make_month(store, MONTH, 5)
    store.delete(month.key)

    with pytest.raises(ObjectNotFound):
        load(warehouse, month)
    assert state(warehouse) == before


def test_an_object_with_other_content_than_described_stops_the_load(warehouse, store):
    load(warehouse, make_month(store, MONTH, 3))
    before = state(warehouse)
    month = make_month(store, MONTH, 5)
    store.write_bytes(month.key, b"not what was published")

    found = hashlib.sha256(b"not what was published").hexdigest()
    with pytest.raises(WarehouseError) as caught:
        load(warehouse, month)
    assert str(caught.value) == (
        f"{month.key}: The object's content has the hash {found[:16]}... instead of {month.sha256[:16]}...: it was "
        "replaced or damaged after it was written. Nothing was changed. "
        "Next step: load the month again from its raw file."
    )
    assert state(warehouse) == before


def test_a_row_of_another_month_stops_the_load(warehouse, store):
    load(warehouse, make_month(store, MONTH, 3))
    before = state(warehouse)
    for wrong in (
        {**make_row(MONTH, 9), "month": dt.date(2025, 4, 1)},
        make_row(MONTH, 9, purchase_date=dt.date(2025, 4, 1)),
        make_row(MONTH, 9, purchase_date=dt.date(2025, 2, 28)),
    ):
        with pytest.raises(WarehouseError, match="1 rows of the object are not in 2025-03"):
            load(warehouse, make_month(store, MONTH, [*make_rows(MONTH, 5), wrong]))
    assert state(warehouse) == before


def test_an_object_with_other_columns_or_types_stops_the_load(warehouse, store):
    load(warehouse, make_month(store, MONTH, 3))
    before = state(warehouse)
    rows = [{**row, "town": "x", "extra": "x"} for row in make_rows(MONTH, 5)]
    table = pa.Table.from_pylist(rows, schema=pa.schema([*SALES_SCHEMA, ("town", "string"), ("extra", "string")]))
    described = make_month(store, MONTH, 5)

    for schema, unlike in (
        (
            SALES_SCHEMA.set(10, pa.field("purchase_amount", pa.float64())),
            "purchase_amount decimal128(12, 2), purchase_amount double",
        ),
        (
            SALES_SCHEMA.set(9, pa.field("purchase_date", pa.timestamp("us"))),
            "purchase_date date32[day], purchase_date timestamp[us]",
        ),
        (SALES_SCHEMA.set(6, pa.field("town", pa.string())), "city string, town string"),
        (SALES_SCHEMA.append(pa.field("extra", pa.string())), "extra string"),
        (SALES_SCHEMA.remove(13), "rating int32"),
        (pa.schema(list(SALES_SCHEMA)[::-1]), "their order"),
    ):
        words = f"The object's columns are not those of walmart_sales: {unlike} differ. Nothing was changed."
        with pytest.raises(WarehouseError, match=re.escape(words)):
            load(warehouse, write_object(store, described, table.select(schema.names).cast(schema)))
    assert state(warehouse) == before


def test_a_missing_value_where_the_table_needs_one_stops_the_load(warehouse, store):
    load(warehouse, make_month(store, MONTH, 3))
    before = state(warehouse)
    nullable = pa.schema([pa.field(field.name, field.type) for field in SALES_SCHEMA])

    with pytest.raises(WarehouseError, match="city"):
        load(warehouse, make_month(store, MONTH, [make_row(MONTH, 1, city=None)] * 3, schema=nullable))
    assert state(warehouse) == before


# Views and reading


def test_a_view_is_created_replaced_and_read(warehouse, store):
    load(warehouse, make_month(store, MONTH, 4))
    warehouse.create_views({"kpi_orders": "SELECT COUNT(*) AS orders FROM walmart_sales"})
    warehouse.create_views({"kpi_orders": "SELECT month, COUNT(*) AS orders FROM walmart_sales GROUP BY month"})

    with warehouse.read() as reader:
        assert reader.query("SELECT month, orders FROM kpi_orders") == (("month", "orders"), [(dt.date(2025, 3, 1), 4)])


def test_a_view_follows_the_loads(warehouse, store):
    warehouse.create_views({"kpi_orders": "SELECT COUNT(*) AS orders FROM walmart_sales"})
    for count in (4, 5):
        load(warehouse, make_month(store, MONTH, count))
        with warehouse.read() as reader:
            assert reader.query("SELECT orders FROM kpi_orders").rows == [(count,)]


@pytest.mark.parametrize("name", ["", "two words", "kpi-x", "1st", "x; DROP TABLE walmart_sales", "é"])
def test_a_view_name_that_is_no_identifier_is_refused(warehouse, name):
    with pytest.raises(WarehouseError) as caught:
        warehouse.create_views({name: "SELECT 1 AS one"})
    assert str(caught.value) == (
        f"{name!r}: This cannot be the name of a view. "
        "Next step: use letters, digits and underscores, starting with a letter."
    )


def test_reading_before_the_first_load_says_what_to_do(warehouse):
    with pytest.raises(WarehouseError) as caught, warehouse.read():
        pytest.fail("there is nothing to read")
    assert caught.value.cause == "Nothing is loaded yet."
    assert caught.value.next_step == "load a file first, for example with `walmart-bi load FILE`."


def test_a_view_with_wrong_sql_is_refused_and_the_old_text_stays(warehouse, store):
    load(warehouse, make_month(store, MONTH, 4))
    warehouse.create_views({"kpi_orders": "SELECT COUNT(*) AS orders FROM walmart_sales"})

    with pytest.raises(WarehouseError, match="SELEKT"):
        warehouse.create_views({"kpi_orders": "SELEKT 1"})
    with warehouse.read() as reader:
        assert reader.query("SELECT orders FROM kpi_orders").rows == [(4,)]


def test_a_query_that_cannot_run_is_an_error_with_the_cause(warehouse):
    warehouse.create_tables()

    with pytest.raises(WarehouseError, match="no_such_table"), warehouse.read() as reader:
        reader.query("SELECT 1 FROM no_such_table")


def test_an_error_of_the_reader_itself_is_passed_on_and_frees_the_warehouse(site, store):
    load(site.warehouse(), make_month(store, MONTH, 4))

    with pytest.raises(ZeroDivisionError), site.warehouse().read():
        raise ZeroDivisionError
    assert load(site.warehouse(busy_timeout=1), make_month(store, MONTH, 5)).action == "loaded"


def test_history_can_be_read_while_reading(warehouse, store):
    load(warehouse, make_month(store, MONTH, 4))

    with warehouse.read() as outer:
        assert len(warehouse.ledger()) == 1
        with warehouse.read() as inner:
            assert inner.query("SELECT COUNT(*) FROM walmart_sales") == outer.query(
                "SELECT COUNT(*) FROM walmart_sales"
            )
        assert outer.query("SELECT COUNT(*) FROM walmart_sales").rows == [(4,)]


def test_all_queries_of_one_reader_see_the_same_state(site, warehouse, store):
    load(warehouse, make_month(store, MONTH, 4))
    correction = make_month(store, MONTH, 5)
    with ThreadPoolExecutor(1) as pool:
        with warehouse.read() as reader:
            first = reader.query("SELECT COUNT(*) FROM walmart_sales").rows
            writing = pool.submit(load, site.warehouse(), correction)
            time.sleep(0.2)
            assert reader.query("SELECT COUNT(*) FROM walmart_sales").rows == first == [(4,)]
        assert writing.result().action == "loaded"
    assert len(table_rows(warehouse)) == 5


# Many at once


def test_readers_during_loads_see_the_old_month_or_the_new_one(site, warehouse, store):
    versions = [make_month(store, MONTH, make_rows(MONTH, 200, city=city)) for city in ("old", "new")]
    load(warehouse, versions[0])
    done = threading.Event()

    def watch() -> set[tuple[object, ...]]:
        seen: set[tuple[object, ...]] = set()
        mine = site.warehouse()
        while not done.wait(0.01):  # without a pause the readers take what the loads need
            with mine.read() as reader:
                (active,) = reader.query("SELECT load_id FROM load_ledger WHERE is_active").rows
                (found,) = reader.query("SELECT load_id, city, COUNT(*) FROM walmart_sales GROUP BY load_id, city").rows
            assert found[0] == active[0]
            seen.add(found[1:])
        return seen

    with ThreadPoolExecutor(2) as pool:
        watching = [pool.submit(watch) for _ in range(2)]
        try:
            for number in range(1, 11):
                load(warehouse, versions[number % 2], allow_superseded=True)
        finally:
            done.set()
        seen = set().union(*(watcher.result() for watcher in watching))

    assert {("old", 200)} <= seen <= {("old", 200), ("new", 200)}
    assert len(warehouse.ledger(MONTH)) == 11


def test_two_threads_loading_an_empty_month_leave_one_active_load(site, store):
    contents = [make_rows(MONTH, 100, city=city) for city in ("a", "b")]
    months = [make_month(store, MONTH, rows) for rows in contents]
    together = threading.Barrier(2)

    def write(month: MonthlyObject) -> LoadOutcome:
        mine = site.warehouse()
        together.wait()
        return load(mine, month)

    with ThreadPoolExecutor(2) as pool:
        outcomes = list(pool.map(write, months))

    assert sorted(outcome.entry.version for outcome in outcomes) == [1, 2]
    require_one_whole_load(site.warehouse(), {month.sha256: rows for month, rows in zip(months, contents, strict=True)})


def test_two_writers_of_the_same_content_load_it_once(site, store):
    month = make_month(store, MONTH, 50)
    together = threading.Barrier(2)

    def write(_: int) -> str:
        mine = site.warehouse()
        together.wait()
        return load(mine, month).action

    with ThreadPoolExecutor(2) as pool:
        assert sorted(pool.map(write, range(2))) == ["loaded", "unchanged"]
    require_one_whole_load(site.warehouse(), {month.sha256: make_rows(MONTH, 50)})


def test_two_processes_loading_the_same_empty_months_leave_one_active_load_each(site, store):
    names = [f"2025-{number:02d}" for number in range(1, 5)]
    contents: dict[str, list[Row]] = {}
    work: list[list[MonthlyObject]] = [[], []]
    for name, (writer, city) in itertools.product(names, enumerate("ab")):
        rows = make_rows(name, 60, city=city)
        month = make_month(store, name, rows)
        contents[month.sha256] = rows
        work[writer].append(month)

    assert raced(load_all, [(site, months) for months in work]) == [4, 4]
    for name in names:
        require_one_whole_load(site.warehouse(), contents, name)


# Killed in the middle


def test_a_writer_killed_at_any_moment_leaves_a_whole_month_and_a_free_warehouse(site, warehouse, store):
    contents = {}
    months = []
    for city in "ab":
        rows = make_rows(MONTH, 300, city=city)
        months.append(make_month(store, MONTH, rows))
        contents[months[-1].sha256] = rows
    moments = random.Random(20250301)

    for _ in range(4):
        with forked(load_for_ever, site, months) as writer:
            assert writer.told() == "loading"
            time.sleep(moments.uniform(0, 0.1))
            writer.kill()
        require_one_whole_load(warehouse, contents)

    final = make_month(store, MONTH, 301)
    assert load(site.warehouse(busy_timeout=5), final).entry.is_active
    require_one_whole_load(warehouse, {**contents, final.sha256: make_rows(MONTH, 301)})


# Busy


def test_a_busy_warehouse_gives_a_bounded_error_that_names_the_holder(site, store):
    load(site.warehouse(), make_month(store, MONTH, 3))
    month = make_month(store, MONTH, 4)
    with site.held_by_another_process() as holder:
        started = time.monotonic()
        with pytest.raises(WarehouseBusy) as caught:
            load(site.warehouse(busy_timeout=0.3), month)
        waited = time.monotonic() - started
    assert holder in str(caught.value)
    assert 0.3 <= waited < 5

    assert load(site.warehouse(busy_timeout=5), month).action == "loaded"


def test_a_writer_waits_until_the_warehouse_is_free(site, store):
    load(site.warehouse(), make_month(store, MONTH, 3))
    month = make_month(store, MONTH, 4)
    with ThreadPoolExecutor(1) as pool:
        with site.held_by_another_process():
            writing = pool.submit(load, site.warehouse(busy_timeout=30), month)
            time.sleep(0.3)
            assert not writing.done()
        assert writing.result(timeout=30).action == "loaded"
