"""Files of a snapshot beside the views' CSVs: who makes them, and how one is published.

The bytes of such a file may differ each time it is written, though it says the same; an extract's do. So what it says
has a hash of its own (`content_sha256`), which is known before the file is written and is part of the snapshot's
identity, while the hash of the one published copy only tells whether that copy is whole.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from walmart_bi.points import reached
from walmart_bi.reporting.manifest import SnapshotArtifact, file_sha256
from walmart_bi.stores.base import ObjectExists, ObjectStore
from walmart_bi.warehouse.base import QueryResult, Reader

Views = Mapping[str, QueryResult]


@dataclass(frozen=True)
class PreparedFile:
    """A file that can be written: `write` gets the path and is called only if the file is not published yet."""

    name: str
    content_sha256: str
    write: Callable[[Path], None]


# Makes files from the views and from queries of its own, all in the same committed state of the warehouse.
Producer = Callable[[Reader, Views], Sequence[PreparedFile]]


def planned(prepared: Sequence[PreparedFile]) -> list[SnapshotArtifact]:
    """The manifest's entries before anything is written: names and what the files say."""
    return [SnapshotArtifact(file.name, file.content_sha256, bytes=0, sha256="") for file in prepared]


def publish_artifact(store: ObjectStore, prefix: str, folder: Path, prepared: PreparedFile) -> SnapshotArtifact:
    """Write the file and put it below the snapshot's prefix, once.

    A copy that is there already is from a build of the same content that was interrupted, or that runs beside this
    one. It says the same, so it is the one that counts: nobody then replaces a file that another manifest may name.
    """
    path = folder / prepared.name
    reached("artifact.before")
    prepared.write(path)
    reached("artifact.made")
    try:
        store.put_new(prefix + prepared.name, path)
    except ObjectExists:
        with store.fetch(prefix + prepared.name) as published:
            shutil.copyfile(published, path)
    return SnapshotArtifact(prepared.name, prepared.content_sha256, path.stat().st_size, file_sha256(path))
