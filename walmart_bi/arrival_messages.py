"""What a message of an arrival queue says: the addresses of the objects that S3 reports. A pure function.

What happened to an object is not read: events come late, twice and out of order, so a message only says where to look,
and the store says what is there. The client of the queue is in `arrival_queue.py`.
"""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import unquote_plus

from walmart_bi.errors import WalmartBiError

_TEST_EVENT = "s3:TestEvent"


class UnknownMessage(WalmartBiError):
    """A message in the queue is no event notification of S3."""


def addresses(body: str, *, place: str) -> tuple[str, ...]:
    """The `s3://bucket/key` of each event in the message; none for the test event that S3 sends first.

    Raises UnknownMessage, without a word of the content, for anything that S3 would not send.
    """
    content = _json(body, place)
    if not isinstance(content, dict):
        raise _unknown("it is no JSON object", place)
    if content.get("Event") == _TEST_EVENT:
        return ()
    records = content.get("Records")
    if not isinstance(records, list):
        raise _unknown("it has no list of Records", place)
    return tuple(_address(record, number, place) for number, record in enumerate(records, start=1))


def _json(body: str, place: str) -> Any:
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        # RecursionError: a body of brackets alone, nested too deeply.
        raise _unknown("it is not JSON", place) from None


def _address(record: Any, number: int, place: str) -> str:
    """The address in one event; S3 writes keys as a form would: `+` for a space, `%XX` for other bytes."""
    try:
        bucket, key = record["s3"]["bucket"]["name"], record["s3"]["object"]["key"]
    except (KeyError, TypeError):
        bucket = key = None
    if not isinstance(bucket, str) or not isinstance(key, str):
        raise _unknown(f"its record {number} names no bucket and key", place)
    return f"s3://{bucket}/{unquote_plus(key)}"


def _unknown(why: str, place: str) -> UnknownMessage:
    return UnknownMessage(
        f"A message in the queue is no event notification of S3: {why}.",
        place=place,
        next_step="nothing to do at once: the queue moves it to its dead-letter queue; docs/runbook.md, Dead letters.",
    )
