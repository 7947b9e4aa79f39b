"""The lock files: complete, hashed, free of addresses, in step with pyproject.toml, under licences that can be kept."""

import importlib.metadata
import re
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

CHECKOUT = Path(__file__).parents[2]
RUN, DEV = "requirements.lock", "requirements-dev.lock"
KEPT_LICENCES = re.compile(r"MIT|BSD|Apache|PSF|Python Software Foundation|MPL|Mozilla Public|ISC\b", re.IGNORECASE)
REFUSED_LICENCES = re.compile(r"GPL|General Public|SSPL|BUSL|Business Source|Commons Clause|proprietary", re.IGNORECASE)


def locked(name: str) -> list[tuple[Requirement, int]]:
    """Each requirement of a lock file, with how many hashes it has."""
    text = re.sub(r"^\s*#.*\n", "", (CHECKOUT / name).read_text(), flags=re.MULTILINE).replace("\\\n", " ")
    lines = [line.split("--hash=sha256:") for line in text.splitlines() if line.strip()]
    return [(Requirement(first.strip()), len(hashes)) for first, *hashes in lines]


def pins(name: str) -> dict[str, set[str]]:
    versions: dict[str, set[str]] = {}
    for requirement, _ in locked(name):
        versions.setdefault(canonicalize_name(requirement.name), set()).add(str(requirement.specifier))
    return versions


def pyproject() -> dict[str, Any]:
    return tomllib.loads((CHECKOUT / "pyproject.toml").read_text())


def asked_for(lock: str) -> list[Requirement]:
    """What pyproject.toml asks for in the environment that this lock describes."""
    project = pyproject()
    groups = project["dependency-groups"]
    entries = project["project"]["dependencies"] + groups["build"]
    if lock == DEV:
        entries += groups["dev"] + project["project"]["optional-dependencies"]["scale"]
    return [Requirement(entry) for entry in entries if isinstance(entry, str)]


@pytest.mark.parametrize("lock", [RUN, DEV])
def test_every_locked_package_is_pinned_to_one_version_and_hashed(lock: str) -> None:
    requirements = locked(lock)
    assert len(requirements) > 50
    assert [str(r) for r, hashes in requirements if not str(r.specifier).startswith("==") or hashes < 1 or r.url] == []


@pytest.mark.parametrize("lock", [RUN, DEV])
def test_no_lock_names_where_packages_come_from(lock: str) -> None:
    addresses = re.findall(r"\w+://\S*|^-.*|find-links|index-url", (CHECKOUT / lock).read_text(), flags=re.MULTILINE)
    assert addresses == []


@pytest.mark.parametrize("lock", [RUN, DEV])
def test_the_lock_satisfies_what_pyproject_asks_for(lock: str) -> None:
    versions = pins(lock)
    unmet = [
        str(wanted)
        for wanted in asked_for(lock)
        if not all(
            wanted.specifier.contains(pin.removeprefix("=="))
            for pin in versions.get(canonicalize_name(wanted.name), {"==0"})
        )
    ]
    assert unmet == [], "run `make lock`"


def test_tests_run_on_the_versions_that_people_run() -> None:
    run, dev = pins(RUN), pins(DEV)
    assert {name: versions for name, versions in run.items() if dev.get(name) != versions} == {}


def test_nothing_that_an_installed_package_needs_is_missing() -> None:
    done = subprocess.run([sys.executable, "-m", "pip", "check"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


def licence(name: str) -> str:
    """What a package declares. Some put a whole licence text in one field: its first line is enough."""
    metadata = importlib.metadata.metadata(name).json
    declared = str(metadata.get("license_expression", "")), str(metadata.get("license", "")).strip().partition("\n")[0]
    classifiers = [value for value in metadata.get("classifier", []) if value.startswith("License ::")]
    return "; ".join(filter(None, [*declared, *classifiers]))


def needed_by(names: set[str]) -> set[str]:
    """The packages and, as far as they are installed, all that they need."""
    found: set[str] = set()
    while names:
        found |= names
        needs = [Requirement(need) for name in names for need in importlib.metadata.requires(name) or ()]
        names = {
            canonicalize_name(n.name) for n in needs if n.marker is None or n.marker.evaluate({"extra": ""})
        } - found
    return found


def test_every_package_that_cleaning_on_a_cluster_needs_is_locked_and_has_such_a_licence() -> None:
    scale = {Requirement(entry).name for entry in pyproject()["project"]["optional-dependencies"]["scale"]}
    packages = needed_by(scale)
    assert packages > {"distributed", "dask", "tornado", "msgpack", "cryptography"}
    assert packages - set(pins(DEV)) == set()
    licences = {name: licence(name) for name in packages}
    assert {n: text for n, text in licences.items() if REFUSED_LICENCES.search(text)} == {}
    assert {n: text for n, text in licences.items() if not KEPT_LICENCES.search(text)} == {}


def test_every_run_time_package_has_a_licence_that_lets_this_project_be_given_away() -> None:
    packages = {r.name for r, _ in locked(RUN) if r.marker is None or r.marker.evaluate()}
    licences = {name: licence(name) for name in packages}
    assert {n: text for n, text in licences.items() if REFUSED_LICENCES.search(text)} == {}
    assert {n: text for n, text in licences.items() if not KEPT_LICENCES.search(text)} == {}
