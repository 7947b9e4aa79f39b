"""The life of a month: delivered again, corrected, shrunk, spoiled, restored, supplied by others."""

import csv
import io
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from walmart_bi_tests.project import TestProject, failed_checks, failure_of, month_csv, new_project

MONTH = "2024-05"


@pytest.fixture(scope="module")
def opened(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestProject]:
    with new_project(tmp_path_factory.mktemp("project")) as made:
        yield made


@pytest.fixture(scope="module")
def kept(opened: TestProject) -> Path:
    """The home of the project when it has loaded a month of 60 rows, and nothing else."""
    shutil.rmtree(opened.settings.home, ignore_errors=True)
    opened.deliver(f"{MONTH}.csv", month_csv(MONTH, 60, directory=opened.directory))
    assert opened.load(MONTH).success
    return shutil.copytree(opened.settings.home, opened.directory / "kept")


@pytest.fixture
def project(opened: TestProject) -> TestProject:
    """A project with nothing in it but the history of runs."""
    shutil.rmtree(opened.settings.home, ignore_errors=True)
    return opened


@pytest.fixture
def loaded(kept: Path, project: TestProject) -> TestProject:
    """The project with the loaded month."""
    shutil.copytree(kept, project.settings.home)
    return project


def test_given_a_loaded_month_when_the_same_bytes_come_again_then_nothing_changes(loaded: TestProject, tmp_path: Path):
    before = loaded.warehouse.ledger()
    loaded.deliver("again_2024-05.csv", month_csv(MONTH, 60, directory=tmp_path))
    assert loaded.load(MONTH).success
    assert loaded.warehouse.ledger() == before
    assert loaded.rows_by_month() == {MONTH: 60}


def test_given_a_loaded_month_when_corrected_then_it_is_replaced_and_the_old_load_kept(
    loaded: TestProject, tmp_path: Path
):
    loaded.deliver(f"{MONTH}.csv", month_csv(MONTH, 50, seed=2, directory=tmp_path))
    assert loaded.load(MONTH).success
    assert loaded.rows_by_month() == {MONTH: 50}
    history = [(entry.load_id, entry.is_active) for entry in loaded.warehouse.ledger(MONTH)]
    assert history == [("2024-05-v1", False), ("2024-05-v2", True)]


def test_given_two_loads_when_the_first_is_restored_then_its_rows_and_the_kpis_are_back(
    loaded: TestProject, tmp_path: Path
):
    revenue = loaded.query("SELECT SUM(purchase_amount) FROM walmart_sales")
    loaded.deliver(f"{MONTH}.csv", month_csv(MONTH, 50, seed=2, directory=tmp_path))
    assert loaded.load(MONTH).success
    restored = loaded.run(
        MONTH,
        job="load_monthly_object",
        config={"restore_load_id": "2024-05-v1"},
        assets=["walmart_sales", "kpi_total_revenue"],
    )
    assert restored.success
    assert loaded.rows_by_month() == {MONTH: 60}
    assert loaded.query("SELECT total_revenue FROM kpi_total_revenue") == revenue


def test_given_an_unknown_load_when_restored_then_a_clear_refusal_and_nothing_changes(loaded: TestProject):
    refused = loaded.load_object(MONTH, restore_load_id="2024-05-v9")
    assert "2024-05-v9" in failure_of(refused)
    assert loaded.rows_by_month() == {MONTH: 60}


def test_given_a_file_with_less_than_half_of_the_rows_when_loaded_then_it_stops_until_allowed(
    loaded: TestProject, tmp_path: Path
):
    loaded.deliver(f"{MONTH}.csv", month_csv(MONTH, 29, seed=3, directory=tmp_path))
    message = failure_of(loaded.load(MONTH))
    assert "29" in message and "60" in message
    assert loaded.rows_by_month() == {MONTH: 60}
    assert loaded.load(MONTH, config={"allow_shrink": True}).success
    assert loaded.rows_by_month() == {MONTH: 29}


def test_given_a_range_with_one_shrinking_month_when_loaded_then_no_month_of_it_is_replaced(
    loaded: TestProject, tmp_path: Path
):
    parts = [month_csv("2024-04", 30, directory=tmp_path), month_csv(MONTH, 20, seed=5, directory=tmp_path)]
    loaded.deliver("2024-04_2024-05.csv", parts[0] + parts[1].split("\n", 1)[1])
    assert "less than half" in failure_of(loaded.load("2024-04", MONTH))
    assert loaded.rows_by_month() == {MONTH: 60}


def test_given_an_old_file_that_only_comes_back_when_loaded_then_the_correction_stays(
    loaded: TestProject, tmp_path: Path
):
    loaded.deliver("2024-05_fixed.csv", month_csv(MONTH, 50, seed=2, directory=tmp_path))
    assert loaded.load(MONTH).success
    (loaded.settings.bucket_directory / "raw_data" / f"{MONTH}.csv").chmod(0o640)
    assert loaded.load(MONTH).success
    assert loaded.rows_by_month() == {MONTH: 50}
    assert [entry.load_id for entry in loaded.warehouse.ledger(MONTH) if entry.is_active] == ["2024-05-v2"]


def test_given_over_5_percent_bad_rows_when_loaded_then_the_run_stops_before_publishing_and_rows_are_kept(
    loaded: TestProject, tmp_path: Path
):
    published = [info.key for info in loaded.store.list("monthly_data/")]
    loaded.deliver(f"{MONTH}.csv", month_csv(MONTH, 100, seed=4, bad=6, directory=tmp_path))
    stopped = loaded.load(MONTH)
    assert not stopped.success
    assert failed_checks(stopped) == {"quarantine_share"}
    assert [info.key for info in loaded.store.list("monthly_data/")] == published
    assert loaded.rows_by_month() == {MONTH: 60}
    (rows,) = [info.key for info in loaded.store.list("quarantine/")]
    reasons = [row["reasons"] for row in csv.DictReader(io.StringIO(loaded.store.read_bytes(rows).decode()))]
    assert reasons == ["non_positive_amount"] * 6


def test_given_a_stopped_month_when_only_publishing_is_run_then_it_refuses_by_itself(
    loaded: TestProject, tmp_path: Path
):
    loaded.deliver(f"{MONTH}.csv", month_csv(MONTH, 100, seed=4, bad=6, directory=tmp_path))
    assert not loaded.load(MONTH).success
    message = failure_of(loaded.run(MONTH, assets=["monthly_sales_object"]))
    assert "6.0%" in message and "quarantine/" in message


def test_given_a_file_that_is_no_text_when_loaded_then_a_clear_rejection_with_a_report(
    loaded: TestProject,
):
    loaded.deliver(f"{MONTH}.csv", b"PK\x03\x04" + bytes(2000))
    message = failure_of(loaded.load(MONTH))
    assert f"{MONTH}.csv" in message and "Next step:" in message
    (report,) = loaded.store.list("quarantine/rejected/")
    assert b"next_step" in loaded.store.read_bytes(report.key)
    assert loaded.rows_by_month() == {MONTH: 60}


def test_given_no_file_for_a_month_when_materialized_then_it_says_which_month_has_none(loaded: TestProject):
    message = failure_of(loaded.load("2024-05", "2024-06"))
    assert "2024-06" in message and "2024-05," not in message


def test_given_a_later_step_alone_when_nothing_was_handed_over_then_it_says_what_to_run_first(project: TestProject):
    assert "raw_sales_file has not been materialized for 2024-05" in failure_of(
        project.run(MONTH, assets=["cleaned_sales"])
    )


def test_given_a_history_file_and_a_newer_month_when_loaded_then_each_month_comes_from_its_newest_file(
    project: TestProject, tmp_path: Path
):
    parts = [month_csv(month, 30, directory=tmp_path) for month in ("2024-04", "2024-05", "2024-06")]
    history = parts[0] + "".join(part.split("\n", 1)[1] for part in parts[1:])
    project.deliver("2024-04_2024-06.csv", history)
    project.deliver("2024-05_fixed.csv", month_csv("2024-05", 33, seed=9, directory=tmp_path))
    assert project.load("2024-04", "2024-05", "2024-06").success
    assert project.rows_by_month() == {"2024-04": 30, "2024-05": 33, "2024-06": 30}
    tags = project.instance.get_runs()[0].tags
    assert tags["file"] == "raw_data/2024-04_2024-06.csv and 1 more"
    sources = {entry.month: entry.source_key for entry in project.warehouse.ledger()}
    assert sources["2024-05"] == "raw_data/2024-05_fixed.csv"
    assert sources["2024-04"] == sources["2024-06"] == "raw_data/2024-04_2024-06.csv"


def test_given_a_file_without_a_month_in_its_name_when_loaded_then_its_dates_decide(
    project: TestProject, tmp_path: Path
):
    project.deliver("export.csv", month_csv(MONTH, 25, directory=tmp_path))
    assert project.load(MONTH).success
    assert project.rows_by_month() == {MONTH: 25}


def test_given_an_unreadable_file_without_a_month_when_another_file_covers_the_month_then_it_is_passed_over(
    project: TestProject, tmp_path: Path
):
    project.deliver("2024-05.csv", month_csv(MONTH, 25, directory=tmp_path))
    project.deliver("notes.pdf", b"%PDF-1.7 not sales")
    assert project.load(MONTH).success
    assert project.rows_by_month() == {MONTH: 25}


def test_given_another_producers_csv_object_when_loaded_then_it_passes_cleaning_and_is_published_as_ours(
    loaded: TestProject, tmp_path: Path
):
    key = "monthly_data/2024-06/from_elsewhere.csv"
    loaded.store.write_bytes(key, month_csv("2024-06", 45, directory=tmp_path).encode())
    assert loaded.load_object("2024-06", object_key=key).success
    assert loaded.rows_by_month() == {MONTH: 60, "2024-06": 45}
    entry = loaded.warehouse.ledger("2024-06")[0]
    assert entry.source_key == key
    assert entry.object_key.startswith("monthly_data/2024-06/walmart_sales_2024-06_")


def test_given_another_producers_parquet_object_when_loaded_then_its_rows_arrive(loaded: TestProject):
    ours = loaded.warehouse.ledger(MONTH)[0].object_key
    key = "monthly_data/2024-05/copy_of_theirs.parquet"
    with loaded.store.fetch(ours) as path:
        loaded.store.put(key, path)
    assert loaded.load_object(MONTH, object_key=key).success
    assert loaded.rows_by_month() == {MONTH: 60}
    assert loaded.warehouse.ledger(MONTH)[-1].source_key == key


def test_given_another_producers_spoiled_object_when_loaded_then_it_is_refused(loaded: TestProject, tmp_path: Path):
    key = "monthly_data/2024-05/spoiled.csv"
    loaded.store.write_bytes(key, month_csv(MONTH, 50, bad=10, directory=tmp_path).encode())
    message = failure_of(loaded.load_object(MONTH, object_key=key))
    assert "20.0%" in message
    assert loaded.rows_by_month() == {MONTH: 60}
