"""Who asks AWS, and where: the region, the credentials, and the identity that they stand for."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from walmart_bi.aws_session import aws_session
from walmart_bi.cli.doctor.probes import NotInOrder, NotKnown, Probe
from walmart_bi.errors import WalmartBiError
from walmart_bi.stores.s3_errors import answer_in_words

_PLACE = "AWS credentials"
_EXPIRED = {"ExpiredToken", "ExpiredTokenException", "TokenRefreshRequired", "RequestExpired"}
_UNKNOWN_KEYS = {
    *("InvalidClientTokenId", "UnrecognizedClientException", "InvalidAccessKeyId", "SignatureDoesNotMatch"),
    *("IncompleteSignature", "MissingAuthenticationToken", "AccessDenied"),
}
_GIVE = "set AWS_PROFILE, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or run it under a role."


def identity_probes() -> Iterator[Probe]:
    """The region, then the identity."""
    yield Probe("region", _region)
    yield Probe("identity", _identity, ("region",))


def _region() -> str:
    from botocore.exceptions import BotoCoreError  # type: ignore[import-untyped]

    try:
        region = aws_session().region_name
    except BotoCoreError as error:
        raise NotInOrder(
            f"The AWS configuration cannot be used ({type(error).__name__}).",
            place="AWS_PROFILE",
            next_step="correct AWS_PROFILE, or the files that AWS_CONFIG_FILE and AWS_SHARED_CREDENTIALS_FILE name.",
        ) from error
    if region is None:
        raise NotInOrder(
            "No AWS region is set.", place="AWS_REGION", next_step="set AWS_REGION to the bucket's region."
        )
    return str(region)


def _identity() -> str:
    """Ask AWS itself who the credentials are: nobody needs a right for that."""
    from botocore import exceptions as kinds  # type: ignore[import-untyped]
    from botocore.config import Config  # type: ignore[import-untyped]
    from botocore.parsers import ResponseParserError  # type: ignore[import-untyped]

    try:
        session = aws_session()
        credentials = session.get_credentials()
        if credentials is None:
            raise NotInOrder("There are no AWS credentials.", place=_PLACE, next_step=_GIVE)
        quick = Config(connect_timeout=5, read_timeout=10, retries={"mode": "standard", "total_max_attempts": 2})
        answer = session.client("sts", config=quick).get_caller_identity()
    except kinds.ClientError as error:
        raise _refused(error.response, error.operation_name) from error
    except (kinds.ConnectionError, kinds.HTTPClientError) as error:
        raise NotKnown(
            f"STS does not answer ({type(error).__name__}); the other services are asked all the same.",
            place=_PLACE,
            next_step="nothing, if this network has no way to STS; else check the proxy and AWS_ENDPOINT_URL_STS.",
        ) from error
    except ResponseParserError as error:
        raise NotKnown(
            "What answers there is not STS; the other services are asked all the same.",
            place=_PLACE,
            next_step="nothing, if this network has no way to STS; else check the proxy and AWS_ENDPOINT_URL_STS.",
        ) from error
    except kinds.BotoCoreError as error:
        raise NotInOrder(
            f"The AWS credentials are not complete or cannot be renewed ({type(error).__name__}).",
            place=_PLACE,
            next_step=f"with single sign-on: `aws sso login`; else {_GIVE}",
        ) from error
    except ValueError as error:
        raise NotInOrder(
            "The address of the STS server is not one.",
            place="AWS_ENDPOINT_URL_STS",
            next_step="give it as https://host or http://host:port, or remove it.",
        ) from error
    return f"{answer['Arn']}, credentials from {credentials.method}"


def _refused(response: dict[str, Any], operation: str) -> WalmartBiError:
    code, answer = answer_in_words(response, operation)
    if code in _EXPIRED:
        return NotInOrder(
            f"The temporary AWS credentials have expired ({answer}).",
            place=_PLACE,
            next_step="renew them (with single sign-on: `aws sso login`), then run it again.",
        )
    if code in _UNKNOWN_KEYS:
        return NotInOrder(
            f"AWS does not accept the credentials ({answer}).", place=_PLACE, next_step=f"check the clock, then {_GIVE}"
        )
    return NotKnown(
        f"STS does not tell ({answer}); the other services are asked all the same.",
        place=_PLACE,
        next_step="run it again in a few minutes; check AWS_ENDPOINT_URL_STS.",
    )
