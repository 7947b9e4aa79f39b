"""`make dev-aws` as a person uses it: start, load from another terminal, stop, start again and find the data."""

from __future__ import annotations

import contextlib
import csv
import json
import os
import re
import socket
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

from walmart_bi_tests.dagster_dev import CHECKOUT, answers, eventually, new_place
from walmart_bi_tests.dev_aws.state import is_free
from walmart_bi_tests.project import month_csv

MONTH = "2024-05"
STATE = Path(".walmart_bi/aws")


@dataclass
class DevAws:
    """A running `make dev-aws`, without make."""

    place: Path
    process: subprocess.Popen[bytes]
    port: int

    @property
    def said(self) -> str:
        return (self.place / "dev.log").read_text()

    def in_a_shell(self, command: str) -> subprocess.CompletedProcess[str]:
        """Give the command in another terminal, as the lines that were printed say."""
        (reading,) = re.findall(r"set -a; \. \S+; set \+a", self.said)
        commands = Path(sys.executable).parent
        return subprocess.run(
            ["sh", "-c", f"{reading}; PATH={commands}:$PATH; {command}"],
            cwd=self.place,
            env=environment(),
            capture_output=True,
            text=True,
            check=False,
        )


def environment() -> dict[str, str]:
    """That of a shell which has something else in mind for AWS, which must not win."""
    own = {name: value for name, value in os.environ.items() if not name.startswith(("DAGSTER", "WALMART_BI", "AWS_"))}
    other = {"AWS_PROFILE": "production", "WALMART_BI_REDSHIFT_HOST": "production.example", "WALMART_BI_PREFIX": "x"}
    # An address where nobody listens: a load that published there would fail.
    tableau = {"SERVER": "http://127.0.0.1:9", "TOKEN_NAME": "production", "TOKEN": "secret"}
    other |= {f"WALMART_BI_TABLEAU_{name}": value for name, value in tableau.items()}
    return {**own, **other, "PYTHONPATH": str(CHECKOUT)}


def start(place: Path, port: int, log: str = "dev.log") -> subprocess.Popen[bytes]:
    with (place / log).open("wb") as output:
        return subprocess.Popen(
            [sys.executable, "-m", "walmart_bi_tests.dev_aws", "--state", STATE, "--port", str(port)],
            cwd=place,
            env=environment(),
            stdout=output,
            stderr=subprocess.STDOUT,
        )


def refused(place: Path, port: int) -> str:
    """What a start says that does not get as far as to serve."""
    assert start(place, port, "refused.log").wait() == 1
    (line,) = (place / "refused.log").read_text().splitlines()
    return line


@contextlib.contextmanager
def dev_aws(place: Path) -> Iterator[DevAws]:
    """Run it until the block ends, then stop it with SIGTERM: no process is left, and no port taken."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    process = start(place, port)
    try:
        eventually(lambda: answers(process, port), f"dev-aws did not answer; see {place}/dev.log")
        assert len(processes(place)) > 3
        yield DevAws(place, process, port)
    finally:
        process.terminate()
        process.wait()
    assert process.returncode == 0, (place / "dev.log").read_text()
    assert processes(place) == []
    kept = json.loads((place / STATE / "ports.json").read_text())
    assert [number for number in (port, *kept.values()) if not is_free(number)] == []


def processes(place: Path) -> list[str]:
    """Those that were told of the directory: S3, PostgreSQL, and Dagster's, which are told of their instance."""
    listed = subprocess.run(["ps", "-eww", "-o", "args"], capture_output=True, text=True, check=True).stdout
    return [line for line in listed.splitlines() if str(place) in line]


def test_given_a_file_loaded_on_the_aws_target_when_started_again_then_its_month_is_there(tmp_path: Path):
    place = new_place(tmp_path)
    file = place / f"{MONTH}.csv"
    file.write_text(month_csv(MONTH, directory=tmp_path))
    revenue = sum(Decimal(row["Purchase_Amount"]) for row in csv.DictReader(file.read_text().splitlines()))

    with dev_aws(place) as dev:
        assert "PostgreSQL behind a Redshift-shaped front, not Redshift" in dev.said.replace("\ndev-aws:", "")
        loaded = dev.in_a_shell(f"walmart-bi load {file.name}")
        assert (loaded.returncode, loaded.stderr) == (0, "")
        assert f"${revenue:,.2f}" in loaded.stdout
        assert "s3://walmart-bi/dashboard_data/latest/manifest.json" in loaded.stdout
        assert "It runs already on this directory" in refused(place, dev.port)
    assert not (place / ".dagster").exists()  # the local target's history is another one

    with dev_aws(place) as dev:
        status = dev.in_a_shell("walmart-bi status")
        assert status.returncode == 0, status.stderr
        assert re.search(rf"{MONTH} +{MONTH}-v1 +yes +40 ", status.stdout)
        assert re.search(r"checks: \d+ passed", status.stdout)


def test_given_a_port_in_use_when_started_then_one_line_names_it(tmp_path: Path):
    place = new_place(tmp_path)
    with socket.create_server(("127.0.0.1", 0)) as taken, socket.create_server(("127.0.0.1", 0)) as probe:
        port = taken.getsockname()[1]
        assert f"Port {port} is used by another program" in refused(place, port)

        (place / STATE / "ports.json").write_text(json.dumps({"s3": port, "redshift": 1, "credentials": 1}))
        free = probe.getsockname()[1]
        probe.close()
        assert f"Port {port}, which is kept for s3, is used by another program" in refused(place, free)
    assert processes(place) == []
