"""What a person meets when something on AWS is wrong: a load that succeeds all the same, or one line that helps.

The command runs in this process; every fault is one of the servers that it talks to. How the store and the warehouse
take each fault by itself is in `unit/test_s3_store.py` and `unit/redshift/test_warehouse.py`.
"""

from __future__ import annotations

import contextlib
import functools
import io
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from unittest import mock

import dagster as dg
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import trustme

from walmart_bi.cli.project import Project
from walmart_bi.sales.sample import HEADER
from walmart_bi.warehouse.redshift_settings import RedshiftSettings
from walmart_bi_tests.command_line import Done, in_directory, new_checkout, run
from walmart_bi_tests.end_to_end.rows import load_rows
from walmart_bi_tests.faulty_s3 import Fault as S3Fault
from walmart_bi_tests.faulty_s3 import FaultyS3, cut_after, no_answer, refusal, slowly
from walmart_bi_tests.project import aws_environment, failure_of, month_csv, project_of_environment
from walmart_bi_tests.redshift_standin.front import Fault
from walmart_bi_tests.redshift_standin.messages import SqlError
from walmart_bi_tests.redshift_standin.standin import PASSWORD, USER, WORKGROUP, StandIn, server_tls, shared_standin

MONTH = "2024-03"
ROWS = 120


@dataclass
class Site:
    """A project's directory on AWS, the servers behind it, and a file to load."""

    directory: Path
    file: Path
    standin: StandIn
    s3: FaultyS3

    def load(self) -> Done:
        return run("load", self.file)

    def rows(self) -> list[tuple[str, int]]:
        with Project.from_environment().warehouse.read() as reader:
            return [tuple(row) for row in reader.query("SELECT load_id, COUNT(*) FROM walmart_sales GROUP BY 1").rows]

    def log_in_with_password(self, password: str, port: int | None = None) -> None:
        """By host and user, as to a provisioned cluster."""
        os.environ.pop("WALMART_BI_REDSHIFT_WORKGROUP", None)
        os.environ["WALMART_BI_REDSHIFT_HOST"] = self.standin.host
        os.environ["WALMART_BI_REDSHIFT_PORT"] = str(port or self.standin.port)
        os.environ["WALMART_BI_REDSHIFT_USER"] = USER
        os.environ["WALMART_BI_REDSHIFT_PASSWORD"] = password


@contextlib.contextmanager
def opened(tmp_path: Path) -> Iterator[Site]:
    standin = shared_standin()
    # Minutes of waiting for a paused workgroup are no part of these tests.
    impatient = mock.patch(
        "walmart_bi.settings_aws.RedshiftSettings",
        functools.partial(RedshiftSettings, connect_timeout=5.0, wake_timeout=4.0),
    )
    file = tmp_path / f"sales_{MONTH}.csv"
    file.write_text(month_csv(MONTH, ROWS, directory=tmp_path))
    upstream = standin.environment["AWS_ENDPOINT_URL_S3"]
    with in_directory(new_checkout(tmp_path)), aws_environment(), impatient, FaultyS3(upstream) as s3:
        os.environ["AWS_ENDPOINT_URL_S3"] = s3.endpoint
        site = Site(tmp_path, file, standin, s3)
        site.log_in_with_password(PASSWORD)  # half the time of a load would be temporary logins
        yield site


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    with opened(tmp_path) as site:
        yield site
    site.standin.front.faults.clear()


@pytest.fixture(scope="module")
def unlucky(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """One project for all loads that fail, so that whatever one of them left half done would be found by the next."""
    with opened(tmp_path_factory.mktemp("unlucky")) as site:
        yield site


def told(done: Done) -> str:
    """The one line that a person reads of a failed command."""
    assert done.code == 1
    assert "Traceback" not in done.out + done.err
    assert done.err.count("\n") == 1 and done.err.startswith("error: "), done.err
    assert "Next step: " in done.err
    return done.err


def shown_in_the_ui() -> str:
    """The description of the latest run's failed step, which has cause, place and next step as metadata too."""
    with dg.DagsterInstance.from_config(str(Path.cwd())) as instance:
        (record,) = instance.get_run_records(limit=1)
        events = [entry.dagster_event for entry in instance.all_logs(record.dagster_run.run_id)]
    (failed,) = [event for event in events if event is not None and event.is_step_failure]
    given = failed.step_failure_data.user_failure_data
    assert given is not None and set(given.metadata) == {"cause", "place", "next step"}
    return str(given.description)


# What lasts until somebody does something: one line, and nothing is half loaded. Each fault gives what ends it; the
# environment is put back by the test.


def nothing() -> None:
    """The fault ends by itself, or with the environment."""


def wrong_password(site: Site) -> Callable[[], None]:
    site.log_in_with_password("not-the-password")
    return nothing


def expired_credentials(site: Site) -> Callable[[], None]:
    del os.environ["WALMART_BI_REDSHIFT_HOST"]
    os.environ["WALMART_BI_REDSHIFT_WORKGROUP"] = WORKGROUP
    site.standin.identity.denied = True
    return lambda: setattr(site.standin.identity, "denied", False)


def untrusted_certificate(site: Site) -> Callable[[], None]:
    trusted, site.standin.front.tls = site.standin.front.tls, server_tls(trustme.CA(), "localhost")
    return lambda: setattr(site.standin.front, "tls", trusted)


def refused_connection(site: Site) -> Callable[[], None]:
    site.log_in_with_password(PASSWORD, port=9)
    return nothing


def missing_copy_rights(site: Site) -> Callable[[], None]:
    roles, site.standin.front.roles = site.standin.front.roles, set()
    return lambda: setattr(site.standin.front, "roles", roles)


def missing_database(site: Site) -> Callable[[], None]:
    os.environ["WALMART_BI_REDSHIFT_DATABASE"] = "nowhere"
    return nothing


def no_right_to_create(site: Site) -> Callable[[], None]:
    site.standin.front.faults.append(
        Fault("CREATE TABLE", error=SqlError("42501", "permission denied for schema public"))
    )
    return site.standin.front.faults.clear


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        (wrong_password, ["login was refused", "check user and password"]),
        (expired_credentials, ["ExpiredToken", "renew the AWS credentials"]),
        (untrusted_certificate, ["certificate cannot be trusted", "authority's certificate"]),
        (refused_connection, ["No connection within 4 s", "refused", "check host, port, security group"]),
        (no_right_to_create, ["permission denied for schema public", "rights"]),
        (missing_copy_rights, ["COPY failed", "not authorized to assume IAM Role", "COPY role"]),
        (missing_database, ["nowhere", "WALMART_BI_REDSHIFT_DATABASE"]),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_given_a_fault_of_the_warehouse_when_loaded_then_one_line_and_nothing_is_loaded(
    unlucky: Site, fault: Callable[[Site], Callable[[], None]], words: list[str]
):
    with mock.patch.dict(os.environ):
        end = fault(unlucky)
        try:
            line = told(unlucky.load())
        finally:
            end()

    assert [word for word in words if word not in line] == []
    assert shown_in_the_ui() in line
    assert Project.from_environment().warehouse.ledger() == []


@pytest.mark.parametrize(
    ("code", "status", "words"),
    [
        ("ExpiredToken", 400, ["temporary AWS credentials have expired", "renew them"]),
        ("AccessDenied", 403, ["no right to do this", "get-caller-identity"]),
        ("InvalidAccessKeyId", 403, ["does not accept the AWS credentials", "AWS_PROFILE"]),
    ],
)
def test_given_s3_refuses_when_loaded_then_one_line_and_nothing_is_loaded(
    unlucky: Site, code: str, status: int, words: list[str]
):
    unlucky.s3.refuse_everything(status, code, "the server's own text")
    line = told(unlucky.load())
    unlucky.s3.behave()

    assert [word for word in words if word not in line] == []
    assert "own text" not in line
    assert Project.from_environment().warehouse.ledger() == []


def test_given_s3_refuses_in_the_middle_of_a_run_then_its_step_says_the_same(unlucky: Site):
    unlucky.s3.faults.append(S3Fault("PUT", refusal(400, "ExpiredToken"), "staging/copy"))
    line = told(unlucky.load())
    unlucky.s3.behave()

    assert "temporary AWS credentials have expired" in line and shown_in_the_ui() in line


def test_given_no_such_bucket_when_loaded_then_one_line(unlucky: Site):
    with mock.patch.dict(os.environ, {"WALMART_BI_BUCKET": "no-such-bucket"}):
        line = told(unlucky.load())
    assert "no such bucket" in line and "WALMART_BI_BUCKET" in line


def test_given_all_these_faults_are_gone_when_loaded_then_the_month_is_whole(unlucky: Site):
    assert load_rows(unlucky.file, MONTH).success
    assert unlucky.rows() == [(f"{MONTH}-v1", ROWS)]


# What passes: the load tries again by itself


def test_given_s3_is_busy_slow_and_cut_when_loaded_then_the_load_succeeds(site: Site):
    site.s3.faults += [
        S3Fault("PUT", refusal(503, "SlowDown"), "raw_data", times=1),
        S3Fault("GET", cut_after(100), f"raw_data/sales_{MONTH}", times=1, before=False),
        S3Fault("PUT", refusal(503, "ServiceUnavailable"), "monthly_data", times=1),
        S3Fault("GET", cut_after(1000), "monthly_data/2024", times=1, before=False),
        S3Fault("PUT", no_answer, "manifest", times=1),
        S3Fault("PUT", slowly(1.0), "dashboard_data", times=1, before=False),
    ]
    done = site.load()

    assert done.err == ""
    assert done.code == 0
    assert [fault.containing for fault in site.s3.faults if not fault.met] == []
    assert site.rows() == [(f"{MONTH}-v1", ROWS)]


def test_given_redshift_wakes_slowly_conflicts_and_cuts_when_loaded_then_the_load_succeeds(
    site: Site, capsys: pytest.CaptureFixture[str]
):
    front = site.standin.front
    front.refuse_logins = 2
    front.faults += [
        Fault("^COPY"),
        Fault("^DELETE", error=SqlError("XX000", "1023", D="Serializable isolation violation on table")),
        Fault("^INSERT INTO walmart_sales", "after"),
        Fault("^COMMIT", "after"),
    ]
    loaded = load_rows(site.file, MONTH)

    assert loaded.success, failure_of(loaded)
    assert capsys.readouterr().err == ""
    assert front.faults == []
    assert site.rows() == [(f"{MONTH}-v1", ROWS)]


# What is wrong with a file


def test_given_a_parquet_file_of_a_wrong_type_when_loaded_then_one_line(site: Site):
    columns = {name: [["nested"]] for name in HEADER.split(",")}
    site.file = site.directory / f"sales_{MONTH}.parquet"
    pq.write_table(pa.table(columns), site.file)

    line = told(site.load())
    assert f"sales_{MONTH}.parquet" in line and "write the file again with plain columns" in line


def load_of_another_producer(site: Site, name: str, content: bytes) -> list[str]:
    """Put the object under monthly_data/ and load it into the table; what a person reads of a failure."""
    key = f"monthly_data/{MONTH}/{name}"
    with project_of_environment(site.directory) as project:
        project.store.write_bytes(key, content)
        result = project.load_object(MONTH, object_key=key)
    return [] if result.success else [failure_of(result)]


def test_given_bad_rows_of_another_producer_when_loaded_then_few_are_set_aside_and_many_stop_it(site: Site):
    lines = site.file.read_text().splitlines()
    bad = lines[1].replace(f"{MONTH}-", "2024-13-")
    assert bad != lines[1]

    assert load_of_another_producer(site, "few.csv", "\n".join([*lines, bad]).encode()) == []
    assert site.rows() == [(f"{MONTH}-v1", ROWS)]
    (entry,) = Project.from_environment().warehouse.ledger()
    assert (entry.quarantined_rows, entry.source_quarantined, entry.source_records) == (0, 1, ROWS + 1)

    (told_of_many,) = load_of_another_producer(site, "many.csv", "\n".join([*lines, *[bad] * 10]).encode())
    assert "invalid_date 10" in told_of_many and "Next step: read the reasons in s3://" in told_of_many
    assert site.rows() == [(f"{MONTH}-v1", ROWS)]


def test_given_a_parquet_object_of_another_producer_with_a_wrong_type_then_one_line(site: Site):
    content = io.BytesIO()
    pq.write_table(pa.table({name: [["nested"]] for name in HEADER.split(",")}), content)

    (line,) = load_of_another_producer(site, "theirs.parquet", content.getvalue())
    assert "cannot be read as text columns" in line and "Next step: write the file again" in line
