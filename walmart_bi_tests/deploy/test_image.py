"""The image, as far as it can be held without a container engine: its Dockerfile, and what the Dockerfile names.

It was not built here. What its RUN lines do is done elsewhere in the tests: `test_wheel.py` installs the project
without a download, and the locked packages that it installs are the ones that these tests run on.
"""

from __future__ import annotations

import json
import re
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement

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


def test_no_secret_is_written_into_it(instructions) -> None:
    assert len(given(instructions, "ARG")) == 1
    variables = " ".join(given(instructions, "ENV"))
    assert re.findall(r"(?i)\w*(?:password|secret|token|access_key)\w*", variables) == []


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
    assert re.findall(r"\w+://\S*|^-.*|find-links|index-url", text, flags=re.MULTILINE) == []
    assert Path(CHECKOUT / LOCK).stat().st_size > 0
