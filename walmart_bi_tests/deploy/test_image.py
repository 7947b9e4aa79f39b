"""The image, as far as it can be held without a container engine: its Dockerfile, and what the Dockerfile names.

It was not built here. What it copies is installed with its own command, and what it runs is started and asked for its
health with its own commands, on the packages that these tests run on, which are those of its lock.
"""

from __future__ import annotations

import functools
import json
import os
import re
import shutil
import socket
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from walmart_bi_tests.dagster_dev import STOP_SECONDS, eventually
from walmart_bi_tests.definitions.test_locks import locked, pins
from walmart_bi_tests.deploy.template import DEPLOY

CHECKOUT = DEPLOY.parent
LOCK = "deploy/requirements.lock"


@pytest.fixture(scope="module")
def instructions() -> list[tuple[str, str]]:
    text = re.sub(r"(?m)^\s*#.*\n", "", (DEPLOY / "Dockerfile").read_text()).replace("\\\n", " ")
    lines = [line.split(maxsplit=1) for line in text.splitlines() if line.strip()]
    return [(word, " ".join(rest.split())) for word, rest in lines]


def last_stage(instructions: list[tuple[str, str]]) -> list[tuple[str, str]]:
    begin = max(number for number, (word, _) in enumerate(instructions) if word == "FROM")
    return instructions[begin:]


def given(instructions: list[tuple[str, str]], wanted: str) -> list[str]:
    return [rest for word, rest in instructions if word == wanted]


def test_both_stages_begin_with_one_slim_python_of_one_version_that_the_project_supports(instructions) -> None:
    (argument,) = given(instructions, "ARG")
    image = re.fullmatch(r"PYTHON=python:(\d+\.\d+)\.\d+-slim-\w+", argument)
    assert image is not None
    assert given(instructions, "FROM") == ["${PYTHON} AS build", "${PYTHON}"]
    project = tomllib.loads((CHECKOUT / "pyproject.toml").read_text())["project"]
    assert Requirement(f"python{project['requires-python']}").specifier.contains(image[1])


def test_it_runs_as_a_user_without_rights_by_number(instructions) -> None:
    (user,) = given(last_stage(instructions), "USER")
    assert user.isdigit()
    assert int(user) > 0
    after = last_stage(instructions)[last_stage(instructions).index(("USER", user)) :]
    assert {word for word, _ in after} == {"USER", "HEALTHCHECK", "CMD"}


def test_it_looks_whether_what_it_runs_is_well(instructions) -> None:
    (check,) = given(last_stage(instructions), "HEALTHCHECK")
    (command,) = given(last_stage(instructions), "CMD")
    probe = json.loads(check.partition("CMD ")[2])
    server = json.loads(command)
    assert probe[:3] == ["dagster", "api", "grpc-health-check"]
    assert probe[probe.index("--port") + 1] == server[server.index("--port") + 1]


def test_packages_are_installed_by_hash_from_the_lock_and_nothing_is_resolved(instructions) -> None:
    installs = [line for line in given(instructions, "RUN") if "pip install" in line]
    assert installs == [
        "python -m pip install --require-hashes --no-deps --only-binary :all: -r requirements.lock",
        "python -m pip install --no-deps --no-index --no-build-isolation .",
    ]
    assert f"{LOCK} ./" in given(instructions, "COPY")


def test_everything_that_is_copied_exists_and_reaches_the_build(instructions) -> None:
    copied = [line.split()[:-1] for line in given(instructions, "COPY") if not line.startswith("--from")]
    sources = {source for line in copied for source in line}
    assert [source for source in sources if not (CHECKOUT / source).exists()] == []
    ignored = [
        line for line in (DEPLOY / "Dockerfile.dockerignore").read_text().splitlines() if line[:1] not in ("#", "")
    ]
    assert ignored[0] == "*"
    assert {line.removeprefix("!") for line in ignored if line.startswith("!")} == sources


def test_it_speaks_to_postgresql_over_tls_alone(instructions) -> None:
    assert "PGSSLMODE=require" in " ".join(given(last_stage(instructions), "ENV")).split()


def test_no_secret_is_written_into_it(instructions) -> None:
    assert len(given(instructions, "ARG")) == 1
    variables = " ".join(given(instructions, "ENV"))
    assert re.findall(r"(?i)\w*(?:password|secret|token|access_key)\w*", variables) == []


# What it does


def test_what_it_copies_is_installed_served_and_found_well_by_its_own_commands(instructions, tmp_path: Path) -> None:
    source, target = tmp_path / "source", tmp_path / "target"
    source.mkdir()
    for line in given(instructions, "COPY"):
        for name in [] if line.startswith("--from") or LOCK in line else line.split()[:-1]:
            place = CHECKOUT / name
            if place.is_dir():
                shutil.copytree(place, source / name, ignore=shutil.ignore_patterns("__pycache__"))
            else:
                shutil.copy(place, source)
    install = next(line for line in given(instructions, "RUN") if line.endswith("--no-build-isolation ."))
    run([sys.executable, *install.split()[1:], "--quiet", "--target", str(target)], source, {})
    assert (target / "walmart_bi" / "sql").is_dir()

    port = free_port()
    (command,) = given(last_stage(instructions), "CMD")
    (check,) = given(last_stage(instructions), "HEALTHCHECK")
    server, probe = (at(json.loads(text), port) for text in (command, check.partition("CMD ")[2]))
    environment = own_environment() | {"PYTHONPATH": str(target), "DAGSTER_HOME": str(tmp_path)}
    with (tmp_path / "log").open("wb") as log:
        process = subprocess.Popen(server, cwd=tmp_path, env=environment, stdout=log, stderr=log)
        try:
            is_well = functools.partial(subprocess.run, probe, cwd=tmp_path, env=environment, capture_output=True)
            # The question is a process that imports Dagster: it is asked when there is somebody to answer.
            eventually(lambda: process.poll() is not None or listens(port), "it never listens")
            eventually(lambda: process.poll() is None and is_well(check=False).returncode == 0, "it is never well")
        finally:
            process.terminate()
            process.wait(STOP_SECONDS)
    assert is_well(check=False).returncode != 0


def at(command: list[str], port: int) -> list[str]:
    """The command on another port, with the program of this environment."""
    program = Path(sys.executable).with_name(command[0])
    return [str(program), *(str(port) if word == "4000" else word for word in command[1:])]


def own_environment() -> dict[str, str]:
    return {
        name: value for name, value in os.environ.items() if not name.startswith(("WALMART_BI_", "DAGSTER", "COV_"))
    }


def run(command: list[str], place: Path, variables: dict[str, str]) -> None:
    done = subprocess.run(command, cwd=place, env=own_environment() | variables, capture_output=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def listens(port: int) -> bool:
    with socket.socket() as caller:
        return caller.connect_ex(("127.0.0.1", port)) == 0


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


# Its lock


def test_its_lock_is_the_run_time_lock_and_what_the_extra_adds() -> None:
    image, run = pins(f"{LOCK}"), pins("requirements.lock")
    assert {name: versions for name, versions in run.items() if image.get(name) != versions} == {}
    assert set(image) - set(run) == {"dagster-postgres", "psycopg2-binary"}
    assert [str(r) for r, hashes in locked(LOCK) if not str(r.specifier).startswith("==") or hashes < 1 or r.url] == []


def test_its_lock_satisfies_the_extra() -> None:
    extra = tomllib.loads((CHECKOUT / "pyproject.toml").read_text())["project"]["optional-dependencies"]["aws"]
    for wanted in map(Requirement, extra):
        (pin,) = pins(LOCK)[wanted.name]
        assert wanted.specifier.contains(pin.removeprefix("=="))


def test_its_lock_names_no_place_that_packages_come_from() -> None:
    text = (CHECKOUT / LOCK).read_text()
    assert re.findall(r"\w+://\S*|^-.*|find-links|index-url|\s/\S*", text, flags=re.MULTILINE) == []
    assert Path(CHECKOUT / LOCK).stat().st_size > 0
