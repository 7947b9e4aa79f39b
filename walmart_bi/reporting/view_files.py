"""A KPI view as one file of a snapshot, and whether a published snapshot is still what the warehouse says.

Both write the view with the same code: equal rows give equal bytes (`csv_files.py`), so one hash compares every value.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from decimal import Decimal
from pathlib import Path

from walmart_bi.kpis.model import Kpi
from walmart_bi.kpis.public.edition import published_rows
from walmart_bi.reporting.artifacts import PreparedFile, Views
from walmart_bi.reporting.csv_files import write_csv
from walmart_bi.reporting.manifest import Manifest, SnapshotFile, file_sha256
from walmart_bi.warehouse.base import QueryResult, Reader
from walmart_bi.warehouse.integrity import Loads


def read_view(reader: Reader, kpi: Kpi) -> QueryResult:
    """The view's rows in its own order, which is total. Raises SmallCell."""
    order = f" ORDER BY {kpi.order_by}" if kpi.order_by else ""
    select = f"SELECT {', '.join(kpi.column_names)} FROM {kpi.name}{order}"  # noqa: S608 - catalog names
    return published_rows(reader, kpi, select)


def write_view(kpi: Kpi, result: QueryResult, folder: Path) -> SnapshotFile:
    """The view as a file in the folder."""
    path = folder / f"{kpi.name}.csv"
    write_csv(path, kpi.name, result)
    return SnapshotFile(
        name=path.name,
        view=kpi.name,
        sql_sha256=kpi.sql_sha256,
        rows=len(result.rows),
        bytes=path.stat().st_size,
        sha256=file_sha256(path),
    )


def table_totals(loads: Loads) -> tuple[Decimal, int]:
    """Revenue in currency units and orders of the sales table."""
    cents, orders = sum(part.total_cents for part in loads.table), sum(part.rows for part in loads.table)
    return Decimal(cents).scaleb(-2), orders


def differences(
    manifest: Manifest,
    loads: Loads,
    views: Views,
    prepared: Sequence[PreparedFile],
    catalog: Sequence[Kpi],
    folder: Path,
) -> Iterator[str]:
    """What the warehouse says now and the manifest does not: loads, totals, each view's file, each other file.

    Loads, views and prepared files are those of one reading; the views' files are written into the folder.
    """
    made_from = {load.load_id for load in manifest.loads}
    active = {load.load_id for load in loads.active}
    if made_from != active:
        changed = ", ".join(sorted(made_from ^ active))
        yield f"the snapshot was not made from the active loads; only one of the two has {changed}"
    revenue, orders = table_totals(loads)
    if Decimal(manifest.revenue) != revenue:
        yield f"the snapshot's revenue is {manifest.revenue}, the table's {revenue}"
    if manifest.orders != orders:
        yield f"the snapshot has {manifest.orders} orders, the table {orders}"
    yield from _view_differences(manifest, views, catalog, folder)
    says_now = {file.name: file.content_sha256 for file in prepared}
    said_then = {artifact.name: artifact.content_sha256 for artifact in manifest.artifacts}
    for name in sorted(says_now.keys() | said_then.keys()):
        if says_now.get(name) != said_then.get(name):
            yield f"{name} does not say what the warehouse says"


def _view_differences(manifest: Manifest, views: Views, catalog: Sequence[Kpi], folder: Path) -> Iterator[str]:
    published = {file.view: file for file in manifest.files}
    for view in sorted(published.keys() - views.keys()):
        yield f"{view} is in the snapshot, but is no KPI of this project"
    for kpi in catalog:
        now, then = write_view(kpi, views[kpi.name], folder), published.get(kpi.name)
        if then is None:
            yield f"{kpi.name} is not in the snapshot"
        elif now.rows != then.rows:
            yield f"{kpi.name} has {now.rows} rows, its file {then.rows}"
        elif now.sha256 != then.sha256:
            yield f"{kpi.name} has other values than its file"
