"""What every object store promises; the contract suite in `walmart_bi_tests/contracts` holds each store to it.

A store can be pickled, without its connection and without credentials: another process opens its own.

Only the promise and its errors belong here: no file system, no boto3, no Dagster. Keys are relative, `/`-separated
names such as `raw_data/2025-03.csv`; the prefixes that the project uses are constants below.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from walmart_bi.errors import WalmartBiError

RAW_DATA = "raw_data/"
MONTHLY_DATA = "monthly_data/"
QUARANTINE = "quarantine/"
DASHBOARD_DATA = "dashboard_data/"
STAGING = "staging/"


@dataclass(frozen=True)
class ObjectInfo:
    """One stored object as a listing shows it.

    `etag` is a version mark: it changes whenever the content may have changed, and is compared for equality only.
    `modified` is UTC and says when the object was last written; it orders deliveries and is never an identity.
    """

    key: str
    size: int
    etag: str
    modified: dt.datetime


class StoreError(WalmartBiError):
    """An object store cannot do what was asked."""


class ObjectNotFound(StoreError):
    """No object has this key."""


class ObjectChanged(StoreError):
    """The object is no longer the version that was asked for."""


class ObjectExists(StoreError):
    """A write-once key already holds other content."""


class InvalidKey(StoreError):
    """The key is not a safe relative name."""


class ObjectStore(Protocol):
    """A flat name space of immutable-by-convention objects, in a directory or in S3."""

    def list(self, prefix: str) -> Iterator[ObjectInfo]:
        """Every completely written object below the prefix, sorted by key. Temporary and dot names are not shown."""
        ...

    def head(self, key: str) -> ObjectInfo:
        """The object's listing entry. Raises ObjectNotFound."""
        ...

    def fetch(self, key: str, etag: str | None = None) -> AbstractContextManager[Path]:
        """A local path with the object's bytes, valid inside the `with` block and never to be written to.

        With an etag: exactly that version, else ObjectChanged, raised on entry when it already differs and on a
        normal exit when it changed meanwhile. Raises ObjectNotFound.
        """
        ...

    def read_range(self, key: str, start: int, stop: int, etag: str | None = None) -> bytes:
        """The bytes from `start` up to `stop` (not included) of the object, all in memory.

        With an etag: of exactly that version, else ObjectChanged. Raises ObjectNotFound, and StoreError when the object
        ends before `stop`.
        """
        ...

    def put_new(self, key: str, source: Path) -> ObjectInfo:
        """Write once. Equal bytes under the key already: no-op. Other bytes: ObjectExists, nothing changes."""
        ...

    def put(self, key: str, source: Path) -> ObjectInfo:
        """Write or replace, atomically: readers see the old object or the new one."""
        ...

    def write_bytes(self, key: str, content: bytes) -> ObjectInfo:
        """`put` for a small object."""
        ...

    def read_bytes(self, key: str) -> bytes:
        """The whole content of a small object. Raises ObjectNotFound."""
        ...

    def delete(self, key: str) -> None:
        """Remove the object if it is there. Only staging objects and `latest/` leftovers are ever deleted."""
        ...

    def uri(self, key: str) -> str:
        """The address a person can use: file:///... or s3://bucket/prefix/key."""
        ...


_SEGMENT = re.compile(r"[^/\x00-\x1f\x7f\ud800-\udfff\\]+")
_TEMPORARY_ENDINGS = (".tmp", ".part", ".crdownload", ".filepart", "~")


def validate_key(key: str) -> str:
    """The key itself when it is a safe relative name, else InvalidKey: no `..`, no absolute or empty part.

    Lone surrogates (a file name that is not UTF-8) are refused as well: no bucket and no JSON document can hold them.
    """
    parts = key.split("/")
    safe = all(_SEGMENT.fullmatch(part) and part not in {".", ".."} for part in parts)
    if not safe or len(key.encode("utf-8")) > 1024:
        raise InvalidKey(
            "The object name is empty, absolute, too long, or has a part that could leave the store.",
            place=repr(key[:200]),
            next_step="rename the file with letters, digits, dots, dashes and underscores, and deliver it again.",
        )
    return key


def too_short(place: str) -> StoreError:
    """The error of a `read_range` beyond the end."""
    return StoreError(
        "The object ends before the bytes that were to be read.",
        place=place,
        next_step="run it again; if it stays, something else writes there.",
    )


def prefix_folder(prefix: str) -> str:
    """The folder part of a listing prefix, without its last slash; InvalidKey when it is not a safe name."""
    return validate_key(prefix.rpartition("/")[0]) if "/" in prefix else ""


def is_hidden(key: str) -> bool:
    """Whether a listing leaves this key out: a part with a leading dot, or named like a half-copied file."""
    return any(part.startswith(".") or part.lower().endswith(_TEMPORARY_ENDINGS) for part in key.split("/"))
