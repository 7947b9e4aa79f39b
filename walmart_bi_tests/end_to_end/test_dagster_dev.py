"""Plain `dagster dev` in a fresh checkout: the graph is there, a landed file is loaded, a restart forgets nothing."""

import json
import socket
import time
from pathlib import Path
from typing import Any

import pytest

from walmart_bi.kpis.catalog import load_catalog
from walmart_bi_tests.dagster_dev import DagsterDev, dagster_dev, eventually, new_place
from walmart_bi_tests.project import month_csv

MONTH = "2024-05"
SENSORS = {"raw_file_sensor", "monthly_data_sensor", "failure_sensor"}
ASSETS = {
    *("raw_sales_file", "cleaned_sales", "monthly_sales_object", "walmart_sales"),
    *("kpi_insights", "tableau_snapshot", "story_dashboard"),
}

WORKSPACE = """{ workspaceOrError { ... on Workspace { locationEntries { name locationOrLoadError {
  ... on PythonError { message }
  ... on RepositoryLocation { repositories {
    assetNodes { assetKey { path } }
    sensors { name sensorState { status } }
  } }
} } } } }"""
RUNS = "{ runsOrError { ... on Runs { results { runId status tags { key value } } } } }"
SENSOR = """{ sensorOrError(sensorSelector: {
  repositoryLocationName: "walmart_bi", repositoryName: "__repository__", sensorName: "raw_file_sensor"
}) { ... on Sensor { sensorState {
  ticks(limit: 1) { timestamp }
  typeSpecificData { ... on SensorData { lastCursor } }
} } } }"""


def runs(dev: DagsterDev) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = dev.graphql(RUNS)["runsOrError"]["results"]
    return found


def finished_runs(dev: DagsterDev) -> list[dict[str, Any]]:
    found = runs(dev)
    return found if found and all(run["status"] in {"SUCCESS", "FAILURE"} for run in found) else []


def sensor_state(dev: DagsterDev) -> dict[str, Any]:
    found: dict[str, Any] = dev.graphql(SENSOR)["sensorOrError"]["sensorState"]
    return found


def has_ticked_since(dev: DagsterDev, moment: float) -> bool:
    return any(tick["timestamp"] > moment for tick in sensor_state(dev)["ticks"])


def months_published(place: Path) -> list[str]:
    manifest = place / ".walmart_bi" / "bucket" / "dashboard_data" / "latest" / "manifest.json"
    return [load["month"] for load in json.loads(manifest.read_text())["loads"]] if manifest.exists() else []


def loaded_locations(dev: DagsterDev) -> list[dict[str, Any]]:
    entries: list[dict[str, Any]] = dev.graphql(WORKSPACE)["workspaceOrError"]["locationEntries"]
    return entries if all(entry["locationOrLoadError"] for entry in entries) else []


def expect_graph_and_sensors(dev: DagsterDev) -> None:
    (location,) = eventually(lambda: loaded_locations(dev), "the code location was not loaded")
    assert location["name"] == "walmart_bi"
    assert "repositories" in location["locationOrLoadError"], location
    (repository,) = location["locationOrLoadError"]["repositories"]
    assets = {node["assetKey"]["path"][-1] for node in repository["assetNodes"]}
    assert assets == ASSETS | {kpi.name for kpi in load_catalog()}
    states = {sensor["name"]: sensor["sensorState"]["status"] for sensor in repository["sensors"]}
    assert states == dict.fromkeys(SENSORS, "RUNNING")


def expect_only_loopback(dev: DagsterDev) -> None:
    # Every 127.x address is this machine's own; a server that listens on all interfaces would answer on this one too.
    with pytest.raises(OSError), socket.create_connection(("127.0.0.2", dev.port), 5):
        pass


def seen_files(dev: DagsterDev) -> dict[str, Any]:
    """What the sensor's cursor says of files; it also holds the time of the last listing, which goes on."""
    seen: dict[str, Any] = json.loads(sensor_state(dev)["typeSpecificData"]["lastCursor"])["seen"]
    return seen


def test_given_a_fresh_checkout_when_a_file_lands_then_it_is_loaded_once_and_a_restart_remembers(tmp_path: Path):
    place = new_place(tmp_path)
    with dagster_dev(place) as dev:
        expect_graph_and_sensors(dev)
        expect_only_loopback(dev)
        landing = place / ".walmart_bi" / "bucket" / "raw_data"
        landing.mkdir(parents=True)
        (landing / f"{MONTH}.csv").write_text(month_csv(MONTH, directory=tmp_path))
        eventually(lambda: months_published(place) == [MONTH], "the landed file was not loaded")
        (run,) = eventually(lambda: finished_runs(dev), "the run did not end")
        assert run["status"] == "SUCCESS"
        tags = {tag["key"]: tag["value"] for tag in run["tags"]}
        assert (tags["month"], tags["file"]) == (MONTH, f"raw_data/{MONTH}.csv")
        seen = seen_files(dev)
        assert list(seen) == [f"raw_data/{MONTH}.csv"]
    restarted = time.time()
    with dagster_dev(place) as dev:
        eventually(lambda: has_ticked_since(dev, restarted), "the sensor did not look again")
        assert seen_files(dev) == seen
        assert [each["runId"] for each in runs(dev)] == [run["runId"]]
