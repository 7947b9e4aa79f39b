"""The races in short: one round of each on DuckDB, one of loads on the stand-in. Long: `make proof`."""

from collections.abc import Iterator
from multiprocessing.connection import Connection
from pathlib import Path

import pytest

from walmart_bi.cli.project import Project
from walmart_bi.warehouse.base import WarehouseError
from walmart_bi_tests.proof import races
from walmart_bi_tests.proof.children import child, run
from walmart_bi_tests.proof.damage import DAMAGES
from walmart_bi_tests.proof.loads import at_once, load_impatiently, views_alone
from walmart_bi_tests.proof.matrix import NEW_MONTHS
from walmart_bi_tests.proof.onlooker import Onlooker, Race
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
    assert race.looks > race.not_let_in


def test_given_a_roll_back_and_loads_of_its_month_when_they_race_then_one_of_them_is_active(course: races.Course):
    race = races.roll_back_against_loads(course, range(1), unheard)
    assert (race.loads, race.findings) == (3, [])
    assert race.looks > race.not_let_in


def test_given_a_bi_tool_that_holds_the_file_when_loaded_then_the_load_waits_or_names_it(tmp_path: Path):
    course = races.course(TARGETS["local"](tmp_path), tmp_path / "files", versions=2)
    race = races.bi_tool_holds_the_file(course, range(1), unheard)
    assert (race.findings, race.not_let_in) == ([], 0)


def test_given_two_sensors_on_one_bucket_when_both_look_at_once_then_both_run_and_each_month_is_loaded_once(
    tmp_path: Path,
):
    race = races.whole_loads_at_once(TARGETS["local"](tmp_path), tmp_path / "files", "graph", range(1), unheard)
    assert (race.loads, race.findings) == (2, [])


def sees_nothing(project: Project, line: Connection, _how: str, months: list[str], number: int) -> int:
    """Loads, but not because a sensor asked for it."""
    at_once(project, line, "real", months, number)
    return 0


def test_given_a_sensor_that_asks_for_nothing_when_two_race_then_the_race_does_not_hold(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(races, "at_once", sees_nothing)
    race = races.whole_loads_at_once(TARGETS["local"](tmp_path), tmp_path / "files", "graph", range(1), unheard)
    assert "a sensor asked for no run" in race.findings[0].text


def test_given_one_file_when_two_processes_load_it_at_once_then_it_is_loaded_once_and_both_end_well(tmp_path: Path):
    race = races.whole_loads_at_once(TARGETS["local"](tmp_path), tmp_path / "files", "real", range(1), unheard)
    assert (race.loads, race.findings) == (2, [])


@pytest.mark.parametrize(
    ("damage", "look", "judge"),
    [
        ("empty", True, True),
        ("vanished", True, False),  # there is nothing to judge then, which is an error of its own
        ("changed sum", True, True),
        ("forgotten loads", False, True),
        ("changed view", False, True),
    ],
)
def test_given_a_loaded_place_that_is_damaged_when_an_onlooker_looks_or_judges_then_both_tell_what_they_can(
    tmp_path: Path, damage: str, look: bool, judge: bool
):
    course = races.course(TARGETS["local"](tmp_path), tmp_path / "files", versions=1)
    (objects,) = [list(version.values()) for version in course.versions]
    with child(load_impatiently, course.base, objects, 60.0) as loading:
        assert loading.result() == ("done", ["loaded"] * len(NEW_MONTHS))
    run(views_alone, course.base)
    with course.base.opened() as project:
        race = Race("damaged", "local")
        sound = Onlooker(project, course.truth, race, loaded=set(NEW_MONTHS))
        sound.look()
        sound.judge(loads=len(NEW_MONTHS), views_are_made=True)
        assert race.findings == []
        DAMAGES[damage](project)
        if look:
            Onlooker(project, course.truth, race, loaded=set(NEW_MONTHS)).look()
            assert race.findings
            race.findings = []
        if judge:
            Onlooker(project, course.truth, race, loaded=set(NEW_MONTHS)).judge(
                loads=len(NEW_MONTHS), views_are_made=True
            )
            assert race.findings


def refuses(_project: Project, line: Connection) -> None:
    line.send(("ready", None))
    line.recv()
    raise WarehouseError("The disk is full.", place="here", next_step="free some.")


def test_given_a_racer_that_is_refused_for_another_reason_than_a_faster_one_when_it_ends_then_it_is_not_overtaken(
    tmp_path: Path,
):
    course = races.course(TARGETS["local"](tmp_path), tmp_path / "files", versions=1)
    race = Race("refused", "local")
    with course.base.opened() as project, child(refuses, course.base) as racer:
        onlooker = Onlooker(project, course.truth, race, loaded=set())
        assert races._race(onlooker, [racer], may_be_overtaken=True) == []
    assert race.refused.total() == 0
    assert "The disk is full" in race.findings[0].text
