"""Which bucket holds the objects, and how they are encrypted; plain data, filled by `walmart_bi/settings_aws.py`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

EncryptionAlgorithm = Literal["AES256", "aws:kms"]
ENCRYPTION_ALGORITHMS: tuple[EncryptionAlgorithm, ...] = ("AES256", "aws:kms")


@dataclass(frozen=True)
class Encryption:
    """How the server encrypts what is written: with S3's own key, or with a KMS key (none named: the account's own)."""

    algorithm: EncryptionAlgorithm
    kms_key: str | None = None

    def arguments(self) -> dict[str, Any]:
        """The arguments of the S3 calls that begin an object."""
        arguments: dict[str, Any] = {"ServerSideEncryption": self.algorithm}
        if self.algorithm == "aws:kms":
            # One KMS request for many objects instead of one for each.
            arguments["BucketKeyEnabled"] = True
            if self.kms_key:
                arguments["SSEKMSKeyId"] = self.kms_key
        return arguments


@dataclass(frozen=True)
class S3Settings:
    """A bucket, or a prefix in one. Without `encryption` the bucket's default applies."""

    bucket: str
    prefix: str = ""
    encryption: Encryption | None = None
