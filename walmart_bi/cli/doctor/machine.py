"""What the doctor looks at on this machine, whatever the target: the KPI catalog, the Dagster instance, the disk."""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path

from walmart_bi.cli.doctor.probes import NotInOrder
from walmart_bi.cli.project import open_instance
from walmart_bi.kpis.catalog import load_catalog

LOW_DISK_BYTES = 2 * 1024**3


class LowDisk(NotInOrder):
    """There is little room left for the next load."""


def probe_catalog() -> str:
    """Every KPI's SQL can be read and traced."""
    from walmart_bi.kpis.lineage import check_select

    catalog = load_catalog()
    for kpi in catalog:
        check_select(kpi)
    return f"{len(catalog)} KPI views"


def probe_instance() -> str:
    """The Dagster instance can be opened."""
    with open_instance() as instance:
        return f"Dagster instance of {os.environ.get('DAGSTER_HOME') or Path.cwd()}: {instance.get_runs_count():,} runs"


def probe_disk(directory: Path) -> str:
    """There is room at the directory, or where it would be made."""
    existing = next(path for path in (directory, *directory.parents) if path.exists())
    free = shutil.disk_usage(existing).free
    if free < LOW_DISK_BYTES:
        raise LowDisk(
            f"Only {free / 1024**3:.1f} GiB are free.", place=str(existing), next_step="make room before the next load."
        )
    return f"{free / 1024**3:.0f} GiB free at {existing}"


def temporary_directory() -> Path:
    """Where private copies of objects are made. Raises NotInOrder when no directory can be written to."""
    try:
        return Path(tempfile.gettempdir())
    except FileNotFoundError as error:
        raise NotInOrder(
            "No temporary directory can be written to.",
            place="TMPDIR",
            next_step="set TMPDIR to a directory that can be, with room for the largest file.",
        ) from error
