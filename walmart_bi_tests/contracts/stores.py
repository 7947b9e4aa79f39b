"""The stores that the contract suite runs on. A new store adds one line to `STORES` and nothing else.

Each entry opens whatever it needs below a temporary directory, and yields an opener: a picklable function without
arguments that gives a new client of the same place, so that tests can use it from threads and child processes.
"""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path

from walmart_bi.stores.base import ObjectStore
from walmart_bi.stores.directory import DirectoryStore

OpenStore = Callable[[], ObjectStore]


@contextlib.contextmanager
def directory(scratch: Path) -> Iterator[OpenStore]:
    yield functools.partial(DirectoryStore, scratch / "bucket")


STORES: dict[str, Callable[[Path], AbstractContextManager[OpenStore]]] = {
    "directory": directory,
}
