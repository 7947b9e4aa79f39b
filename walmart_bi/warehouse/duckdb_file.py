"""Short connections to one DuckDB file: opened when it is free, one transaction, closed.

Knows DuckDB's ways (who holds the file, what a conflict looks like, how a new file comes into being) and nothing of
months or ledgers. Extensions are never fetched: a file of another kind must not make the process go to the network.
"""

from __future__ import annotations

import contextlib
import os
import re
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeVar

import duckdb

from walmart_bi.points import reached
from walmart_bi.warehouse.base import WarehouseError
from walmart_bi.warehouse.locking import DatabaseLock, busy

Result = TypeVar("Result")

CONNECT_OPTIONS: dict[str, str | bool | int | float | list[str]] = {
    "autoinstall_known_extensions": False,
    "autoload_known_extensions": False,
    # By default DuckDB keeps what it read of the file, up to 80% of the machine: 1.2 GB beside the process's own at
    # 10,000,000 rows. What does not fit spills to a directory beside the file.
    "memory_limit": "512MB",
}
_RETRY_SECONDS = 0.05
_LOCK_HOLDER = re.compile(r"Conflicting lock is held in (?P<program>.+?) \(PID (?P<pid>\d+)\)")
# A commit that cannot be written comes as a TransactionException; conflicts, which share that class, are told apart.
_STORAGE_ERRORS = (duckdb.IOException, duckdb.OutOfMemoryException, duckdb.FatalException, duckdb.TransactionException)
_CONFLICT = re.compile(r"conflict|primary key", re.IGNORECASE)


class DuckDbFile:
    """The database file of a warehouse; `create` makes the tables of a new one."""

    def __init__(self, path: Path, *, busy_timeout: float, create: Callable[[duckdb.DuckDBPyConnection], None]) -> None:
        self._path = path
        self._busy_timeout = busy_timeout
        self._create = create
        self._lock = DatabaseLock(path)

    def exists(self) -> bool:
        """Whether anything was ever loaded here."""
        with self._files_explained():
            return self._path.exists()

    @contextlib.contextmanager
    def reading(self) -> Iterator[duckdb.DuckDBPyConnection]:
        """A read-only connection in one transaction. Raises WarehouseBusy, WarehouseError."""
        with self._lock.held(self._busy_timeout):
            connection = self._patiently(lambda: self._connect(read_only=True))
            try:
                connection.execute("BEGIN TRANSACTION")
                yield connection
            except duckdb.Error as error:
                raise self.explained(error) from error
            finally:
                connection.close()

    def change(self, change: Callable[[duckdb.DuckDBPyConnection], Result]) -> Result:
        """Run the change in one transaction, the whole again after a conflict. Raises WarehouseBusy."""
        with self._files_explained():
            self._path.parent.mkdir(parents=True, exist_ok=True)
        reached("lock.before")
        with self._lock.held(self._busy_timeout):
            reached("lock.after")
            if not self.exists():
                self._create_file()
            return self._patiently(lambda: self._transaction(change))

    def explained(self, error: duckdb.Error) -> WarehouseError:
        """What DuckDB refused, with the next step."""
        cause = str(error).strip().partition("\n")[0]
        if isinstance(error, _STORAGE_ERRORS):
            next_step = "free disk space and memory, check the disk, then run it again."
        else:
            next_step = "correct the statement, or what it reads, then run it again."
        return WarehouseError(f"{cause} Nothing was changed.", place=str(self._path), next_step=next_step)

    def _patiently(self, action: Callable[[], Result]) -> Result:
        """The action's result as soon as nobody else stands in its way; else WarehouseBusy after the time-out."""
        deadline = time.monotonic() + self._busy_timeout
        while True:
            try:
                return action()
            except duckdb.Error as error:
                holder = _holder_in(error)
                if holder is None:
                    raise self.explained(error) from error
                if time.monotonic() >= deadline:
                    raise busy(self._path, holder, self._busy_timeout) from error
            time.sleep(_RETRY_SECONDS)

    def _transaction(self, change: Callable[[duckdb.DuckDBPyConnection], Result]) -> Result:
        connection = self._connect(read_only=False)
        try:
            connection.execute("BEGIN TRANSACTION")
            reached("transaction.begun")
            result = change(connection)
            reached("commit.before")
            connection.execute("COMMIT")
            reached("commit.after")
            return result
        finally:
            connection.close()  # rolls back what was not committed

    def _connect(self, *, read_only: bool) -> duckdb.DuckDBPyConnection:
        try:
            return duckdb.connect(self._path, read_only=read_only, config=CONNECT_OPTIONS)
        except duckdb.Error as error:
            if _holder_in(error) is not None:
                raise
            cause = str(error).strip().partition("\n")[0]
            raise WarehouseError(
                f"The database file cannot be opened: {cause}",
                place=str(self._path),
                next_step="check the rights on it; if it is another program's or damaged, move it (and the .wal file"
                " beside it) away and load the months again: their objects are still in the bucket.",
            ) from error

    def _create_file(self) -> None:
        """Make the file under another name and rename it, so that a crash cannot leave half a database behind."""
        new = self._path.with_name(f".{self._path.name}.new")
        with self._files_explained():
            for leftover in (new, new.with_name(f"{new.name}.wal")):
                leftover.unlink(missing_ok=True)
            try:
                with duckdb.connect(new, config=CONNECT_OPTIONS) as connection:
                    self._create(connection)
            except duckdb.Error as error:
                raise self.explained(error) from error
            reached("database.made")
            new.replace(self._path)
            reached("database.named")

    @contextlib.contextmanager
    def _files_explained(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise WarehouseError(
                f"The database file cannot be made or looked at: {error.strerror or error}.",
                place=str(error.filename or self._path),
                next_step="set WALMART_BI_HOME to a directory where the user who runs this may write.",
            ) from error


def _holder_in(error: duckdb.Error) -> str | None:
    """Who stands in the way, when that is what the error says.

    A lock names the other process. Inside one process DuckDB shares the file between connections: then a connection of
    another kind, or a transaction that wrote the same rows first, stands in the way.
    """
    text = str(error)
    if isinstance(error, duckdb.IOException) and "Could not set lock on file" in text:
        match = _LOCK_HOLDER.search(text)
        return f"process {match['pid']} ({match['program']})" if match else "another process"
    other_kind = isinstance(error, duckdb.ConnectionException) and "different configuration" in text
    conflict = isinstance(error, (duckdb.TransactionException, duckdb.ConstraintException)) and _CONFLICT.search(text)
    return f"another connection in this process ({os.getpid()})" if other_kind or conflict else None
