"""What loading the definitions costs and touches, in a fresh interpreter, and what wrong settings say."""

import importlib
import subprocess
import sys
from pathlib import Path

import pytest

from walmart_bi.settings import SettingsError

HEAVY = [
    "pandas",
    "pyarrow",
    "duckdb",
    "sqlglot",
    "boto3",
    "botocore",
    "redshift_connector",
    "dagster_aws",
    "filelock",
    "smtplib",
]

PROBE = f"""
import socket, sys, builtins, os
opened = []
def refuse(*args, **kwargs):
    raise AssertionError("a socket was opened")
import dagster
before = set(sys.modules)
socket.socket.connect = refuse
socket.socket.bind = refuse
sys.addaudithook(lambda event, args: opened.append(args[0]) if event == "open" and _writes(args) else None)
def _writes(args):
    mode, flags = args[1], args[2]
    return bool(flags & (os.O_WRONLY | os.O_RDWR | os.O_CREAT)) if isinstance(flags, int) else "w" in str(mode)
import walmart_bi.definitions
print("HEAVY", sorted(set({HEAVY!r}) & (set(sys.modules) - before)))
print("WRITTEN", [str(name) for name in opened])
"""


TARGETS = {
    "local": {},
    "aws": {
        "WALMART_BI_TARGET": "aws",
        "WALMART_BI_BUCKET": "retail-sales",
        "WALMART_BI_REDSHIFT_WORKGROUP": "retail",
        "WALMART_BI_REDSHIFT_DATABASE": "sales",
        "WALMART_BI_REDSHIFT_COPY_ROLE_ARN": "arn:aws:iam::123456789012:role/copy",
        "WALMART_BI_RAW_DATA_QUEUE_URL": "https://sqs.example/1/raw",
        "WALMART_BI_MONTHLY_DATA_QUEUE_URL": "https://sqs.example/1/monthly",
    },
}


@pytest.fixture(scope="module", params=TARGETS)
def report(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    empty = tmp_path_factory.mktemp("empty")
    environment = {
        "PATH": "/usr/bin:/bin",
        "PYTHONPATH": str(Path(__file__).parents[2]),
        "PYTHONDONTWRITEBYTECODE": "1",
        **TARGETS[request.param],
    }
    done = subprocess.run(
        [sys.executable, "-W", "error::dagster.BetaWarning", "-c", PROBE],
        cwd=empty,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert list(empty.iterdir()) == []
    return dict(line.split(" ", 1) for line in done.stdout.splitlines())


def test_given_a_fresh_interpreter_when_loaded_then_no_heavy_library_is_imported(report: dict[str, str]):
    assert report["HEAVY"] == "[]"


def test_given_a_fresh_interpreter_when_loaded_then_no_file_is_written_and_no_socket_opened(report: dict[str, str]):
    assert report["WRITTEN"] == "[]"


def test_given_the_domain_when_imported_then_neither_dagster_nor_boto3_comes_along():
    probe = """
import importlib, pkgutil, sys
import walmart_bi.kpis, walmart_bi.sales
for room in (walmart_bi.sales, walmart_bi.kpis):
    for module in pkgutil.iter_modules(room.__path__):
        importlib.import_module(f"{room.__name__}.{module.name}")
print(sorted({"dagster", "boto3", "redshift_connector"} & set(sys.modules)))
"""
    done = subprocess.run([sys.executable, "-c", probe], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_given_wrong_settings_when_loaded_then_one_clear_error_and_no_definitions(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("WALMART_BI_TARGET", "moon")
    monkeypatch.delitem(sys.modules, "walmart_bi.definitions", raising=False)
    with pytest.raises(SettingsError, match="WALMART_BI_TARGET is 'moon'"):
        importlib.import_module("walmart_bi.definitions")
    assert "walmart_bi.definitions" not in sys.modules
