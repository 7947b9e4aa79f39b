"""Plain `dagster dev` as a person starts it, in a directory of its own: for end-to-end tests and benchmarks.

Nothing here knows what the graph does.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

CHECKOUT = Path(__file__).resolve().parents[1]
# Generous: a cold start on a busy machine with two cores took 40 s, a stop 9 s.
PATIENCE_SECONDS = 180.0
STOP_SECONDS = 30.0
POLL_SECONDS = 0.05

Found = TypeVar("Found")


@dataclass(frozen=True)
class DagsterDev:
    """A running `dagster dev`."""

    place: Path
    port: int
    start_seconds: float

    def graphql(self, query: str) -> dict[str, Any]:
        """The data of a GraphQL answer; an error in it is an AssertionError."""
        request = urllib.request.Request(
            f"http://127.0.0.1:{self.port}/graphql",
            data=json.dumps({"query": query}).encode(),
            headers={"Content-Type": "application/json"},
        )
        with urllib.request.urlopen(request, timeout=60) as response:
            answer = json.load(response)
        assert "errors" not in answer, answer["errors"]
        data: dict[str, Any] = answer["data"]
        return data


def new_place(directory: Path) -> Path:
    """A directory from which `dagster dev` starts as from a fresh checkout."""
    for name in ("dagster.yaml", "workspace.yaml"):
        shutil.copy(CHECKOUT / name, directory / name)
    return directory


@contextlib.contextmanager
def dagster_dev(place: Path) -> Iterator[DagsterDev]:
    """Run `dagster dev` in the directory until the block ends; its output is appended to `dev.log` there."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("DAGSTER", "WALMART_BI"))}
    environment["PYTHONPATH"] = str(CHECKOUT)
    started = time.monotonic()
    with (place / "dev.log").open("ab") as log:
        process = subprocess.Popen(
            [Path(sys.executable).with_name("dagster"), "dev", "--port", str(port)],
            cwd=place,
            env=environment,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        eventually(lambda: answers(process, port), f"dagster dev did not answer; see {place}/dev.log")
        yield DagsterDev(place, port, time.monotonic() - started)
    finally:
        stop(process)


def eventually(look: Callable[[], Found | None], otherwise: str) -> Found:
    """What `look` finds, asked again and again until it finds something; else an AssertionError."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < deadline:
        found = look()
        if found:
            return found
        time.sleep(POLL_SECONDS)
    raise AssertionError(otherwise)


def answers(process: subprocess.Popen[bytes], port: int) -> bool:
    """Whether the UI answers; an AssertionError when the process has ended."""
    assert process.poll() is None, "dagster dev ended by itself"
    with contextlib.suppress(OSError), urllib.request.urlopen(f"http://127.0.0.1:{port}/server_info", timeout=5):
        return True
    return False


def stop(process: subprocess.Popen[bytes]) -> None:
    """Ask the first process alone: it stops the others in order. A signal to the whole group left them hanging."""
    process.terminate()
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(STOP_SECONDS)
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
