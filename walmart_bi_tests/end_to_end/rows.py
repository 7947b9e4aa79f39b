"""Loads of the environment's project that end with the sales table, for tests which look at nothing after it."""

from __future__ import annotations

from pathlib import Path

import dagster as dg

from walmart_bi.stores.base import RAW_DATA
from walmart_bi_tests.project import project_of_environment


def load_rows(file: Path, *months: str) -> dg.ExecuteInProcessResult:
    """Deliver the file and load these months of it, with the checks."""
    with project_of_environment(file.parent) as project:
        project.store.put(f"{RAW_DATA}{file.name}", file)
        return project.load(*months)
