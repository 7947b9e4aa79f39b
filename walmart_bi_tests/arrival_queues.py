"""SQS queues that a bucket's notifications really feed, in moto's server: S3 writes the messages, not the tests."""

from __future__ import annotations

import functools
import json
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import boto3

from walmart_bi_tests import s3_servers

# A message that was received comes back after this: short, since the tests wait for it.
VISIBILITY_SECONDS = 1
EVENTS = ["s3:ObjectCreated:*", "s3:ObjectRemoved:*"]


@dataclass(frozen=True)
class TestQueue:
    """A queue with its dead-letter queue."""

    __test__ = False

    url: str
    dead_letters: str

    def send(self, body: str) -> None:
        """Put a message into the queue that S3 did not write."""
        sqs().send_message(QueueUrl=self.url, MessageBody=body)

    def allow_receives(self, most: int) -> None:
        """Make messages dead letters after so many receives."""
        redrive = {"deadLetterTargetArn": arn(self.dead_letters), "maxReceiveCount": str(most)}
        sqs().set_queue_attributes(QueueUrl=self.url, Attributes={"RedrivePolicy": json.dumps(redrive)})

    def take_all(self) -> list[str]:
        """Remove what can be received now, in order to send it again otherwise; the messages."""
        taken: list[str] = []
        while messages := sqs().receive_message(QueueUrl=self.url, MaxNumberOfMessages=10).get("Messages"):
            for message in messages:
                sqs().delete_message(QueueUrl=self.url, ReceiptHandle=message["ReceiptHandle"])
                taken.append(message["Body"])
        return taken

    def left(self) -> int:
        """Messages that are in the queue, hidden ones included."""
        return _count(self.url)

    def dead(self) -> list[str]:
        """The messages in the dead-letter queue, which stay there."""
        found = sqs().receive_message(QueueUrl=self.dead_letters, MaxNumberOfMessages=10, VisibilityTimeout=0)
        return [message["Body"] for message in found.get("Messages", ())]


@functools.cache
def sqs() -> Any:
    """A client of moto's SQS."""
    return boto3.client(
        "sqs",
        endpoint_url=s3_servers.moto(),
        aws_access_key_id="test-key-id",
        aws_secret_access_key="test-secret",
        region_name="us-east-1",
    )


def new_queue() -> TestQueue:
    """An empty queue."""
    name = f"arrivals-{uuid.uuid4().hex}"
    attributes = {"VisibilityTimeout": str(VISIBILITY_SECONDS)}
    queue = TestQueue(
        url=sqs().create_queue(QueueName=name, Attributes=attributes)["QueueUrl"],
        dead_letters=sqs().create_queue(QueueName=f"{name}-dead")["QueueUrl"],
    )
    queue.allow_receives(10)
    return queue


def notify(s3: Any, bucket: str, queues: Mapping[str, TestQueue]) -> None:
    """Have the bucket tell of each prefix to its queue; S3 sends a test event to each first."""
    configurations = [
        {
            "QueueArn": arn(queue.url),
            "Events": EVENTS,
            "Filter": {"Key": {"FilterRules": [{"Name": "prefix", "Value": prefix}]}},
        }
        for prefix, queue in queues.items()
    ]
    s3.put_bucket_notification_configuration(
        Bucket=bucket, NotificationConfiguration={"QueueConfigurations": configurations}
    )


def arn(url: str) -> str:
    """The queue's ARN."""
    answer = sqs().get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])
    return str(answer["Attributes"]["QueueArn"])


def _count(url: str) -> int:
    names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
    attributes = sqs().get_queue_attributes(QueueUrl=url, AttributeNames=names)["Attributes"]
    return sum(int(attributes[name]) for name in names)
