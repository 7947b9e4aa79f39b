"""`walmart-bi doctor` on the aws target: a test for each thing that can be wrong but for the warehouse."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest

from walmart_bi.cli.project import Project
from walmart_bi.kpis.catalog import load_catalog
from walmart_bi.sales.sample import write_sample
from walmart_bi.stores.base import DASHBOARD_DATA, MONTHLY_DATA, QUARANTINE, RAW_DATA, STAGING, is_hidden
from walmart_bi_tests import s3_servers
from walmart_bi_tests.end_to_end.doctor import BLOCKED, CANARY, Site, aws_site, log_in_with
from walmart_bi_tests.end_to_end.rows import load_rows
from walmart_bi_tests.faulty_s3 import Answer, Fault, FaultyS3, refusal

LOADER = "loader_of_the_doctor"
PREFIXES = [prefix.rstrip("/") for prefix in (RAW_DATA, MONTHLY_DATA, QUARANTINE, DASHBOARD_DATA, STAGING)]


@pytest.fixture(scope="module")
def directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """That of all projects, whose history nothing here changes: to make one anew takes a sixth of a look."""
    return tmp_path_factory.mktemp("project")


@pytest.fixture
def by_workgroup(directory: Path) -> Iterator[Site]:
    """A project with nothing wrong."""
    with aws_site(directory) as site:
        yield site


@pytest.fixture
def site(by_workgroup: Site) -> Site:
    """It logs in by host and password: a quarter of a look would be temporary logins."""
    by_workgroup.standin.identity.passwords[LOADER] = CANARY
    log_in_with(by_workgroup, LOADER)
    return by_workgroup


@pytest.fixture
def proxy(site: Site) -> Iterator[FaultyS3]:
    """The way to S3 leads through a proxy that misbehaves as told."""
    with FaultyS3(s3_servers.moto()) as server:
        site.patch.setenv("AWS_ENDPOINT_URL_S3", server.endpoint)
        yield server


# In order


def test_given_everything_in_order_when_the_doctor_looks_then_each_part_is_ok(by_workgroup: Site):
    report = by_workgroup.doctor()
    assert report.parts("ok") == list(report.lines)
    assert report.code == 0
    assert set(PREFIXES) < set(report.lines)
    assert {"region", "identity", "bucket", "versioning", "private", "login", "copy", "disk"} < set(report.lines)
    settings, identity = report.lines["settings"][1], report.lines["identity"][1]
    names = (by_workgroup.bucket, by_workgroup.prefix, by_workgroup.database, "workgroup retail", "public")
    assert all(name in settings for name in names)
    assert identity.startswith("arn:aws:sts::") and "credentials from env" in identity
    assert "aws:kms" in report.lines["encryption"][1]
    assert report.lines["months"][1] == "0 month(s) loaded"


def test_given_a_loaded_month_when_the_doctor_looks_then_it_counts_it_and_changes_nothing(site: Site, tmp_path: Path):
    file = tmp_path / "sales_2024-03.csv"
    write_sample(file, rows=50, first_day=dt.date(2024, 3, 1), last_day=dt.date(2024, 3, 31), dirty_share=0)
    assert load_rows(file, "2024-03").success
    warehouse = Project.from_environment().warehouse
    warehouse.create_views({kpi.name: kpi.select for kpi in load_catalog()})
    before = warehouse.ledger()
    report = site.doctor()
    assert report.code == 0
    assert report.lines["months"][1] == "1 month(s) loaded"
    assert report.lines["raw_data"][1].endswith("1 delivered file(s)")
    assert report.lines["views"][1].startswith(f"{len(load_catalog())} of {len(load_catalog())} ")
    tables = "load_ledger, sales_by_city, sales_by_month, sales_by_segment, walmart_sales"
    assert f"{tables} can be read and changed" in report.lines["tables"][1]
    assert Project.from_environment().warehouse.ledger() == before


def test_given_an_earlier_look_when_the_doctor_looks_again_then_no_new_version_stays_and_none_is_shown(site: Site):
    site.doctor()
    first = site.versions()
    site.doctor()
    assert first and site.versions() == first
    assert all(is_hidden(key) for key in first)
    store = Project.from_environment().store
    assert [info.key for prefix in PREFIXES for info in store.list(f"{prefix}/")] == []


# Region and identity


def test_given_no_region_when_the_doctor_looks_then_the_variable_and_all_that_waits_for_it(by_workgroup: Site):
    by_workgroup.patch.delenv("AWS_DEFAULT_REGION")
    report = by_workgroup.doctor()
    assert "set AWS_REGION" in report.trouble("region")
    assert {"identity", "bucket", *PREFIXES, "login", "copy"} < set(report.parts("not asked"))
    assert {"settings", "catalog", "instance", "disk"} == set(report.parts("ok"))


def test_given_no_credentials_when_the_doctor_looks_then_it_says_where_to_give_them(by_workgroup: Site):
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"):
        by_workgroup.patch.delenv(name)
    report = by_workgroup.doctor()
    assert "There are no AWS credentials." in report.trouble("identity")
    assert report.lines["bucket"] == ("not asked", "identity first")


def test_given_a_profile_that_does_not_exist_when_the_doctor_looks_then_it_names_the_variable(by_workgroup: Site):
    by_workgroup.patch.setenv("AWS_PROFILE", "no-such-profile")
    assert "AWS_PROFILE" in by_workgroup.doctor().trouble("region")


@pytest.mark.parametrize(
    ("code", "told"),
    [("ExpiredToken", "have expired"), ("InvalidClientTokenId", "does not accept the credentials")],
)
def test_given_refused_credentials_when_the_doctor_looks_then_it_says_why_and_the_database_is_asked_all_the_same(
    site: Site, code: str, told: str
):
    body = f"<ErrorResponse><Error><Code>{code}</Code><Message>{CANARY}</Message></Error></ErrorResponse>".encode()
    with FaultyS3(s3_servers.moto()) as sts:
        sts.faults.append(Fault("POST", lambda _: Answer(403, {"Content-Type": "text/xml"}, body)))
        site.patch.setenv("AWS_ENDPOINT_URL_STS", sts.endpoint)
        report = site.doctor()
    assert told in report.trouble("identity") and code in report.trouble("identity")
    assert report.state("bucket") == "not asked" and report.state("login") == "ok"


@pytest.mark.parametrize("server", [lambda: "http://127.0.0.1:1", s3_servers.localbucket], ids=["nobody", "not sts"])
def test_given_no_sts_when_the_doctor_looks_then_the_identity_is_not_known_and_the_rest_is_asked(
    site: Site, server: Callable[[], str]
):
    site.patch.setenv("AWS_ENDPOINT_URL_STS", server())
    report = site.doctor()
    assert report.code == 0
    assert report.parts("not known") == ["identity"]
    assert report.state("copy") == "ok"


@pytest.mark.parametrize(("service", "part"), [("STS", "identity"), ("S3", "bucket"), ("SQS", "raw_data queue")])
def test_given_an_endpoint_that_is_no_address_when_the_doctor_looks_then_the_variable(
    site: Site, service: str, part: str
):
    site.patch.setenv("WALMART_BI_RAW_DATA_QUEUE_URL", "https://sqs.example/1/raw")
    site.patch.setenv(f"AWS_ENDPOINT_URL_{service}", "nonsense")
    assert f"AWS_ENDPOINT_URL_{service}" in site.doctor().trouble(part)


# The bucket


def test_given_no_such_bucket_when_the_doctor_looks_then_it_says_so_and_the_warehouse_is_asked(site: Site):
    site.patch.setenv("WALMART_BI_BUCKET", "no-such-bucket")
    report = site.doctor()
    assert "There is no such bucket." in report.trouble("bucket")
    assert report.lines["copy"] == ("not asked", "staging and monthly_data first")
    assert report.state("tables") == "ok"


def test_given_a_bucket_in_another_region_when_the_doctor_looks_then_both_regions(site: Site):
    there = f"{site.bucket}-eu"
    site.s3.create_bucket(Bucket=there, CreateBucketConfiguration={"LocationConstraint": "eu-central-1"})
    site.patch.setenv("WALMART_BI_BUCKET", there)
    told = site.doctor().trouble("bucket")
    assert "in eu-central-1" in told and "us-east-1" in told and "AWS_REGION=eu-central-1" in told


def test_given_no_versioning_when_the_doctor_looks_then_the_command_that_switches_it_on(site: Site):
    site.s3.put_bucket_versioning(Bucket=site.bucket, VersioningConfiguration={"Status": "Suspended"})
    report = site.doctor()
    told = report.trouble("versioning")
    assert "Versioning is suspended" in told
    assert f"aws s3api put-bucket-versioning --bucket {site.bucket} " in told
    assert report.parts("NOT IN ORDER") == ["versioning"]


def test_given_public_access_when_the_doctor_looks_then_what_is_not_blocked(site: Site):
    site.s3.put_public_access_block(
        Bucket=site.bucket, PublicAccessBlockConfiguration={**BLOCKED, "BlockPublicPolicy": False}
    )
    report = site.doctor()
    assert "BlockPublicPolicy not set" in report.trouble("private")
    assert report.parts("NOT IN ORDER") == ["private"]
    site.s3.delete_public_access_block(Bucket=site.bucket)
    assert "BlockPublicAcls, IgnorePublicAcls" in site.doctor().trouble("private")


def test_given_a_public_policy_when_the_doctor_looks_then_the_policy_is_not_in_order(site: Site):
    everybody = {
        "Effect": "Allow",
        "Principal": "*",
        "Action": "s3:GetObject",
        "Resource": f"arn:aws:s3:::{site.bucket}/*",
    }
    site.s3.put_bucket_policy(
        Bucket=site.bucket, Policy=json.dumps({"Version": "2012-10-17", "Statement": [everybody]})
    )
    report = site.doctor()
    assert "policy is public" in report.trouble("policy")
    assert report.parts("NOT IN ORDER") == ["policy"]


def test_given_no_encryption_when_the_doctor_looks_then_not_in_order_unless_the_setting_asks_for_it(site: Site):
    site.s3.delete_bucket_encryption(Bucket=site.bucket)
    assert "WALMART_BI_S3_ENCRYPTION" in site.doctor().trouble("encryption")
    site.patch.setenv("WALMART_BI_S3_ENCRYPTION", "AES256")
    assert site.doctor().lines["encryption"] == ("ok", "AES256, as WALMART_BI_S3_ENCRYPTION asks")


def test_given_no_right_to_read_a_configuration_when_the_doctor_looks_then_not_known_and_the_right(
    site: Site, proxy: FaultyS3
):
    rights = {
        "versioning": ("?versioning", "s3:GetBucketVersioning"),
        "private": ("?publicAccessBlock", "s3:GetBucketPublicAccessBlock"),
        "policy": ("?policyStatus", "s3:GetBucketPolicyStatus"),
        "encryption": ("?encryption", "s3:GetEncryptionConfiguration"),
    }
    proxy.faults += [Fault("GET", refusal(403, "AccessDenied", CANARY), asked) for asked, _ in rights.values()]
    report = site.doctor()
    assert (report.code, report.parts("not known")) == (0, list(rights))
    assert all(right in report.lines[part][1] for part, (_, right) in rights.items())


def test_given_a_server_without_these_configurations_when_the_doctor_looks_then_not_known_and_no_failure(site: Site):
    other = s3_servers.localbucket()
    site.patch.setenv("AWS_ENDPOINT_URL_S3", other)
    site.standin.front.s3 = s3_servers.client(other)
    site.standin.front.s3.create_bucket(Bucket=site.bucket)
    report = site.doctor()
    assert (report.code, report.parts("not known")) == (0, ["versioning", "private", "policy", "encryption"])
    assert report.state("copy") == "ok"


# Prefixes


def forbid(site: Site, right: str, *prefixes: str) -> None:
    """Deny the right below these prefixes, to everybody."""
    forbidden = {
        "Effect": "Deny",
        "Principal": "*",
        "Action": f"s3:{right}",
        "Resource": [f"arn:aws:s3:::{site.bucket}/{site.prefix}/{prefix}/*" for prefix in prefixes],
    }
    site.s3.put_bucket_policy(
        Bucket=site.bucket, Policy=json.dumps({"Version": "2012-10-17", "Statement": [forbidden]})
    )


@pytest.mark.parametrize("right", ["PutObject", "GetObject"])
@pytest.mark.parametrize("looked_before", [False, True])
def test_given_prefixes_that_may_not_be_written_or_read_when_the_doctor_looks_then_which_and_what(
    site: Site, right: str, looked_before: bool
):
    if looked_before:
        site.doctor()
    forbid(site, right, *PREFIXES)
    report = site.doctor()
    assert report.parts("NOT IN ORDER") == PREFIXES
    assert report.parts("not asked") == ["write-once", "copy"]
    for prefix in PREFIXES:
        told = report.trouble(prefix)
        assert right in told and f"{site.prefix}/{prefix}/" in told and "no right" in told


def test_given_one_prefix_that_may_not_be_written_when_the_doctor_looks_then_the_others_are_in_order(site: Site):
    forbid(site, "PutObject", "quarantine")
    report = site.doctor()
    assert report.parts("NOT IN ORDER") == ["quarantine"]
    assert report.parts("not asked") == []


@pytest.mark.parametrize("folder", ["staging", "dashboard_data"])
def test_given_no_right_to_delete_when_the_doctor_looks_then_the_folder(site: Site, proxy: FaultyS3, folder: str):
    proxy.faults.append(Fault("DELETE", refusal(403, "AccessDenied", CANARY), f"/{folder}/"))
    told = site.doctor().trouble(folder)
    assert f"s3:DeleteObject below {folder}/" in told


def test_given_a_server_that_overwrites_all_the_same_when_the_doctor_looks_then_it_is_refused(
    site: Site, proxy: FaultyS3
):
    proxy.dropped_headers.add("If-None-Match")
    report = site.doctor()
    assert "overwrites an object" in report.trouble("write-once")
    assert report.parts("NOT IN ORDER") == ["write-once"]


# Queues


@pytest.fixture
def queue(site: Site) -> Any:
    """An arrival queue with a dead-letter queue; the way to both."""
    sqs = boto3.client("sqs")
    dead = sqs.create_queue(QueueName=f"{site.bucket}-dead")["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=dead, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    policy = json.dumps({"deadLetterTargetArn": arn, "maxReceiveCount": "5"})
    url = sqs.create_queue(QueueName=f"{site.bucket}-raw", Attributes={"RedrivePolicy": policy})["QueueUrl"]
    site.patch.setenv("WALMART_BI_RAW_DATA_QUEUE_URL", url)
    return sqs, url, dead


def test_given_a_queue_when_the_doctor_looks_then_it_and_its_dead_letters_are_in_order(site: Site, queue: Any):
    sqs, url, _ = queue
    sqs.send_message(QueueUrl=url, MessageBody="{}")
    report = site.doctor()
    assert report.code == 0
    assert report.lines["raw_data queue"] == ("ok", f"{url}: 1 message(s) waiting")
    assert report.lines["raw_data dead letters"][1].endswith("-dead: empty")
    assert "monthly_data queue" not in report.lines


def test_given_dead_letters_when_the_doctor_looks_then_their_number_and_the_runbook(site: Site, queue: Any):
    sqs, _, dead = queue
    for _ in range(3):
        sqs.send_message(QueueUrl=dead, MessageBody=CANARY)
    told = site.doctor().trouble("raw_data dead letters")
    assert "3 message(s)" in told and dead in told and "docs/runbook.md" in told


def test_given_a_queue_without_dead_letter_queue_when_the_doctor_looks_then_it_is_not_in_order(site: Site, queue: Any):
    sqs, url, _ = queue
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"RedrivePolicy": ""})
    report = site.doctor()
    assert "has no dead-letter queue" in report.trouble("raw_data dead letters")
    assert report.state("raw_data queue") == "ok"


def test_given_no_such_queue_when_the_doctor_looks_then_the_variable(site: Site):
    site.patch.setenv("WALMART_BI_MONTHLY_DATA_QUEUE_URL", f"{s3_servers.moto()}/123456789012/no-such-queue")
    report = site.doctor()
    assert "There is no such queue" in report.trouble("monthly_data queue")
    assert report.lines["monthly_data dead letters"] == ("not asked", "monthly_data queue first")


def test_given_no_right_to_ask_a_queue_when_the_doctor_looks_then_not_known_and_the_right(site: Site, queue: Any):
    body = json.dumps({"__type": "com.amazonaws.sqs#AccessDeniedException", "message": CANARY}).encode()
    with FaultyS3(s3_servers.moto()) as sqs:
        sqs.faults.append(Fault("POST", lambda _: Answer(403, {"Content-Type": "application/x-amz-json-1.0"}, body)))
        site.patch.setenv("AWS_ENDPOINT_URL_SQS", sqs.endpoint)
        report = site.doctor()
    assert (report.code, report.parts("not known")) == (0, ["raw_data queue", "raw_data dead letters"])
    assert "sqs:GetQueueAttributes" in report.lines["raw_data queue"][1]


# This machine


def test_given_no_room_for_copies_when_the_doctor_looks_then_the_temporary_directory(site: Site, tmp_path: Path):
    site.patch.setattr("tempfile.tempdir", str(tmp_path))
    site.patch.setattr("walmart_bi.cli.doctor.machine.LOW_DISK_BYTES", 1 << 80)
    assert str(tmp_path) in site.doctor().trouble("disk")


def test_given_a_temporary_directory_that_cannot_be_written_when_the_doctor_looks_then_the_variable(site: Site):
    def nowhere() -> str:
        raise FileNotFoundError(2, "No usable temporary directory found")

    site.patch.setattr("tempfile.gettempdir", nowhere)
    report = site.doctor()
    assert "TMPDIR" in report.trouble("disk")
    assert "No usable temporary directory" in report.trouble("raw_data")
