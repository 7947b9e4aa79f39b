"""What a run does, printed while it does it: read from the instance's event log, like the UI."""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import dagster as dg

POLL_SECONDS = 0.2
# Dagster's own line for each step after a failed one; the cause would drown in them.
NOT_EXECUTING = "Dependencies for step"


@contextmanager
def progress_of(instance: dg.DagsterInstance, run_id: str) -> Iterator[None]:
    """Print the run's steps, log lines, failed checks and failures until the block ends."""
    done = threading.Event()
    watcher = threading.Thread(target=_watch, args=(instance, run_id, done), daemon=True)
    watcher.start()
    try:
        yield
    finally:
        done.set()
        watcher.join()


def _watch(instance: dg.DagsterInstance, run_id: str, done: threading.Event) -> None:
    cursor, finished = None, False
    while not finished:
        finished = done.wait(POLL_SECONDS)
        page = instance.get_records_for_run(run_id, cursor=cursor)
        cursor = page.cursor
        for record in page.records:
            _print_entry(record.event_log_entry)


def _print_entry(entry: dg.EventLogEntry) -> None:
    event = entry.dagster_event
    if event is None:
        if not entry.user_message.startswith(NOT_EXECUTING):
            print(f"    {entry.user_message}", flush=True)
    elif event.is_step_success and event.step_key:
        print(f"  {event.step_key:<40} {event.step_success_data.duration_ms / 1000:>7.1f} s", flush=True)
    elif event.event_type == dg.DagsterEventType.ASSET_CHECK_EVALUATION:
        _print_check(event)
    elif event.is_step_failure and not was_interrupted(event) and not _is_blocked(event):
        failure = event.step_failure_data
        given = failure.user_failure_data
        message = given.description if given is not None else failure.error_display_string.strip().splitlines()[0]
        print(f"error: {event.step_key}: {message}", file=sys.stderr, flush=True)


def was_interrupted(event: dg.DagsterEvent) -> bool:
    """Whether the event is a step that a person stopped (Ctrl-C); Dagster exports no class for that error."""
    error = event.step_failure_data.error if event.is_step_failure else None
    return error is not None and error.cls_name == "DagsterExecutionInterruptedError"


def _is_blocked(event: dg.DagsterEvent) -> bool:
    """Whether the step only says that a blocking check failed, which was told by that check already."""
    error = event.step_failure_data.error
    return error is not None and error.cls_name == "DagsterAssetCheckFailedError"


def _print_check(event: dg.DagsterEvent) -> None:
    check = event.asset_check_evaluation_data
    if not check.passed:
        level = "warning" if check.severity == dg.AssetCheckSeverity.WARN else "error"
        stream = sys.stdout if level == "warning" else sys.stderr
        print(f"{level}: {check.asset_key.to_user_string()}: {check.check_name}: {check.description}", file=stream)
