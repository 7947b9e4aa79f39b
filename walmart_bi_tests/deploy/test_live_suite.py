"""The live suite itself, run as a person with an account runs it, but on the stand-in and moto; and never unasked.

In short form: the points that only Redshift can show, one load, one write-once object, one view. What is left out of
the points is `STRING_AGG`, which PostgreSQL knows and the stand-in lets through.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

from walmart_bi_tests.redshift_standin.standin import COPY_ROLE, WORKGROUP, shared_standin

CHECKOUT = Path(__file__).parents[2]
LIVE = "walmart_bi_tests/live"
SHORT = (
    "(points and not STRING_AGG) or putting_equal_bytes or replacing_a_month or more_objects_than_a_listing"
    " or names_the_holder or kpi_total_revenue"
)


def pytest_run(*arguments: str, environment: dict[str, str]) -> subprocess.CompletedProcess[str]:
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(("WALMART_BI_", "COV_"))}
    return subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *arguments],
        cwd=CHECKOUT,
        env={**inherited, **environment},
        capture_output=True,
        text=True,
        check=False,
    )


def test_nothing_of_it_is_collected_unasked() -> None:
    done = pytest_run(LIVE, "--collect-only", environment={})
    assert done.returncode == 5, done.stdout  # pytest's code for "no tests"
    assert "::" not in done.stdout


def test_a_file_of_it_that_is_named_is_not_run_unasked() -> None:
    done = pytest_run(f"{LIVE}/test_live_points.py", environment={})
    assert done.returncode == 4  # pytest's code for a wrong command
    assert "set WALMART_BI_LIVE=1" in done.stderr
    assert "passed" not in done.stdout and "failed" not in done.stdout and "error" not in done.stdout


def test_it_runs_against_what_the_settings_name_and_leaves_nothing_behind() -> None:
    standin = shared_standin()
    bucket, database = standin.new_bucket(), standin.new_database()
    environment = {
        **standin.environment,
        "WALMART_BI_LIVE": "1",
        "WALMART_BI_TARGET": "aws",
        "WALMART_BI_BUCKET": bucket,
        "WALMART_BI_REDSHIFT_DATABASE": database,
        "WALMART_BI_REDSHIFT_WORKGROUP": WORKGROUP,
        "WALMART_BI_REDSHIFT_COPY_ROLE_ARN": COPY_ROLE,
    }
    done = pytest_run(LIVE, "-k", SHORT, environment=environment)
    assert done.returncode == 0, done.stdout + done.stderr
    (passed,) = re.findall(r"^(\d+) passed", done.stdout, flags=re.MULTILINE)
    assert int(passed) >= 15
    assert "skipped" not in done.stdout
    assert standin.s3.list_object_versions(Bucket=bucket).get("Versions", []) == []
