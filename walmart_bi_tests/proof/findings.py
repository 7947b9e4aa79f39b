"""What a reader sees in a place, compared with the truth; each difference is a finding of one kind."""

from __future__ import annotations

import csv
import hashlib
import io
import json
from collections import Counter, defaultdict
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from walmart_bi.cli.project import Project
from walmart_bi.stores.base import ObjectNotFound, ObjectStore
from walmart_bi.warehouse.base import Reader, WarehouseError
from walmart_bi_tests.proof.rollup_sums import wrong_sums
from walmart_bi_tests.proof.truth import COLUMNS, State, Truth
from walmart_bi_tests.rollups import rollup_problems

Kind = Literal["lost", "doubled", "half visible", "torn", "wrong number", "unexplained"]
KINDS: tuple[Kind, ...] = ("lost", "doubled", "half visible", "torn", "wrong number", "unexplained")
Months = dict[str, Counter[Any]]
LATEST = "dashboard_data/latest/"
_TOLD = f"SELECT {', '.join(COLUMNS)}, CAST(purchase_amount * 100 AS BIGINT), month FROM walmart_sales"


@dataclass(frozen=True)
class Finding:
    """Something that must not be."""

    kind: Kind
    text: str


def visible_months(reader: Reader) -> Months:
    """The rows of each month, as a multiset."""
    months: dict[str, Counter[Any]] = defaultdict(Counter)
    for *row, month in reader.query(_TOLD).rows:
        months[f"{month:%Y-%m}"][tuple(row)] += 1
    return dict(months)


def half_visible(seen: Months, allowed: Mapping[str, list[Counter[Any]]]) -> Iterator[Finding]:
    """Each month that a reader sees in a state that nobody committed. An empty month is one that was never loaded."""
    for month in sorted({*seen, *allowed}):
        rows = seen.get(month, Counter())
        if rows not in allowed.get(month, [Counter()]):
            yield Finding("half visible", f"{month} shows {rows.total()} rows of no version of it")


def wrong_rows(seen: Months, wanted: Mapping[str, Counter[Any]]) -> Iterator[Finding]:
    """Rows that are missing, or there once too often, when all is over."""
    for month in sorted({*seen, *wanted}):
        found, due = seen.get(month, Counter()), wanted.get(month, Counter())
        if missing := (due - found).total():
            yield Finding("lost", f"{month}: {missing} rows are missing")
        if more := (found - due).total():
            yield Finding("doubled", f"{month}: {more} rows too many")


def wrong_ledger(project: Project, reader: Reader) -> Iterator[Finding]:
    """Rows without an active load, months with two, versions with gaps, counts that are not the table's."""
    by_load = "SELECT load_id, COUNT(*) FROM walmart_sales GROUP BY load_id"
    counted = {load_id: int(rows) for load_id, rows in reader.query(by_load).rows}
    found = reader.query("SELECT load_id, month, version, is_active, loaded_rows FROM load_ledger").rows
    active = {load_id: rows for load_id, _, _, is_active, rows in found if is_active}
    if active != counted:
        yield Finding("half visible", f"the ledger has {active}, the table {counted}")
    for month in {row[1] for row in found}:
        versions = sorted(row[2] for row in found if row[1] == month)
        if versions != list(range(1, len(versions) + 1)):
            yield Finding("doubled", f"{month} has the versions {versions}")


def wrong_rollups(reader: Reader, seen: Months) -> Iterator[Finding]:
    """Each rollup that is not of the rows that the same reader sees."""
    yield from (Finding("half visible", problem) for problem in wrong_sums(reader, seen))


def state_shown(seen: Months, truth: Truth) -> State | None:
    """Which file supplies each month, by the rows alone; None when some rows are no file's."""
    shown = frozenset(pair for pair in truth.rows if pair[0] in seen and truth.month(*pair) == seen[pair[0]])
    return shown if {month for month, _ in shown} == set(seen) else None


def wrong_kpis(reader: Reader, truth: Truth, state: State, *, views_are_due: bool = True) -> Iterator[Finding]:
    """Each KPI view that differs from the oracle's. All are made at once, so until they are due none may be there."""
    for name, wanted in truth.kpis(state).items():
        try:
            found = reader.query(f"SELECT {', '.join(wanted.columns) or '*'} FROM {name}").rows
        except WarehouseError as error:
            if not views_are_due and "does not exist" in error.cause:
                return
            yield Finding("wrong number", f"{name} cannot be read: {error.cause}")
            return
        if not wanted.is_told_by(found):
            yield Finding("wrong number", f"{name} is not the oracle's")


def snapshots(store: ObjectStore, truth: Truth, *, at_rest: bool) -> Iterator[Finding]:
    """Each published snapshot that is not whole or not true. Only at rest must `latest` be what its manifest says.

    While `latest` is written its files come before its manifest, so a reader who compares hashes sees that it moves;
    the folder of a snapshot has a manifest only when it is complete.
    """
    for key in [info.key for info in store.list("dashboard_data/") if info.key.endswith("/manifest.json")]:
        prefix = key.removesuffix("manifest.json")
        manifest = json.loads(store.read_bytes(key))
        files = {
            each["name"]: _read(store, prefix + each["name"]) for each in manifest["files"] + manifest["artifacts"]
        }
        damaged = [
            each["name"]
            for each in manifest["files"] + manifest["artifacts"]
            if hashlib.sha256(files[each["name"]]).hexdigest() != each["sha256"]
        ]
        if damaged and (at_rest or prefix != LATEST):
            yield Finding("torn", f"{prefix} has other files than its manifest: {', '.join(damaged)}")
        if not damaged:
            state = frozenset((each["month"], each["source_sha256"]) for each in manifest["loads"])
            yield from (Finding("torn", f"{prefix}{name}: not of its state") for name in _false(files, truth, state))


def latest_is_of(store: ObjectStore, state: State) -> Iterator[Finding]:
    """Whether `latest` and its page are of this state."""
    manifest = json.loads(_read(store, LATEST + "manifest.json") or '{"loads": [], "snapshot_id": "none"}')
    if frozenset((each["month"], each["source_sha256"]) for each in manifest["loads"]) != state:
        yield Finding("torn", "latest is of another state than the tables")
    own = _read(store, f"dashboard_data/{manifest['snapshot_id']}/story.html")
    if not own or own != _read(store, LATEST + "story.html"):
        yield Finding("torn", "the page of latest is not that of its snapshot")


def _false(files: Mapping[str, bytes], truth: Truth, state: State) -> list[str]:
    wrong = []
    for name, wanted in truth.kpis(state).items():
        rows = csv.DictReader(io.StringIO(files[f"{name}.csv"].decode()))
        if not wanted.is_told_by([row[column] or None for column in wanted.columns] for row in rows):
            wrong.append(f"{name}.csv")
    return wrong


def _read(store: ObjectStore, key: str) -> bytes:
    try:
        return store.read_bytes(key)
    except ObjectNotFound:
        return b""


def settled(project: Project, truth: Truth, state: State) -> list[Finding]:
    """Everything that must hold when a load has ended well."""
    with project.warehouse.read() as reader:
        seen = visible_months(reader)
        found = [
            *wrong_rows(seen, {month: truth.month(month, sha256) for month, sha256 in state}),
            *wrong_rollups(reader, seen),
            *wrong_ledger(project, reader),
            *wrong_kpis(reader, truth, state),
            *(Finding("wrong number", problem) for problem in rollup_problems(reader)),
        ]
    return [*found, *snapshots(project.store, truth, at_rest=True), *latest_is_of(project.store, state)]


def counted(findings: Collection[Finding]) -> dict[str, int]:
    """How many of each kind."""
    return {kind: sum(each.kind == kind for each in findings) for kind in KINDS}
