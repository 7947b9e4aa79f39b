"""A directory that keeps the promises of a bucket, for work without a cloud account.

Only the file system belongs here: how keys become paths, what a listing shows, and how a write becomes visible all at
once. The rules for keys and for hidden names are every store's (`base.py`).

Nothing below the root is reached through a symbolic link: a link could lead out of the store, so it is neither listed
nor read. `list` reports links and names that cannot be keys as warnings, because a delivered file must never disappear
without a word.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import hashlib
import io
import logging
import os
import shutil
import stat
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from walmart_bi.points import reached
from walmart_bi.stores.base import (
    InvalidKey,
    ObjectChanged,
    ObjectExists,
    ObjectInfo,
    ObjectNotFound,
    StoreError,
    is_hidden,
    prefix_folder,
    too_short,
    validate_key,
)
from walmart_bi.stores.local_files import file_errors, opened

_log = logging.getLogger(__name__)

_BLOCK_BYTES = 1 << 20
_EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
_LOCK_NAME = ".write.lock"
_LOCK_SECONDS = 60.0


class DirectoryStore:
    """An `ObjectStore` in a local directory, which the first write creates."""

    def __init__(self, root: Path) -> None:
        self._root = root.absolute()

    def list(self, prefix: str) -> Iterator[ObjectInfo]:
        """Every completely written object below the prefix, sorted by key; hidden names and links are left out."""
        folder = prefix_folder(prefix)
        start = self._path(folder) if folder else self._root
        with file_errors(start):
            found = [info for info in _walk(start, folder) if info.key.startswith(prefix)]
        return iter(sorted(found, key=lambda info: info.key))

    def head(self, key: str) -> ObjectInfo:
        """The object's listing entry. Raises ObjectNotFound."""
        path = self._path(key)
        with file_errors(path):
            status = path.stat()
            if not stat.S_ISREG(status.st_mode):
                raise FileNotFoundError
        return _info(key, status)

    @contextlib.contextmanager
    def fetch(self, key: str, etag: str | None = None) -> Iterator[Path]:
        """The object's own path; with an etag its version is compared on entry and on a normal exit."""
        self._require_version(key, etag)
        yield self._path(key)
        if etag is not None:
            self._require_version(key, etag)

    def read_range(self, key: str, start: int, stop: int, etag: str | None = None) -> bytes:
        """Some bytes of the object; with an etag its version is compared before and after."""
        with self.fetch(key, etag) as path, opened(path) as content, file_errors(path):
            content.seek(start)
            found = content.read(stop - start)
        if len(found) != stop - start:
            raise too_short(self.uri(key))
        return found

    def put_new(self, key: str, source: Path) -> ObjectInfo:
        """Write once. Equal bytes under the key already: no-op. Other bytes: ObjectExists, nothing changes."""
        path = self._path(key)
        with opened(source) as content, file_errors(path):
            if not path.exists():
                self._write(path, content, replace=False)
                content.seek(0)
            with path.open("rb") as stored:
                same = _same_bytes(stored, content)
        if not same:
            raise ObjectExists(
                "Other content is stored under this write-once name already.",
                place=str(path),
                next_step="publish the new content under a new name; this one keeps what it holds.",
            )
        return self.head(key)

    def put(self, key: str, source: Path) -> ObjectInfo:
        """Write or replace, atomically: readers see the old object or the new one."""
        with opened(source) as content:
            self._write(self._path(key), content, replace=True)
        return self.head(key)

    def write_bytes(self, key: str, content: bytes) -> ObjectInfo:
        """`put` for a small object."""
        self._write(self._path(key), io.BytesIO(content), replace=True)
        return self.head(key)

    def read_bytes(self, key: str) -> bytes:
        """The whole content of a small object. Raises ObjectNotFound."""
        with self.fetch(key) as path, file_errors(path):
            return path.read_bytes()

    def delete(self, key: str) -> None:
        """Remove the object if it is there."""
        path = self._path(key)
        with contextlib.suppress(ObjectNotFound), file_errors(path):
            reached("delete.before")
            path.unlink()
            reached("delete.after")

    def uri(self, key: str) -> str:
        """The object's file:// address."""
        return (self._root / validate_key(key)).as_uri()

    def _path(self, key: str) -> Path:
        """The place of a key: inside the root, because the key has no way up and no part of it is a link."""
        path = self._root
        for part in validate_key(key).split("/"):
            path /= part
            with file_errors(path):
                linked = path.is_symlink()
            if linked:
                raise InvalidKey(
                    "The name leads through a symbolic link, which could leave the store.",
                    place=str(path),
                    next_step="copy the file to this place instead of linking to it.",
                )
        return path

    def _require_version(self, key: str, etag: str | None) -> None:
        found = self.head(key).etag
        if etag is not None and found != etag:
            raise ObjectChanged(
                "The object was replaced after it was listed.",
                place=str(self._root / key),
                next_step="run it again: the newest version is then taken.",
            )

    def _write(self, path: Path, content: IO[bytes], *, replace: bool) -> None:
        """Copy beside the final place, then rename: nobody ever sees a part of an object.

        The rename happens under a lock, so that "is the name free?" and the rename are one step for all writers. A
        hard link would answer the same question, but removing its second name changes the ctime, and with it the
        version mark, of an object that readers can see already.
        """
        temporary = path.with_name(f".{uuid.uuid4().hex}.tmp")
        with file_errors(path), _directory_errors(path.parent):
            path.parent.mkdir(parents=True, exist_ok=True)
            try:
                with temporary.open("xb") as target:
                    reached("put.begun")
                    shutil.copyfileobj(content, target, _BLOCK_BYTES)
                    reached("put.copied")
                    target.flush()
                    os.fsync(target.fileno())
                with self._locked():
                    reached("put.before")
                    if replace or not path.exists():
                        temporary.replace(path)
                    reached("put.after")
                _sync_directory(path.parent)
            finally:
                temporary.unlink(missing_ok=True)

    @contextlib.contextmanager
    def _locked(self) -> Iterator[None]:
        from filelock import FileLock, Timeout

        lock = FileLock(
            self._root / _LOCK_NAME, _LOCK_SECONDS, poll_interval=0.005, fallback_to_soft=False, preserve_lock_file=True
        )
        try:
            with lock:
                yield
        except Timeout as error:
            raise StoreError(
                f"Another process has been writing to the store for more than {_LOCK_SECONDS:g} s.",
                place=str(self._root),
                next_step="end the process that hangs (`fuser` names it), then run it again.",
            ) from error


def _walk(folder: Path, prefix: str) -> Iterator[ObjectInfo]:
    """The objects of one folder and those below it. What vanishes while we look was not there."""
    with contextlib.suppress(FileNotFoundError), os.scandir(folder) as entries:
        for entry in entries:
            key = f"{prefix}/{entry.name}" if prefix else entry.name
            if is_hidden(entry.name) or not _can_be_listed(key, entry):
                continue
            if entry.is_dir(follow_symlinks=False):
                yield from _walk(Path(entry.path), key)
                continue
            with contextlib.suppress(FileNotFoundError):
                status = entry.stat(follow_symlinks=False)
                if stat.S_ISREG(status.st_mode):
                    yield _info(key, status)


def _can_be_listed(key: str, entry: os.DirEntry[str]) -> bool:
    if entry.is_symlink():
        _log.warning("%r is a symbolic link and is not listed: copy the file instead of linking to it.", entry.path)
        return False
    try:
        validate_key(key)
    except InvalidKey as error:
        _log.warning("%s", error)
        return False
    return True


def _info(key: str, status: os.stat_result) -> ObjectInfo:
    """The listing entry of a file.

    The version mark comes from size, mtime, ctime and inode, so a listing never reads content: a directory of large
    deliveries is looked at every few seconds. No copying tool can set the ctime back, and each of our writes is a new
    inode, so an overwrite with the same size and a restored mtime still shows. For the same reason `modified` is the
    ctime: a copy that keeps an old mtime was delivered now, and one with a time in the future was delivered now too
    (by its mtime it would never count as settled, and would stay the newest file for years).
    """
    facts = (status.st_size, status.st_mtime_ns, status.st_ctime_ns, status.st_ino)
    return ObjectInfo(
        key=key,
        size=status.st_size,
        etag=hashlib.sha256(repr(facts).encode()).hexdigest()[:32],
        modified=_EPOCH + dt.timedelta(microseconds=status.st_ctime_ns // 1000),
    )


def _same_bytes(left: IO[bytes], right: IO[bytes]) -> bool:
    while True:
        block = left.read(_BLOCK_BYTES)
        if block != right.read(_BLOCK_BYTES):
            return False
        if not block:
            return True


@contextlib.contextmanager
def _directory_errors(folder: Path) -> Iterator[None]:
    """A write that finds "no such file" misses the directory that it writes into, never an object."""
    try:
        yield
    except FileNotFoundError as error:
        raise StoreError(
            "The directory cannot be created, or was removed while it was written to.",
            place=str(folder),
            next_step="set WALMART_BI_HOME to a directory on a disk where the user who runs this may write.",
        ) from error


def _sync_directory(folder: Path) -> None:
    """Make a rename survive a power cut."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
