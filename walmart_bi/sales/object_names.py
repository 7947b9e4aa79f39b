"""How the objects that belong to a delivered file take part of its name."""

from __future__ import annotations

from pathlib import PurePosixPath

# File systems allow 255 bytes for a name; what is appended (hash, ending) and temporary names need room as well.
_NAME_BYTES = 100


def short_name(key: str) -> str:
    """The file's name without its folders, cut to 100 bytes of UTF-8 between characters.

    Cut names may be equal: the caller appends a hash of the file's content or version.
    """
    return PurePosixPath(key).name.encode()[:_NAME_BYTES].decode(errors="ignore")
