"""The kill matrix in short: each point once on DuckDB, those of the transaction on the stand-in. Long: `make proof`."""

import zlib
from collections.abc import Iterator

import pytest

from walmart_bi_tests.proof import matrix
from walmart_bi_tests.proof.named_points import points_in_code
from walmart_bi_tests.proof.parts import CONVICTED_AT, CONVICTION, convictions
from walmart_bi_tests.proof.places import TARGETS

# What a load between the two ends of a plain run does not pass: files of more than 16 MB on S3.
ONLY_FOR_LARGE_FILES = {"put.part"}
LOCAL = [
    *("read.counted", "set_aside.done", "put.copied", "put.before and on", "publish.after", "database.made"),
    *("ledger.after", "rows.before_insert and on", "rows.after_insert", "commit.before", "commit.after"),
    *("artifact.made", "snapshot.before_manifest", "latest.before_manifest", "page.before"),
]
AWS = ["copy.before and on", "rows.before_insert", "commit.before", "commit.after"]


@pytest.fixture(scope="module", params=TARGETS)
def scene(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[matrix.Scene]:
    scratch = tmp_path_factory.mktemp("proof")
    with matrix.scene(TARGETS[request.param](scratch), scratch / "files") as made:
        yield made


def test_given_a_load_that_nothing_happens_to_when_watched_then_it_passes_every_point_of_its_target(
    scene: matrix.Scene,
):
    other = {"local": ("/s3", "/redshift_", "/copy"), "aws": ("/directory", "/duckdb_")}[scene.target.name]
    due = {
        name
        for name, files in points_in_code().items()
        if not name.startswith("sensor.") and any(not each.startswith(other) for each in ("/" + f for f in files))
    }
    passed = {*scene.passings("real", "loaded"), *scene.passings("real", "nothing")}
    missing = {name for name in due if not _only_of_the_other(name, other)} - passed - ONLY_FOR_LARGE_FILES
    assert missing == set()
    assert len([name for name in passed if not name.endswith(matrix.MIDDLE)]) >= 24


def _only_of_the_other(name: str, other: tuple[str, ...]) -> bool:
    return all(any(part in f"/{file}" for part in other) for file in points_in_code()[name])


def test_given_a_load_killed_at_a_point_when_given_again_then_nothing_is_lost_doubled_half_visible_or_torn(
    scene: matrix.Scene,
):
    points = LOCAL if scene.target.name == "local" else AWS
    trials = [matrix.try_kill(scene, point, seed=zlib.crc32(point.encode()) % 1_000) for point in points]
    assert {trial.name: trial.findings for trial in trials if trial.findings} == {}
    assert all(trial.looks >= 2 for trial in trials)


@pytest.mark.parametrize("loader", CONVICTED_AT)
def test_given_a_loader_with_the_ledger_outside_the_transaction_when_killed_the_same_way_then_it_is_convicted(
    loader: str,
):
    (trial,) = convictions(loader, CONVICTED_AT[loader][:1], seeds=[1])
    assert {finding.kind for finding in trial.findings} & set(CONVICTION)
