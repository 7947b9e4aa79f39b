"""The manifest of a snapshot: from which loads and texts it was made, and the hash of each of its files.

It is written last, so files that do not match it are those of a build that was interrupted. Writing is `snapshot.py`.
"""

from __future__ import annotations

import dataclasses
import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from walmart_bi.records import Record
from walmart_bi.stores.base import ObjectNotFound, ObjectStore

MANIFEST = "manifest.json"
FORMAT_VERSION = 2


@dataclass(frozen=True)
class SnapshotLoad(Record):
    """An active load that the snapshot was made from."""

    month: str
    load_id: str
    rows: int
    source_file: str
    source_sha256: str


@dataclass(frozen=True)
class SnapshotFile(Record):
    """One file: the view that it holds, by the hash of the view's text, and its own rows, size and hash."""

    name: str
    view: str
    sql_sha256: str
    rows: int
    bytes: int
    sha256: str


@dataclass(frozen=True)
class SnapshotArtifact(Record):
    """A file made of several views: what it says, as a hash, and the size and hash of this copy of it."""

    name: str
    content_sha256: str
    bytes: int
    sha256: str


@dataclass(frozen=True)
class Manifest(Record):
    """What a snapshot is. `created_at` is ISO 8601 in UTC, `revenue` decimal text in currency units."""

    snapshot_id: str
    format_version: int
    created_at: str
    code_version: str
    revenue: str
    orders: int
    loads: list[SnapshotLoad]
    files: list[SnapshotFile]
    artifacts: list[SnapshotArtifact]

    @classmethod
    def from_fields(cls, fields: dict[str, Any]) -> Manifest:
        """The manifest with its nested records rebuilt."""
        loads = [SnapshotLoad.from_fields(load) for load in fields["loads"]]
        files = [SnapshotFile.from_fields(file) for file in fields["files"]]
        artifacts = [SnapshotArtifact.from_fields(artifact) for artifact in fields["artifacts"]]
        return cls(**{**fields, "loads": loads, "files": files, "artifacts": artifacts})

    @property
    def hashes(self) -> dict[str, str]:
        """The hash of every published file by its name."""
        hashes = {file.name: file.sha256 for file in self.files}
        return hashes | {artifact.name: artifact.sha256 for artifact in self.artifacts}

    @property
    def content_id(self) -> str:
        """The id that follows from what the snapshot says: the last month and twelve digits of a hash.

        The time is left out, and so are size and hash of the artifacts, whose bytes differ each time they are made.
        """
        artifacts = [dataclasses.replace(artifact, bytes=0, sha256="") for artifact in self.artifacts]
        content = dataclasses.replace(self, snapshot_id="", created_at="", artifacts=artifacts).to_json()
        return f"{self.loads[-1].month}-{hashlib.sha256(content.encode()).hexdigest()[:12]}"


def read_manifest(store: ObjectStore, prefix: str) -> Manifest | None:
    """The manifest below the prefix; None where there is none, or none that can be read."""
    try:
        return Manifest.from_json(store.read_bytes(prefix + MANIFEST))
    except (ObjectNotFound, ValueError, TypeError, KeyError):
        return None


def verify_snapshot(store: ObjectStore, prefix: str) -> list[str]:
    """Each file of the snapshot below the prefix (`dashboard_data/latest/`) that is not what the manifest says."""
    manifest = read_manifest(store, prefix)
    if manifest is None:
        return [f"{MANIFEST} is missing or cannot be read"]
    problems = []
    if not manifest.loads or manifest.content_id != manifest.snapshot_id:
        problems.append(f"{MANIFEST} was changed: its content is not that of snapshot {manifest.snapshot_id}")
    for name, sha256 in manifest.hashes.items():
        try:
            with store.fetch(prefix + name) as path:
                if file_sha256(path) != sha256:
                    problems.append(f"{name} is not the file that the manifest names")
        except ObjectNotFound:
            problems.append(f"{name} is missing")
    return problems


def file_sha256(path: Path) -> str:
    """The hash of a local file."""
    with path.open("rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest()
