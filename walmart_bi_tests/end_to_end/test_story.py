"""The story page as the graph publishes it: where, with what metadata, when not, and what its checks see."""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import dagster as dg
import duckdb
import pytest

from walmart_bi.reporting.manifest import read_manifest
from walmart_bi.reporting.page.readback import read_page
from walmart_bi_tests.command_line import CHECKOUT, in_directory, new_checkout, run
from walmart_bi_tests.project import TestProject, failed_checks, failure_of, month_csv, new_project

MONTH = "2024-05"
PAGE = "dashboard_data/latest/story.html"
STORY_CHECKS = {"page_equals_the_views", "page_stands_alone"}


Loaded = tuple[TestProject, dg.ExecuteInProcessResult]


@pytest.fixture(scope="module")
def local(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Loaded]:
    directory = tmp_path_factory.mktemp("local")
    with new_project(directory) as project:
        project.deliver("2024-05.csv", month_csv(MONTH, 60, directory=directory))
        result = project.run(MONTH)
        assert result.success and failed_checks(result) == set()
        yield project, result


@pytest.fixture
def loaded(local: Loaded) -> TestProject:
    """A loaded project that every test leaves as it was."""
    return local[0]


@pytest.fixture
def own(loaded: TestProject, tmp_path: Path) -> Iterator[TestProject]:
    """A copy of the loaded project, which a test may leave in any state."""
    shutil.copytree(loaded.settings.home, tmp_path / "home")
    with new_project(tmp_path) as project:
        yield project


def metadata_of(result: dg.ExecuteInProcessResult) -> dict[str, dg.MetadataValue]:
    (event,) = result.asset_materializations_for_node("story_dashboard")
    return dict(event.metadata)


def test_given_a_load_when_done_then_the_page_is_in_latest_and_in_the_snapshots_folder(local: Loaded):
    project, result = local
    manifest = read_manifest(project.store, "dashboard_data/latest/")
    assert manifest is not None
    content = project.store.read_bytes(PAGE)
    assert project.store.read_bytes(f"dashboard_data/{manifest.snapshot_id}/story.html") == content
    page = read_page(content.decode())
    assert page.sums_by("main")[()][0] == 60
    assert sum(cents for _, cents in page.sums_by("main", "month").values()) == int(float(manifest.revenue) * 100)
    metadata = metadata_of(result)
    assert metadata["page"].value == project.store.uri(PAGE)
    assert metadata["size (bytes)"].value == len(content)
    assert str(metadata["revenue a day"].value).startswith("![Revenue a day by month](data:image/svg+xml;base64,")
    assert str(metadata["Executive"].value).startswith("**Revenue in May 2024 was ")


def test_given_an_unchanged_state_when_written_again_then_the_page_is_the_same_bytes(loaded: TestProject):
    before = loaded.store.read_bytes(PAGE)
    assert loaded.run(assets=["story_dashboard"]).success
    assert loaded.store.read_bytes(PAGE) == before


def test_given_a_snapshot_of_an_older_state_when_a_page_is_asked_for_then_it_is_refused_and_the_last_one_stays(
    own: TestProject, tmp_path: Path
):
    before = own.store.read_bytes(PAGE)
    own.deliver("2024-05.csv", month_csv(MONTH, 70, seed=2, directory=tmp_path))
    assert own.load(MONTH).success
    result = own.run(assets=["story_dashboard"])
    assert "The snapshot was not made from the active loads" in failure_of(result)
    assert "materialize tableau_snapshot, then the page" in failure_of(result)
    assert own.store.read_bytes(PAGE) == before


def test_given_a_damaged_snapshot_or_a_wrong_ledger_when_a_page_is_asked_for_then_it_is_refused(own: TestProject):
    own.store.write_bytes("dashboard_data/latest/kpi_total_revenue.csv", b"other")
    assert "kpi_total_revenue.csv is not the file" in failure_of(own.run(assets=["story_dashboard"]))
    with duckdb.connect(str(own.settings.warehouse_file)) as connection:
        connection.execute("UPDATE load_ledger SET loaded_rows = 61")
    assert "The numbers do not agree" in failure_of(own.run(assets=["story_dashboard"]))


def replaced(old: str, new: str) -> Callable[[str], str]:
    def change(content: str) -> str:
        assert old in content
        return content.replace(old, new, 1)

    return change


DAMAGES = {
    "a number in a table": (
        replaced('<td class="text"><bdi>May 2024</bdi></td>', "<td><bdi>Jun 2024</bdi></td>"),
        STORY_CHECKS,
    ),
    "a picture from elsewhere": (
        replaced("</main>", '<img src="https://example.com/x.png"></main>'),
        {"page_stands_alone"},
    ),
    "a looser policy": (replaced("script-src 'sha256", "script-src 'unsafe-inline' 'sha256"), {"page_stands_alone"}),
    "no data": (replaced('id="story-data"', 'id="data"'), STORY_CHECKS),
}


@pytest.mark.parametrize(("damage", "seen_by"), DAMAGES.values(), ids=DAMAGES.keys())
def test_given_a_changed_page_when_checked_then_it_is_seen(
    damage: Callable[[str], str], seen_by: set[str], loaded: TestProject
):
    published = loaded.store.read_bytes(PAGE)
    loaded.store.write_bytes(PAGE, damage(published.decode()).encode())
    job = dg.define_asset_job("checks_only", selection=dg.AssetSelection.checks_for_assets("story_dashboard"))
    definitions = dg.Definitions.merge(loaded.definitions, dg.Definitions(jobs=[job]))
    result = definitions.resolve_job_def("checks_only").execute_in_process(
        instance=loaded.instance, raise_on_error=False
    )
    loaded.store.write_bytes(PAGE, published)
    assert failed_checks(result) == seen_by  # it stands alone no more: the snapshot's folder has what was published


def open_in(directory: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    kept = {
        name: value for name, value in os.environ.items() if not name.startswith(("WALMART_BI_", "BROWSER", "DISPLAY"))
    }
    return subprocess.run(
        [sys.executable, "-m", "walmart_bi.cli", "open"],
        cwd=directory,
        env={**kept, "PYTHONPATH": str(CHECKOUT), **variables},
        capture_output=True,
        text=True,
        check=False,
    )


def test_given_a_page_when_opened_then_the_browser_gets_its_address(loaded: TestProject, tmp_path: Path):
    new_checkout(tmp_path)
    browser = tmp_path / "browser"
    browser.write_text(f'#!/bin/sh\nprintf %s "$1" > {tmp_path}/asked\n')
    browser.chmod(0o755)
    done = open_in(tmp_path, WALMART_BI_HOME=str(loaded.settings.home), BROWSER=f"{browser} %s")
    assert (done.returncode, done.stdout) == (0, f"{loaded.store.uri(PAGE)}\n")
    assert (tmp_path / "asked").read_text() == loaded.store.uri(PAGE)


def test_given_no_browser_when_opened_then_the_address_is_printed(loaded: TestProject, tmp_path: Path):
    new_checkout(tmp_path)
    done = open_in(tmp_path, WALMART_BI_HOME=str(loaded.settings.home), PATH=str(tmp_path))
    assert done.returncode == 0
    assert done.stdout.splitlines() == [
        loaded.store.uri(PAGE),
        "no browser was found here; open the address above in one",
    ]


def test_given_no_page_when_opened_then_the_next_step_is_named(tmp_path: Path):
    with in_directory(new_checkout(tmp_path)):
        done = run("open")
    assert done.code == 1
    assert "There is no story page yet. Next step: load a file first: walmart-bi load FILE." in done.err
