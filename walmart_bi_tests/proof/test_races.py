"""The races in short: one round of each on DuckDB, one of loads on the stand-in. Long: `make proof`."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from walmart_bi import points
from walmart_bi.assets.common import CLEANED_SALES
from walmart_bi.handover import Handover
from walmart_bi.records import MonthlyObject
from walmart_bi.sales.publishing import publish
from walmart_bi_tests.project import failure_of, month_csv, new_project
from walmart_bi_tests.proof import races
from walmart_bi_tests.proof.places import TARGETS


@pytest.fixture(scope="module", params=TARGETS)
def course(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[races.Course]:
    scratch = tmp_path_factory.mktemp("races")
    yield races.course(TARGETS[request.param](scratch), scratch / "files")


def unheard(_: races.Race) -> None:
    """Nobody waits for progress."""


def test_given_processes_with_versions_of_empty_months_when_they_race_then_each_month_is_one_of_them(
    course: races.Course,
):
    race = races.loads_of_the_same_months(course, range(1), unheard)
    assert (race.loads, race.findings) == (races.RACERS * 2, [])


def test_given_a_roll_back_and_loads_of_its_month_when_they_race_then_one_of_them_is_active(course: races.Course):
    race = races.roll_back_against_loads(course, range(1), unheard)
    assert (race.loads, race.findings) == (3, [])


def test_given_a_bi_tool_that_holds_the_file_when_loaded_then_the_load_waits_or_names_it(tmp_path: Path):
    course = races.course(TARGETS["local"](tmp_path), tmp_path / "files", versions=2)
    assert races.bi_tool_holds_the_file(course, range(1), unheard).findings == []


def test_given_one_file_when_two_processes_load_it_at_once_then_it_is_loaded_once_and_both_end_well(tmp_path: Path):
    race = races.whole_loads_at_once(TARGETS["local"](tmp_path), tmp_path / "files", "real", range(1), unheard)
    assert (race.loads, race.findings) == (2, [])


def test_given_another_run_that_published_the_staged_month_when_its_preview_is_made_then_the_run_ends_well(
    tmp_path: Path,
):
    with new_project(tmp_path) as project:
        project.deliver("sales_2024-05.csv", month_csv("2024-05", directory=tmp_path))
        others: list[str] = []

        def another_run_is_faster(point: str) -> None:
            key = "staging/handover/cleaned_sales/2024-05.json"
            if point == "handover.after" and not others and any(project.store.list(key)):
                others.append(key)
                publish(project.store, Handover(project.store).read(CLEANED_SALES, "2024-05", MonthlyObject))

        points.observe(another_run_is_faster)
        try:
            result = project.run("2024-05")
        finally:
            points.observe(None)
        assert others
        assert result.success, failure_of(result)
        assert project.rows_by_month() == {"2024-05": 40}
