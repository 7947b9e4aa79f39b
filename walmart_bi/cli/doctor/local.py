"""What the doctor looks at on the local target: the bucket directory and the DuckDB file."""

from __future__ import annotations

from walmart_bi.cli.project import Project
from walmart_bi.stores.base import RAW_DATA, STAGING


def probe_store(project: Project) -> str:
    """Write, read and remove one small object, and count what has been delivered."""
    key = f"{STAGING}doctor.txt"
    project.store.write_bytes(key, b"written by walmart-bi doctor\n")
    project.store.read_bytes(key)
    project.store.delete(key)
    delivered = sum(1 for _ in project.store.list(RAW_DATA))
    return f"{project.store.uri(RAW_DATA.rstrip('/'))}: writable, {delivered} delivered file(s)"


def probe_warehouse(project: Project) -> str:
    """The ledger can be read."""
    months = sum(entry.is_active for entry in project.warehouse.ledger())
    return f"{project.settings.warehouse_file}: {months} month(s) loaded"
