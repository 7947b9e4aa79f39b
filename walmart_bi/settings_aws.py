"""What the target `aws` needs to know: its bucket, its warehouse, and the queues that tell of arrivals.

Region, credentials and endpoints are not here: they come from the standard AWS variables, which boto3 and the driver
read themselves.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import cast

from walmart_bi.environment import PREFIX, EnvironmentReader
from walmart_bi.errors import WalmartBiError
from walmart_bi.stores.base import validate_key
from walmart_bi.stores.s3_settings import ENCRYPTION_ALGORITHMS, Encryption, EncryptionAlgorithm, S3Settings
from walmart_bi.warehouse.redshift_settings import RedshiftSettings

_NEEDED = f"but {PREFIX}TARGET is aws"
_BUCKET = r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]"
# What the bucket's name and prefix may hold is put into COPY, which takes no parameters (warehouse/copy.py).
_FOLDER = r"[A-Za-z0-9._=/-]+"
_NAME = r"[A-Za-z_][A-Za-z0-9_]*"
# Several, separated by commas, are a chain: each role is assumed with the rights of the one before.
_ROLE = r"arn:aws[a-z-]*:iam::\d{12}:role/[\w+=,.@/-]+"
# The console shows `host:5439/database`; the port and the database have variables of their own.
_HOST = r"[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?"
_ADDRESS = r"https?://\S+"


@dataclass(frozen=True)
class ArrivalQueues:
    """Addresses of the SQS queues that get the bucket's notifications, one for each landing prefix; None: listing."""

    raw_data: str | None = None
    monthly_data: str | None = None


@dataclass(frozen=True)
class AwsSettings:
    """One deployment on AWS."""

    s3: S3Settings
    redshift: RedshiftSettings
    queues: ArrivalQueues = field(default_factory=ArrivalQueues)


def read_aws(reader: EnvironmentReader) -> AwsSettings:
    """The AWS settings; they may be used only if the reader has noted no problem."""
    return AwsSettings(s3=_s3(reader), redshift=_redshift(reader), queues=_queues(reader))


def _s3(reader: EnvironmentReader) -> S3Settings:
    reader.required("BUCKET", _NEEDED)
    prefix = reader.matching("PREFIX", _FOLDER, "letters, digits and . _ = / -") or ""
    try:
        validate_key(prefix.strip("/") or "-")
    except WalmartBiError:
        reader.refuse("PREFIX", "a folder such as retail/bi")
    return S3Settings(
        bucket=reader.matching("BUCKET", _BUCKET, "the name of a bucket") or "",
        prefix=prefix,
        encryption=_encryption(reader),
    )


def _encryption(reader: EnvironmentReader) -> Encryption | None:
    key = reader.text("S3_KMS_KEY_ID")
    chosen = reader.text("S3_ENCRYPTION") and reader.choice("S3_ENCRYPTION", "AES256", ENCRYPTION_ALGORITHMS)
    if key and chosen != "aws:kms":
        reader.problems.append(f"{PREFIX}S3_KMS_KEY_ID is set, but {PREFIX}S3_ENCRYPTION is not aws:kms")
    return Encryption(cast(EncryptionAlgorithm, chosen), key) if chosen else None


def _redshift(reader: EnvironmentReader) -> RedshiftSettings:
    workgroup, host = reader.text("REDSHIFT_WORKGROUP"), reader.text("REDSHIFT_HOST")
    if bool(workgroup) == bool(host):
        found = "both are set" if host else "neither is set"
        reader.problems.append(
            f"of {PREFIX}REDSHIFT_WORKGROUP and {PREFIX}REDSHIFT_HOST exactly one is needed, {found}"
        )
    if host and not workgroup:
        reader.required("REDSHIFT_USER", f"but {PREFIX}REDSHIFT_HOST is")
        reader.required("REDSHIFT_PASSWORD", f"but {PREFIX}REDSHIFT_HOST is")
    reader.required("REDSHIFT_COPY_ROLE_ARN", _NEEDED)
    return RedshiftSettings(
        database=reader.required("REDSHIFT_DATABASE", _NEEDED),
        schema=reader.matching("REDSHIFT_SCHEMA", _NAME, "letters, digits and underscores", "public") or "public",
        copy_role_arn=reader.matching("REDSHIFT_COPY_ROLE_ARN", _ROLE, "the ARN of an IAM role") or "",
        workgroup=workgroup,
        host=reader.matching("REDSHIFT_HOST", _HOST, "the name of a host alone, without https://, port and database"),
        port=reader.number("REDSHIFT_PORT", 5439, 1, 65535, "a port number") or 5439,
        user=reader.text("REDSHIFT_USER"),
        password=reader.text("REDSHIFT_PASSWORD"),
    )


def _queues(reader: EnvironmentReader) -> ArrivalQueues:
    what = "the address of an SQS queue"
    queues = ArrivalQueues(
        raw_data=reader.matching("RAW_DATA_QUEUE_URL", _ADDRESS, what),
        monthly_data=reader.matching("MONTHLY_DATA_QUEUE_URL", _ADDRESS, what),
    )
    if queues.raw_data and queues.raw_data == queues.monthly_data:
        # Each sensor deletes what is not for it.
        reader.problems.append(
            f"{PREFIX}RAW_DATA_QUEUE_URL and {PREFIX}MONTHLY_DATA_QUEUE_URL name one queue, each prefix needs its own"
        )
    return queues
