"""The lock file beside a database: who waits, who is named, what a dead holder leaves behind."""

from __future__ import annotations

import errno
import fcntl
import json
import os
import re
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from walmart_bi.warehouse.base import WarehouseBusy, WarehouseError
from walmart_bi.warehouse.locking import DatabaseLock
from walmart_bi_tests.contracts.warehouses import child


@pytest.fixture
def database(tmp_path):
    return tmp_path / "warehouse.duckdb"


def in_a_thread(action):
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(action).result()


def try_to_hold(database, timeout=0.1):
    with DatabaseLock(database).held(timeout):
        return True


def test_another_thread_waits_and_is_told_which_process_holds_the_lock(database):
    with DatabaseLock(database).held(1), pytest.raises(WarehouseBusy) as caught:
        in_a_thread(lambda: try_to_hold(database))

    note = re.escape(f"it is held by process {os.getpid()} ({' '.join(sys.argv)[:200]})")
    assert re.search(rf"{note} since 20\d\d-\d\d-\d\dT\d\d:\d\d:\d\d\+00:00\.$", caught.value.cause)
    assert caught.value.cause.startswith("The warehouse was not free within 0.1 s: ")
    assert caught.value.place == str(database)
    assert caught.value.next_step == "wait until that process is done, or close it, then run it again."


def test_the_lock_is_free_afterwards_and_the_note_is_gone(database):
    with DatabaseLock(database).held(1):
        assert json.loads(database.with_name("warehouse.duckdb.holder.json").read_text())["pid"] == os.getpid()

    assert in_a_thread(lambda: try_to_hold(database))
    assert [path.name for path in database.parent.iterdir()] == ["warehouse.duckdb.lock"]


def test_the_lock_is_free_after_an_error(database):
    with pytest.raises(ZeroDivisionError), DatabaseLock(database).held(1):
        raise ZeroDivisionError

    assert in_a_thread(lambda: try_to_hold(database))


def test_the_same_thread_may_take_it_again_and_keeps_it_until_the_last_release(database):
    with DatabaseLock(database).held(1):
        with DatabaseLock(database).held(0):
            pass
        with pytest.raises(WarehouseBusy, match=f"process {os.getpid()}"):
            in_a_thread(lambda: try_to_hold(database))
    assert in_a_thread(lambda: try_to_hold(database))


def test_only_one_thread_is_inside_at_a_time(database):
    inside, most = [], []

    def work(_: int) -> None:
        with DatabaseLock(database).held(30):
            inside.append(threading.get_ident())
            most.append(len(inside))
            time.sleep(0.01)
            inside.pop()

    with ThreadPoolExecutor(6) as pool:
        list(pool.map(work, range(12)))
    assert most == [1] * 12


def test_a_killed_holder_frees_the_lock_and_its_note_misleads_nobody(database):
    code = (
        "import sys, time; from pathlib import Path; from walmart_bi.warehouse.locking import DatabaseLock\n"
        "with DatabaseLock(Path(sys.argv[1])).held(1): print('held', flush=True); time.sleep(60)\n"
    )
    with child(code, database) as process, pytest.raises(WarehouseBusy, match=f"process {process.pid} "):
        try_to_hold(database)

    assert json.loads(database.with_name("warehouse.duckdb.holder.json").read_text())["pid"] == process.pid
    with DatabaseLock(database).held(5), pytest.raises(WarehouseBusy, match=f"process {os.getpid()} "):
        in_a_thread(lambda: try_to_hold(database))


def test_a_holder_without_a_readable_note_is_another_process(database):
    with DatabaseLock(database).held(1):
        for damage in ("", "{", "not json", "[]", "{}", '"text"', "7", "null"):
            database.with_name("warehouse.duckdb.holder.json").write_text(damage)
            with pytest.raises(WarehouseBusy, match="held by another process"):
                in_a_thread(lambda: try_to_hold(database, 0.02))


def test_a_note_that_cannot_be_written_does_not_stop_the_work(database):
    database.with_name("warehouse.duckdb.holder.json").mkdir(parents=True)
    lock = DatabaseLock(database)

    with lock.held(1):
        assert database.with_name("warehouse.duckdb.lock").exists()


def test_a_place_that_cannot_be_locked_is_named(database):
    database.with_name("warehouse.duckdb.lock").mkdir(parents=True)

    with pytest.raises(WarehouseError) as caught:
        try_to_hold(database)
    assert str(caught.value) == (
        f"{database}.lock: The warehouse cannot be locked: Is a directory. Next step: make its directory a local disk "
        "with free space where the user who runs this may write."
    )


def test_a_file_system_without_locks_is_an_error_and_not_a_lock_that_a_killed_process_would_keep(database, monkeypatch):
    def without_locks(*_):
        raise OSError(errno.ENOSYS, os.strerror(errno.ENOSYS))

    monkeypatch.setattr(fcntl, "flock", without_locks)
    with pytest.raises(WarehouseError, match="The warehouse cannot be locked: "):
        try_to_hold(database)
