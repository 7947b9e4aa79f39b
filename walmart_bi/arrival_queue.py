"""The SQS queue in which S3 tells of arrivals: receive, delete, and what a refusal means.

What a message says is in `arrival_messages.py`, what follows from it in `lookout.py`. boto3 is imported on the first
use. An error is made of our own words, the code, the operation and the request id, never of the server's text.
"""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from walmart_bi.aws_session import aws_session
from walmart_bi.errors import WalmartBiError
from walmart_bi.stores.s3_errors import answer_in_words

# A tick has 60 s in all, and the listing still to do when the queue does not answer.
_CONNECT_SECONDS, _READ_SECONDS, _TRIES = 5.0, 10.0, 2
# With no wait at all SQS asks only some of its servers and may miss a message that is there.
_WAIT_SECONDS = 1
_BATCH = 10  # the most that SQS takes and gives in one request

_ACCESS = (
    "The AWS identity in use may not read this queue.",
    "let it sqs:ReceiveMessage and sqs:DeleteMessage there, and use the queue's KMS key if it has one.",
)
_MISSING = (
    "There is no such queue.",
    "check the WALMART_BI_..._QUEUE_URL variable, its region and account.",
)
_CREDENTIALS = (
    "The AWS credentials are not accepted, or have expired.",
    "renew them, or correct AWS_PROFILE or AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and AWS_SESSION_TOKEN.",
)
_OTHER = ("SQS refused the request.", "look the code up in the SQS documentation.")
_BY_CODE = {
    "AWS.SimpleQueueService.NonExistentQueue": _MISSING,
    "QueueDoesNotExist": _MISSING,
    "InvalidAddress": _MISSING,
    "AccessDenied": _ACCESS,
    "AccessDeniedException": _ACCESS,
    "KMS.AccessDeniedException": _ACCESS,
    "ExpiredToken": _CREDENTIALS,
    "ExpiredTokenException": _CREDENTIALS,
    "InvalidClientTokenId": _CREDENTIALS,
    "UnrecognizedClientException": _CREDENTIALS,
    "SignatureDoesNotMatch": _CREDENTIALS,
    "InvalidSignatureException": _CREDENTIALS,
}
_NO_ANSWER = (
    "SQS cannot be reached, or there are no complete AWS credentials and region for it.",
    "check the network, AWS_REGION, the AWS credentials and AWS_ENDPOINT_URL_SQS.",
)


class QueueError(WalmartBiError):
    """The queue cannot be read, or a message in it not be deleted."""


@dataclass(frozen=True)
class Message:
    """One message as received. `receipt` deletes it; `place` names it to a person."""

    body: str
    receipt: str
    place: str


class ArrivalQueue:
    """A queue by its address. A received message stays hidden for the queue's visibility timeout, then comes again."""

    def __init__(self, url: str) -> None:
        self._url = url

    def receive(self, most: int) -> list[Message]:
        """The messages that are there, about `most` of them; waits a second for the first. Raises QueueError."""
        received: list[Message] = []
        while len(received) < most:
            with _errors(self._url):
                answer = self._client.receive_message(
                    QueueUrl=self._url,
                    MaxNumberOfMessages=min(_BATCH, most - len(received)),
                    WaitTimeSeconds=_WAIT_SECONDS,
                )
            self._require_sqs(answer)
            batch = answer.get("Messages", ())
            if not batch:
                break
            received += [
                Message(each["Body"], each["ReceiptHandle"], f"{self._url}, message {each['MessageId']}")
                for each in batch
            ]
        return received

    def delete(self, messages: Sequence[Message]) -> None:
        """Remove the messages; one that SQS could not remove just now comes again. Raises QueueError."""
        for start in range(0, len(messages), _BATCH):
            entries = [
                {"Id": str(number), "ReceiptHandle": message.receipt}
                for number, message in enumerate(messages[start : start + _BATCH])
            ]
            with _errors(self._url):
                answer = self._client.delete_message_batch(QueueUrl=self._url, Entries=entries)
            self._require_sqs(answer)

    def _require_sqs(self, answer: Mapping[str, Any]) -> None:
        """A proxy's page reads like an empty answer, and would pass for a queue without messages."""
        if "json" not in answer["ResponseMetadata"]["HTTPHeaders"].get("content-type", ""):
            raise QueueError(
                "What answers there is not SQS.",
                place=self._url,
                next_step="check the proxy, the WALMART_BI_..._QUEUE_URL variable and AWS_ENDPOINT_URL_SQS.",
            )

    @functools.cached_property
    def _client(self) -> Any:
        from botocore.config import Config  # type: ignore[import-untyped]

        config = Config(
            connect_timeout=_CONNECT_SECONDS,
            read_timeout=_READ_SECONDS,
            retries={"mode": "standard", "total_max_attempts": _TRIES},
            user_agent_appid="walmart_bi",
        )
        try:
            return aws_session().client("sqs", config=config)
        except ValueError as error:
            raise QueueError(
                "The address of the SQS server is not one.",
                place="AWS_ENDPOINT_URL_SQS",
                next_step="give it as https://host or http://host:port.",
            ) from error


@contextlib.contextmanager
def _errors(place: str) -> Iterator[None]:
    """Turn what botocore raises into a QueueError."""
    from botocore.exceptions import BotoCoreError, ClientError  # type: ignore[import-untyped]

    try:
        yield
    except ClientError as error:
        code, answered = answer_in_words(error.response, error.operation_name)
        cause, next_step = _BY_CODE.get(code, _OTHER)
        raise QueueError(f"{cause} ({answered})", place=place, next_step=next_step) from error
    except BotoCoreError as error:
        cause, next_step = _NO_ANSWER
        raise QueueError(f"{cause} ({type(error).__name__})", place=place, next_step=next_step) from error
