"""What the commands say on the aws target: the same as on one machine, but for where things are.

What `load` says is in `test_aws_load.py`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from walmart_bi_tests.command_line import in_directory, new_checkout, run
from walmart_bi_tests.end_to_end.rows import load_rows
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


def test_given_two_versions_of_a_month_when_told_and_rolled_back_then_nothing_of_one_machine_is_named(
    variables: dict[str, str], tmp_path: Path
):
    file = tmp_path / "sales_2024-05.csv"
    for rows in (40, 30):
        file.write_text(month_csv("2024-05", rows, directory=tmp_path))
        assert load_rows(file, "2024-05").success
    assert "walmart-bi rollback 2024-05 2024-05-v1" in run("history", "2024-05").out
    rolled_back = run("rollback", "2024-05", "2024-05-v1")
    assert rolled_back.code == 0 and "2024-05-v1 is active, with 40 rows" in rolled_back.out
    status = run("status")
    assert status.code == 0 and "2024-05-v1" in status.out and "1 months, 40 rows" in status.out
    assert re.search(r"^checks: \d+ never run, \d+ passed$", status.out, re.MULTILINE)
    told = "".join(done.out for done in (rolled_back, status))
    assert "make" not in told and ".walmart_bi" not in told and "duckdb" not in told
