"""The production `dagster.yaml` on a real PostgreSQL and an S3 server: every class is found, every setting counts."""

from __future__ import annotations

import contextlib
import os
import shutil
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import pytest
import yaml

from walmart_bi_tests import s3_servers
from walmart_bi_tests.deploy.template import DATA, DEPLOY, ECS, Values, read_template
from walmart_bi_tests.kept import kept
from walmart_bi_tests.redshift_standin.backend import session
from walmart_bi_tests.redshift_standin.postgres import SUPERUSER, throw_away_postgres


@dg.asset
def answer() -> int:
    print("what the step said")  # noqa: T201
    return 42


@contextlib.contextmanager
def on_loopback(unix_socket: Path) -> Iterator[int]:
    """A port that leads to the socket: the storage's configuration knows hosts and ports only."""
    server = socket.create_server(("127.0.0.1", 0))
    connections: list[socket.socket] = [server]

    def pass_on(source: socket.socket, target: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while block := source.recv(65536):
                target.sendall(block)
        with contextlib.suppress(OSError):
            target.shutdown(socket.SHUT_WR)

    def accept() -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = server.accept()
                backend = socket.socket(socket.AF_UNIX)
                backend.connect(str(unix_socket))
                connections.extend((client, backend))
                for pair in ((client, backend), (backend, client)):
                    threading.Thread(target=pass_on, args=pair, daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()
    try:
        yield server.getsockname()[1]
    finally:
        for connection in connections:
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
            connection.close()


@pytest.fixture(scope="module")
def instance(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dg.DagsterInstance]:
    home = tmp_path_factory.mktemp("home")
    text = (DEPLOY / "dagster.yaml").read_text()
    with kept(throw_away_postgres) as place, contextlib.ExitStack() as stack, pytest.MonkeyPatch.context() as patch:
        postgres = Path(place)
        with session(postgres, "postgres") as admin:
            admin.query("CREATE DATABASE dagster")
        port = stack.enter_context(on_loopback(postgres))
        bucket = stack.enter_context(s3_servers.new_bucket(s3_servers.moto()))
        # The one thing that differs is the port, which the cluster of the tests does not choose.
        assert text.count("port: 5432") == 1
        (home / "dagster.yaml").write_text(text.replace("port: 5432", f"port: {port}"))
        for name, value in {
            "DAGSTER_HOME": str(home),
            "DAGSTER_POSTGRES_HOST": "127.0.0.1",
            "DAGSTER_POSTGRES_USER": SUPERUSER,
            "DAGSTER_POSTGRES_PASSWORD": "not asked for",
            "DAGSTER_POSTGRES_DB": "dagster",
            "PGSSLMODE": "disable",
            "WALMART_BI_BUCKET": bucket,
        }.items():
            patch.setenv(name, value)
        with dg.DagsterInstance.get() as found:
            yield found
        shutil.rmtree("/tmp/compute_logs", ignore_errors=True)  # where the file under test puts them


def test_a_run_is_kept_in_postgresql_and_what_it_said_in_s3(instance: dg.DagsterInstance) -> None:
    result = dg.materialize([answer], instance=instance, resources={"io_manager": dg.mem_io_manager})
    assert result.success
    with dg.DagsterInstance.get() as another:
        run = another.get_run_by_id(result.run_id)
        assert run is not None
        assert run.status == dg.DagsterRunStatus.SUCCESS
    bucket = instance.compute_log_manager.inst_data.config_dict["bucket"]["env"]  # type: ignore[union-attr]
    assert bucket == "WALMART_BI_BUCKET"
    s3 = s3_servers.client(s3_servers.moto())
    keys = [entry["Key"] for entry in s3.list_objects_v2(Bucket=os.environ[bucket])["Contents"]]
    assert any(key.startswith(f"compute_logs/storage/{result.run_id}/") and key.endswith(".out") for key in keys), keys


def test_only_runs_whose_process_died_are_tried_again_and_one_run_writes_at_a_time(
    instance: dg.DagsterInstance,
) -> None:
    queue = instance.get_concurrency_config().run_queue_config
    assert queue is not None
    assert queue.max_concurrent_runs == 1
    assert instance.get_concurrency_config().pool_config.default_pool_limit == 1
    assert isinstance(instance.run_coordinator, dg.QueuedRunCoordinator)
    assert instance.run_retries_enabled
    assert instance.run_retries_max_retries == 2
    assert not instance.run_retries_retry_on_asset_or_op_failure
    assert instance.run_monitoring_enabled
    assert instance.run_monitoring_max_runtime_seconds == 7200
    assert not instance.telemetry_enabled


def test_old_ticks_are_purged(instance: dg.DagsterInstance) -> None:
    sensors = instance.get_settings("retention")["sensor"]
    assert sensors == {"purge_after_days": {"skipped": 1, "started": 7, "success": 90, "failure": 90}}


def test_every_variable_that_the_file_reads_is_set_by_the_task() -> None:
    wanted = set(variables(yaml.safe_load((DEPLOY / "dagster.yaml").read_text())))
    containers = Values(read_template(ECS)).resource("Task")["Properties"]["ContainerDefinitions"]
    assert wanted
    for container in containers:
        names = {entry["Name"] for entry in [*container["Environment"], *container["Secrets"]]}
        assert wanted <= names, container["Name"]


def variables(node: object) -> Iterator[str]:
    if isinstance(node, dict):
        if set(node) == {"env"}:
            yield node["env"]
        for value in node.values():
            yield from variables(value)


def test_the_code_server_has_the_settings_that_the_data_stack_gives_out() -> None:
    data = read_template(DATA)
    given = Values(data).of(data["Outputs"]["Environment"]["Value"])
    (code, *_) = Values(read_template(ECS)).resource("Task")["Properties"]["ContainerDefinitions"]
    assert {line.partition("=")[0] for line in given.splitlines()} <= {entry["Name"] for entry in code["Environment"]}


def test_the_other_stack_imports_only_what_the_data_stack_exports() -> None:
    exported = {
        Values(read_template(DATA)).of(o["Export"]["Name"])
        for o in read_template(DATA)["Outputs"].values()
        if "Export" in o
    }
    imported = set(imports(read_template(ECS)))
    assert len(imported) > 5
    assert imported <= exported


def imports(node: object) -> Iterator[str]:
    if isinstance(node, dict):
        if "Fn::ImportValue" in node:
            yield Values(read_template(ECS)).of(node["Fn::ImportValue"])
        for value in node.values():
            yield from imports(value)
    elif isinstance(node, list):
        for item in node:
            yield from imports(item)


def test_daemon_and_ui_find_the_code_where_the_image_serves_it() -> None:
    (location,) = yaml.safe_load((DEPLOY / "workspace.yaml").read_text())["load_from"]
    assert location == {"grpc_server": {"host": "127.0.0.1", "port": 4000, "location_name": "walmart_bi"}}
    assert '"--host", "127.0.0.1", "--port", "4000"' in (DEPLOY / "Dockerfile").read_text()
