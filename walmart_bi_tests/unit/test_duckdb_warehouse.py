"""What is true of the DuckDB warehouse alone: the file, who else has it open, and what can be wrong with it."""

from __future__ import annotations

import dataclasses
import os
import resource
import signal
import subprocess
import sys
import threading
import time

import duckdb
import pytest

from walmart_bi.stores.directory import DirectoryStore
from walmart_bi.warehouse import duckdb_warehouse
from walmart_bi.warehouse.base import TotalsMismatch, WarehouseBusy, WarehouseError
from walmart_bi.warehouse.duckdb_file import CONNECT_OPTIONS, DuckDbFile
from walmart_bi.warehouse.duckdb_warehouse import DuckDbWarehouse
from walmart_bi.warehouse.ledger import ledger_values
from walmart_bi_tests.builders import make_month
from walmart_bi_tests.contracts.warehouses import DuckDbSite, child, load_all
from walmart_bi_tests.processes import forked

MONTH = "2025-03"


@pytest.fixture
def site(tmp_path):
    return DuckDbSite(tmp_path / "home")


@pytest.fixture
def store(site):
    return site.store()


@pytest.fixture
def warehouse(site):
    return site.warehouse(busy_timeout=0.3)


def load(warehouse, month):
    return warehouse.replace_month(month, run_id="run", code_version="0.1.0")


def count(warehouse) -> int:
    with warehouse.read() as reader:
        return reader.query("SELECT COUNT(*) FROM walmart_sales").rows[0][0]


@pytest.fixture
def loaded(warehouse, store):
    load(warehouse, make_month(store, MONTH, 3))
    return warehouse


# The file


def test_making_a_warehouse_and_asking_an_empty_one_touches_nothing(site, warehouse):
    assert warehouse.ledger() == []
    with pytest.raises(
        WarehouseError, match=r"warehouse\.duckdb: Nothing is loaded yet\. Next step: .*walmart-bi load"
    ):
        count(warehouse)

    assert not site.folder.exists()


def test_the_module_is_imported_without_duckdb_or_filelock():
    code = (
        "import sys, walmart_bi.warehouse.duckdb_warehouse, walmart_bi.stores.directory\n"
        "print({'duckdb', 'filelock', 'pandas', 'pyarrow'} & set(sys.modules))"
    )
    printed = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout

    assert printed.strip() == "set()"


@pytest.mark.parametrize("name", ["warehouse.duckdb", "my store's 1.duckdb", "data.2025.duckdb", "plain"])
def test_the_table_name_works_in_any_client_whatever_the_file_is_called(tmp_path, name):
    store = DirectoryStore(tmp_path / "bucket")
    warehouse = DuckDbWarehouse(tmp_path / name, store)
    load(warehouse, make_month(store, MONTH, 3))

    with duckdb.connect(tmp_path / name, read_only=True) as client:
        assert client.execute(f"SELECT COUNT(*) FROM {warehouse.table_name('walmart_sales')}").fetchall() == [(3,)]


def test_the_usual_table_name_needs_no_quotes(warehouse):
    assert warehouse.table_name("walmart_sales") == "warehouse.main.walmart_sales"


def test_a_path_with_glob_characters_is_read_literally(tmp_path):
    store = DirectoryStore(tmp_path / "a[b]*?{c}" / "month=2024-01")
    warehouse = DuckDbWarehouse(tmp_path / "warehouse.duckdb", store)
    load(warehouse, make_month(store, MONTH, 3))

    assert count(warehouse) == 3


def test_a_crash_while_the_file_was_made_leaves_nothing_in_the_way(site, warehouse, store):
    site.folder.mkdir()
    site.database.with_name(".warehouse.duckdb.new").write_bytes(b"half a database")
    site.database.with_name(".warehouse.duckdb.new.wal").write_bytes(b"half a log")
    load(warehouse, make_month(store, MONTH, 3))

    assert count(warehouse) == 3
    assert sorted(path.name for path in site.folder.iterdir()) == [
        "bucket",
        "warehouse.duckdb",
        "warehouse.duckdb.lock",
    ]


def test_a_directory_that_cannot_be_made_is_an_error_with_the_next_step(tmp_path, store):
    (tmp_path / "file").write_bytes(b"")
    month = make_month(store, MONTH, 3)

    with pytest.raises(WarehouseError, match=r"file: The database file cannot be made.*WALMART_BI_HOME"):
        load(DuckDbWarehouse(tmp_path / "file" / "warehouse.duckdb", store), month)


def load_with_small_files(line, site, largest, months):
    """In another process: tell the error of loading where no file may be larger than so many bytes."""
    resource.setrlimit(resource.RLIMIT_FSIZE, (largest, largest))
    try:
        site.warehouse().create_tables()
        load_all(site, months)
    except WarehouseError as error:
        line.send(str(error))


def test_a_new_file_that_cannot_be_written_is_an_error_with_the_cause(site, warehouse, store):
    month = make_month(store, MONTH, 3)
    with forked(load_with_small_files, site, 4096, []) as writer:
        assert "free disk space" in writer.told()
    assert not site.database.exists()
    assert load(warehouse, month).action == "loaded"


def test_something_in_the_way_of_a_new_file_is_an_error_that_names_it(site, warehouse):
    site.database.with_name(".warehouse.duckdb.new").mkdir(parents=True)

    with pytest.raises(WarehouseError, match=r"\.warehouse\.duckdb\.new: The database file cannot be made"):
        warehouse.create_tables()


def test_a_new_file_whose_tables_cannot_be_made_does_not_appear(tmp_path):
    file = DuckDbFile(
        tmp_path / "warehouse.duckdb", busy_timeout=1, create=lambda connection: connection.execute("CREATE NONSENSE")
    )

    with pytest.raises(WarehouseError, match="NONSENSE"):
        file.change(lambda connection: None)
    assert not file.exists()


@pytest.mark.parametrize("kind", [duckdb.IOException, duckdb.OutOfMemoryException, duckdb.TransactionException])
def test_an_error_of_the_storage_is_not_blamed_on_the_statement(tmp_path, kind):
    file = DuckDbFile(tmp_path / "warehouse.duckdb", busy_timeout=1, create=lambda connection: None)

    def fail(connection: duckdb.DuckDBPyConnection) -> None:
        raise kind("No space left on device\nand more")

    with pytest.raises(WarehouseError, match=r"No space left on device Nothing was changed.*free disk space"):
        file.change(fail)


# What somebody else put there


@pytest.mark.parametrize(
    "content",
    [b"", b"not a database", b"x" * 20_000, b"SQLite format 3\x00" + b"\x00" * 5000],
    ids=["empty", "text", "long text", "SQLite"],
)
def test_a_file_that_is_no_duckdb_database_is_named_and_left_alone(site, warehouse, store, content):
    month = make_month(store, MONTH, 3)
    site.database.write_bytes(content)
    for attempt in (
        lambda: load(warehouse, month),
        lambda: count(warehouse),
        warehouse.ledger,
        warehouse.create_tables,
    ):
        with pytest.raises(WarehouseError, match=r"warehouse\.duckdb: The database file cannot be opened.*move it"):
            attempt()

    assert site.database.read_bytes() == content


def test_a_directory_in_its_place_is_an_error_that_says_so(site, warehouse):
    site.database.mkdir(parents=True)

    with pytest.raises(WarehouseError, match="Is a directory"):
        count(warehouse)


def test_a_truncated_database_is_an_error_with_the_next_step(site, loaded, store):
    content = site.database.read_bytes()
    site.database.write_bytes(content[:9000])

    with pytest.raises(WarehouseError, match=r"cannot be opened.*load the months again"):
        loaded.ledger()


def test_another_duckdb_database_counts_as_not_loaded_and_keeps_its_own_tables(site, warehouse, store):
    month = make_month(store, MONTH, 3)
    with duckdb.connect(site.database) as client:
        client.execute("CREATE TABLE theirs AS SELECT 42 AS answer")

    assert warehouse.ledger() == []
    with pytest.raises(WarehouseError, match="Nothing is loaded yet"):
        count(warehouse)
    load(warehouse, month)
    with warehouse.read() as reader:
        assert reader.query("SELECT answer FROM theirs").rows == [(42,)]
    assert count(warehouse) == 3


def test_tables_of_another_shape_are_an_error_and_stay_as_they_are(site, warehouse, store):
    month = make_month(store, MONTH, 3)
    with duckdb.connect(site.database) as client:
        client.execute("CREATE TABLE walmart_sales AS SELECT 42 AS answer")
        client.execute("CREATE TABLE load_ledger AS SELECT 42 AS answer")

    for attempt in (lambda: load(warehouse, month), warehouse.ledger):
        with pytest.raises(WarehouseError, match=r"(month|load_ledger).*Nothing was changed"):
            attempt()
    assert count(warehouse) == 1


def test_a_reader_cannot_write(loaded):
    with pytest.raises(WarehouseError, match="read-only"), loaded.read() as reader:
        reader.query("DELETE FROM walmart_sales")
    assert count(loaded) == 3


def test_given_corrections_when_loaded_then_places_of_replaced_rows_are_let_be_until_the_load_that_tidies(
    site, warehouse, store, monkeypatch
):
    monkeypatch.setattr(duckdb_warehouse, "_LOADS_TO_TIDY_AFTER", 8)
    months = [f"2025-{number:02d}" for number in range(1, 7)]
    for month in months:
        load(warehouse, make_month(store, month, 50))

    places = []
    for number in range(18):
        load(warehouse, make_month(store, months[5 * number % 6], 50, source=f"correction {number}"))
        places.append(sum(pieces_of(site, "walmart_sales")))

    assert count(warehouse) == 300
    assert [places[load - 7] for load in (8, 16, 24)] == [300] * 3
    assert 300 < max(places) <= 300 + 7 * 50
    assert places.count(300) < len(places) / 2  # a month's rows are moved for another's seldom


# Who else has it open


class StoreThatWaits(DirectoryStore):
    """Lets something happen once, in the middle of a load: after its ledger row, before its rows."""

    def __init__(self, store, reached, happen):
        self._root = store._root
        self._reached = reached
        self._happen = happen

    def fetch(self, key, etag=None):
        if not self._reached.is_set():
            self._reached.set()
            self._happen()
        return super().fetch(key, etag)


HOLD = (
    "import duckdb, sys\n"
    "with duckdb.connect(sys.argv[1], read_only=sys.argv[2] == 'reading') as client:\n"
    "    client.execute('SELECT 1'); print('open', flush=True); sys.stdin.read()\n"
)


def test_a_tool_that_only_reads_stops_loads_but_not_readers_and_is_named(site, loaded, store):
    month = make_month(store, MONTH, 4)
    with child(HOLD, site.database, "reading") as tool:
        assert count(loaded) == 3
        with pytest.raises(WarehouseBusy, match=rf"within 0\.3 s: it is held by process {tool.pid} \(.*python.*\)"):
            load(loaded, month)
    assert load(loaded, month).action == "loaded"


def test_a_tool_that_writes_stops_everybody_and_is_named(site, loaded, store):
    with child(HOLD, site.database, "writing") as tool:
        for attempt in (lambda: count(loaded), loaded.ledger, loaded.create_tables):
            with pytest.raises(WarehouseBusy, match=f"process {tool.pid} "):
                attempt()
    assert count(loaded) == 3


def test_a_load_waits_for_a_tool_that_closes_in_time(site, loaded, store):
    month = make_month(store, MONTH, 4)
    with child(HOLD, site.database, "writing") as tool:
        closing = threading.Timer(0.4, tool.kill)
        closing.start()
        assert load(site.warehouse(busy_timeout=30), month).action == "loaded"
        closing.join()


def test_another_connection_in_this_process_is_named_as_such(site, loaded):
    with duckdb.connect(site.database), pytest.raises(WarehouseBusy, match="another connection in this process"):
        count(loaded)


def test_a_conflicting_transaction_in_this_process_gives_a_bounded_error(site, loaded, store):
    month = make_month(store, MONTH, 4)
    with duckdb.connect(site.database, config=CONNECT_OPTIONS) as other:
        other.execute("BEGIN TRANSACTION")
        other.execute("UPDATE load_ledger SET is_active = FALSE")
        started = time.monotonic()
        with pytest.raises(WarehouseBusy, match="another connection in this process"):
            load(loaded, month)
        assert 0.3 <= time.monotonic() - started < 5
    assert count(loaded) == 3


def test_a_load_that_loses_a_race_is_decided_again_on_what_the_winner_left(site, loaded, store):
    winner = dataclasses.replace(loaded.ledger()[0], load_id="2025-03-v2", version=2, supersedes="2025-03-v1")
    month = make_month(store, MONTH, 4)
    with duckdb.connect(site.database, config=CONNECT_OPTIONS) as other:
        other.execute("BEGIN TRANSACTION")
        other.execute("UPDATE load_ledger SET is_active = FALSE")
        other.execute(f"INSERT INTO load_ledger VALUES ({', '.join('?' * 23)})", ledger_values(winner))
        winning = threading.Timer(0.3, other.commit)
        winning.start()
        outcome = load(site.warehouse(busy_timeout=30), month)
        winning.join()

    assert (outcome.entry.load_id, outcome.entry.supersedes) == ("2025-03-v3", "2025-03-v2")
    assert [entry.is_active for entry in loaded.ledger()] == [False, False, True]


def test_a_first_load_that_loses_a_race_on_an_empty_month_is_decided_again(site, loaded, store):
    winner = dataclasses.replace(loaded.ledger()[0], load_id="2025-04-v1", month="2025-04", object_sha256="0" * 64)
    month = make_month(store, "2025-04", 4)
    with duckdb.connect(site.database, config=CONNECT_OPTIONS) as other:
        other.execute("BEGIN TRANSACTION")
        other.execute(f"INSERT INTO load_ledger VALUES ({', '.join('?' * 23)})", ledger_values(winner))
        mine = site.warehouse(busy_timeout=30)
        inserting = threading.Event()
        mine._store = StoreThatWaits(store, inserting, other.commit)
        outcome = load(mine, month)

    assert inserting.is_set()
    assert (outcome.entry.load_id, outcome.entry.supersedes) == ("2025-04-v2", "2025-04-v1")
    assert [entry.is_active for entry in loaded.ledger("2025-04")] == [False, True]


# Cut off in the middle


def test_a_row_that_gets_lost_on_the_way_into_the_table_stops_the_load(loaded, store, monkeypatch):
    real = duckdb_warehouse._totals

    def lose_a_row_first(connection, relation, parameters):
        if relation.startswith("walmart_sales"):
            connection.execute("DELETE FROM walmart_sales WHERE source_line = 2")
        return real(connection, relation, parameters)

    history = loaded.ledger()
    month = make_month(store, MONTH, 4)
    with monkeypatch.context() as patched:
        patched.setattr(duckdb_warehouse, "_totals", lose_a_row_first)
        with pytest.raises(TotalsMismatch, match=r"The month in the table differs.*rows is 3 instead of 4"):
            load(loaded, month)

    assert (count(loaded), loaded.ledger()) == (3, history)


def load_and_die_after_the_insert(line, site, month, real=duckdb_warehouse.require_equal):
    """In another process."""

    def kill(expected, found, *, where, place):
        real(expected, found, where=where, place=place)
        if place.endswith("walmart_sales"):
            line.send("inserted")
            os.kill(os.getpid(), signal.SIGKILL)

    duckdb_warehouse.require_equal = kill
    load_all(site, [month])


@pytest.mark.parametrize("rows_before", [0, 3])
def test_a_load_killed_between_insert_and_commit_leaves_the_old_month(site, warehouse, store, rows_before):
    if rows_before:
        load(warehouse, make_month(store, MONTH, rows_before))
    history = warehouse.ledger()
    month = make_month(store, MONTH, 500)
    with forked(load_and_die_after_the_insert, site, month) as killed:
        assert killed.told() == "inserted"
        killed.process.join(60)
        assert killed.process.exitcode == -signal.SIGKILL

    assert warehouse.ledger() == history
    assert count(warehouse) == rows_before
    assert load(warehouse, month).rows_before == rows_before
    assert count(warehouse) == 500


def test_a_full_disk_stops_the_load_with_a_clear_error_and_keeps_the_old_month(site, loaded, store):
    history = loaded.ledger()
    month = make_month(store, MONTH, 30_000)
    with forked(load_with_small_files, site, site.database.stat().st_size + 65_536, [month]) as writer:
        assert "Nothing was changed. Next step: free disk space" in writer.told()

    assert loaded.ledger() == history
    assert count(loaded) == 3
    assert load(loaded, month).action == "loaded"


# Memory and pieces


def test_given_a_large_machine_when_a_connection_is_open_then_it_may_use_half_a_gigabyte_and_spill_beside_the_file(
    site, loaded
):
    with loaded.read() as reader:
        asked = "SELECT current_setting('memory_limit'), current_setting('temp_directory')"
        assert reader.query(asked).rows == [("488.2 MiB", f"{site.database}.tmp")]


def test_given_as_many_loads_as_between_two_tidied_ones_when_loaded_then_their_pieces_are_joined(
    site, warehouse, store, monkeypatch
):
    monkeypatch.setattr(duckdb_warehouse, "_LOADS_TO_TIDY_AFTER", 8)
    pieces = []
    for number in range(1, 10):
        load(warehouse, make_month(store, f"2025-{number:02}", 3))
        pieces.append(pieces_of(site, "load_ledger"))
    assert pieces == [[1], [1] * 2, [1] * 3, [1] * 4, [1] * 5, [1] * 6, [1] * 7, [8], [8, 1]]


def pieces_of(site, table) -> list[int]:
    """The rows that have a place in each piece (DuckDB: row group) of the table, also those deleted since."""
    asked = (
        f"SELECT SUM(count) FROM pragma_storage_info('{table}')"
        " WHERE column_name = 'month' AND segment_type <> 'VALIDITY'"
        " GROUP BY row_group_id ORDER BY row_group_id"
    )
    with duckdb.connect(site.database, read_only=True) as connection:
        return [int(places) for (places,) in connection.execute(asked).fetchall()]
