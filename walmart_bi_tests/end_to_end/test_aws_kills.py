"""Loads into Redshift that are killed at any statement, or that meet each other: no row lost, none doubled.

The loads are processes of their own. The stand-in kills them at a chosen statement, or lets two go on together.
"""

from __future__ import annotations

import contextlib
from collections import Counter
from collections.abc import Iterator
from functools import partial
from multiprocessing.connection import wait
from pathlib import Path
from typing import Any

import pytest

from walmart_bi.cli.project import Project
from walmart_bi_tests import command_line
from walmart_bi_tests.builders import make_month, make_rows
from walmart_bi_tests.command_line import in_directory, new_checkout
from walmart_bi_tests.contracts.warehouses import RedshiftSite, load_when_told, redshift_standin
from walmart_bi_tests.end_to_end.command import started
from walmart_bi_tests.processes import Forked, forked
from walmart_bi_tests.project import aws_environment, month_csv
from walmart_bi_tests.redshift_standin.front import Fault
from walmart_bi_tests.redshift_standin.standin import shared_standin
from walmart_bi_tests.rollups import rollup_problems

MONTH = "2025-03"
STATEMENTS = [
    *("CREATE TEMPORARY TABLE", "ALTER TABLE", "COPY", "SELECT pg_last_copy_count", "BEGIN", "LOCK", "DELETE"),
    *("INSERT INTO walmart_sales", "INSERT INTO sales_by_segment", "DELETE FROM sales_by_city"),
    *("UPDATE load_ledger", "INSERT INTO load_ledger", "COMMIT"),
]


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedshiftSite]:
    with redshift_standin(tmp_path_factory.mktemp("redshift")) as site:
        assert isinstance(site, RedshiftSite)
        yield site


@pytest.fixture(autouse=True)
def no_fault_is_left() -> Iterator[None]:
    yield
    shared_standin().front.faults.clear()


@contextlib.contextmanager
def loading(site: RedshiftSite, month: str, rows: int, city: str) -> Iterator[Forked]:
    """A process that loads a month of another size and city when it is told to."""
    with forked(load_when_told, site, month, rows, city) as load:
        assert load.told() == "ready"
        yield load


def go_on(load: Forked) -> None:
    load.line.send("go on")


def rows_of(site: RedshiftSite, month: str) -> Counter[Any]:
    """The month as a reader sees it: cities and lines."""
    with site.warehouse().read() as reader:
        found = reader.query(
            "SELECT city, source_line FROM walmart_sales WHERE month = CAST(? AS DATE)", [f"{month}-01"]
        )
    return Counter(found.rows)


def require_rollups_of_these_rows(site: RedshiftSite) -> None:
    with site.warehouse().read() as reader:
        assert rollup_problems(reader) == []


def rows_made(month: str, count: int, city: str) -> Counter[Any]:
    return Counter((row["city"], row["source_line"]) for row in make_rows(month, count, city=city))


@pytest.mark.parametrize(
    ("number", "statement", "when"),
    [
        *((number, statement, "before") for number, statement in enumerate(STATEMENTS, start=1)),
        (14, "INSERT INTO walmart_sales", "after"),
        (15, "INSERT INTO sales_by_city", "after"),
        (16, "COMMIT", "after"),
    ],
)
def test_a_load_killed_at_a_statement_leaves_the_old_month_or_the_new_one_and_can_be_repeated(
    site: RedshiftSite, number: int, statement: str, when: Any
):
    month = f"{2023 + (number - 1) // 12}-{(number - 1) % 12 + 1:02d}"
    old, new = rows_made(month, 40, "old"), rows_made(month, 50, "new")
    warehouse = site.warehouse()
    warehouse.replace_month(
        make_month(site.store(), month, make_rows(month, 40, city="old")), run_id="r", code_version="1"
    )
    seen: list[Counter[Any]] = []

    with loading(site, month, 50, "new") as load:

        def look_and_kill() -> None:
            seen.append(rows_of(site, month))
            load.process.kill()
            wait([load.process.sentinel])  # only one thread may ask how it ended

        shared_standin().front.faults.append(Fault(f"^{statement}", when, meanwhile=look_and_kill))
        go_on(load)
        load.process.join(60)
        assert load.process.exitcode == -9

    committed = (statement, when) == ("COMMIT", "after")
    assert [*seen, rows_of(site, month)] == [new if committed else old] * 2
    require_rollups_of_these_rows(site)
    again = make_month(site.store(), month, make_rows(month, 50, city="new"))
    outcome = warehouse.replace_month(again, run_id="r", code_version="1")
    assert outcome.action == ("unchanged" if committed else "loaded")
    assert rows_of(site, month) == new
    require_rollups_of_these_rows(site)
    assert [(entry.version, entry.is_active) for entry in warehouse.ledger(month)] == [(1, False), (2, True)]


def test_two_processes_that_load_one_empty_month_together_leave_one_of_the_two(site: RedshiftSite):
    both = [rows_made(MONTH, 30, "first"), rows_made(MONTH, 30, "second")]
    with loading(site, MONTH, 30, "first") as first, loading(site, MONTH, 30, "second") as second:
        # Whoever comes to COPY first has planned for an empty month, and waits there until the other has begun.
        shared_standin().front.faults.append(Fault("^COPY", meanwhile=partial(go_on, second), cut=False))
        go_on(first)
        ended = [load.result() for load in (first, second)]

    assert ended == ["loaded", "loaded"]
    assert rows_of(site, MONTH) in both
    require_rollups_of_these_rows(site)
    entries = site.warehouse().ledger(MONTH)
    assert [(entry.version, entry.is_active) for entry in entries] == [(1, False), (2, True)]


def test_the_command_killed_in_the_middle_of_its_load_is_given_again_and_ends_well(tmp_path: Path):
    file = tmp_path / f"sales_{MONTH}.csv"
    file.write_text(month_csv(MONTH, 90, directory=tmp_path))
    front = shared_standin().front
    with in_directory(new_checkout(tmp_path)), aws_environment() as variables:
        with started(tmp_path, variables, "load", file) as process:
            front.faults.append(Fault("^INSERT INTO walmart_sales", "after", meanwhile=process.kill))
            process.communicate(timeout=120)
        assert (process.returncode, front.faults) == (-9, [])
        assert Project.from_environment().warehouse.ledger() == []

        assert command_line.run("load", file).code == 0
        (entry,) = Project.from_environment().warehouse.ledger()
    assert (entry.load_id, entry.loaded_rows) == (f"{MONTH}-v1", 90)
