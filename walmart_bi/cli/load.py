"""`walmart-bi load` and `rollback`: runs of the project's jobs on the project's Dagster instance, with progress."""

from __future__ import annotations

import datetime as dt
import sys
import uuid
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import dagster as dg

from walmart_bi.abandoned_runs import process_tag, report_abandoned_runs
from walmart_bi.arrivals import LoadRequest
from walmart_bi.assets.common import RAW_SALES_FILE, WALMART_SALES
from walmart_bi.cli.output import span_of
from walmart_bi.cli.progress import progress_of, was_interrupted
from walmart_bi.cli.project import Project, open_instance
from walmart_bi.cli.report import print_kpis, print_load_summary, print_next
from walmart_bi.errors import WalmartBiError
from walmart_bi.handover import Handover
from walmart_bi.jobs import LOAD_MONTHLY_OBJECT, MONTHLY_LOAD
from walmart_bi.months import contiguous_ranges
from walmart_bi.partitions import range_tags, require_partitions
from walmart_bi.records import SourceFile
from walmart_bi.sales.coverage import declared_months
from walmart_bi.sensors import delivery_tags
from walmart_bi.stores.base import RAW_DATA, ObjectInfo, is_hidden, validate_key
from walmart_bi.warehouse.ledger import find_load

NOT_FRESH = (
    "what is made from the rows is not: the last snapshot and page stay.\n"
    "Correct what the error names, then give this command again; the rows are not loaded twice."
)
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
        loaded = [
            _load_file(project, definitions, instance, path, months, allow_shrink=allow_shrink)
            for path, months in covered.items()
        ]
    if not all(loaded):
        return 1
    print_kpis(project)
    print_next(project)
    return 0


def restore(month: str, load_id: str) -> int:
    """Make an earlier load of the month active again and refresh what depends on it."""
    project = Project.from_environment()
    today = dt.datetime.now(dt.UTC).date()
    require_partitions([month], first_month=project.settings.first_month, today=today, place=f"rollback {month}")
    entry = find_load(project.warehouse.ledger(month), month, load_id)
    config = {"restore_load_id": load_id}
    with open_instance() as instance:
        outcome = run_job(project.definitions(), instance, LOAD_MONTHLY_OBJECT, range_tags((month,)), config)
    if outcome.success:
        print(f"{month}: {load_id} is active, with {entry.loaded_rows:,} rows; KPIs and snapshot are fresh")
        print(f"note: the file in {RAW_DATA} stays as it is; correct or remove it before somebody loads it again")
        print(f"next: walmart-bi history {month}")
    elif _loaded_months(outcome):
        print(f"\n{month}: {load_id} is active; {NOT_FRESH}")
    return 0 if outcome.success else 1


def _load_file(
    project: Project,
    definitions: dg.Definitions,
    instance: dg.DagsterInstance,
    path: Path,
    months: tuple[str, ...],
    *,
    allow_shrink: bool,
) -> bool:
    print(f"loading {path}: {span_of(months)}", flush=True)
    delivered = project.store.put(f"{RAW_DATA}{path.name}", path)
    config = {"allow_shrink": allow_shrink, "allow_superseded": True}  # a person asks for this file now
    not_loaded: list[str] = []
    not_shown: list[str] = []
    for span in contiguous_ranges(months):
        tags = delivery_tags(LoadRequest(delivered.key, delivered.etag, span))
        outcome = run_job(definitions, instance, MONTHLY_LOAD, tags, config)
        if not outcome.success:
            loaded = _loaded_months(outcome)
            not_shown += [month for month in span if month in loaded]
            not_loaded += [month for month in span if month not in loaded]
            continue
        newer = _supplied_by_others(project, delivered, span)
        not_loaded += newer
        for month, key in newer.items():
            print(f"error: {month}: {key} was delivered meanwhile and supplies this month now", file=sys.stderr)
        print_load_summary(project, [month for month in span if month not in newer])
    if not_loaded:
        print(f"\nnot loaded: {', '.join(not_loaded)}; what was loaded before stays")
        print(f"{project.store.uri(delivered.key)} stays there and supplies these months.")
        print("Correct what the error names, then load the file again; or remove it from there.")
    if not_shown:
        print(f"\nloaded: {', '.join(not_shown)}; {NOT_FRESH}")
    return not not_loaded and not not_shown


def _loaded_months(outcome: dg.ExecuteInProcessResult) -> set[str | None]:
    """The months whose rows are in the warehouse although the run failed later."""
    return {
        event.partition
        for event in outcome.get_asset_materialization_events()
        if event.asset_key == dg.AssetKey(WALMART_SALES)
    }


def _supplied_by_others(project: Project, delivered: ObjectInfo, months: Sequence[str]) -> dict[str, str]:
    """The months that another file supplied although this one was delivered for them, with that file's key."""
    handover = Handover(project.store)
    sources = {month: handover.read(RAW_SALES_FILE, month, SourceFile) for month in months}
    return {
        month: source.key
        for month, source in sources.items()
        if (source.key, source.etag) != (delivered.key, delivered.etag)
    }


def run_job(
    definitions: dg.Definitions,
    instance: dg.DagsterInstance,
    job: str,
    tags: Mapping[str, str],
    config: Mapping[str, Any],
) -> dg.ExecuteInProcessResult:
    """Run the job in this process on the instance, printing its steps.

    `config` is that of `walmart_sales`. Raises KeyboardInterrupt when a person stopped it.
    """
    report_abandoned_runs(instance)
    run_id = str(uuid.uuid4())
    with progress_of(instance, run_id):
        outcome = definitions.resolve_job_def(job).execute_in_process(
            run_config={**QUIET, "ops": {WALMART_SALES: {"config": dict(config)}}},
            instance=instance,
            tags={**tags, **process_tag()},
            run_id=run_id,
            raise_on_error=False,
        )
    if any(was_interrupted(event) for event in outcome.all_events):
        raise KeyboardInterrupt
    return outcome


def _months(path: Path, project: Project, today: dt.date) -> tuple[str, ...]:
    """The months that the file covers, before it is delivered. Raises NoSuchFile, RejectedFile, MonthOutOfRange."""
    if not path.is_file():
        raise NoSuchFile(
            "There is no such file." if not path.exists() else "It is not a file.",
            place=str(path),
            next_step="check the path and give the command again.",
        )
    if is_hidden(validate_key(f"{RAW_DATA}{path.name}")):
        raise NoSuchFile(
            "Its name is that of a hidden or temporary file, which no listing shows.",
            place=str(path),
            next_step="give it a name without a leading dot and without an ending such as ~, .tmp or .part.",
        )
    months = declared_months(path.name)
    if not months:
        from walmart_bi.sales.inspection import months_in

        print(f"reading {path}: its name has no month, so its dates decide", flush=True)
        months = months_in(path, today, key=path.name)
    require_partitions(months, first_month=project.settings.first_month, today=today, place=str(path))
    return months
