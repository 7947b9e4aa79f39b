"""What a static look at the code finds, and that nothing on the way from file to snapshot is a pickle."""

import csv
import io
import json
import pickletools
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import pytest

from walmart_bi.build import build_definitions
from walmart_bi.handover import Handover
from walmart_bi.partitions import range_tags
from walmart_bi.records import SourceFile
from walmart_bi_tests.project import QUIET, TestProject, failure_of, month_csv, new_project

CHECKOUT = Path(__file__).parents[2]


def bandit(*arguments: str) -> list[dict[str, str]]:
    command = [sys.executable, "-m", "bandit", "-q", "-c", "pyproject.toml", "-f", "json", "--severity-level", "medium"]
    done = subprocess.run([*command, *arguments], cwd=CHECKOUT, capture_output=True, text=True)
    assert done.stdout, done.stderr
    return json.loads(done.stdout)["results"]


def test_bandit_finds_nothing_of_medium_severity_or_above_in_the_package():
    """Without B608, which the configuration leaves to ruff's S608, and without the tests and tools beside it."""
    assert [(each["filename"], each["line_number"], each["issue_text"]) for each in bandit("-r", "walmart_bi")] == []


def test_what_bandit_leaves_out_is_asked_by_ruff():
    project = tomllib.loads((CHECKOUT / "pyproject.toml").read_text())["tool"]
    assert project["bandit"] == {"skips": ["B608"]}
    assert "S" in project["ruff"]["lint"]["select"]
    assert not {"S", "S608"} & set(project["ruff"]["lint"].get("ignore", []))
    for files, left_out in project["ruff"]["lint"]["per-file-ignores"].items():
        assert not {"S", "S608"} & set(left_out) or files.startswith(("walmart_bi_tests/", "benchmarks/"))


def test_bandit_is_seen_to_find_something(tmp_path: Path):
    (tmp_path / "unsafe.py").write_text("import pickle\npickle.loads(b'')\n")
    assert [each["test_id"] for each in bandit(str(tmp_path / "unsafe.py"))] == ["B301"]


def test_every_exception_from_a_security_rule_names_its_rule_and_its_reason():
    lines = [
        line
        for path in (CHECKOUT / "walmart_bi").rglob("*.py")
        for line in path.read_text().splitlines()
        if re.search(r"noqa: S\d|nosec", line)
    ]
    assert len(lines) > 10
    assert [line for line in lines if not re.search(r"noqa: S\d{3} - \w+", line)] == []


class RefusingIOManager(dg.IOManager):
    """Stands in the place of Dagster's default, which pickles."""

    def handle_output(self, context: dg.OutputContext, obj: object) -> None:
        raise AssertionError(f"{context.step_key} hands over a value")

    def load_input(self, context: dg.InputContext) -> object:
        raise AssertionError(f"{context.asset_key} is read as a value")


def is_pickle(content: bytes) -> bool:
    """Whether the bytes can be disassembled as a pickle to their end."""
    try:
        pickletools.dis(content, out=io.StringIO())
    except Exception:  # noqa: BLE001 - pickletools promises no error of its own for other bytes
        return False
    return True


HOSTILE_COLUMNS = (
    "'); DROP TABLE walmart_sales; --",
    "=cmd|' /C calc'!A0",
    "<script>alert(1)</script>",
    "../../etc/passwd",
)


@pytest.fixture(scope="module")
def loaded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestProject]:
    """A whole load of a file with hostile columns, by a graph in which no value can be handed over."""
    directory = tmp_path_factory.mktemp("project")
    header, *rows = month_csv("2024-05", 60, directory=directory).splitlines()
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow([*header.split(","), *HOSTILE_COLUMNS])
    writer.writerows([*row.split(","), *HOSTILE_COLUMNS] for row in rows)
    with new_project(directory) as project:
        project.deliver("sales_2024-05.csv", out.getvalue())
        resources = {
            "store": project.store,
            "warehouse": project.warehouse,
            "io_manager": dg.IOManagerDefinition.hardcoded_io_manager(RefusingIOManager()),
        }
        job = build_definitions(project.settings, resources=resources).resolve_job_def("monthly_load")
        result = job.execute_in_process(
            run_config=QUIET, instance=project.instance, tags=range_tags(("2024-05",)), raise_on_error=False
        )
        assert result.success, failure_of(result)
        yield project


def test_given_a_whole_load_when_it_has_run_then_no_value_was_handed_over_and_no_file_is_a_pickle(loaded: TestProject):
    import pickle

    assert is_pickle(pickle.dumps({"month": "2024-05"}))
    written = [path for path in loaded.settings.home.rglob("*") if path.is_file()]
    assert len(written) > 10
    assert [path.name for path in written if is_pickle(path.read_bytes())] == []


def test_given_columns_with_hostile_names_when_loaded_then_they_are_named_as_text_and_do_nothing(loaded: TestProject):
    assert loaded.query("SELECT COUNT(*) FROM walmart_sales") == [(60,)]
    source = Handover(loaded.store).read("raw_sales_file", "2024-05", SourceFile)
    assert source.extra_columns == list(HOSTILE_COLUMNS)
    published = {info.key: loaded.store.read_bytes(info.key) for info in loaded.store.list("dashboard_data/")}
    assert published
    for key, content in published.items():
        assert not [name for name in HOSTILE_COLUMNS if name.encode() in content], key


# What opens a port for the UI, its code or its daemon's clients.
SERVERS = re.compile(
    r"dagster[\",\s]+dev|dagster-webserver|code-server[\",\s]+start|dagster-graphql|api[\",\s]+grpc[\",\s]"
)
LOOPBACK = re.compile(r"(?:--host|-h)[\",\s]+127\.0\.0\.1\b")
SHIPPED = ("Makefile", "dagster.yaml", "workspace.yaml", "deploy/*.yaml", "deploy/Dockerfile", "tools/**/*")


def open_servers(text: str) -> list[str]:
    """Commands that start a server and do not say that only this machine may ask it."""
    lines = [line.strip() for line in text.splitlines() if not line.strip().startswith("#")]
    started = [
        line for line in lines if SERVERS.search(line) and re.match(r"@?\$|CMD|ENTRYPOINT|Command|command|-", line)
    ]
    return [line for line in started if not LOOPBACK.search(line)]


def test_every_shipped_configuration_binds_the_ui_and_its_code_to_loopback():
    files = [path for pattern in SHIPPED for path in CHECKOUT.glob(pattern) if path.is_file()]
    texts = {path: path.read_text(errors="replace") for path in files}

    assert {path.name: found for path, text in texts.items() if (found := open_servers(text))} == {}
    started = {path.name for path, text in texts.items() if LOOPBACK.search(text) and SERVERS.search(text)}
    assert started >= {"Makefile", "Dockerfile", "walmart-bi-ecs.yaml"}


def test_a_server_that_anybody_may_ask_is_seen():
    for line in (
        "\t@$(BIN)/dagster dev --port 3000",
        "\t@$(BIN)/dagster dev --host 0.0.0.0 --port 3000",
        "          Command: [dagster-webserver, --host, 0.0.0.0, --port, '3000']",
        'CMD ["dagster", "code-server", "start", "--host", "0.0.0.0"]',
    ):
        assert open_servers(line) == [line.strip()]
