"""The `walmart-bi` command as a person uses it: what it prints, its exit codes, and what a bad file does not break."""

import datetime as dt
import os
import re
from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import pytest

from walmart_bi.cli.project import Project
from walmart_bi.sales.sample import write_sample
from walmart_bi.stores.base import ObjectInfo
from walmart_bi.stores.directory import DirectoryStore
from walmart_bi_tests.command_line import Done, in_directory, new_checkout, run
from walmart_bi_tests.corpus import REJECTIONS, Case
from walmart_bi_tests.project import month_csv


@pytest.fixture
def empty(tmp_path: Path) -> Iterator[Path]:
    """A project directory in which nothing was loaded."""
    with in_directory(new_checkout(tmp_path)):
        yield tmp_path


@pytest.fixture(scope="module")
def loaded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, Done]]:
    """A project directory with two loaded months, and what the load printed."""
    directory = new_checkout(tmp_path_factory.mktemp("checkout"))
    file = directory / "sales_2024-04_2024-05.csv"
    write_sample(file, rows=600, first_day=dt.date(2024, 4, 1), last_day=dt.date(2024, 5, 31), dirty_share=0.02)
    with in_directory(directory):
        yield directory, run("load", file)


def test_given_a_file_when_loaded_then_progress_summary_kpis_and_the_next_step_are_printed(loaded: tuple[Path, Done]):
    _, done = loaded
    assert (done.code, done.err) == (0, "")
    for expected in [
        "loading ",
        "walmart_sales",
        "600 records",
        "quarantined",
        "repaired",
        "Executive summary (kpi_executive_summary)",
        "Total revenue (kpi_total_revenue)",
        "story:     file://",
        "snapshot:",
        "next:",
    ]:
        assert expected in done.out, expected


def test_given_loaded_months_when_status_is_asked_then_each_month_file_rows_and_checks(loaded: tuple[Path, Done]):
    done = run("status")
    assert done.code == 0
    assert re.search(r"2024-04 +2024-04-v1 +yes", done.out)
    assert "sales_2024-04_2024-05.csv" in done.out
    assert re.search(r"checks: \d+ passed", done.out)


def test_given_a_project_when_the_doctor_looks_then_every_part_is_in_order(loaded: tuple[Path, Done]):
    done = run("doctor")
    assert done.code == 0
    assert "NOT IN ORDER" not in done.out
    assert "2 month(s) loaded" in done.out and "1 delivered file(s)" in done.out


def test_given_the_same_file_when_loaded_again_then_it_says_unchanged(loaded: tuple[Path, Done]):
    directory, _ = loaded
    done = run("load", directory / "sales_2024-04_2024-05.csv")
    assert done.code == 0
    assert "2024-04: unchanged" in done.out and "2024-05: unchanged" in done.out


@pytest.fixture(scope="module")
def corrected(loaded: tuple[Path, Done]) -> tuple[Done, Done]:
    """What the load of a correction printed that has less than half of the rows: as it is, and when it is allowed.

    Somebody pays in it in a way that nobody knows.
    """
    directory, _ = loaded
    correction = directory / "sales_2024-05.csv"
    correction.write_text(month_csv("2024-05", 20, seed=8, directory=directory).replace("UPI", "Twint"))
    return run("load", correction), run("load", "--allow-shrink", correction)


def test_given_a_shrinking_file_when_loaded_then_exit_1_and_only_the_flag_lets_it_in(corrected: tuple[Done, Done]):
    refused, allowed = corrected
    assert refused.code == 1
    assert "less than half" in refused.err and "Next step:" in refused.err
    assert allowed.code == 0
    assert re.search(r"2024-05 +2024-05-v2 +yes +20 ", run("status").out)


def test_given_a_value_that_nobody_knows_when_loaded_then_the_summary_names_it(corrected: tuple[Done, Done]):
    assert "payment_method: Twint" in corrected[1].out


def test_given_a_correction_when_loaded_and_rolled_back_then_history_and_snapshot_tell(
    loaded: tuple[Path, Done], corrected: tuple[Done, Done]
):
    directory, _ = loaded
    manifest = directory / ".walmart_bi" / "bucket" / "dashboard_data" / "latest" / "manifest.json"
    assert re.search(r"2024-05-v2 +yes +20", run("history", "2024-05").out)
    assert "2024-05-v2" in manifest.read_text()
    done = run("rollback", "2024-05", "2024-05-v1")
    assert done.code == 0 and "2024-05-v1 is active" in done.out
    assert re.search(r"2024-05-v1 +yes", run("history", "2024-05").out)
    assert "2024-05-v1" in manifest.read_text() and "2024-05-v2" not in manifest.read_text()


# Seen when the month is looked for, and when the file is opened, counted, read to its end, and sorted by months.
# What the command prints is the error's own line, and that each reason has one is tested where files are read.
NOTICED_AT = ("no_month", "excel", "other_encoding", "expansion", "outside_declared_month")


@pytest.mark.parametrize(
    "case", [case for case in REJECTIONS if case.rejected and case.rejected.reason in NOTICED_AT], ids=lambda c: c.name
)
def test_given_a_bad_file_when_loaded_then_one_clear_line_exit_1_and_nothing_loaded_is_lost(
    loaded: tuple[Path, Done], case: Case, tmp_path: Path
):
    before = Project.from_environment().warehouse.ledger()
    file = tmp_path / case.file_name
    file.write_bytes(case.bytes())
    done = run("load", file)
    assert done.code == 1
    errors = [line for line in done.err.splitlines() if line.startswith("error: ")]
    assert len(errors) == 1 and done.err.count("\n") == 1, done.err
    assert case.file_name in errors[0] and "Next step:" in errors[0]
    assert case.rejected and all(word in errors[0] for word in case.rejected.words)
    assert Project.from_environment().warehouse.ledger() == before


def test_given_many_bad_rows_when_loaded_then_the_reasons_and_where_they_lie_are_printed(
    loaded: tuple[Path, Done], tmp_path: Path
):
    bad = tmp_path / "sales_2024-06.csv"
    bad.write_text(month_csv("2024-06", 100, bad=20, directory=tmp_path))
    done = run("load", bad)
    assert done.code == 1
    assert "quarantine_share" in done.err and "non_positive_amount 20" in done.err


def test_given_a_failed_load_when_status_is_asked_then_it_tells_what_is_loaded(
    loaded: tuple[Path, Done], tmp_path: Path
):
    bad = tmp_path / "sales_2024-07.csv"
    bad.write_bytes(b"PK\x03\x04 not text")
    failed = run("load", bad)
    assert "\nnot loaded: 2024-07" in failed.out and "\nloaded: " not in failed.out
    assert "Dependencies for step" not in failed.out + failed.err
    status = run("status")
    assert "2024-04" in status.out and "not reached by the last run" in status.out and status.err == ""


def test_given_a_name_that_no_listing_shows_when_loaded_then_it_is_refused_before_delivery(
    loaded: tuple[Path, Done], tmp_path: Path
):
    for name in (".sales_2024-05.csv", "sales_2024-05.csv~"):
        hidden = tmp_path / name
        hidden.write_text(month_csv("2024-05", 300, directory=tmp_path))
        done = run("load", hidden)
        assert done.code == 1 and "hidden or temporary" in done.err


def test_given_a_newer_file_that_came_meanwhile_when_loaded_then_it_says_which_one_supplies_the_month(
    loaded: tuple[Path, Done], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    put = DirectoryStore.put

    def put_and_be_overtaken(store: DirectoryStore, key: str, source: Path) -> ObjectInfo:
        info = put(store, key, source)
        if key == "raw_data/mine_2024-08.csv":
            store.write_bytes("raw_data/theirs_2024-08.csv", source.read_bytes())
        return info

    monkeypatch.setattr(DirectoryStore, "put", put_and_be_overtaken)
    mine = tmp_path / "mine_2024-08.csv"
    mine.write_text(month_csv("2024-08", 30, directory=tmp_path))
    done = run("load", mine)
    assert done.code == 1 and "theirs_2024-08.csv was delivered meanwhile" in done.err


def test_given_a_broken_instance_file_when_the_doctor_looks_then_one_line(empty: Path):
    (empty / "dagster.yaml").write_text("storage: [unclosed")
    done = run("doctor")
    assert done.code == 1 and re.search(r"instance +NOT IN ORDER", done.out)


def test_given_a_month_before_the_first_partition_when_rolled_back_then_the_variable_is_named(empty: Path):
    done = run("rollback", "2019-01", "2019-01-v1")
    assert done.code == 1 and "WALMART_BI_FIRST_MONTH" in done.err


def test_given_a_full_disk_when_loading_then_one_line(empty: Path, monkeypatch: pytest.MonkeyPatch):
    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device", "/tmp/x")

    monkeypatch.setattr("walmart_bi.cli.sample.write_sample", full)
    monkeypatch.setattr("walmart_bi.cli.report.print_status", full)
    assert run("sample").code == 1
    status = run("status")
    assert status.code == 1 and "No space left on device" in status.err and "Next step" in status.err


def test_given_no_command_when_called_then_the_help(empty: Path):
    done = run()
    assert done.code == 2 and "COMMAND" in done.err


def test_given_nothing_loaded_when_asked_then_each_command_says_what_to_do(empty: Path):
    status = run("status")
    assert status.code == 0 and "nothing is loaded yet" in status.out
    history = run("history", "2024-05")
    assert history.code == 1 and "never loaded" in history.err
    rollback = run("rollback", "2024-05", "2024-05-v1")
    assert rollback.code == 1 and "2024-05-v1" in rollback.err


def test_given_no_such_file_when_loaded_then_exit_1_and_nothing_is_delivered(empty: Path):
    missing = run("load", empty / "missing.csv")
    assert missing.code == 1 and "There is no such file." in missing.err
    directory = run("load", empty)
    assert directory.code == 1 and "not a file" in directory.err
    assert not (empty / ".walmart_bi").exists()


def test_given_a_month_before_the_first_partition_when_loaded_then_the_variable_is_named(empty: Path):
    early = empty / "sales_2019-05.csv"
    early.write_text(month_csv("2019-05", 5, directory=empty))
    done = run("load", early)
    assert done.code == 1 and "WALMART_BI_FIRST_MONTH=2019-05" in done.err


def test_given_a_directory_without_an_instance_when_loaded_then_it_says_where_to_go(tmp_path: Path):
    with in_directory(tmp_path):
        file = tmp_path / "sales_2024-05.csv"
        file.write_text(month_csv("2024-05", 5, directory=tmp_path))
        done = run("load", file)
        assert done.code == 1 and "dagster.yaml" in done.err and "DAGSTER_HOME" in done.err
        assert run("doctor").code == 1


def test_given_dagster_home_when_loaded_elsewhere_then_that_instance_records_the_run(tmp_path: Path):
    home = tmp_path / "instance"
    home.mkdir()
    with in_directory(tmp_path):
        os.environ["DAGSTER_HOME"] = str(home)
        file = tmp_path / "sales_2024-05.csv"
        file.write_bytes(b"%PDF-1.7 no sales")
        assert "PDF" in run("load", file).err
        with dg.DagsterInstance.from_config(str(home)) as instance:
            (recorded,) = instance.get_runs()
        assert recorded.status == dg.DagsterRunStatus.FAILURE and recorded.tags["month"] == "2024-05"


def test_given_wrong_settings_when_the_doctor_looks_then_it_names_them_and_exits_1(empty: Path):
    os.environ["WALMART_BI_TARGET"] = "moon"
    done = run("doctor")
    assert done.code == 1 and "WALMART_BI_TARGET" in done.out


def test_given_a_bucket_that_is_a_file_when_the_doctor_looks_then_the_store_is_not_in_order(empty: Path):
    (empty / ".walmart_bi").mkdir()
    (empty / ".walmart_bi" / "bucket").write_text("in the way")
    done = run("doctor")
    assert done.code == 1
    assert re.search(r"store +NOT IN ORDER", done.out)


def test_given_a_full_disk_when_the_doctor_looks_then_it_warns(empty: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("walmart_bi.cli.doctor.machine.LOW_DISK_BYTES", 1 << 80)
    done = run("doctor")
    assert done.code == 1 and re.search(r"disk +NOT IN ORDER", done.out)


def test_given_rows_and_months_when_a_sample_is_made_then_the_file_and_the_next_step(empty: Path):
    done = run("sample", "--rows", "30", "--months", "2024-03", "2024-04")
    assert done.code == 0
    assert (empty / "sales_2024-03_2024-04.csv").read_text().count("\n") == 31
    assert "walmart-bi load sales_2024-03_2024-04.csv" in done.out


def test_given_no_months_when_a_sample_is_made_then_it_covers_the_public_files_days(empty: Path):
    done = run("sample", "--rows", "5", "--output", "small.csv")
    assert done.code == 0 and "2024-02-10 to 2025-02-09" in done.out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("sample", "--rows", "0"), "not a positive number"),
        (("sample", "--months", "2024-13", "2024-14"), "is not a month"),
        (("history", "May"), "is not a month"),
    ],
)
def test_given_wrong_arguments_when_called_then_exit_2_and_the_reason(
    empty: Path, arguments: tuple[str, ...], message: str
):
    done = run(*arguments)
    assert done.code == 2 and message in done.err


def test_given_an_impossible_sample_when_asked_then_exit_1(empty: Path):
    done = run("sample", "--months", "2024-05", "2024-04")
    assert done.code == 1 and "first month lies after" in done.err
    (empty / "blocked").write_text("")
    done = run("sample", "--rows", "3", "--output", empty / "blocked" / "x.csv")
    assert done.code == 1 and "cannot be written" in done.err


def test_given_an_interrupt_when_running_then_exit_130_and_no_stack_trace(empty: Path, monkeypatch: pytest.MonkeyPatch):
    def interrupted() -> int:
        raise KeyboardInterrupt

    monkeypatch.setattr("walmart_bi.cli.report.print_status", interrupted)
    done = run("status")
    assert done.code == 130 and "run the same command again" in done.err
