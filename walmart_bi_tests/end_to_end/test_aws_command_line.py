"""What the commands say on the aws target: the same as on one machine, but for where things are."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from walmart_bi_tests.command_line import in_directory, new_checkout, run
from walmart_bi_tests.project import aws_environment, month_csv


@pytest.fixture
def variables(tmp_path: Path) -> Iterator[dict[str, str]]:
    """An empty project on AWS, whose directory is the current one."""
    with in_directory(new_checkout(tmp_path)), aws_environment() as variables:
        yield variables


def test_given_nothing_loaded_when_asked_then_the_warehouse_is_named_and_no_sample_is_suggested(
    variables: dict[str, str],
):
    status = run("status")
    assert status.code == 0
    database = variables["WALMART_BI_REDSHIFT_DATABASE"]
    assert f"nothing is loaded yet in Redshift retail, database {database}" in status.out
    assert "walmart-bi load FILE" in status.out and "make" not in status.out
    history = run("history", "2024-05")
    assert history.code == 1 and "never loaded" in history.err


def test_given_two_versions_of_a_month_when_loaded_told_and_rolled_back_then_bucket_and_warehouse_are_named(
    variables: dict[str, str], tmp_path: Path
):
    file = tmp_path / "sales_2024-05.csv"
    for rows in (40, 30):
        file.write_text(month_csv("2024-05", rows, directory=tmp_path))
        loaded = run("load", file)
        assert loaded.code == 0, loaded.err
    bucket, database = variables["WALMART_BI_BUCKET"], variables["WALMART_BI_REDSHIFT_DATABASE"]
    assert f"snapshot:  s3://{bucket}/retail/bi/dashboard_data/latest/manifest.json" in loaded.out
    assert f"warehouse: Redshift retail, database {database}" in loaded.out
    assert "the Dagster UI of this instance" in loaded.out
    assert "walmart-bi rollback 2024-05 2024-05-v1" in run("history", "2024-05").out
    rolled_back = run("rollback", "2024-05", "2024-05-v1")
    assert rolled_back.code == 0 and "2024-05-v1 is active, with 40 rows" in rolled_back.out
    status = run("status")
    assert status.code == 0 and "2024-05-v1" in status.out and "1 months, 40 rows" in status.out
    told = "".join(done.out for done in (loaded, rolled_back, status))
    assert "make" not in told and ".walmart_bi" not in told and "duckdb" not in told
