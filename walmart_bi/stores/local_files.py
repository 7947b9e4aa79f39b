"""What the operating system refuses, said so that a person can act on it, for every store that touches local files."""

from __future__ import annotations

import contextlib
import errno
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from walmart_bi.stores.base import ObjectNotFound, StoreError

_IN_THE_WAY = "a file and a directory need the same name: rename the one in the way, then run it again."
_NO_ROOM = "free disk space there, then run it again; nothing was changed."
_NO_RIGHTS = "give the user who runs this read and write rights there, then run it again."
_NEXT_STEPS = {
    errno.ENOSPC: _NO_ROOM,
    errno.EDQUOT: _NO_ROOM,
    errno.EFBIG: _NO_ROOM,
    errno.EACCES: _NO_RIGHTS,
    errno.EPERM: _NO_RIGHTS,
    errno.EROFS: _NO_RIGHTS,
    errno.ENOTDIR: _IN_THE_WAY,
    errno.EEXIST: _IN_THE_WAY,
    errno.EISDIR: _IN_THE_WAY,
}


def opened(source: Path) -> IO[bytes]:
    """The local file, open for reading. Raises ObjectNotFound or StoreError naming it."""
    with file_errors(source):
        return source.open("rb")


def created(target: Path) -> IO[bytes]:
    """A new local file, open for writing. Raises StoreError naming it."""
    with file_errors(target):
        return target.open("wb")


@contextlib.contextmanager
def file_errors(place: Path) -> Iterator[None]:
    """Turn what the operating system refused into an error that a person can act on."""
    try:
        yield
    except FileNotFoundError as error:
        raise ObjectNotFound(
            "There is nothing under this name.",
            place=str(place),
            next_step="compare the name with the listing, or deliver the file again.",
        ) from error
    except OSError as error:
        raise StoreError(
            f"The file system refused: {error.strerror or error}.",
            place=str(place),
            next_step=_NEXT_STEPS.get(error.errno or 0, "check the disk and the path, then run it again."),
        ) from error
