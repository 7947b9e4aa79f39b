"""The `dagster.yaml` of the checkout: where it keeps its state, and that the state outlives a process."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import dagster as dg
import pytest

CHECKOUT = Path(__file__).parents[2]

MATERIALIZE = """
import dagster as dg
@dg.asset
def answer() -> int:
    return 42
with dg.DagsterInstance.from_config(".") as instance:
    dg.materialize([answer], instance=instance)
"""


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    shutil.copy(CHECKOUT / "dagster.yaml", tmp_path)
    return tmp_path


def test_given_a_run_in_one_process_when_another_looks_then_it_is_there_and_all_state_is_in_one_place(
    checkout: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    environment = {name: value for name, value in os.environ.items() if name != "DAGSTER_HOME"}
    subprocess.run([sys.executable, "-c", MATERIALIZE], cwd=checkout, env=environment, capture_output=True, check=True)
    monkeypatch.chdir(checkout)
    with dg.DagsterInstance.from_config(".") as instance:
        assert instance.get_runs_count() == 1
    assert {path.name for path in (checkout / ".dagster").iterdir()} == {"artifacts", "compute_logs", "history"}
    assert {path.name for path in checkout.iterdir()} == {"dagster.yaml", ".dagster"}


def test_runs_are_queued_one_at_a_time_and_start_within_a_second(
    checkout: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(checkout)
    with dg.DagsterInstance.from_config(".") as instance:
        queue = instance.get_concurrency_config().run_queue_config
        assert queue is not None
        assert queue.max_concurrent_runs == 1
        assert isinstance(instance.run_coordinator, dg.QueuedRunCoordinator)
        assert instance.run_coordinator.dequeue_interval_seconds == 1
        assert not instance.telemetry_enabled


def test_only_a_run_whose_process_died_is_tried_again(checkout: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(checkout)
    with dg.DagsterInstance.from_config(".") as instance:
        assert instance.run_monitoring_enabled
        assert instance.run_retries_enabled
        assert instance.run_retries_max_retries == 2
        assert not instance.run_retries_retry_on_asset_or_op_failure
