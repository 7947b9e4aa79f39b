"""The dashboard snapshot: the KPI views as files, from one consistent read of a warehouse that was verified first.

`dashboard_data/<snapshot id>/` is written once; `dashboard_data/latest/` holds the same files. In both the manifest is
written last. The id follows from the content, so an unchanged state gives the same id, and building again writes
nothing. What a view's file is and looks like is `view_files.py` and `csv_files.py`, what the manifest says
`manifest.py`. Other files join through producers (`artifacts.py`): prepared in the same read, published with the rest.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

from walmart_bi.errors import WalmartBiError
from walmart_bi.kpis.model import Kpi
from walmart_bi.kpis.privacy import Profile
from walmart_bi.kpis.public.edition import published_reader
from walmart_bi.kpis.validity import rule_sets
from walmart_bi.points import reached
from walmart_bi.reporting.artifacts import PreparedFile, Producer, planned, publish_artifact
from walmart_bi.reporting.manifest import (
    FORMAT_VERSION,
    MANIFEST,
    Manifest,
    SnapshotArtifact,
    SnapshotFile,
    SnapshotLoad,
    read_manifest,
    verify_snapshot,
)
from walmart_bi.reporting.view_files import read_view, table_totals, write_view
from walmart_bi.stores.base import DASHBOARD_DATA, ObjectExists, ObjectStore
from walmart_bi.warehouse.base import Reader, Warehouse, WarehouseError
from walmart_bi.warehouse.integrity import Loads, check_ledger, read_loads
from walmart_bi.warehouse.rollup_agreement import check_months

LATEST = f"{DASHBOARD_DATA}latest/"
_SHOWN_PROBLEMS = 10
_ATTEMPTS = 5


class SnapshotRefused(WalmartBiError):
    """The warehouse is empty, or its numbers do not agree with each other; nothing was published."""


class SnapshotDamaged(WalmartBiError):
    """The files of a published snapshot are no longer what was published."""


class SnapshotOvertaken(WalmartBiError):
    """Loads kept changing the months while the snapshot was made; `latest` may be of an older state."""


@dataclass(frozen=True)
class Snapshot:
    """A published snapshot. `changed` is false when it, and `latest`, were there already."""

    id: str
    prefix: str
    manifest_key: str
    files: tuple[SnapshotFile, ...]
    artifacts: tuple[SnapshotArtifact, ...]
    revenue: Decimal
    orders: int
    changed: bool


def build_snapshot(
    warehouse: Warehouse,
    store: ObjectStore,
    catalog: Sequence[Kpi],
    *,
    created_at: dt.datetime,
    code_version: str,
    producers: Sequence[Producer] = (),
    profile: Profile = "internal",
) -> Snapshot:
    """Verify the warehouse, then publish its KPI views and the producers' files; an unchanged state changes nothing.

    A month may be loaded and published by another run while this one writes; `latest` would go back to the older
    state. So the active loads are read again at the end, and other ones start the build again: whoever writes `latest`
    last has looked after writing. Raises SnapshotRefused with the reasons, CustomerColumn, SmallCell, SnapshotDamaged,
    SnapshotOvertaken.
    """
    for _ in range(_ATTEMPTS):
        manifest, is_changed = _publish(warehouse, store, catalog, producers, created_at, code_version, profile)
        made_from = {load.load_id for load in manifest.loads}
        active = {entry.load_id for entry in warehouse.ledger() if entry.is_active}
        if made_from == active:
            return _snapshot(manifest, is_changed)
    raise SnapshotOvertaken(
        f"Months were loaded while the snapshot was made, {_ATTEMPTS} times in a row, last "
        f"{', '.join(sorted(active - made_from) or sorted(made_from - active))}.",
        place=store.uri(LATEST + MANIFEST),
        next_step="wait until the loads are done, then materialize the snapshot again.",
    )


@contextmanager
def latest_files(store: ObjectStore, names: Sequence[str]) -> Iterator[tuple[Manifest, list[Path]]]:
    """The named files of `latest`, each under its own name and as its manifest says, while the block lasts.

    Raises SnapshotDamaged when there is no such snapshot, or it is no longer what was published.
    """
    manifest = read_manifest(store, LATEST)
    problems = verify_snapshot(store, LATEST)
    if manifest is not None:
        problems += [f"{name} is not part of it" for name in names if name not in manifest.hashes]
    if problems or manifest is None:
        raise SnapshotDamaged(
            f"The latest snapshot cannot be used: {'; '.join(problems)}.",
            place=store.uri(LATEST + MANIFEST),
            next_step="materialize the snapshot again.",
        )
    with tempfile.TemporaryDirectory(prefix="walmart_bi_latest_") as directory:
        folder = Path(directory)
        for name in names:
            with store.fetch(LATEST + name) as path:
                shutil.copyfile(path, folder / name)
        yield manifest, [folder / name for name in names]


def _publish(
    warehouse: Warehouse,
    store: ObjectStore,
    catalog: Sequence[Kpi],
    producers: Sequence[Producer],
    created_at: dt.datetime,
    code_version: str,
    profile: Profile,
) -> tuple[Manifest, bool]:
    """One verified state in the store, and whether that changed anything there."""
    with tempfile.TemporaryDirectory(prefix="walmart_bi_snapshot_") as directory:
        folder = Path(directory)
        with warehouse.read() as reader:
            loads = read_loads(reader)
            refuse_wrong_numbers(reader, loads, catalog)
            shown = published_reader(reader, catalog, profile)
            if shown is not reader:
                refuse_wrong_numbers(shown, loads, catalog)
            views = {kpi.name: read_view(shown, kpi) for kpi in catalog}
            prepared = [file for producer in producers for file in producer(shown, views)]
        reached("snapshot.read")
        files = [write_view(kpi, views[kpi.name], folder) for kpi in catalog]
        manifest = _manifest(loads, files, planned(prepared), created_at, code_version)
        manifest, is_new = _publish_once(store, folder, manifest, prepared)
        is_moved = _publish_latest(store, manifest)
    return manifest, is_new or is_moved


def _snapshot(manifest: Manifest, is_changed: bool) -> Snapshot:
    prefix = _prefix(manifest)
    return Snapshot(
        id=manifest.snapshot_id,
        prefix=prefix,
        manifest_key=prefix + MANIFEST,
        files=tuple(manifest.files),
        artifacts=tuple(manifest.artifacts),
        revenue=Decimal(manifest.revenue),
        orders=manifest.orders,
        changed=is_changed,
    )


def refuse_wrong_numbers(reader: Reader, loads: Loads, catalog: Sequence[Kpi]) -> None:
    """Raise SnapshotRefused when nothing is loaded, or ledger, table, rollups and views do not agree."""
    if not loads.active:
        raise SnapshotRefused(
            "No month is loaded, so there is nothing to publish.",
            place="load_ledger",
            next_step="load a file first: walmart-bi load FILE.",
        )
    problems = list(_problems(reader, loads, catalog))
    if problems:
        more = f"; and {len(problems) - _SHOWN_PROBLEMS} more" if len(problems) > _SHOWN_PROBLEMS else ""
        raise SnapshotRefused(
            f"The numbers do not agree: {'; '.join(problems[:_SHOWN_PROBLEMS])}{more}.",
            place=DASHBOARD_DATA,
            next_step="load the months named here again, materialize the KPI views, then the snapshot; "
            "the last snapshot is still in place.",
        )


def _problems(reader: Reader, loads: Loads, catalog: Sequence[Kpi]) -> Iterator[str]:
    for name, verdict in check_ledger(loads).items():
        yield from (f"{name}: {problem}" for problem in verdict.problems)
    yield from (f"rollups: {problem}" for problem in check_months(reader, loads).problems)
    for kpi in catalog:
        try:
            verdicts = [rules.check(reader, kpi) for rules in rule_sets(kpi)]
        except WarehouseError as error:  # the view is missing or broken; Redshift answers no more in this transaction
            yield f"{kpi.name} cannot be read: {error.cause}"
            return
        yield from (f"{kpi.name}: {problem}" for verdict in verdicts for problem in verdict.problems)


def _manifest(
    loads: Loads,
    files: list[SnapshotFile],
    artifacts: list[SnapshotArtifact],
    created_at: dt.datetime,
    code_version: str,
) -> Manifest:
    """The manifest; its totals are the table's, which were found equal to the ledger's and the views'."""
    revenue, orders = table_totals(loads)
    manifest = Manifest(
        snapshot_id="",
        format_version=FORMAT_VERSION,
        created_at=created_at.astimezone(dt.UTC).isoformat(timespec="seconds"),
        code_version=code_version,
        revenue=str(revenue),
        orders=orders,
        loads=[
            SnapshotLoad(load.month, load.load_id, load.loaded_rows, load.source_key, load.source_sha256)
            for load in loads.active
        ],
        files=sorted(files, key=lambda file: file.name),
        artifacts=sorted(artifacts, key=lambda artifact: artifact.name),
    )
    return dataclasses.replace(manifest, snapshot_id=manifest.content_id)


def _prefix(manifest: Manifest) -> str:
    return f"{DASHBOARD_DATA}{manifest.snapshot_id}/"


def _publish_once(
    store: ObjectStore, folder: Path, manifest: Manifest, prepared: Sequence[PreparedFile]
) -> tuple[Manifest, bool]:
    """The snapshot under its own id, and whether it is new; one that is there keeps its time of creation."""
    prefix = _prefix(manifest)
    if any(store.list(prefix + MANIFEST)):
        return _published(store, prefix), False
    for file in manifest.files:
        reached("snapshot.before_file")
        store.put_new(prefix + file.name, folder / file.name)
    reached("snapshot.files_written")
    artifacts = [publish_artifact(store, prefix, folder, file) for file in prepared]
    manifest = dataclasses.replace(manifest, artifacts=sorted(artifacts, key=lambda artifact: artifact.name))
    reached("snapshot.before_manifest")
    local = folder / MANIFEST
    local.write_text(manifest.to_json(), encoding="utf-8")
    try:
        store.put_new(prefix + MANIFEST, local)
    except ObjectExists:  # another run published the same state at the same time
        return _published(store, prefix), False
    reached("snapshot.after_manifest")
    return manifest, True


def _published(store: ObjectStore, prefix: str) -> Manifest:
    problems = verify_snapshot(store, prefix)
    manifest = read_manifest(store, prefix)
    if problems or manifest is None:
        raise SnapshotDamaged(
            f"A published snapshot was changed: {'; '.join(problems)}.",
            place=store.uri(prefix + MANIFEST),
            next_step="delete the folder of this snapshot and materialize the snapshot again; nothing else was lost.",
        )
    return manifest


def _publish_latest(store: ObjectStore, manifest: Manifest) -> bool:
    """Make `latest` this snapshot: its files, then the manifest, then older files go. False: it was so already."""
    older = read_manifest(store, LATEST)
    leftovers = _leftovers(store, older, manifest)
    if older == manifest and not leftovers and not verify_snapshot(store, LATEST):
        return False
    for name in manifest.hashes:
        reached("latest.before_file")
        with store.fetch(_prefix(manifest) + name) as path:
            store.put(LATEST + name, path)
    reached("latest.before_manifest")
    store.write_bytes(LATEST + MANIFEST, manifest.to_json().encode())
    reached("latest.after_manifest")
    for key in leftovers:
        store.delete(key)
    return True


def _leftovers(store: ObjectStore, older: Manifest | None, manifest: Manifest) -> list[str]:
    """Files of an earlier build: named by its manifest, or like a view if it never wrote one. Others are a person's."""
    current = manifest.hashes.keys()
    named = older.hashes.keys() if older else set()
    names = (info.key.removeprefix(LATEST) for info in store.list(LATEST))
    return [LATEST + name for name in names if name not in current and (name in named or _is_view_file(name))]


def _is_view_file(name: str) -> bool:
    return name.startswith("kpi_") and name.endswith(".csv")
