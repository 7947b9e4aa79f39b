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
from walmart_bi.stores.s3 import S3Store
from walmart_bi_tests import s3_servers

OpenStore = Callable[[], ObjectStore]


@contextlib.contextmanager
def directory(scratch: Path) -> Iterator[OpenStore]:
    yield functools.partial(DirectoryStore, scratch / "bucket")


@contextlib.contextmanager
def bucket(start_server: Callable[[], str], scratch: Path) -> Iterator[OpenStore]:
    with s3_servers.new_bucket(start_server()) as name:
        yield functools.partial(_open_bucket, start_server(), name)


def _open_bucket(endpoint: str, name: str) -> S3Store:
    return S3Store(name, "sales/eu", client=s3_servers.client(endpoint))


STORES: dict[str, Callable[[Path], AbstractContextManager[OpenStore]]] = {
    "directory": directory,
    "S3 (moto)": functools.partial(bucket, s3_servers.moto),
    "S3 (localbucket)": functools.partial(bucket, s3_servers.localbucket),
}
