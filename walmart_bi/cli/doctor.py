"""`walmart-bi doctor`: what is configured, what can be reached, and what to do about what cannot."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

from walmart_bi import __version__
from walmart_bi.cli.project import Project, open_instance
from walmart_bi.errors import WalmartBiError
from walmart_bi.kpis.catalog import load_catalog
from walmart_bi.stores.base import RAW_DATA, STAGING

LOW_DISK_BYTES = 2 * 1024**3


class LowDisk(WalmartBiError):
    """There is little room left for the next load."""


def run_doctor() -> int:
    """Examine each part and print one line for it; the exit code is 1 when one is not in order."""
    print(f"walmart_bi {__version__}, Python {sys.version.split()[0]}")
    try:
        project = Project.from_environment()
    except WalmartBiError as error:
        print(f"  settings    NOT IN ORDER  {error}")
        return 1
    settings = project.settings
    print(f"  settings    ok            home {settings.home}, first month {settings.first_month}")
    in_order = [_examine(name, probe) for name, probe in _probes(project)]  # all of them, not up to the first
    return int(not all(in_order))


def _probes(project: Project) -> Iterator[tuple[str, Callable[[], str]]]:
    yield "catalog", _probe_catalog
    yield "store", lambda: _probe_store(project)
    yield "warehouse", lambda: _probe_warehouse(project)
    yield "instance", _probe_instance
    yield "disk", lambda: _probe_disk(project.settings.home)


def _examine(name: str, probe: Callable[[], str]) -> bool:
    try:
        print(f"  {name:<11} ok            {probe()}")
    except WalmartBiError as error:
        print(f"  {name:<11} NOT IN ORDER  {error}")
        return False
    return True


def _probe_catalog() -> str:
    from walmart_bi.kpis.lineage import check_select

    catalog = load_catalog()
    for kpi in catalog:
        check_select(kpi)
    return f"{len(catalog)} KPI views"


def _probe_store(project: Project) -> str:
    """Write, read and remove one small object, and count what has been delivered."""
    key = f"{STAGING}doctor.txt"
    project.store.write_bytes(key, b"written by walmart-bi doctor\n")
    project.store.read_bytes(key)
    project.store.delete(key)
    delivered = sum(1 for _ in project.store.list(RAW_DATA))
    return f"{project.store.uri(RAW_DATA.rstrip('/'))}: writable, {delivered} delivered file(s)"


def _probe_warehouse(project: Project) -> str:
    months = sum(entry.is_active for entry in project.warehouse.ledger())
    return f"{project.settings.warehouse_file}: {months} month(s) loaded"


def _probe_instance() -> str:
    with open_instance() as instance:
        return f"Dagster instance of {os.environ.get('DAGSTER_HOME') or Path.cwd()}: {instance.get_runs_count():,} runs"


def _probe_disk(home: Path) -> str:
    existing = next(path for path in (home, *home.parents) if path.exists())
    free = shutil.disk_usage(existing).free
    if free < LOW_DISK_BYTES:
        raise LowDisk(
            f"Only {free / 1024**3:.1f} GiB are free.", place=str(existing), next_step="make room before the next load."
        )
    return f"{free / 1024**3:.0f} GiB free at {existing}"
