"""Files beside the CSVs keep the snapshot's promises, though their bytes differ each time they are made."""

import dataclasses
import hashlib
import json
import xml.etree.ElementTree as ET
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from walmart_bi.kpis.catalog import load_catalog
from walmart_bi.kpis.insights.model import Insights
from walmart_bi.reporting.artifacts import PreparedFile, Views
from walmart_bi.reporting.manifest import read_manifest, verify_snapshot
from walmart_bi.reporting.snapshot import LATEST, Snapshot, SnapshotDamaged
from walmart_bi.reporting.story_files import read_story, story_files
from walmart_bi.reporting.tableau.checking import package_problems
from walmart_bi.reporting.tableau.hyper import query, read_table, write_hyper
from walmart_bi.reporting.tableau.packages import pack, read_document, unpacked_extract
from walmart_bi.reporting.view_files import differences, read_view
from walmart_bi.stores.directory import DirectoryStore
from walmart_bi.warehouse.base import Reader
from walmart_bi.warehouse.integrity import read_loads
from walmart_bi_tests.builders import make_rows
from walmart_bi_tests.snapshots import LATER, NOON, Dashboard, DyingStore, Interrupted

CATALOG = load_catalog()
FILES = ("insights.json", "walmart_bi.hyper", "walmart_bi.tdsx", "walmart_bi.twbx")


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> tuple[Dashboard, Snapshot]:
    """All views with the story's files, and the snapshot that was built of them."""
    made = Dashboard(tmp_path_factory.mktemp("built"), CATALOG, [story_files(CATALOG)])
    return made, made.build()


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Dashboard:
    """Two views and no file beside them."""
    views = ("kpi_total_revenue", "kpi_revenue_by_month")
    return Dashboard(tmp_path_factory.mktemp("small"), tuple(kpi for kpi in CATALOG if kpi.name in views))


class Diary:
    """A producer whose file says the same while the views do, in other bytes each time; it counts its writes."""

    def __init__(self, name: str = "diary.txt") -> None:
        self.name = name
        self.written = 0

    def __call__(self, reader: Reader, views: Views) -> Sequence[PreparedFile]:
        return [PreparedFile(self.name, hashlib.sha256(repr(sorted(views.items())).encode()).hexdigest(), self._write)]

    def _write(self, path: Path) -> None:
        self.written += 1
        path.write_text(f"page {self.written}")


# --- promises of any such file ----------------------------------------------------------------------------------------


def test_the_manifest_names_the_file_with_what_it_says_and_the_hash_of_its_copy(
    small: Dashboard, tmp_path: Path
) -> None:
    dashboard = small.copied(tmp_path, Diary())
    snapshot = dashboard.build()

    (artifact,) = dashboard.manifest()["artifacts"]
    assert (artifact["name"], artifact["bytes"]) == ("diary.txt", 6)
    assert artifact["sha256"] == hashlib.sha256(b"page 1").hexdigest()
    assert snapshot.artifacts[0].content_sha256 == artifact["content_sha256"]
    assert dashboard.files(LATEST) == dashboard.files(snapshot.prefix)


def test_an_unchanged_state_writes_nothing_and_does_not_even_make_the_file_again(
    small: Dashboard, tmp_path: Path
) -> None:
    diary = Diary()
    dashboard = small.copied(tmp_path, diary)
    first = dashboard.build()
    again = dashboard.build(created_at=LATER, store=DyingStore(dashboard.bucket, changes=0))

    assert (again.id, again.changed, diary.written) == (first.id, False, 1)


def test_another_state_is_another_snapshot_with_another_copy(small: Dashboard, tmp_path: Path) -> None:
    dashboard = small.copied(tmp_path, Diary())
    first = dashboard.build()
    dashboard.load("2025-02", make_rows("2025-02", 51))
    second = dashboard.build(created_at=LATER)

    assert second.id != first.id
    assert dashboard.files(first.prefix)["diary.txt"] == b"page 1"
    assert dashboard.files(LATEST)["diary.txt"] == b"page 2"


def test_a_rolled_back_month_brings_back_the_copy_of_then(small: Dashboard, tmp_path: Path) -> None:
    dashboard = small.copied(tmp_path, Diary())
    first = dashboard.build()
    dashboard.load("2025-02", make_rows("2025-02", 51))
    dashboard.build(created_at=LATER)
    dashboard.warehouse.restore_load("2025-02", "2025-02-v1")
    rolled_back = dashboard.build(created_at=LATER)

    assert (rolled_back.id, rolled_back.changed) == (first.id, True)
    assert dashboard.files(LATEST) == dashboard.files(first.prefix)
    assert verify_snapshot(dashboard.store, LATEST) == []


def test_a_build_that_dies_anywhere_is_found_out_and_completed_by_the_next(small: Dashboard, tmp_path: Path) -> None:
    dashboard = small.copied(tmp_path, Diary())
    first = dashboard.build()
    dashboard.load("2025-02", make_rows("2025-02", 51))
    files = len(dashboard.catalog) + 1
    for changes in [*range(files + 2), *range(1, files + 1)]:
        with pytest.raises(Interrupted):
            dashboard.build(created_at=LATER, store=DyingStore(dashboard.bucket, changes))
        assert dashboard.manifest()["snapshot_id"] == first.id
        assert verify_snapshot(dashboard.store, first.prefix) == []
    second = dashboard.build(created_at=LATER)

    assert dashboard.files(LATEST) == dashboard.files(second.prefix)
    assert verify_snapshot(dashboard.store, LATEST) == verify_snapshot(dashboard.store, second.prefix) == []


def test_two_builds_of_the_same_state_at_the_same_time_agree_on_one_copy(small: Dashboard, tmp_path: Path) -> None:
    dashboard = small.copied(tmp_path, Diary())

    class RacingStore(DirectoryStore):
        """Another run publishes the whole snapshot just before our copy arrives."""

        def put_new(self, key: str, source: Path) -> Any:
            if key.endswith("diary.txt"):
                dashboard.build(created_at=NOON)
            return super().put_new(key, source)

    snapshot = dashboard.build(created_at=LATER, store=RacingStore(dashboard.bucket))

    assert not snapshot.changed
    assert dashboard.files(LATEST) == dashboard.files(snapshot.prefix)
    assert verify_snapshot(dashboard.store, LATEST) == []


def test_a_file_that_is_no_longer_made_leaves_latest_and_a_persons_own_stays(small: Dashboard, tmp_path: Path) -> None:
    dashboard = small.copied(tmp_path, Diary("walmart_bi.twbx"))
    dashboard.build()
    dashboard.store.write_bytes(f"{LATEST}my workbook.twbx", b"mine")
    dashboard.producers = ()
    dashboard.build()

    left = set(dashboard.files(LATEST))
    assert "walmart_bi.twbx" not in left and "my workbook.twbx" in left


def test_a_changed_copy_is_named_and_latest_is_repaired(small: Dashboard, tmp_path: Path) -> None:
    dashboard = small.copied(tmp_path, Diary())
    snapshot = dashboard.build()
    dashboard.store.write_bytes(f"{LATEST}diary.txt", b"edited")

    assert verify_snapshot(dashboard.store, LATEST) == ["diary.txt is not the file that the manifest names"]
    assert dashboard.build(created_at=LATER).changed
    assert dashboard.files(LATEST) == dashboard.files(snapshot.prefix)
    dashboard.store.write_bytes(f"{snapshot.prefix}diary.txt", b"edited")
    with pytest.raises(SnapshotDamaged, match=r"diary\.txt is not the file"):
        dashboard.build()


def test_a_manifest_in_which_the_hash_of_what_a_file_says_was_changed_is_found_out(
    small: Dashboard, tmp_path: Path
) -> None:
    dashboard = small.copied(tmp_path, Diary())
    dashboard.build()
    edited = dashboard.manifest()
    edited["artifacts"][0]["content_sha256"] = "0" * 64
    dashboard.store.write_bytes(f"{LATEST}manifest.json", json.dumps(edited).encode())

    assert "manifest.json was changed" in verify_snapshot(dashboard.store, LATEST)[0]


def test_the_equality_check_asks_what_the_file_says(small: Dashboard, tmp_path: Path) -> None:
    dashboard = small.copied(tmp_path, Diary())
    dashboard.build()
    assert differences_of(dashboard) == []
    dashboard.producers = (Diary("other.txt"),)
    assert differences_of(dashboard) == [
        "diary.txt does not say what the warehouse says",
        "other.txt does not say what the warehouse says",
    ]


def differences_of(dashboard: Dashboard) -> list[str]:
    manifest = read_manifest(dashboard.store, LATEST)
    assert manifest is not None
    with dashboard.warehouse.read() as reader:
        folder = dashboard.bucket
        views = {kpi.name: read_view(reader, kpi) for kpi in dashboard.catalog}
        prepared = [file for producer in dashboard.producers for file in producer(reader, views)]
        return list(differences(manifest, read_loads(reader), views, prepared, dashboard.catalog, folder))


# --- the story's files ------------------------------------------------------------------------------------------------


def test_a_snapshot_holds_insights_extract_workbook_and_data_source(built: tuple[Dashboard, Snapshot]) -> None:
    dashboard, snapshot = built
    assert tuple(artifact.name for artifact in snapshot.artifacts) == FILES
    assert set(FILES) <= dashboard.files(LATEST).keys()
    assert differences_of(dashboard) == []


def test_an_unchanged_state_is_not_published_again_because_an_extract_has_other_bytes(
    built: tuple[Dashboard, Snapshot],
) -> None:
    dashboard, first = built
    before = dashboard.files()
    again = dashboard.build(created_at=LATER, store=DyingStore(dashboard.bucket, changes=0))

    assert (again.id, again.changed) == (first.id, False)
    assert dashboard.files() == before


def test_totals_queried_from_the_extract_inside_the_workbook_equal_the_views_to_the_cent(
    built: tuple[Dashboard, Snapshot],
) -> None:
    dashboard, snapshot = built
    with dashboard.warehouse.read() as reader:
        views = {kpi.name: read_view(reader, kpi) for kpi in CATALOG}
    for name in ("walmart_bi.twbx", "walmart_bi.tdsx"):
        with dashboard.store.fetch(LATEST + name) as package, unpacked_extract(package) as extract:
            for kpi in CATALOG:
                assert Counter(read_table(extract, kpi.name, kpi.column_names)) == Counter(views[kpi.name].rows)
            ((revenue, orders),) = query(extract, 'SELECT SUM(revenue), SUM(orders) FROM "Extract"."Extract"')
            assert (revenue, orders) == (snapshot.revenue, snapshot.orders)


def test_every_sentence_of_the_workbook_is_one_of_the_insights(built: tuple[Dashboard, Snapshot]) -> None:
    dashboard, _ = built
    insights = Insights.from_json(dashboard.store.read_bytes(f"{LATEST}insights.json"))
    with dashboard.store.fetch(f"{LATEST}walmart_bi.twbx") as package:
        root = ET.fromstring(read_document(package))
    captions = [point.get("caption") for point in root.iter("story-point")]
    assert captions == [" ".join(sentence.text for sentence in box.headline) for box in insights.boxes]
    words = "\n".join(run.text or "" for run in root.iter("run"))
    said = [sentence.text for box in insights.boxes for part in box.sections.values() for sentence in part]
    assert len(said) > 12
    assert all(text in words for text in said)


def test_a_package_whose_extract_has_other_rows_than_the_views_is_found_out(
    built: tuple[Dashboard, Snapshot], tmp_path: Path
) -> None:
    dashboard, _ = built
    with dashboard.warehouse.read() as reader:
        views = {kpi.name: read_view(reader, kpi) for kpi in CATALOG}
        _, contents = read_story(reader, views, CATALOG)
    short, gone = "kpi_revenue_by_month", "kpi_revenue_by_city"
    tables = [
        dataclasses.replace(table, rows=table.rows[1:]) if table.name == short else table
        for table in contents.tables
        if table.name != gone
    ]
    write_hyper(tmp_path / "wrong.hyper", [*tables, dataclasses.replace(tables[0], name="kpi_of_nobody")])
    with dashboard.store.fetch(f"{LATEST}walmart_bi.twbx") as package:
        pack(tmp_path / "walmart_bi.twbx", "walmart_bi.twb", read_document(package), tmp_path / "wrong.hyper")

    problems = list(package_problems(tmp_path / "walmart_bi.twbx", "walmart_bi.twbx", contents.tables))
    assert "walmart_bi.twbx: the extract's table kpi_revenue_by_month has other rows than the view" in problems
    assert "walmart_bi.twbx: the extract's table kpi_revenue_by_city has other columns than the view" in problems
    assert "walmart_bi.twbx: the extract has a table kpi_of_nobody, which is no view" in problems
    assert "walmart_bi.twbx: data source 'Revenue by city' reads no table of the extract" in problems
