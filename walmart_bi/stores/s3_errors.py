"""What S3 and the way to it refuse, said so that a person can act on it.

Only the translation belongs here. A message is made of our own words, the error code, the operation and the request id:
never of the server's text, a header, a key or a signed address, so that no secret can reach a log through it.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator, Mapping
from typing import Any

from walmart_bi.stores.base import ObjectNotFound, StoreError

_RENEW = "renew them (with single sign-on: `aws sso login`), then run it again."
_EXPIRED = ("The temporary AWS credentials have expired.", _RENEW)
_UNKNOWN_KEYS = (
    "S3 does not accept the AWS credentials.",
    "check AWS_PROFILE, or AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and AWS_SESSION_TOKEN; then run it again.",
)
_DENIED = (
    "The AWS identity in use has no right to do this.",
    "let it list the bucket and get, put and abort objects under the prefix, with the use of the bucket's KMS key; "
    "`aws sts get-caller-identity` names it.",
)
_NO_BUCKET = (
    "There is no such bucket.",
    "check WALMART_BI_BUCKET, and that the credentials belong to the account that owns the bucket.",
)
_OTHER_REGION = ("The bucket is in another AWS region.", "set AWS_REGION to the bucket's region.")
_BUSY = (
    "S3 is busy or out of order, after several tries.",
    "nothing was half written: run it again in a few minutes.",
)
_BAD_NAME = ("This cannot be the name of a bucket.", "correct WALMART_BI_BUCKET.")
_KMS = (
    "The KMS key that encrypts the object cannot be used.",
    "check that the key is enabled, in the bucket's region, and that its policy lets this identity use it.",
)
_ARCHIVED = ("The object is in an archive storage class.", "restore it in the S3 console, then run it again.")
_CLOCK = ("This machine's clock is wrong by more than 15 minutes.", "set the clock, then run it again.")
_UNSUPPORTED = (
    "The S3 server does not offer this operation.",
    "use Amazon S3 or a server with conditional writes and multipart uploads.",
)
_OTHER = ("S3 refused the request.", "look the code up in the S3 documentation; nothing was half written.")

_BY_CODE = {
    code: problem
    for problem, codes in {
        _EXPIRED: ("ExpiredToken", "ExpiredTokenException", "TokenRefreshRequired", "RequestExpired"),
        _UNKNOWN_KEYS: ("InvalidAccessKeyId", "SignatureDoesNotMatch", "InvalidToken"),
        _DENIED: ("AccessDenied", "AllAccessDisabled", "401", "403"),
        _NO_BUCKET: ("NoSuchBucket",),
        _BAD_NAME: ("InvalidBucketName",),
        _OTHER_REGION: (
            "PermanentRedirect",
            "AuthorizationHeaderMalformed",
            "IllegalLocationConstraintException",
            "301",
        ),
        _BUSY: ("SlowDown", "ServiceUnavailable", "InternalError", "RequestTimeout", "OperationAborted"),
        _ARCHIVED: ("InvalidObjectState",),
        _CLOCK: ("RequestTimeTooSkewed",),
        _UNSUPPORTED: ("NotImplemented", "MethodNotAllowed", "405", "501"),
    }.items()
    for code in codes
}
_MISSING = {"NoSuchKey", "NoSuchVersion", "404"}
_PRECONDITION = {"PreconditionFailed", "412"}
# An upload that another write overtook must be started anew; so must one whose completion was not heard of.
_OVERTAKEN = {"ConditionalRequestConflict", "NoSuchUpload", "409"}
_WORD = re.compile(r"[A-Za-z0-9.+/=_-]{1,100}")


class ConditionFailed(StoreError):
    """The object is there already, or is another version: which one, the caller knows from what it asked."""


class WriteOvertaken(StoreError):
    """Another write of the same key went on at the same time; this one did not happen, and may be tried again."""


@contextlib.contextmanager
def s3_errors(place: str) -> Iterator[None]:
    """Turn what botocore raises into a StoreError with its cause, the place and the next step."""
    from botocore.exceptions import BotoCoreError, ClientError  # type: ignore[import-untyped]

    try:
        yield
    except ClientError as error:
        raise _refused(error.response, error.operation_name, place) from error
    except BotoCoreError as error:
        cause, next_step = _unreachable(error)
        raise StoreError(f"{cause} ({type(error).__name__})", place=place, next_step=next_step) from error
    except RecursionError as error:
        # botocore asks a redirecting server for the bucket's region, and that question is redirected as well, for ever.
        raise StoreError(
            "The address forwards to another one, which S3 clients do not follow.",
            place=place,
            next_step="set AWS_ENDPOINT_URL_S3 to the final address (often https:// instead of http://).",
        ) from error


def status_of(response: Mapping[str, Any]) -> int:
    """The HTTP status of an AWS answer."""
    return int(response["ResponseMetadata"]["HTTPStatusCode"])


def _refused(response: Mapping[str, Any], operation: str, place: str) -> StoreError:
    code, answer = answer_in_words(response, operation)
    status = status_of(response)
    if code in _MISSING:
        return ObjectNotFound(
            "There is nothing under this name.",
            place=place,
            next_step="compare the name with the listing, or deliver the file again.",
        )
    cause, next_step = _BUSY if status >= 500 and status != 501 else _KMS if code.startswith("KMS.") else _OTHER
    cause, next_step = _BY_CODE.get(code, (cause, next_step))
    kind = ConditionFailed if code in _PRECONDITION else WriteOvertaken if code in _OVERTAKEN else StoreError
    return kind(f"{cause} ({answer})", place=place, next_step=next_step)


def answer_in_words(response: Mapping[str, Any], operation: str) -> tuple[str, str]:
    """The error code of an AWS answer, and how to quote that answer: operation, status, code and request id."""
    code, answered = _word(response.get("Error", {}).get("Code")), response["ResponseMetadata"]
    request = _word(answered.get("RequestId") or answered.get("HTTPHeaders", {}).get("x-amz-request-id"))
    return code, f"{operation}: {status_of(response)} {code}, request {request}"


def _word(text: object) -> str:
    """A code or an id as the server gave it, unless it is anything but that."""
    return text if isinstance(text, str) and _WORD.fullmatch(text) else "unknown"


def _unreachable(error: Exception) -> tuple[str, str]:
    """Cause and next step for a request that got no answer. The first kind that fits counts."""
    from botocore import exceptions as kinds  # type: ignore[import-untyped]

    for fitting, problem in (
        (
            (kinds.NoCredentialsError, kinds.PartialCredentialsError, kinds.ProfileNotFound),
            (
                "There are no complete AWS credentials.",
                "set AWS_PROFILE, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or run it under a role.",
            ),
        ),
        (
            (kinds.CredentialRetrievalError, kinds.TokenRetrievalError, kinds.SSOError),
            ("The AWS credentials cannot be renewed.", _RENEW),
        ),
        ((kinds.ParamValidationError, kinds.InvalidRegionError), _BAD_NAME),
        (
            (kinds.SSLError,),
            (
                "The certificate of the S3 endpoint is not trusted.",
                "check the address in AWS_ENDPOINT_URL_S3, and name the authority's file in AWS_CA_BUNDLE.",
            ),
        ),
    ):
        if isinstance(error, fitting):
            return problem
    return (
        "S3 does not answer, or the connection was cut, after several tries.",
        "check the network, the proxy and AWS_ENDPOINT_URL_S3, then run it again; nothing was half written.",
    )
