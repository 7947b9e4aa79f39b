"""The one door to a DuckDB file: one process at a time, and a name for whoever stands in it.

DuckDB refuses a second process at once while the file is open for writing, and a writer while anybody reads. So all
connections of this project, readers too, queue at a lock file beside the database for as long as they are allowed to
wait. The operating system frees the lock when its holder dies. What is in the database is not this module's business,
and the database file itself is never opened here: closing any plain handle on it would silently drop DuckDB's own
lock, after which two writers overwrite each other.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import json
import os
import sys
from collections.abc import Iterator
from pathlib import Path

from walmart_bi.warehouse.base import WarehouseBusy, WarehouseError

_POLL_SECONDS = 0.02
_COMMAND_LENGTH = 200


class DatabaseLock:
    """An exclusive lock between threads and processes; the same thread may take it again."""

    def __init__(self, database: Path) -> None:
        self._database = database
        self._lock_path = database.with_name(f"{database.name}.lock")
        self._holder_path = database.with_name(f"{database.name}.holder.json")

    @contextlib.contextmanager
    def held(self, timeout: float) -> Iterator[None]:
        """Hold the lock. Raises WarehouseBusy, naming the holder, after `timeout` seconds."""
        from filelock import FileLock, Timeout

        lock = FileLock(
            self._lock_path,
            is_singleton=True,  # one object for each path, so that a read inside a read does not wait for itself
            fallback_to_soft=False,
            preserve_lock_file=True,
        )
        try:
            lock.acquire(timeout=timeout, poll_interval=_POLL_SECONDS)
        except Timeout as error:
            raise busy(self._database, self._holder(), timeout) from error
        except OSError as error:
            raise self._unusable(error) from error
        outermost = lock.lock_counter == 1
        try:
            if outermost:
                self._sign()
            yield
        finally:
            if outermost:
                self._unsign()
            lock.release()

    def _sign(self) -> None:
        holder = {
            "pid": os.getpid(),
            "command": " ".join(sys.argv)[:_COMMAND_LENGTH],
            "since": dt.datetime.now(dt.UTC).isoformat(timespec="seconds"),
        }
        with contextlib.suppress(OSError):  # a full disk must not keep anybody from reading
            self._holder_path.write_text(json.dumps(holder), encoding="utf-8")

    def _unsign(self) -> None:
        with contextlib.suppress(OSError):
            self._holder_path.unlink()

    def _holder(self) -> str:
        """Who signed last. A note that is missing or half written belongs to somebody who is just coming or going."""
        try:
            holder = json.loads(self._holder_path.read_text(encoding="utf-8"))
            return f"process {holder['pid']} ({holder['command']}) since {holder['since']}"
        except (OSError, ValueError, TypeError, KeyError):  # the last two: JSON, but no note of ours
            return "another process"

    def _unusable(self, error: OSError) -> WarehouseError:
        return WarehouseError(
            f"The warehouse cannot be locked: {error.strerror or error}.",
            place=str(self._lock_path),
            next_step="make its directory a local disk with free space where the user who runs this may write.",
        )


def busy(database: Path, holder: str, timeout: float) -> WarehouseBusy:
    """The error for a warehouse that was not free in time."""
    return WarehouseBusy(
        f"The warehouse was not free within {timeout:g} s: it is held by {holder}.",
        place=str(database),
        next_step="wait until that process is done, or close it, then run it again.",
    )
