"""The kill matrix in short: some points of each kind on DuckDB, those around COPY and commit on the stand-in.

Every point with many seeds is the long form: `make proof`.
"""

import zlib
from collections.abc import Iterator
from typing import Any

import pytest

from walmart_bi_tests.proof import matrix
from walmart_bi_tests.proof.damage import DAMAGES
from walmart_bi_tests.proof.loads import Death
from walmart_bi_tests.proof.named_points import points_in_code
from walmart_bi_tests.proof.parts import CONVICTED_AT, CONVICTION
from walmart_bi_tests.proof.places import TARGETS

# What a load between the two ends of a plain run does not pass: files of more than 16 MB on S3.
ONLY_FOR_LARGE_FILES = {"put.part"}
LOCAL = [
    *("put.before and on", "rows.before_insert and on", "ledger.after", "commit.before", "commit.after"),
    "latest.before_manifest",
]
AWS = ["copy.before and on", "commit.before"]


@pytest.fixture(scope="module", params=TARGETS)
def scene(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[matrix.Scene]:
    scratch = tmp_path_factory.mktemp("proof")
    with matrix.scene(TARGETS[request.param](scratch), scratch / "files") as made:
        if request.param == "aws":  # a first load of an empty warehouse passes no other points there
            made.starts = ("loaded",)
        yield made


def test_given_a_load_that_nothing_happens_to_when_watched_then_it_passes_every_point_of_its_target(
    scene: matrix.Scene,
):
    others = {"local": ("/s3", "/redshift_", "/copy"), "aws": ("/directory", "/duckdb_")}[scene.target.name]
    due = {
        name
        for name, files in points_in_code().items()
        if not name.startswith("sensor.") and any(all(other not in f"/{file}" for other in others) for file in files)
    }
    passed = set(matrix.points_passed(scene))
    assert due - passed - ONLY_FOR_LARGE_FILES == set()
    assert len([name for name in passed if not name.endswith(matrix.MIDDLE)]) >= 24


def test_given_a_load_killed_at_a_point_when_given_again_then_nothing_is_lost_doubled_half_visible_or_torn(
    scene: matrix.Scene,
):
    points = LOCAL if scene.target.name == "local" else AWS
    trials = [matrix.try_kill(scene, point, seed=zlib.crc32(point.encode()) % 1_000) for point in points]
    assert {trial.name: trial.findings for trial in trials if trial.findings} == {}
    assert all(trial.looks >= 2 for trial in trials)


def test_given_loaders_with_a_part_outside_the_transaction_when_killed_the_same_way_then_each_is_convicted(
    scene: matrix.Scene,
):
    for loader, points in CONVICTED_AT[scene.target.name].items():
        trial = matrix.try_kill(scene, points[0], seed=1, way=loader)
        assert {finding.kind for finding in trial.findings} & set(CONVICTION), loader


@pytest.mark.parametrize("scene", ["local"], indirect=True)
def test_given_a_load_that_is_faster_than_its_death_when_tried_then_it_is_tried_again_until_it_dies(
    scene: matrix.Scene, monkeypatch: pytest.MonkeyPatch
):
    point = "rows.before_insert" + matrix.MIDDLE
    monkeypatch.setattr(matrix, "_death", lambda *_: Death("rows.before_insert", 1, delay=600.0))
    monkeypatch.setattr(matrix, "_SOONER", (1.0, 0.0))  # each try before the last is a whole load
    tried: list[bool] = []
    attempt = matrix._try

    def noted(*arguments: Any) -> matrix.Trial:
        trial = attempt(*arguments)
        tried.append(trial.died)
        return trial

    monkeypatch.setattr(matrix, "_try", noted)
    trial = matrix.try_kill(scene, point, seed=1)
    assert (tried, trial.died, trial.findings) == ([False, True], True, [])


@pytest.mark.parametrize("scene", ["local"], indirect=True)
@pytest.mark.parametrize(
    ("damage", "looks"),
    [
        ("empty", ["look", "look_afterwards"]),
        ("vanished", ["look", "look_afterwards"]),
        ("changed sum", ["look", "look_afterwards"]),
        ("forgotten loads", ["look_afterwards"]),
        ("changed view", ["look_afterwards"]),
    ],
)
def test_given_a_loaded_place_that_is_damaged_when_looked_at_then_each_look_that_could_tell_does(
    scene: matrix.Scene, damage: str, looks: list[str]
):
    place, _ = scene.delivered("loaded", 1, "real")
    loaded = scene.loaded_state()
    with place.opened() as project:
        DAMAGES[damage](project)
        for look in looks:
            trial = matrix.Trial("local", "real", "none", 1)
            getattr(matrix.Judge(project, scene.truth, loaded, loaded, trial), look)()
            assert {finding.kind for finding in trial.findings} & {"half visible", "wrong number"}, look
