"""What the doctor looks at in SQS: each configured queue of arrivals, and the dead letters behind it.

No message is received, since each receipt counts towards the number after which a message becomes a dead letter.
"""

from __future__ import annotations

import contextlib
import functools
import json
from collections.abc import Iterator
from typing import Any

from walmart_bi.aws_session import aws_session
from walmart_bi.cli.doctor.probes import NotInOrder, NotKnown, Probe
from walmart_bi.settings_aws import ArrivalQueues
from walmart_bi.stores.s3_errors import answer_in_words

_MISSING = {"AWS.SimpleQueueService.NonExistentQueue", "QueueDoesNotExist", "InvalidAddress"}
_DENIED = {"AccessDenied", "AccessDeniedException", "403"}


def queue_probes(queues: ArrivalQueues) -> Iterator[Probe]:
    """For each queue that is configured: the queue, then its dead letters."""
    for name, url in (("raw_data", queues.raw_data), ("monthly_data", queues.monthly_data)):
        if url:
            queue = f"{name} queue"
            yield Probe(queue, functools.partial(_queue, url), ("identity",))
            yield Probe(f"{name} dead letters", functools.partial(_dead_letters, url), (queue,))


def _queue(url: str) -> str:
    attributes = _attributes(url)
    waiting = attributes["ApproximateNumberOfMessages"]
    return f"{url}: {waiting} message(s) waiting"


def _dead_letters(url: str) -> str:
    policy = _attributes(url).get("RedrivePolicy")
    if not policy:
        raise NotInOrder(
            "The queue has no dead-letter queue, so a message that cannot be read comes again until it expires.",
            place=url,
            next_step="make a queue for dead letters and name it in this queue's RedrivePolicy (docs/deploy-aws.md).",
        )
    *_, account, name = json.loads(policy)["deadLetterTargetArn"].split(":")
    # A dead-letter queue is in the region and account of its queue (SQS Developer Guide), so the address differs only
    # in the end.
    dead = f"{url.rsplit('/', 2)[0]}/{account}/{name}"
    waiting = int(_attributes(dead)["ApproximateNumberOfMessages"])
    if waiting:
        raise NotInOrder(
            f"{waiting} message(s) could not be read and wait among the dead letters.",
            place=dead,
            next_step="docs/runbook.md, Dead letters.",
        )
    return f"{dead}: empty"


def _attributes(url: str) -> dict[str, str]:
    """The queue's attributes. Raises NotInOrder, and NotKnown when the identity may not ask for them."""
    with _errors(url):
        answer = _client().get_queue_attributes(QueueUrl=url, AttributeNames=["All"])
    if "Attributes" not in answer:
        raise NotInOrder(
            "What answers there is not SQS.",
            place=url,
            next_step="check the proxy, the WALMART_BI_..._QUEUE_URL variable and AWS_ENDPOINT_URL_SQS.",
        )
    return dict(answer["Attributes"])


def _client() -> Any:
    from botocore.config import Config  # type: ignore[import-untyped]

    quick = Config(connect_timeout=5, read_timeout=10, retries={"mode": "standard", "total_max_attempts": 2})
    return aws_session().client("sqs", config=quick)


@contextlib.contextmanager
def _errors(url: str) -> Iterator[None]:
    from botocore.exceptions import BotoCoreError, ClientError  # type: ignore[import-untyped]

    try:
        yield
    except ClientError as error:
        code, answer = answer_in_words(error.response, error.operation_name)
        if code in _DENIED:
            raise NotKnown(
                f"The AWS identity may not ask about this queue ({answer}).",
                place=url,
                next_step="let it sqs:GetQueueAttributes there.",
            ) from error
        if code in _MISSING:
            raise NotInOrder(
                f"There is no such queue ({answer}).",
                place=url,
                next_step="check the WALMART_BI_..._QUEUE_URL variable, its region and account.",
            ) from error
        raise NotInOrder(
            f"SQS refused the question ({answer}).", place=url, next_step="look the code up in the SQS documentation."
        ) from error
    except (BotoCoreError, ValueError) as error:
        raise NotInOrder(
            f"SQS cannot be asked ({type(error).__name__}).",
            place=url,
            next_step="check the network, AWS_REGION and AWS_ENDPOINT_URL_SQS.",
        ) from error
