"""A load that is cut off, or in which something else happens, at any call of the store or statement of the database.

The calls are the real ones; this only counts them. A crash is raised as BaseException, which the project catches
nowhere: what it leaves behind is what a process leaves that ends there, but for what `finally` blocks tidy up. Killed
processes, which tidy up nothing, are the kill matrix's subject.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from typing import Any
from unittest import mock

import duckdb

from walmart_bi.stores.base import ObjectStore
from walmart_bi.warehouse import redshift_connection


class Crash(BaseException):
    """The load ends here."""


class Points:
    """Counts the points that a load passes, and does once what is to be done at one of them."""

    def __init__(self) -> None:
        self._left: int | None = None
        self._action: Callable[[], None] = lambda: None
        self._statements = False
        self._connections = 0

    @contextlib.contextmanager
    def at(self, number: int, action: Callable[[], None], *, statements: bool) -> Iterator[None]:
        """Do it at this point from now on, if the block comes so far; with statements: of the database too."""
        self._left, self._action, self._statements = number, action, statements
        try:
            yield
        finally:
            self._left = None

    def store_call(self) -> None:
        # Inside a transaction nothing but a crash can happen: the lock keeps everybody else out.
        if self._statements or not self._connections:
            self._pass()

    def statement(self) -> None:
        if self._statements:
            self._pass()

    def opened(self, change: int) -> None:
        self._connections += change

    def _pass(self) -> None:
        if self._left is None:
            return
        self._left -= 1
        if self._left <= 0:
            self._left = None
            self._action()


class PointedStore:
    """The store, with a point before and after each call."""

    def __init__(self, store: ObjectStore, points: Points) -> None:
        self._store, self._points = store, points

    def __getattr__(self, name: str) -> Any:
        real = getattr(self._store, name)
        if name == "uri" or not callable(real):
            return real

        def call(*arguments: Any, **options: Any) -> Any:
            self._points.store_call()
            result = real(*arguments, **options)
            self._points.store_call()
            return result

        return call

    @contextlib.contextmanager
    def fetch(self, *arguments: Any) -> Iterator[Any]:
        self._points.store_call()
        with self._store.fetch(*arguments) as path:
            yield path
            self._points.store_call()
        self._points.store_call()


class _Connection:
    def __init__(self, connection: Any, points: Points) -> None:
        self._connection, self._points = connection, points
        points.opened(1)

    def execute(self, *arguments: Any) -> Any:
        self._points.statement()
        result = self._connection.execute(*arguments)
        self._points.statement()
        return result

    def close(self) -> None:
        self._points.opened(-1)
        self._connection.close()

    def __enter__(self) -> _Connection:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


@contextlib.contextmanager
def pointed_databases(points: Points) -> Iterator[None]:
    """Every statement to DuckDB and to Redshift passes a point before and after it; a transaction is known as such."""
    connect, execute = duckdb.connect, redshift_connection.Session.execute
    transaction = redshift_connection.Session.transaction

    def pointed_execute(session: Any, *arguments: Any) -> int:
        points.statement()
        rows = execute(session, *arguments)
        points.statement()
        return rows

    @contextlib.contextmanager
    def pointed_transaction(session: Any, *arguments: Any) -> Iterator[None]:
        with transaction(session, *arguments):
            points.opened(1)
            try:
                yield
            finally:
                points.opened(-1)

    with (
        mock.patch.object(duckdb, "connect", lambda *args, **options: _Connection(connect(*args, **options), points)),
        mock.patch.object(redshift_connection.Session, "execute", pointed_execute),
        mock.patch.object(redshift_connection.Session, "transaction", pointed_transaction),
    ):
        yield
