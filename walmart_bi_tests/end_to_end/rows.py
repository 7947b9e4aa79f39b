"""A load of the environment's project that ends with the sales table, for tests which look at nothing after it.

What the command does besides, and the views and files that cost ten times as much, are no part of it.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import dagster as dg

from walmart_bi.cli.project import Project
from walmart_bi.partitions import range_tags
from walmart_bi.stores.base import RAW_DATA
from walmart_bi_tests.project import LOAD, QUIET


def load_rows(file: Path, *months: str) -> dg.ExecuteInProcessResult:
    """Deliver the file and load these months of it, with the checks, on an instance of its own."""
    project = Project.from_environment()
    project.store.put(f"{RAW_DATA}{file.name}", file)
    return run_up_to_the_table(project, "monthly_load", months, LOAD)


def load_object_rows(key: str, month: str) -> dg.ExecuteInProcessResult:
    """Load an object that is there."""
    project = Project.from_environment()
    return run_up_to_the_table(project, "load_monthly_object", (month,), LOAD[-1:], {"object_key": key})


def run_up_to_the_table(
    project: Project,
    job: str,
    months: tuple[str, ...],
    assets: tuple[str, ...],
    config: Mapping[str, Any] | None = None,
) -> dg.ExecuteInProcessResult:
    """The result, failed or not."""
    with dg.DagsterInstance.ephemeral() as instance:
        return (
            project.definitions()
            .resolve_job_def(job)
            .execute_in_process(
                run_config={**QUIET, **({"ops": {"walmart_sales": {"config": dict(config)}}} if config else {})},
                instance=instance,
                tags=range_tags(months),
                asset_selection=[dg.AssetKey(name) for name in assets],
                raise_on_error=False,
            )
        )
