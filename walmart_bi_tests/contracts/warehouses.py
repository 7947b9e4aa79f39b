"""The warehouses that the contract suite runs on. A new warehouse adds one line to `WAREHOUSES` and nothing else.

Each entry opens whatever it needs below a temporary directory, and yields a `Site`: picklable, so that tests can open
the same warehouse and its store from threads and child processes.
"""

from __future__ import annotations

import contextlib
import itertools
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Protocol
from unittest import mock

from walmart_bi.records import MonthlyObject
from walmart_bi.stores.base import ObjectStore
from walmart_bi.stores.directory import DirectoryStore
from walmart_bi.stores.s3 import S3Store
from walmart_bi.warehouse.base import Warehouse
from walmart_bi.warehouse.duckdb_warehouse import DuckDbWarehouse
from walmart_bi.warehouse.redshift_settings import RedshiftSettings
from walmart_bi.warehouse.redshift_warehouse import RedshiftWarehouse
from walmart_bi_tests import s3_servers
from walmart_bi_tests.builders import make_month, make_rows
from walmart_bi_tests.processes import forked
from walmart_bi_tests.redshift_standin.standin import COPY_ROLE, PASSWORD, USER, shared_standin


class Site(Protocol):
    """One place with a warehouse and its store."""

    def store(self) -> ObjectStore:
        """A new client of the store."""
        ...

    def warehouse(self, busy_timeout: float = 60.0) -> Warehouse:
        """A new client of the warehouse, which waits at most so many seconds for others."""
        ...

    def held_by_another_process(self) -> AbstractContextManager[str]:
        """Keep the warehouse busy from another process; yields a text by which an error must name that process."""
        ...


@dataclass(frozen=True)
class DuckDbSite:
    """A database file and a directory."""

    folder: Path

    @property
    def database(self) -> Path:
        return self.folder / "warehouse.duckdb"

    def store(self) -> ObjectStore:
        return DirectoryStore(self.folder / "bucket")

    def warehouse(self, busy_timeout: float = 60.0) -> DuckDbWarehouse:
        return DuckDbWarehouse(self.database, self.store(), busy_timeout=busy_timeout)

    @contextlib.contextmanager
    def held_by_another_process(self) -> Iterator[str]:
        with forked(_read_for_ever, self) as holder:
            yield f"process {holder.told()} "


@contextlib.contextmanager
def child(code: str, *arguments: object) -> Iterator[subprocess.Popen[str]]:
    """A Python process that has printed its first line, and ends at the latest when the block does."""
    command = [sys.executable, "-c", code, *map(str, arguments)]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env={**os.environ})
    try:
        assert process.stdout is not None
        assert process.stdout.readline(), f"the child ended early with {process.wait()}"
        yield process
    finally:
        process.kill()
        process.communicate()


def load_all(site: Site, months: list[MonthlyObject]) -> int:
    """Load the months one after the other, for use in another process; how many changed something."""
    warehouse = site.warehouse()
    return sum(_load(warehouse, month) == "loaded" for month in months)


def load_for_ever(line: Connection, site: Site, months: list[MonthlyObject]) -> None:
    """Load the months again and again, in another process until it is killed; a word is said after the first load."""
    warehouse = site.warehouse()
    for number, month in enumerate(itertools.cycle(months)):
        _load(warehouse, month)
        if number == 0:
            line.send("loading")


def load_when_told(line: Connection, site: Site, month: str, rows: int, city: str) -> None:
    """Make a month, say so, and load it after the next word, in another process; what came of it is the last word."""
    described = make_month(site.store(), month, make_rows(month, rows, city=city))
    line.send("ready")
    line.recv()
    line.send(_load(site.warehouse(), described))


def _read_for_ever(line: Connection, site: DuckDbSite) -> None:
    with site.warehouse().read():
        line.send(os.getpid())
        line.recv()


def _lock_for_ever(line: Connection, site: RedshiftSite) -> None:
    from walmart_bi.warehouse.redshift_connection import session

    with session(site.settings()) as holder, holder.transaction():
        holder.execute("LOCK load_ledger")
        ((pid,),) = holder.query("SELECT pg_backend_pid()").rows
        line.send(pid)
        line.recv()


def _load(warehouse: Warehouse, month: MonthlyObject) -> str:
    return warehouse.replace_month(month, run_id="run-of-a-child", code_version="0.1.0").action


@contextlib.contextmanager
def duckdb_file(scratch: Path) -> Iterator[Site]:
    yield DuckDbSite(scratch)


@dataclass(frozen=True)
class RedshiftSite:
    """A database behind the stand-in for Redshift, and a bucket; both are found through the environment."""

    port: int
    database: str
    bucket: str

    def store(self) -> S3Store:
        return S3Store(self.bucket, client=s3_servers.client(os.environ["AWS_ENDPOINT_URL_S3"]))

    def settings(self) -> RedshiftSettings:
        return RedshiftSettings(
            database=self.database,
            copy_role_arn=COPY_ROLE,
            host="localhost",
            port=self.port,
            user=USER,
            password=PASSWORD,
            connect_timeout=10,
            wake_timeout=20,
        )

    def warehouse(self, busy_timeout: float = 60.0) -> RedshiftWarehouse:
        return RedshiftWarehouse(self.settings(), self.store(), busy_timeout=busy_timeout)

    @contextlib.contextmanager
    def held_by_another_process(self) -> Iterator[str]:
        with forked(_lock_for_ever, self) as holder:
            yield f"session {holder.told()} "


def execute(site: Site, *statements: str) -> None:
    """Behind the project's back."""
    if isinstance(site, DuckDbSite):
        import duckdb

        with duckdb.connect(site.database) as connection:
            for statement in statements:
                connection.execute(statement)
        return
    from walmart_bi.warehouse.redshift_connection import session

    assert isinstance(site, RedshiftSite)
    with session(site.settings()) as opened:
        for statement in statements:
            opened.execute(statement)


@contextlib.contextmanager
def redshift_standin(scratch: Path) -> Iterator[Site]:
    standin = shared_standin()
    with mock.patch.dict(os.environ, standin.environment), standin.lent_database() as database:
        yield RedshiftSite(standin.port, database, standin.new_bucket())


WAREHOUSES: dict[str, Callable[[Path], AbstractContextManager[Site]]] = {
    "duckdb": duckdb_file,
    "redshift": redshift_standin,
}
