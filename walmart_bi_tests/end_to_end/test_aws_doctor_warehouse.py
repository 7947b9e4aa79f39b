"""`walmart-bi doctor` on Redshift: a test for each thing that can be wrong, and what the doctor tells to do is done."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterator
from pathlib import Path

import boto3
import pytest

from walmart_bi.cli.project import Project
from walmart_bi.sales.sample import write_sample
from walmart_bi_tests import s3_servers
from walmart_bi_tests.command_line import run
from walmart_bi_tests.end_to_end.doctor import CANARY, Site, aws_site, log_in_with
from walmart_bi_tests.faulty_s3 import Fault, FaultyS3, refusal
from walmart_bi_tests.redshift_standin.standin import COPY_ROLE


@pytest.fixture(scope="module")
def directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """That of all projects: what is wrong is never in their history, and to make one anew takes a sixth of a look."""
    return tmp_path_factory.mktemp("project")


@pytest.fixture
def site(directory: Path) -> Iterator[Site]:
    """A project with nothing wrong."""
    with aws_site(directory) as site:
        yield site


@pytest.fixture
def user(site: Site) -> str:
    """A database user without a right of its own, which the project logs in as; the tables are the administrator's."""
    Project.from_environment().warehouse.create_tables()
    name = site.standin.new_user(CANARY)
    log_in_with(site, name)
    return name


def repairs(told: str) -> list[str]:
    """The SQL that the next step gives."""
    return re.findall(r"(?:GRANT|CREATE SCHEMA|ALTER TABLE) [^;.]*(?:\.\w[^;.]*)?", told.partition("Next step: ")[2])


def test_given_a_wrong_password_when_the_doctor_looks_then_the_login_is_refused(site: Site):
    log_in_with(site, site.standin.new_user("another password"))
    report = site.doctor()
    assert "The login was refused" in report.trouble("login")
    assert {"schema", "tables", "views", "copy", "months"} == set(report.parts("not asked"))


def test_given_no_such_workgroup_when_the_doctor_looks_then_its_name(site: Site):
    site.patch.setenv("WALMART_BI_REDSHIFT_WORKGROUP", "no-such-workgroup")
    assert "no-such-workgroup" in site.doctor().trouble("login")


def test_given_no_such_database_when_the_doctor_looks_then_its_name(site: Site):
    site.patch.setenv("WALMART_BI_REDSHIFT_DATABASE", "no_such_database")
    assert "WALMART_BI_REDSHIFT_DATABASE" in site.doctor().trouble("login")


def test_given_no_such_schema_when_its_repair_is_carried_out_then_the_doctor_is_content(site: Site, user: str):
    site.patch.setenv("WALMART_BI_REDSHIFT_SCHEMA", "Retail")
    report = site.doctor()
    assert "There is no such schema." in report.trouble("schema")
    assert report.lines["tables"] == ("not asked", "schema first")
    site.sql(*repairs(report.trouble("schema")))
    assert site.doctor().code == 0


def test_given_no_right_in_the_schema_when_its_repair_is_carried_out_then_the_doctor_is_content(site: Site, user: str):
    site.sql("CREATE SCHEMA retail", f"REVOKE TEMP ON DATABASE {site.database} FROM PUBLIC")
    site.patch.setenv("WALMART_BI_REDSHIFT_SCHEMA", "retail")
    told = site.doctor().trouble("schema")
    assert f"{user} has no right to USAGE, CREATE on schema retail" in told
    site.sql(*repairs(told))
    told = site.doctor().trouble("schema")
    assert f"no right to TEMP on database {site.database}" in told
    site.sql(*repairs(told))
    assert site.doctor().code == 0


def test_given_missing_rights_on_the_tables_when_repaired_as_told_then_the_doctor_is_content_and_a_load_works(
    site: Site, user: str, tmp_path: Path
):
    site.sql(f'GRANT SELECT, INSERT, DELETE ON load_ledger TO "{user}"')
    told = site.doctor().trouble("tables")
    assert f"{user} has no right to UPDATE on table public.load_ledger" in told
    site.sql(*repairs(told))
    told = site.doctor().trouble("tables")
    assert "SELECT, INSERT, DELETE on table public.sales_by_city" in told
    site.sql(*repairs(told))
    for table in ("sales_by_month", "sales_by_segment", "walmart_sales"):
        told = site.doctor().trouble("tables")
        assert f"SELECT, INSERT, DELETE on table public.{table}" in told
        site.sql(*repairs(told))
    report = site.doctor()
    assert report.code == 0 and user in report.lines["login"][1]
    file = tmp_path / "sales_2024-03.csv"
    write_sample(file, rows=50, first_day=dt.date(2024, 3, 1), last_day=dt.date(2024, 3, 31), dirty_share=0)
    loaded = run("load", file)
    assert loaded.code == 0, loaded.err + loaded.out


def test_given_a_view_of_another_user_when_repaired_as_told_then_the_doctor_is_content(site: Site, user: str):
    site.sql(
        f'GRANT ALL ON ALL TABLES IN SCHEMA public TO "{user}"',
        "CREATE VIEW kpi_total_revenue AS SELECT COUNT(*) AS orders FROM walmart_sales",
    )
    told = site.doctor().trouble("views")
    assert "kpi_total_revenue (rs)" in told
    site.sql(*repairs(told))
    assert site.doctor().code == 0


def test_given_a_copy_role_that_may_not_be_assumed_when_the_doctor_looks_then_the_trust_policy(site: Site):
    site.standin.front.roles.clear()
    report = site.doctor()
    told = report.trouble("copy")
    assert COPY_ROLE in told and "trust policy" in told
    assert report.parts("NOT IN ORDER") == ["copy"]


@pytest.mark.parametrize("folder", ["staging/copy", "monthly_data"])
def test_given_a_copy_role_without_right_on_a_folder_when_the_doctor_looks_then_the_rights(site: Site, folder: str):
    with FaultyS3(s3_servers.moto()) as refusing:
        refusing.faults.append(Fault("GET", refusal(403, "AccessDenied", "Access Denied"), f"/{folder}/"))
        site.standin.front.s3 = boto3.client("s3", endpoint_url=refusing.endpoint)
        report = site.doctor()
    told = report.trouble("copy")
    assert "Access Denied" in told and "s3:GetObject" in told and "monthly_data" in told
    assert report.parts("NOT IN ORDER") == ["copy"]
    kept = site.s3.list_objects_v2(Bucket=site.bucket, Prefix=f"{site.prefix}/staging/copy/")
    assert kept["KeyCount"] == 0
