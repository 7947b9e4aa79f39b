"""Runs of the command line whose process was killed: they are reported as failed, so that they free their place.

Dagster watches the runs that it launched. A run in the process of `walmart-bi load` is its own, so after a SIGKILL it
would stay "started" for ever, and with one run at a time nothing else would ever leave the queue. Such a run carries a
tag with its process; the sensor and the command line look whether that process still lives.
"""

from __future__ import annotations

import os
import socket
from pathlib import Path

import dagster as dg

PROCESS_TAG = "walmart_bi/process"
ABANDONED_TAG = "walmart_bi/abandoned"
_UNFINISHED = [dg.DagsterRunStatus.NOT_STARTED, dg.DagsterRunStatus.STARTING, dg.DagsterRunStatus.STARTED]


def process_tag() -> dict[str, str]:
    """The tag that ties a run to this process."""
    return {PROCESS_TAG: f"{socket.gethostname()} {os.getpid()} {_started(os.getpid())}"}


def report_abandoned_runs(instance: dg.DagsterInstance) -> list[str]:
    """Report each run as failed whose process on this machine is gone; returns their ids."""
    abandoned = []
    for record in instance.get_run_records(dg.RunsFilter(statuses=_UNFINISHED)):
        run = record.dagster_run
        if PROCESS_TAG in run.tags and not _lives(run.tags[PROCESS_TAG]):
            instance.add_run_tags(run.run_id, {ABANDONED_TAG: "true"})
            instance.report_run_failed(run, "The process of this run was killed. Nothing is half loaded: run it again.")
            abandoned.append(run.run_id)
    return abandoned


def _lives(tag: str) -> bool:
    """Whether the process lives; one on another machine is taken to."""
    host, pid, started = tag.rsplit(" ", 2)
    if host != socket.gethostname():
        return True
    try:
        os.kill(int(pid), 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass  # it exists and belongs to somebody else
    return _started(int(pid)) == started


def _started(pid: int) -> str:
    """When a process started, in the kernel's ticks, because its number is given to others later; "-" if not known."""
    try:
        # The name in brackets may hold spaces; the start time is the 20th field after it (proc(5), field 22).
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[19]
    except OSError:
        return "-"
