"""What the doctor looks at in S3: how the bucket is configured, and what the identity may do below each prefix."""

from __future__ import annotations

import functools
from collections.abc import Iterator
from typing import Any

from walmart_bi.cli.doctor.probes import NotInOrder, NotKnown, Probe
from walmart_bi.stores.base import DASHBOARD_DATA, MONTHLY_DATA, QUARANTINE, RAW_DATA, STAGING, StoreError
from walmart_bi.stores.s3 import S3Store
from walmart_bi.stores.s3_client import s3_client
from walmart_bi.stores.s3_errors import answer_in_words, s3_errors
from walmart_bi.stores.s3_settings import S3Settings

_PREFIXES = (RAW_DATA, MONTHLY_DATA, QUARANTINE, DASHBOARD_DATA, STAGING)
# The only folders in which the pipeline deletes.
_LATEST = f"{DASHBOARD_DATA}latest/"
_DELETES_IN = {DASHBOARD_DATA: _LATEST, STAGING: STAGING}
_DENIED = {"AccessDenied", "AllAccessDisabled", "403"}
_NOT_OFFERED = {"NotImplemented", "MethodNotAllowed", "405", "501"}
_NO_POLICY, _NO_BLOCK = "NoSuchBucketPolicy", "NoSuchPublicAccessBlockConfiguration"
_NO_ENCRYPTION = "ServerSideEncryptionConfigurationNotFoundError"
_BLOCKS = ("BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets")


def bucket_probes(settings: S3Settings, store: S3Store) -> Iterator[Probe]:
    """The bucket, four of its settings, and each prefix."""
    bucket = _Bucket(settings, store)
    yield Probe("bucket", bucket.is_here, ("identity",))
    yield Probe("versioning", bucket.keeps_versions, ("bucket",))
    yield Probe("private", bucket.is_private, ("bucket",))
    yield Probe("policy", bucket.has_private_policy, ("bucket",))
    yield Probe("encryption", bucket.encrypts, ("bucket",))
    for prefix in _PREFIXES:
        yield Probe(prefix.rstrip("/"), functools.partial(_prefix, store, prefix), ("bucket",))
    yield Probe("write-once", functools.partial(_write_once, store), (STAGING.rstrip("/"),))


class _Bucket:
    """The bucket as its owner configured it."""

    def __init__(self, settings: S3Settings, store: S3Store) -> None:
        self._name = settings.bucket
        self._encryption = settings.encryption
        self._store = store
        self._place = f"s3://{settings.bucket}"

    def is_here(self) -> str:
        """A listing tells a missing bucket from a missing right; its region has to be the one that is set."""
        next(iter(self._store.list(RAW_DATA)), None)
        region, configured = self._region(), self._client.meta.region_name
        if region not in (None, configured):
            raise NotInOrder(
                f"The bucket is in {region}, and the region that is set is {configured}.",
                place=self._place,
                next_step=f"set AWS_REGION={region}, and use a workgroup in that region: COPY reads Parquet from its "
                "own region only.",
            )
        return f"{self._place} can be listed, {f'in {region}' if region else 'its region is not told'}"

    def keeps_versions(self) -> str:
        """What was overwritten or deleted by mistake can be brought back."""
        answer = self._configuration("get_bucket_versioning", "s3:GetBucketVersioning")
        state = str(answer.get("Status", "Off"))
        if state != "Enabled":
            raise NotInOrder(
                f"Versioning is {state.lower()}, so what is overwritten or deleted by mistake is lost.",
                place=self._place,
                next_step=f"aws s3api put-bucket-versioning --bucket {self._name} "
                "--versioning-configuration Status=Enabled",
            )
        return "every overwritten or deleted object can be brought back"

    def is_private(self) -> str:
        """Whatever an access list or a policy says, the bucket is not open to everybody."""
        answer = self._configuration("get_public_access_block", "s3:GetBucketPublicAccessBlock", absent=_NO_BLOCK)
        blocked = answer.get("PublicAccessBlockConfiguration", {})
        missing = [name for name in _BLOCKS if not blocked.get(name)]
        if missing:
            raise NotInOrder(
                f"Public access is not blocked: {', '.join(missing)} not set on the bucket.",
                place=self._place,
                next_step=f"aws s3api put-public-access-block --bucket {self._name} "
                f"--public-access-block-configuration {','.join(f'{name}=true' for name in _BLOCKS)}",
            )
        return "public access is blocked"

    def has_private_policy(self) -> str:
        """The policy does not ask for what only the block keeps from happening."""
        policy = self._configuration("get_bucket_policy_status", "s3:GetBucketPolicyStatus", absent=_NO_POLICY)
        if policy.get("PolicyStatus", {}).get("IsPublic"):
            raise NotInOrder(
                "The bucket's policy is public: at most the block of public access keeps others out.",
                place=self._place,
                next_step="remove the statements whose Principal is * and that have no condition on who asks.",
            )
        return "opens nothing to everybody"

    def encrypts(self) -> str:
        """How objects are encrypted at rest."""
        if self._encryption is not None:
            return f"{_encryption_in_words(self._encryption.arguments())}, as WALMART_BI_S3_ENCRYPTION asks"
        answer = self._configuration("get_bucket_encryption", "s3:GetEncryptionConfiguration", absent=_NO_ENCRYPTION)
        rules = answer.get("ServerSideEncryptionConfiguration", {}).get("Rules", [])
        default: dict[str, Any] = rules[0].get("ApplyServerSideEncryptionByDefault", {}) if rules else {}
        if not default:
            raise NotInOrder(
                "The bucket encrypts nothing by itself.",
                place=self._place,
                next_step="give it a default encryption, or set WALMART_BI_S3_ENCRYPTION.",
            )
        words = {"ServerSideEncryption": default.get("SSEAlgorithm"), "SSEKMSKeyId": default.get("KMSMasterKeyID")}
        return f"{_encryption_in_words(words)}, by the bucket's default"

    def _region(self) -> str | None:
        """The region that S3 names in any answer about the bucket, a refusal included."""
        from botocore.exceptions import ClientError  # type: ignore[import-untyped]

        with s3_errors(self._place):
            try:
                answer = self._client.head_bucket(Bucket=self._name)
            except ClientError as refused:
                answer = refused.response
        region = answer["ResponseMetadata"].get("HTTPHeaders", {}).get("x-amz-bucket-region")
        return str(region) if region else None

    def _configuration(self, operation: str, right: str, *, absent: str | None = None) -> dict[str, Any]:
        """The answer of a call that reads a configuration; nothing when the code `absent` says that there is none."""
        from botocore.exceptions import ClientError

        with s3_errors(self._place):
            try:
                return dict(getattr(self._client, operation)(Bucket=self._name))
            except ClientError as refused:
                code, answer = answer_in_words(refused.response, refused.operation_name)
                if code == absent:
                    return {}
                if code in _DENIED:
                    step = f"let the identity {right} on the bucket, or ask the bucket's owner."
                    raise NotKnown(
                        f"The AWS identity may not read this ({answer}).", place=self._place, next_step=step
                    ) from refused
                if code in _NOT_OFFERED:
                    step = "ask whoever runs the server."
                    raise NotKnown(
                        f"The S3 server does not tell ({answer}).", place=self._place, next_step=step
                    ) from refused
                raise

    @functools.cached_property
    def _client(self) -> Any:
        with s3_errors(self._place):
            return s3_client()


def _encryption_in_words(arguments: dict[str, Any]) -> str:
    key = arguments.get("SSEKMSKeyId")
    return f"{arguments['ServerSideEncryption']}{f' with key {key}' if key else ''}"


def _prefix(store: S3Store, prefix: str) -> str:
    """List, write and read below the prefix, and delete where the pipeline does."""
    delivered = f"; {sum(1 for _ in store.list(prefix))} delivered file(s)" if prefix == RAW_DATA else ""
    store.require_access(prefix)
    if prefix not in _DELETES_IN:
        return f"can be listed, written and read{delivered}"
    _write_and_delete(store, _DELETES_IN[prefix])
    return f"can be listed, written and read, and deleted from below {_DELETES_IN[prefix]}"


def _write_and_delete(store: S3Store, folder: str) -> None:
    """Unlike the write of `require_access` this one is always carried out, so the KMS key is used as well."""
    key = f"{folder}.doctor"
    store.write_bytes(key, b"written by walmart-bi doctor\n")
    try:
        store.delete(key)
    except StoreError as error:
        raise NotInOrder(
            error.cause, place=error.place, next_step=f"let the identity s3:DeleteObject below {folder}."
        ) from error


def _write_once(store: S3Store) -> str:
    store.require_write_once()
    return "the server refuses a second write of a name"
