"""A load whose process dies: nothing half loaded, and nothing waits for it for ever."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import dagster as dg
import pytest

from walmart_bi.abandoned_runs import PROCESS_TAG, process_tag, report_abandoned_runs
from walmart_bi_tests.end_to_end.test_command_line import in_directory, new_checkout, run
from walmart_bi_tests.project import month_csv

CHECKOUT = Path(__file__).parents[2]
PATIENCE_SECONDS = 60


@contextmanager
def load_in_a_process(directory: Path, file: Path) -> Iterator[subprocess.Popen[str]]:
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": str(CHECKOUT)}
    process = subprocess.Popen(
        [sys.executable, "-m", "walmart_bi.cli", "load", str(file)],
        cwd=directory,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def started_runs(instance: dg.DagsterInstance) -> list[dg.DagsterRun]:
    return instance.get_runs(dg.RunsFilter(statuses=[dg.DagsterRunStatus.STARTED]))


def wait_until_started(process: subprocess.Popen[str]) -> None:
    """Until the first step reports: the run is in the middle of its work then."""
    assert process.stdout is not None
    deadline = time.monotonic() + PATIENCE_SECONDS
    while "reading raw_data/" not in process.stdout.readline():
        assert time.monotonic() < deadline and process.poll() is None


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A project directory with a file to load; each load in it may be the first or another."""
    directory = new_checkout(tmp_path_factory.mktemp("checkout"))
    with in_directory(directory):
        (directory / "sales_2024-05.csv").write_text(month_csv("2024-05", 200, directory=directory))
        yield directory


def test_given_a_killed_load_when_looked_for_then_its_run_is_failed_and_the_next_load_works(checkout: Path):
    with load_in_a_process(checkout, checkout / "sales_2024-05.csv") as process:
        wait_until_started(process)
        process.send_signal(signal.SIGKILL)
        process.wait()
    with dg.DagsterInstance.from_config(str(checkout)) as instance:
        (stuck,) = started_runs(instance)
        assert report_abandoned_runs(instance) == [stuck.run_id]
        assert started_runs(instance) == []
        assert instance.get_run_by_id(stuck.run_id).status == dg.DagsterRunStatus.FAILURE
    assert run("load", checkout / "sales_2024-05.csv").code == 0


def test_given_a_load_that_is_stopped_by_a_person_when_it_ends_then_one_line_and_exit_130(checkout: Path):
    with load_in_a_process(checkout, checkout / "sales_2024-05.csv") as process:
        wait_until_started(process)
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=PATIENCE_SECONDS)
    assert process.returncode == 130
    assert err == "stopped; nothing half loaded: run the same command again\n"
    with dg.DagsterInstance.from_config(str(checkout)) as instance:
        assert started_runs(instance) == []


@pytest.mark.parametrize(
    ("tag", "lives"),
    [
        (process_tag()[PROCESS_TAG], True),
        (process_tag()[PROCESS_TAG].rsplit(" ", 1)[0] + " 1", False),  # the number belongs to another process now
        ("another-machine 1 1", True),
    ],
    ids=["lives", "number given to another process", "another machine"],
)
def test_given_a_started_run_when_its_process_is_looked_for_then_only_a_dead_one_is_failed(tag: str, lives: bool):
    @dg.op
    def nothing() -> None: ...

    @dg.job
    def job() -> None:
        nothing()

    with dg.DagsterInstance.ephemeral() as instance:
        made = instance.create_run_for_job(job, status=dg.DagsterRunStatus.STARTED, tags={PROCESS_TAG: tag})
        assert report_abandoned_runs(instance) == ([] if lives else [made.run_id])
