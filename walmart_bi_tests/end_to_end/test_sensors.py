"""The sensors on a real instance: what they request, what they refuse, what they tell people."""

import datetime as dt
import json
import os
import socket
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path

import dagster as dg
import pytest

from walmart_bi.abandoned_runs import PROCESS_TAG
from walmart_bi.arrivals import LoadRequest
from walmart_bi.failure_sensor import failure_alert
from walmart_bi.partitions import run_months
from walmart_bi.sensors import delivery_tags, is_foreign, object_month
from walmart_bi.stores.base import StoreError
from walmart_bi_tests.project import LOAD, QUIET, TestProject, month_csv, new_project


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[TestProject]:
    # A file counts as settled a second after it was written, and a look lasts seconds; the tests do not wait for that.
    monkeypatch.setattr("walmart_bi.build.SETTLE", dt.timedelta(0))
    monkeypatch.setattr("walmart_bi.build.LINGER", dt.timedelta(0))
    with new_project(tmp_path) as made:
        yield made


def tick(project: TestProject, sensor: str, cursor: str | None = None) -> dg.SensorResult:
    definition = next(each for each in project.definitions.sensors or () if each.name == sensor)
    context = dg.build_sensor_context(
        instance=project.instance, cursor=cursor, resources={"store": project.store}, definitions=project.definitions
    )
    result = definition(context)
    assert isinstance(result, dg.SensorResult)
    return result


def test_given_a_file_when_the_sensor_ticks_then_one_run_with_months_file_and_identity(
    project: TestProject, tmp_path: Path
):
    arrival = project.deliver("2024-05.csv", month_csv("2024-05", directory=tmp_path))
    (request,) = tick(project, "raw_file_sensor").run_requests
    assert request.run_key == f"raw_data/2024-05.csv@{arrival.etag}:2024-05..2024-05"
    assert request.tags["dagster/asset_partition_range_start"] == "2024-05"
    assert request.tags["file"] == "raw_data/2024-05.csv"


def test_given_a_request_when_run_as_asked_then_the_month_is_loaded(project: TestProject, tmp_path: Path):
    project.deliver("2024-05.csv", month_csv("2024-05", directory=tmp_path))
    (request,) = tick(project, "raw_file_sensor").run_requests
    assert _run(project, request).success
    assert project.rows_by_month() == {"2024-05": 40}


def test_given_a_look_that_lasts_when_a_file_lands_meanwhile_then_the_same_tick_requests_it_once_it_is_left_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("walmart_bi.build.SETTLE", dt.timedelta(seconds=0.5))
    monkeypatch.setattr("walmart_bi.build.LINGER", dt.timedelta(seconds=30))
    file = month_csv("2024-05", directory=tmp_path)
    with new_project(tmp_path) as project:
        landing = threading.Timer(0.7, project.deliver, ("2024-05.csv", file))
        landing.start()
        decided = tick(project, "raw_file_sensor")
        ticked = dt.datetime.now(dt.UTC)
        landing.join()
        assert [request.tags["file"] for request in decided.run_requests] == ["raw_data/2024-05.csv"]
        assert ticked - project.store.head("raw_data/2024-05.csv").modified >= dt.timedelta(seconds=0.5)


def test_given_a_look_that_lasts_when_nothing_lands_then_it_ends_and_says_so_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("walmart_bi.build.SETTLE", dt.timedelta(hours=1))
    monkeypatch.setattr("walmart_bi.build.LINGER", dt.timedelta(seconds=0.6))
    with new_project(tmp_path) as project:
        project.deliver("2024-05.csv", month_csv("2024-05", directory=tmp_path))
        decided = tick(project, "raw_file_sensor")
    assert not decided.run_requests
    assert decided.skip_reason.skip_message == "raw_data/2024-05.csv is still being written"


def test_given_nothing_new_when_the_sensor_ticks_again_then_it_skips_with_a_reason(
    project: TestProject, tmp_path: Path
):
    project.deliver("2024-05.csv", month_csv("2024-05", directory=tmp_path))
    first = tick(project, "raw_file_sensor")
    second = tick(project, "raw_file_sensor", first.cursor)
    assert not second.run_requests
    assert second.skip_reason.skip_message == "nothing new has arrived"


def test_given_a_loaded_arrival_when_the_cursor_is_lost_then_it_is_not_requested_again(
    project: TestProject, tmp_path: Path
):
    project.deliver("2024-05.csv", month_csv("2024-05", directory=tmp_path))
    (request,) = tick(project, "raw_file_sensor").run_requests
    assert _run(project, request).success
    assert not tick(project, "raw_file_sensor", None).run_requests


def test_given_a_range_of_which_a_newer_file_took_a_month_when_the_cursor_is_lost_then_the_rest_is_not_requested_again(
    project: TestProject, tmp_path: Path
):
    both = month_csv("2024-05", directory=tmp_path) + month_csv("2024-06", directory=tmp_path).partition("\n")[2]
    project.deliver("2024-05_2024-06.csv", both)
    first = tick(project, "raw_file_sensor")
    _run_as_asked(project, first)
    project.deliver("2024-06.csv", month_csv("2024-06", 30, directory=tmp_path))
    _run_as_asked(project, tick(project, "raw_file_sensor", first.cursor))
    assert project.rows_by_month() == {"2024-05": 40, "2024-06": 30}
    lost = tick(project, "raw_file_sensor", None)
    assert not lost.run_requests
    assert "has a run already" in lost.skip_reason.skip_message


def test_given_a_range_of_which_a_month_has_a_run_when_the_sensor_ticks_then_only_the_others_are_requested(
    project: TestProject, tmp_path: Path
):
    arrival = project.deliver("2024-05_2024-07.csv", month_csv("2024-05", directory=tmp_path))
    middle = delivery_tags(LoadRequest(arrival.key, arrival.etag, ("2024-06",)))
    project.instance.create_run_for_job(project.definitions.resolve_job_def("monthly_load"), tags=middle)
    requests = tick(project, "raw_file_sensor").run_requests
    assert [run_months(request.tags) for request in requests] == [("2024-05",), ("2024-07",)]
    assert len({request.run_key for request in requests}) == 2


def test_given_a_month_of_an_earlier_version_of_a_file_when_it_is_overwritten_then_all_its_months_are_requested(
    project: TestProject, tmp_path: Path
):
    project.deliver("2024-05_2024-06.csv", month_csv("2024-05", directory=tmp_path))
    _run_as_asked(project, tick(project, "raw_file_sensor"))
    project.deliver("2024-05_2024-06.csv", month_csv("2024-05", 41, directory=tmp_path))
    (request,) = tick(project, "raw_file_sensor", None).run_requests
    assert run_months(request.tags) == ("2024-05", "2024-06")


def _run_as_asked(project: TestProject, ticked: dg.SensorResult) -> None:
    for request in ticked.run_requests or ():
        _run(project, request)


def _run(
    project: TestProject, request: dg.RunRequest, job: str = "monthly_load", assets: Sequence[str] = LOAD
) -> dg.ExecuteInProcessResult:
    """The run as the daemon would start it, as far as the sales table with its checks."""
    return project.definitions.resolve_job_def(job).execute_in_process(
        instance=project.instance,
        tags=request.tags,
        run_config={**QUIET, **request.run_config},
        asset_selection=[dg.AssetKey(name) for name in assets],
        raise_on_error=False,
    )


def test_given_a_failed_run_when_the_cursor_is_reset_then_only_a_new_delivery_is_requested(
    project: TestProject, tmp_path: Path
):
    bad = month_csv("2024-05", 100, bad=9, directory=tmp_path)
    project.deliver("2024-05.csv", bad)
    (request,) = tick(project, "raw_file_sensor").run_requests
    assert not _run(project, request).success
    assert not tick(project, "raw_file_sensor", None).run_requests
    project.deliver("2024-05.csv", bad)
    assert tick(project, "raw_file_sensor", None).run_requests


def test_given_a_run_whose_process_was_killed_when_the_cursor_is_reset_then_the_arrival_is_requested_again(
    project: TestProject, tmp_path: Path
):
    project.deliver("2024-05.csv", month_csv("2024-05", directory=tmp_path))
    (request,) = tick(project, "raw_file_sensor").run_requests
    project.instance.create_run_for_job(
        project.definitions.resolve_job_def("monthly_load"),
        status=dg.DagsterRunStatus.STARTED,
        tags={**request.tags, PROCESS_TAG: f"{socket.gethostname()} 1 0"},
    )
    assert [again.run_key for again in tick(project, "raw_file_sensor", None).run_requests] == [request.run_key]


def test_given_an_unreadable_file_without_a_month_when_the_sensor_ticks_then_a_report_and_a_reason(
    project: TestProject,
):
    project.deliver("report.xlsx", b"PK\x03\x04" + bytes(3000))
    result = tick(project, "raw_file_sensor")
    assert not result.run_requests
    assert "report.xlsx" in result.skip_reason.skip_message
    (report,) = project.store.list("quarantine/rejected/")
    assert json.loads(project.store.read_bytes(report.key))["file"] == "raw_data/report.xlsx"


@pytest.mark.parametrize(("name", "word"), [("2023-12.csv", "before the first month"), ("2098-01.csv", "after the")])
def test_given_a_month_without_a_partition_when_the_sensor_ticks_then_it_says_so(
    project: TestProject, tmp_path: Path, name: str, word: str
):
    project.deliver(name, month_csv("2024-05", directory=tmp_path))
    result = tick(project, "raw_file_sensor")
    assert not result.run_requests
    assert word in result.skip_reason.skip_message


def test_given_a_directory_that_cannot_be_listed_when_the_sensor_ticks_then_the_tick_fails(project: TestProject):
    landing = project.settings.bucket_directory
    landing.parent.mkdir(parents=True, exist_ok=True)
    landing.write_text("a file where the bucket should be")
    with pytest.raises(StoreError):
        tick(project, "raw_file_sensor")


def test_given_own_and_foreign_objects_when_listed_then_only_the_foreign_ones_are_new(
    project: TestProject, tmp_path: Path
):
    project.deliver("2024-05.csv", month_csv("2024-05", directory=tmp_path))
    assert project.load("2024-05").success
    project.store.write_bytes("monthly_data/2024-06/theirs.csv", month_csv("2024-06", directory=tmp_path).encode())
    (request,) = tick(project, "monthly_data_sensor").run_requests
    assert request.run_config == {
        "ops": {"walmart_sales": {"config": {"object_key": "monthly_data/2024-06/theirs.csv"}}}
    }
    assert _run(project, request, "load_monthly_object", ["walmart_sales"]).success
    assert project.rows_by_month() == {"2024-05": 40, "2024-06": 40}
    again = tick(project, "monthly_data_sensor", tick(project, "monthly_data_sensor").cursor)
    assert not again.run_requests
    objects = [info.key for info in project.store.list("monthly_data/")]
    assert [key for key in objects if is_foreign(key)] == ["monthly_data/2024-06/theirs.csv"]


@pytest.mark.parametrize(
    ("key", "months"),
    [
        ("monthly_data/2024-06/any.csv", ("2024-06",)),
        ("monthly_data/sales_2024-06.parquet", ("2024-06",)),
    ],
)
def test_given_an_object_name_when_read_then_its_month(key: str, months: tuple[str, ...]):
    assert object_month(key) == months


def test_given_an_object_without_one_month_when_the_sensor_ticks_then_it_is_rejected(project: TestProject):
    project.store.write_bytes("monthly_data/export.csv", b"x\n")
    result = tick(project, "monthly_data_sensor")
    assert not result.run_requests
    assert "declares 0 months" in result.skip_reason.skip_message


def test_given_a_run_stopped_by_a_check_when_the_failure_sensor_looks_then_people_learn_what_the_check_found(
    project: TestProject, tmp_path: Path
):
    project.deliver("2024-05.csv", month_csv("2024-05", 100, bad=9, directory=tmp_path))
    alert = failure_alert(failure_context(project, project.load("2024-05")))
    assert "quarantine_share" in alert.cause and "9 of 100 records" in alert.cause


def failure_context(project: TestProject, result: dg.ExecuteInProcessResult) -> dg.RunFailureSensorContext:
    failure = next(event for event in result.all_events if event.event_type_value == "PIPELINE_FAILURE")
    run = project.instance.get_run_by_id(result.run_id)
    return dg.build_run_status_sensor_context(
        sensor_name="failure_sensor", dagster_event=failure, dagster_instance=project.instance, dagster_run=run
    ).for_run_failure()


def test_given_a_failed_run_when_the_failure_sensor_looks_then_people_learn_cause_place_and_next_step(
    project: TestProject, tmp_path: Path
):
    project.deliver("2024-05.csv", b"%PDF-1.7 no sales")
    result = project.load("2024-05")
    assert not result.success
    alert = failure_alert(failure_context(project, result))
    assert "raw_data/2024-05.csv" in alert.title
    assert "PDF" in alert.cause and alert.place and alert.next_step
    assert os.linesep not in alert.cause
