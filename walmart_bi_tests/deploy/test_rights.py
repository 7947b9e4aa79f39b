"""The pipeline's policy against the code: every call that is made is allowed, and nothing that none makes."""

from __future__ import annotations

import ast
import importlib.util
from collections.abc import Iterator
from pathlib import Path

import boto3
import pytest

from walmart_bi_tests.deploy.template import DATA, Values, listed, policies, read_template

CODE = Path(__file__).parents[2] / "walmart_bi"
SERVICES = ("s3", "sqs", "sts", "redshift-serverless")
# Sends mail with smtplib, whose method has the name of one of SQS.
NOT_AWS = {CODE / "alert_channels.py"}
OURS = sorted(set(CODE.rglob("*.py")) - NOT_AWS)
# Where the action is not named as the call is (Service Authorization Reference, and the S3 user guide, "Required
# permissions for Amazon S3 API operations").
ACTIONS = {
    "s3:CompleteMultipartUpload": "s3:PutObject",
    "s3:CreateMultipartUpload": "s3:PutObject",
    "s3:GetBucketEncryption": "s3:GetEncryptionConfiguration",
    "s3:GetPublicAccessBlock": "s3:GetBucketPublicAccessBlock",
    "s3:HeadBucket": "s3:ListBucket",
    "s3:HeadObject": "s3:GetObject",
    "s3:ListObjects": "s3:ListBucket",
    "s3:ListObjectsV2": "s3:ListBucket",
    "s3:UploadPart": "s3:PutObject",
    "sqs:DeleteMessageBatch": "sqs:DeleteMessage",
}
# Everybody may ask who they are.
FREE = {"sts:GetCallerIdentity"}
# No call of ours: S3 makes them in the pipeline's name when it writes and reads an encrypted object.
BY_S3_ITSELF = {"kms:Decrypt", "kms:GenerateDataKey"}


def operations() -> dict[str, str]:
    """The methods of boto3's clients, with the service and the call that each stands for."""
    session = boto3.session.Session(region_name="us-east-1")
    found = {}
    for service in SERVICES:
        mapping = session.client(service).meta.method_to_api_mapping
        found.update({method: f"{service}:{operation}" for method, operation in mapping.items()})
    return found


def words(path: Path) -> Iterator[str]:
    """Attributes and texts of a module: a call, and the name of one that is made by name."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Attribute):
            yield node.attr
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value


def calls(*paths: Path) -> set[str]:
    known = operations()
    return {ACTIONS.get(known[word], known[word]) for path in paths for word in words(path) if word in known} - FREE


def module(name: str) -> Path:
    found = importlib.util.find_spec(name)
    assert found is not None
    assert found.origin is not None
    return Path(found.origin)


@pytest.fixture(scope="module")
def allowed() -> set[str]:
    found = policies(Values(read_template(DATA)))
    return {
        action for name, _, group in found if name == "PipelinePolicy" for s in group for action in listed(s["Action"])
    }


def test_every_call_of_the_code_is_allowed(allowed: set[str]) -> None:
    made = calls(*OURS)
    assert {"s3:GetObject", "s3:PutObject", "s3:DeleteObject", "sqs:ReceiveMessage"} <= made
    assert made - allowed == set()


def test_every_call_that_the_driver_makes_to_log_in_is_allowed(allowed: set[str]) -> None:
    made = {call for call in calls(module("redshift_connector.iam_helper")) if call.startswith("redshift-serverless:")}
    assert {"redshift-serverless:GetCredentials", "redshift-serverless:GetWorkgroup"} <= made
    assert made - allowed == set()


def test_every_call_of_the_log_manager_is_allowed_but_deleting_logs(allowed: set[str]) -> None:
    made = calls(module("dagster_aws.s3.compute_log_manager"))
    assert {"s3:GetObject", "s3:ListBucket"} <= made
    assert made - allowed <= {"s3:DeleteObjects"}


def test_nothing_is_allowed_that_no_call_needs(allowed: set[str]) -> None:
    made = calls(*OURS, module("redshift_connector.iam_helper"))
    assert allowed - made - BY_S3_ITSELF == set()
