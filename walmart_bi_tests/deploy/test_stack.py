"""The data stack, made on moto's server over HTTP: what CloudFormation makes of the template, and what that does."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from typing import Any
from unittest import mock
from urllib.parse import unquote_plus

import pytest
from botocore.exceptions import ClientError

from walmart_bi.settings import Settings
from walmart_bi_tests.deploy import moto_stack
from walmart_bi_tests.deploy.moto_stack import NOT_MADE, NOT_SET, Stack
from walmart_bi_tests.deploy.template import listed


@pytest.fixture(scope="module")
def bare() -> Iterator[Stack]:
    with moto_stack.created() as stack:
        yield stack


@pytest.fixture(scope="module")
def stack() -> Iterator[Stack]:
    with moto_stack.created() as stack:
        moto_stack.complete(stack)
        yield stack


def empty(sqs: Any, *queues: str) -> None:
    for queue in queues:
        while found := sqs.receive_message(QueueUrl=queue, MaxNumberOfMessages=10).get("Messages"):
            for message in found:
                sqs.delete_message(QueueUrl=queue, ReceiptHandle=message["ReceiptHandle"])


# What moto leaves out, and no more


def test_every_resource_is_made_but_those_of_types_that_moto_does_not_know(bare: Stack) -> None:
    declared = {name: resource["Type"] for name, resource in bare.values.template["Resources"].items()}
    assert {kind for name, kind in declared.items() if name not in bare.made} == NOT_MADE
    assert {kind for name, kind in declared.items() if name in bare.made} & NOT_MADE == set()


def test_every_property_that_is_set_afterwards_is_one_that_moto_did_not_set(bare: Stack) -> None:
    s3 = bare.client("s3")
    assert "Status" not in s3.get_bucket_versioning(Bucket=bare.bucket)
    assert "QueueConfigurations" not in s3.get_bucket_notification_configuration(Bucket=bare.bucket)
    for look in (s3.get_public_access_block, s3.get_bucket_ownership_controls, s3.get_bucket_lifecycle_configuration):
        with pytest.raises(ClientError, match=r"not found|not exist"):
            look(Bucket=bare.bucket)
    assert set(bare.values.resource("Bucket")["Properties"]) == {"BucketName", "BucketEncryption", *NOT_SET}


# What is there then


def test_the_bucket_keeps_versions_is_private_and_encrypted_with_the_key(stack: Stack) -> None:
    s3 = stack.client("s3")
    assert s3.get_bucket_versioning(Bucket=stack.bucket)["Status"] == "Enabled"
    blocked = s3.get_public_access_block(Bucket=stack.bucket)["PublicAccessBlockConfiguration"]
    assert len(blocked) == 4
    assert all(blocked.values())
    (rule,) = s3.get_bucket_encryption(Bucket=stack.bucket)["ServerSideEncryptionConfiguration"]["Rules"]
    assert rule["ApplyServerSideEncryptionByDefault"] == {
        "SSEAlgorithm": "aws:kms",
        "KMSMasterKeyID": stack.outputs["KeyArn"],
    }
    s3.put_object(Bucket=stack.bucket, Key="quarantine/a", Body=b"x")
    assert s3.head_object(Bucket=stack.bucket, Key="quarantine/a")["ServerSideEncryption"] == "aws:kms"


def test_a_replaced_and_a_deleted_object_can_be_brought_back(stack: Stack) -> None:
    s3 = stack.client("s3")
    first = s3.put_object(Bucket=stack.bucket, Key="dashboard_data/latest/a", Body=b"old")["VersionId"]
    s3.put_object(Bucket=stack.bucket, Key="dashboard_data/latest/a", Body=b"new")
    s3.delete_object(Bucket=stack.bucket, Key="dashboard_data/latest/a")
    answer = s3.get_object(Bucket=stack.bucket, Key="dashboard_data/latest/a", VersionId=first)
    assert answer["Body"].read() == b"old"


def test_the_policy_of_the_bucket_is_one_that_s3_takes(stack: Stack) -> None:
    s3 = stack.client("s3")
    policy = stack.values.resource("BucketPolicy")["Properties"]["PolicyDocument"]
    s3.put_bucket_policy(Bucket=stack.bucket, Policy=json.dumps(policy))
    try:
        assert json.loads(s3.get_bucket_policy(Bucket=stack.bucket)["Policy"]) == policy
    finally:
        s3.delete_bucket_policy(Bucket=stack.bucket)


@pytest.mark.parametrize(
    ("key", "queue", "other"),
    [
        ("raw_data/sales 2025-03.csv", "RawDataQueueUrl", "MonthlyDataQueueUrl"),
        ("monthly_data/2025-03/other.csv", "MonthlyDataQueueUrl", "RawDataQueueUrl"),
    ],
)
def test_an_arrival_raises_a_message_in_the_queue_of_its_prefix_alone(
    stack: Stack, key: str, queue: str, other: str
) -> None:
    sqs = stack.client("sqs")
    empty(sqs, stack.outputs[queue], stack.outputs[other])
    stack.client("s3").put_object(Bucket=stack.bucket, Key=key, Body=b"x")
    (message,) = sqs.receive_message(QueueUrl=stack.outputs[queue])["Messages"]
    (record,) = json.loads(message["Body"])["Records"]
    assert unquote_plus(record["s3"]["object"]["key"]) == key
    assert "Messages" not in sqs.receive_message(QueueUrl=stack.outputs[other])


def test_other_prefixes_raise_no_message(stack: Stack) -> None:
    sqs = stack.client("sqs")
    queues = [stack.outputs[name] for name in ("RawDataQueueUrl", "MonthlyDataQueueUrl")]
    empty(sqs, *queues)
    for key in ("quarantine/raw_data/a.csv", "staging/a", "dashboard_data/latest/a", "compute_logs/a"):
        stack.client("s3").put_object(Bucket=stack.bucket, Key=key, Body=b"x")
    assert ["Messages" in sqs.receive_message(QueueUrl=queue) for queue in queues] == [False, False]


def test_a_message_that_is_read_ten_times_and_never_deleted_is_a_dead_letter(stack: Stack) -> None:
    sqs, queue, dead = stack.client("sqs"), stack.outputs["RawDataQueueUrl"], stack.made["DeadLetterQueue"]
    empty(sqs, queue, dead)
    sqs.send_message(QueueUrl=queue, MessageBody="not what S3 sends")
    for _ in range(10):
        assert sqs.receive_message(QueueUrl=queue, VisibilityTimeout=0)["Messages"]
    assert "Messages" not in sqs.receive_message(QueueUrl=queue, VisibilityTimeout=0)
    (message,) = sqs.receive_message(QueueUrl=dead)["Messages"]
    assert message["Body"] == "not what S3 sends"


def test_the_queues_are_encrypted_by_sqs_itself(stack: Stack) -> None:
    for name in ("RawDataQueue", "MonthlyDataQueue", "DeadLetterQueue"):
        asked = stack.client("sqs").get_queue_attributes(QueueUrl=stack.made[name], AttributeNames=["All"])
        assert asked["Attributes"]["SqsManagedSseEnabled"] == "true"


def test_the_roles_trust_the_services_of_this_account_alone(stack: Stack) -> None:
    iam = stack.client("iam")
    for role, services in (
        ("CopyRole", {"redshift.amazonaws.com", "redshift-serverless.amazonaws.com"}),
        ("PipelineRole", {"ecs-tasks.amazonaws.com"}),
    ):
        (trusted,) = iam.get_role(RoleName=stack.made[role])["Role"]["AssumeRolePolicyDocument"]["Statement"]
        assert set(listed(trusted["Principal"]["Service"])) == services
        assert trusted["Condition"]["StringEquals"] == {"aws:SourceAccount": "123456789012"}


def test_the_output_is_the_environment_of_the_pipeline(stack: Stack) -> None:
    lines = dict(line.split("=", 1) for line in stack.outputs["Environment"].splitlines())
    with mock.patch.dict(os.environ, lines, clear=True):
        settings = Settings.from_environment()
    assert settings.aws is not None
    assert settings.aws.s3.bucket == stack.bucket
    assert settings.aws.redshift.workgroup == stack.values.resource("Workgroup")["Properties"]["WorkgroupName"]
    assert settings.aws.redshift.copy_role_arn == stack.outputs["CopyRoleArn"]
    assert settings.aws.queues.raw_data == stack.outputs["RawDataQueueUrl"]
    assert settings.aws.queues.monthly_data == stack.outputs["MonthlyDataQueueUrl"]
