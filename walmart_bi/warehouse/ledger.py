"""What a load of a month decides and records, the same for every engine.

Pure functions on records: no SQL runs here and no clock is read. The transaction around them belongs to each
warehouse.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
from collections.abc import Callable, Sequence
from typing import Any

from walmart_bi.records import MonthlyObject
from walmart_bi.warehouse.base import LedgerEntry, LoadOutcome, ShrinkRefused, UnknownLoad

LEDGER_COLUMNS = tuple(field.name for field in dataclasses.fields(LedgerEntry))
_TIMES = ("committed_at", "activated_at")


def active_entry(entries: Sequence[LedgerEntry]) -> LedgerEntry | None:
    """The load whose rows are the month now; None for a month that was never loaded."""
    return next((entry for entry in entries if entry.is_active), None)


def is_unchanged(entry: LedgerEntry | None, load: MonthlyObject) -> bool:
    """Whether the entry has exactly this object from exactly this source."""
    return entry is not None and (entry.object_sha256, entry.source_sha256) == (load.sha256, load.source.sha256)


def superseded_entry(entries: Sequence[LedgerEntry], load: MonthlyObject) -> LedgerEntry | None:
    """The latest load that brought exactly this object from exactly this source and is not active any more."""
    same = [entry for entry in entries if not entry.is_active and is_unchanged(entry, load)]
    return same[-1] if same else None


def refuse_shrink(active: LedgerEntry | None, load: MonthlyObject) -> None:
    """Raise ShrinkRefused when the new version has less than half of the active load's rows."""
    if active is None or 2 * load.totals.rows >= active.loaded_rows:
        return
    raise ShrinkRefused(
        f"The new version of {load.month} has {load.totals.rows:,} rows, less than half of the"
        f" {active.loaded_rows:,} rows that are loaded ({active.load_id}). Nothing of it was loaded.",
        place=load.source.key,
        next_step="check whether the file is complete; if it is, load it on purpose: walmart-bi load --allow-shrink"
        " FILE, or allow_shrink: true in the configuration of walmart_sales.",
    )


def next_entry(
    entries: Sequence[LedgerEntry], load: MonthlyObject, *, run_id: str, code_version: str, now: dt.datetime
) -> LedgerEntry:
    """The ledger row of this load as the next version of its month, active from now on."""
    version = 1 + max((entry.version for entry in entries), default=0)
    active = active_entry(entries)
    return LedgerEntry(
        load_id=f"{load.month}-v{version}",
        month=load.month,
        version=version,
        is_active=True,
        loaded_rows=load.totals.rows,
        quarantined_rows=load.quarantined,
        duplicate_rows=load.duplicates_removed,
        total_cents=load.totals.total_cents,
        object_key=load.key,
        object_sha256=load.sha256,
        source_key=load.source.key,
        source_etag=load.source.etag,
        source_sha256=load.source.sha256,
        source_records=load.counts.raw_records,
        source_quarantined=load.counts.quarantined,
        source_duplicates=load.counts.duplicates_removed,
        source_repairs=sum(load.counts.repaired_by_kind.values()),
        contract_version=load.contract_version,
        code_version=code_version,
        run_id=run_id,
        supersedes=active.load_id if active else None,
        committed_at=now,
        activated_at=now,
    )


def plan_load(
    entries: Sequence[LedgerEntry],
    load: MonthlyObject,
    *,
    run_id: str,
    code_version: str,
    allow_shrink: bool,
    allow_superseded: bool,
    now: dt.datetime,
    is_newer: Callable[[LedgerEntry], bool] = lambda _entry: False,
) -> LoadOutcome:
    """What loading the object comes to, given the month's entries; `loaded` is to be carried out, the others are done.

    `is_newer` tells whether an entry is of a newer file than this load (`source_age.py`).
    `rows_before` of a `loaded` outcome is known only afterwards. Raises ShrinkRefused.
    """
    active = active_entry(entries)
    if active is not None and is_unchanged(active, load):
        return LoadOutcome(active, "unchanged", active.loaded_rows)
    superseded = None if allow_superseded else superseded_entry(entries, load)
    if active is not None and superseded is not None:
        return LoadOutcome(active, "superseded", active.loaded_rows, superseded.load_id)
    if active is not None and not allow_superseded and is_newer(active):
        return LoadOutcome(active, "outdated", active.loaded_rows)
    if not allow_shrink:
        refuse_shrink(active, load)
    return LoadOutcome(next_entry(entries, load, run_id=run_id, code_version=code_version, now=now), "loaded", 0)


def plan_restore(entries: Sequence[LedgerEntry], month: str, load_id: str, *, now: dt.datetime) -> LoadOutcome:
    """What restoring an earlier load comes to; `restored` is to be carried out. Raises UnknownLoad."""
    entry = find_load(entries, month, load_id)
    if entry.is_active:
        return LoadOutcome(entry, "unchanged", entry.loaded_rows)
    return LoadOutcome(dataclasses.replace(entry, is_active=True, activated_at=now), "restored", 0)


def find_load(entries: Sequence[LedgerEntry], month: str, load_id: str) -> LedgerEntry:
    """The month's entry with this id. Raises UnknownLoad, which names those that exist."""
    for entry in entries:
        if entry.load_id == load_id:
            return entry
    known = ", ".join(entry.load_id for entry in entries) or "none"
    raise UnknownLoad(
        f"The month {month} has no load {load_id!r}; it has: {known}.",
        place="load_ledger",
        next_step=f"choose one that `walmart-bi history {month}` shows.",
    )


def ledger_values(entry: LedgerEntry) -> list[Any]:
    """The entry as a table row in the order of LEDGER_COLUMNS; times without a zone, which the tables keep in UTC."""
    values = {name: getattr(entry, name) for name in LEDGER_COLUMNS}
    return [
        value.astimezone(dt.UTC).replace(tzinfo=None) if name in _TIMES else value for name, value in values.items()
    ]


def ledger_entry(row: Sequence[Any]) -> LedgerEntry:
    """The entry that a table row in the order of LEDGER_COLUMNS holds."""
    fields = dict(zip(LEDGER_COLUMNS, row, strict=True))
    return LedgerEntry(**{**fields, **{name: fields[name].replace(tzinfo=dt.UTC) for name in _TIMES}})
