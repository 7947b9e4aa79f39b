"""The page in `latest` is the one of the snapshot in `latest`, whoever else publishes meanwhile."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from walmart_bi import points
from walmart_bi.kpis.catalog import load_catalog
from walmart_bi.reporting.page.publish import STORY, StoryRefused, publish_story
from walmart_bi.reporting.snapshot import LATEST
from walmart_bi.reporting.story_files import story_files
from walmart_bi_tests.builders import make_rows
from walmart_bi_tests.snapshots import LATER, Dashboard

CATALOG = load_catalog()


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Dashboard:
    made = Dashboard(tmp_path_factory.mktemp("built"), CATALOG, [story_files(CATALOG)])
    made.build()
    return made


@pytest.fixture
def dashboard(built: Dashboard, tmp_path: Path) -> Iterator[Dashboard]:
    yield built.copied(tmp_path)
    points.observe(None)


def at_the_write_to_latest(work: Callable[[], object]) -> None:
    """Do the work once, when the page lies in the snapshot's folder and is about to be written to `latest`."""
    passed: list[str] = []

    def look(name: str) -> None:
        passed.append(name)
        if passed.count("page.before") == 2:
            points.observe(None)
            work()

    points.observe(look)


def pages(dashboard: Dashboard) -> tuple[bytes, bytes]:
    """The page in `latest`, and the one in the folder of the snapshot in `latest`."""
    own = f"dashboard_data/{dashboard.manifest()['snapshot_id']}/"
    return dashboard.store.read_bytes(LATEST + STORY), dashboard.store.read_bytes(own + STORY)


def test_given_a_newer_snapshot_with_its_page_when_an_older_page_is_written_over_it_then_the_newer_one_is_put_back(
    dashboard: Dashboard,
) -> None:
    def load_and_publish() -> None:
        dashboard.load("2025-02", make_rows("2025-02", 51))
        dashboard.build(created_at=LATER)
        publish_story(dashboard.warehouse, dashboard.store, CATALOG)

    at_the_write_to_latest(load_and_publish)
    published = publish_story(dashboard.warehouse, dashboard.store, CATALOG)

    in_latest, of_the_snapshot = pages(dashboard)
    assert in_latest == of_the_snapshot
    assert dashboard.manifest()["snapshot_id"] in published.snapshot_key
    assert published.insights.orders == 91


def test_given_a_load_not_yet_in_a_snapshot_when_a_newer_page_was_overwritten_then_it_is_put_back_and_the_run_says_so(
    dashboard: Dashboard,
) -> None:
    def load_publish_and_load_again() -> None:
        dashboard.load("2025-02", make_rows("2025-02", 51))
        dashboard.build(created_at=LATER)
        publish_story(dashboard.warehouse, dashboard.store, CATALOG)
        dashboard.load("2025-02", make_rows("2025-02", 52))

    at_the_write_to_latest(load_publish_and_load_again)
    with pytest.raises(StoryRefused, match=r"not made from the active loads.*materialize tableau_snapshot"):
        publish_story(dashboard.warehouse, dashboard.store, CATALOG)

    in_latest, of_the_snapshot = pages(dashboard)
    assert in_latest == of_the_snapshot


def test_given_a_newer_snapshot_whose_page_is_yet_to_come_when_an_older_page_is_written_then_the_run_writes_it(
    dashboard: Dashboard,
) -> None:
    def load_and_build() -> None:
        dashboard.load("2025-02", make_rows("2025-02", 51))
        dashboard.build(created_at=LATER)

    at_the_write_to_latest(load_and_build)
    published = publish_story(dashboard.warehouse, dashboard.store, CATALOG)

    in_latest, of_the_snapshot = pages(dashboard)
    assert in_latest == of_the_snapshot
    assert published.insights.orders == 91
