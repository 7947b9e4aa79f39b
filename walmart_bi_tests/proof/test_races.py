"""The races in short: one round of each on DuckDB, one of loads on the stand-in. Long: `make proof`."""

from collections.abc import Iterator
from pathlib import Path

import pytest

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
