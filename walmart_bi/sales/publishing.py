"""A source file on its way through the store: cleaned into staged objects, rejected rows set aside, months published.

Connects the cleaning of a local file (`cleaned_file.py`) with the object store, and names the objects. No Dagster.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
import hashlib
import tempfile
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

from walmart_bi.errors import WalmartBiError
from walmart_bi.points import reached
from walmart_bi.records import MonthlyObject, SourceFile
from walmart_bi.sales.cleaned_file import CleanedFile, DuplicatePolicy, clean_file
from walmart_bi.sales.cleaned_in_parts import Elsewhere, clean_in_parts
from walmart_bi.sales.contract import CONTRACT_VERSION
from walmart_bi.sales.gates import refusals
from walmart_bi.sales.inspection import inspect_source
from walmart_bi.sales.object_names import short_name
from walmart_bi.stores.base import MONTHLY_DATA, QUARANTINE, STAGING, ObjectInfo, ObjectNotFound, ObjectStore


class RefusedMonth(WalmartBiError):
    """A cleaned month that must not be published, with every reason."""


def inspect_delivered(store: ObjectStore, delivered: ObjectInfo, *, in_parts: bool = False) -> SourceFile:
    """Read the delivered file once: hash, header, independent record count. Raises RejectedFile."""
    with store.fetch(delivered.key, delivered.etag) as path:
        reached("read.opened")
        source = inspect_source(
            path, key=delivered.key, etag=delivered.etag, modified=delivered.modified, in_parts=in_parts
        )
    reached("read.counted")
    return source


def clean_into_store(
    store: ObjectStore,
    source: SourceFile,
    *,
    months: Sequence[str],
    today: dt.date,
    policy: DuplicatePolicy,
    progress: Callable[[int], None] | None = None,
    elsewhere: Elsewhere | None = None,
) -> dict[str, MonthlyObject]:
    """Clean the source's asked months into staged Parquet objects, one a month, with quarantine and duplicates.

    In this process, or in parts elsewhere. Raises RejectedFile, SourceChanged, ObjectChanged, ClusterError.
    """
    clean = clean_file if elsewhere is None else partial(clean_in_parts, elsewhere=elsewhere)
    with tempfile.TemporaryDirectory(prefix="walmart_bi_") as scratch, store.fetch(source.key, source.etag) as path:
        cleaned = clean(
            path, source, months=months, today=today, policy=policy, workdir=Path(scratch), progress=progress
        )
        reached("clean.done")
        quarantine_key = _set_aside(store, source, cleaned.quarantine_file, "rows")
        duplicates_key = _set_aside(store, source, cleaned.duplicates_file, "duplicates")
        reached("set_aside.done")
        staged = staged_months(source, cleaned, quarantine_key=quarantine_key, duplicates_key=duplicates_key)
        return {month: _stage(store, staged[month], part.path) for month, part in cleaned.months.items()}


def staged_months(
    source: SourceFile, cleaned: CleanedFile, *, quarantine_key: str | None = None, duplicates_key: str | None = None
) -> dict[str, MonthlyObject]:
    """What the hand-over says of each month of a cleaned file, named by its content in the staging area."""
    return {
        month: MonthlyObject(
            month=month,
            key=f"{STAGING}cleaned_sales/{month}_{part.sha256}.parquet",
            sha256=part.sha256,
            size=part.size,
            totals=part.totals,
            quarantined=part.quarantined,
            duplicates_removed=part.duplicates_removed,
            source=source,
            counts=cleaned.counts,
            duplicate_policy=cleaned.duplicate_policy,
            distinct_customer_share=cleaned.distinct_customer_share,
            quarantine_key=quarantine_key,
            duplicates_key=duplicates_key,
            contract_version=CONTRACT_VERSION,
        )
        for month, part in cleaned.months.items()
    }


def publish(store: ObjectStore, staged: MonthlyObject) -> MonthlyObject:
    """Publish a staged month write-once under `monthly_data/`, named by its content. Raises RefusedMonth."""
    reasons = refusals(staged)
    if reasons:
        raise RefusedMonth(
            " ".join(reason.text for reason in reasons),
            place=f"{staged.source.key}, month {staged.month}",
            next_step=_next_step(store, staged),
        )
    key = _published_key(staged)
    try:
        with store.fetch(staged.key) as path:
            reached("publish.before")
            store.put_new(key, path)
            reached("publish.after")
    except ObjectNotFound:
        store.head(key)  # published before, and its staged copy cleared: nothing to do
    store.delete(staged.key)
    reached("publish.staged_copy_deleted")
    return dataclasses.replace(staged, key=key)


def preview_rows(store: ObjectStore, month: MonthlyObject, rows: int = 5) -> tuple[list[str], list[tuple[object, ...]]]:
    """Column names and first rows of a month's object, without the customer id."""
    try:
        return _first_rows(store, month.key, rows)
    except (ObjectNotFound, FileNotFoundError):  # another run of the same content published it just now
        return _first_rows(store, _published_key(month), rows)


def _first_rows(store: ObjectStore, key: str, rows: int) -> tuple[list[str], list[tuple[object, ...]]]:
    import pyarrow.parquet as pq

    with store.fetch(key) as path, pq.ParquetFile(path) as file:
        names = [name for name in file.schema_arrow.names if name != "customer_id"]
        batch = next(file.iter_batches(batch_size=rows, columns=names), None)
    return names, [] if batch is None else [tuple(row.values()) for row in batch.to_pylist()]


def _published_key(month: MonthlyObject) -> str:
    return f"{MONTHLY_DATA}{month.month}/walmart_sales_{month.month}_{month.sha256[:16]}.parquet"


def _set_aside(store: ObjectStore, source: SourceFile, path: Path | None, kind: str) -> str | None:
    """Write-once, named by content: another load of the same file may set aside other rows (months, policy)."""
    if path is None:
        return None
    with path.open("rb") as file:
        content = hashlib.file_digest(file, "sha256").hexdigest()
    folder = f"{QUARANTINE}{short_name(source.key)}_{source.sha256[:12]}"
    return store.put_new(f"{folder}/{content[:12]}_{kind}.csv", path).key


def _stage(store: ObjectStore, staged: MonthlyObject, path: Path) -> MonthlyObject:
    reached("stage.before")
    try:
        store.put(staged.key, path)
    except ObjectNotFound:
        store.head(_published_key(staged))  # another run of the same content published it, and cleared the staged copy
    reached("stage.after")
    return staged


def _next_step(store: ObjectStore, staged: MonthlyObject) -> str:
    if staged.quarantine_key is None:
        return "report this file to the maintainers: its counts do not add up, and nothing was loaded."
    return f"read the reasons in {store.uri(staged.quarantine_key)}, correct the file and deliver it again."
