"""Named points: they cost nothing while nobody looks, and nothing outside the process can switch them on."""

import ast
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from walmart_bi import points
from walmart_bi_tests.proof.named_points import points_in_code

CHECKOUT = Path(__file__).parents[2]


@pytest.fixture(autouse=True)
def nobody_observes_afterwards() -> Iterator[None]:
    yield
    points.observe(None)


def test_given_an_observer_when_points_are_reached_then_it_is_told_their_names_in_order():
    seen: list[str] = []
    points.observe(seen.append)
    points.reached("one.before")
    points.reached("one.after")
    points.observe(None)
    points.reached("two.before")
    assert seen == ["one.before", "one.after"]


def test_given_a_fresh_process_with_any_environment_when_it_starts_then_nobody_observes():
    code = "from walmart_bi import points; points.reached('any.point'); print(points._observer)"
    environment = {
        **os.environ,
        "PYTHONPATH": str(CHECKOUT),
        "WALMART_BI_POINTS": "x",
        "WALMART_BI_KILL_AT": "any.point",
    }
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (0, "None\n")


def test_given_the_package_when_read_then_no_code_of_it_observes_points():
    callers = [
        path.name
        for path in (CHECKOUT / "walmart_bi").rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Attribute | ast.Name) and getattr(node, "attr", getattr(node, "id", "")) == "observe"
    ]
    assert callers == []


def test_given_the_package_when_its_points_are_counted_then_there_are_at_least_24_from_reading_to_the_page():
    found = points_in_code()
    assert len(found) >= 24
    rooms = {name.partition(".")[0] for name in found}
    assert rooms >= {
        *("read", "put", "delete", "stage", "publish", "copy", "lock", "rows", "ledger", "commit", "snapshot"),
        *("artifact", "latest", "page", "sensor", "handover"),
    }
