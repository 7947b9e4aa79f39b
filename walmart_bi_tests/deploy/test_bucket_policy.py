"""What the policy of the bucket refuses, decided by the rules of IAM for the few conditions that it uses.

No server of the tests decides conditions, so the deciding is done here, from the IAM user guide ("IAM JSON policy
elements: Condition operators"): a negated comparison holds where the key is missing, a plain one does not.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from walmart_bi.stores.s3_settings import Encryption
from walmart_bi_tests.deploy.template import ACCOUNT, DATA, REGION, Values, read_template

KEY = f"arn:aws:kms:{REGION}:{ACCOUNT}:key/Key"
ALGORITHM = "s3:x-amz-server-side-encryption"
KEY_ID = "s3:x-amz-server-side-encryption-aws-kms-key-id"
CUSTOMER = "s3:x-amz-server-side-encryption-customer-algorithm"
SOUND = {"aws:SecureTransport": "true", "s3:TlsVersion": "1.3"}

OPERATORS: dict[str, Callable[[str | None, str], bool]] = {
    "Bool": lambda found, wanted: found == wanted,
    "Null": lambda found, wanted: (found is None) == (wanted == "true"),
    "StringEquals": lambda found, wanted: found == wanted,
    "StringNotEquals": lambda found, wanted: found != wanted,
    "ArnNotEquals": lambda found, wanted: found != wanted,
    "NumericLessThan": lambda found, wanted: found is not None and float(found) < float(wanted),
}


def refusals(action: str, request: dict[str, str]) -> set[str]:
    """The names of the statements that refuse the request."""
    statements = Values(read_template(DATA)).resource("BucketPolicy")["Properties"]["PolicyDocument"]["Statement"]
    return {s["Sid"] for s in statements if s["Action"] in ("s3:*", action) and holds(s["Condition"], request)}


def holds(condition: dict[str, dict[str, Any]], request: dict[str, str]) -> bool:
    return all(
        OPERATORS[operator](request.get(key), wanted)
        for operator, compared in condition.items()
        for key, wanted in compared.items()
    )


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ({}, set()),
        ({ALGORITHM: "aws:kms", KEY_ID: KEY}, set()),
        ({ALGORITHM: "AES256"}, {"NoOtherEncryption"}),
        ({ALGORITHM: "aws:kms:dsse", KEY_ID: KEY}, {"NoOtherEncryption"}),
        ({ALGORITHM: "aws:kms", KEY_ID: KEY.replace("key/Key", "key/another")}, {"NoOtherKey"}),
        ({ALGORITHM: "aws:kms"}, {"NoKeyLeftOut"}),
        ({CUSTOMER: "AES256"}, {"NoKeyOfTheCustomer"}),
    ],
    ids=["none asked for", "the key", "S3's own key", "two layers", "another key", "KMS, no key", "a key sent along"],
)
def test_a_write_ends_up_under_the_key_of_the_stack_or_nowhere(headers: dict[str, str], expected: set[str]) -> None:
    assert refusals("s3:PutObject", SOUND | headers) == expected


@pytest.mark.parametrize("action", ["s3:GetObject", "s3:PutObject", "s3:ListBucket"])
def test_nothing_goes_without_tls_or_over_an_old_one(action: str) -> None:
    assert refusals(action, SOUND) == set()
    assert refusals(action, SOUND | {"aws:SecureTransport": "false"}) == {"OnlyOverTls"}
    assert refusals(action, SOUND | {"s3:TlsVersion": "1.1"}) == {"OnlyModernTls"}


@pytest.mark.parametrize(
    ("encryption", "expected"),
    [
        (None, set()),
        (Encryption("aws:kms", KEY), set()),
        (Encryption("aws:kms"), {"NoKeyLeftOut"}),
        (Encryption("AES256"), {"NoOtherEncryption"}),
    ],
    ids=["the bucket's default", "the key", "KMS, no key", "S3's own key"],
)
def test_the_stores_own_writes_are_taken_with_the_default_and_with_the_key(
    encryption: Encryption | None, expected: set[str]
) -> None:
    arguments = encryption.arguments() if encryption else {}
    headers = {ALGORITHM: arguments.get("ServerSideEncryption"), KEY_ID: arguments.get("SSEKMSKeyId")}
    assert refusals("s3:PutObject", SOUND | {k: v for k, v in headers.items() if v}) == expected
