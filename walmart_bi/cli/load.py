"""`walmart-bi load` and `rollback`: runs of the project's jobs on the project's Dagster instance, with progress."""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import dagster as dg

from walmart_bi.abandoned_runs import process_tag, report_abandoned_runs
from walmart_bi.arrivals import LoadRequest
from walmart_bi.assets.common import WALMART_SALES
from walmart_bi.cli.progress import progress_of, was_interrupted
from walmart_bi.cli.project import Project, open_instance
from walmart_bi.cli.report import print_kpis, print_load_summary, print_next
from walmart_bi.errors import WalmartBiError
from walmart_bi.jobs import LOAD_MONTHLY_OBJECT, MONTHLY_LOAD
from walmart_bi.months import contiguous_ranges
from walmart_bi.partitions import range_tags, require_partitions
from walmart_bi.sales.coverage import declared_months
from walmart_bi.sensors import delivery_tags
from walmart_bi.stores.base import RAW_DATA, validate_key
from walmart_bi.warehouse.base import UnknownLoad

QUIET = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}


class NoSuchFile(WalmartBiError):
    """The file to load cannot be read."""


def load_files(files: Sequence[Path], *, allow_shrink: bool) -> int:
    """Deliver each file into `raw_data/` and load its months; returns the exit code."""
    project = Project.from_environment()
    today = dt.datetime.now(dt.UTC).date()
    covered = {path: _months(path, project, today) for path in files}
    definitions = project.definitions()
    with open_instance() as instance:
        failed = False
        for path, months in covered.items():
            print(f"loading {path}: {len(months)} month(s), {months[0]} to {months[-1]}", flush=True)
            delivered = project.store.put(validate_key(f"{RAW_DATA}{path.name}"), path)
            for span in contiguous_ranges(months):
                request = LoadRequest(delivered.key, delivered.etag, span)
                config = {"ops": {WALMART_SALES: {"config": {"allow_shrink": allow_shrink}}}}
                ended_well = run_job(definitions, instance, MONTHLY_LOAD, delivery_tags(request), config)
                failed = failed or not ended_well
                if ended_well:
                    print_load_summary(project, span)
    if failed:
        return 1
    print_kpis(project)
    print_next(project)
    return 0


def restore(month: str, load_id: str) -> int:
    """Make an earlier load of the month active again and refresh what depends on it."""
    project = Project.from_environment()
    known = [entry.load_id for entry in project.warehouse.ledger(month)]
    if load_id not in known:
        raise UnknownLoad(
            f"The ledger has no load {load_id} of {month}; it has {', '.join(known) or 'none'}.",
            place=f"load_ledger, {month}",
            next_step=f"choose one of walmart-bi history {month}.",
        )
    config = {"ops": {WALMART_SALES: {"config": {"restore_load_id": load_id}}}}
    with open_instance() as instance:
        ended_well = run_job(project.definitions(), instance, LOAD_MONTHLY_OBJECT, range_tags((month,)), config)
    if ended_well:
        print(f"{month}: {load_id} is active; KPIs and snapshot are fresh")
        print(f"next: walmart-bi history {month}")
    return 0 if ended_well else 1


def run_job(
    definitions: dg.Definitions,
    instance: dg.DagsterInstance,
    job: str,
    tags: Mapping[str, str],
    config: Mapping[str, Any],
) -> bool:
    """Run the job in this process on the instance, printing its steps; whether it succeeded.

    Raises KeyboardInterrupt when a person stopped it.
    """
    report_abandoned_runs(instance)
    run_id = str(uuid.uuid4())
    with progress_of(instance, run_id):
        outcome = definitions.resolve_job_def(job).execute_in_process(
            run_config={**QUIET, **config},
            instance=instance,
            tags={**tags, **process_tag()},
            run_id=run_id,
            raise_on_error=False,
        )
    if any(was_interrupted(event) for event in outcome.all_events):
        raise KeyboardInterrupt
    return bool(outcome.success)


def _months(path: Path, project: Project, today: dt.date) -> tuple[str, ...]:
    """The months that the file covers, before it is delivered. Raises NoSuchFile, RejectedFile, MonthOutOfRange."""
    if not path.is_file():
        raise NoSuchFile(
            "There is no such file." if not path.exists() else "It is not a file.",
            place=str(path),
            next_step="check the path and give the command again.",
        )
    validate_key(f"{RAW_DATA}{path.name}")
    months = declared_months(path.name)
    if not months:
        from walmart_bi.sales.inspection import months_in

        print(f"reading {path}: its name has no month, so its dates decide", flush=True)
        months = months_in(path, today)
    require_partitions(months, first_month=project.settings.first_month, today=today, place=str(path))
    return months
