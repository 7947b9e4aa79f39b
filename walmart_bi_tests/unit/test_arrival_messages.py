"""What a message of an arrival queue says: where to look, or that S3 did not send it."""

import json
from typing import Any
from urllib.parse import quote_plus

import pytest
from hypothesis import given
from hypothesis import strategies as st

from walmart_bi.arrival_messages import UnknownMessage, addresses

PLACE = "https://sqs.example/1/raw, message 7"


def event(key: str, name: str = "ObjectCreated:Put", bucket: str = "retail") -> dict[str, Any]:
    """One event as S3 documents it, with the parts that are read and some that are not."""
    return {
        "eventVersion": "2.3",
        "eventSource": "aws:s3",
        "awsRegion": "eu-central-1",
        "eventTime": "2025-03-10T12:00:00.000Z",
        "eventName": name,
        "s3": {
            "s3SchemaVersion": "1.0",
            "configurationId": "arrivals",
            "bucket": {"name": bucket, "arn": f"arn:aws:s3:::{bucket}"},
            "object": {"key": key, "size": 10, "eTag": "abc", "versionId": "1", "sequencer": "0055AED6DCD90281E5"},
        },
    }


def body(*events: dict[str, Any]) -> str:
    return json.dumps({"Records": list(events)})


@pytest.mark.parametrize(
    ("written", "key"),
    [
        ("raw_data/2025-03.csv", "raw_data/2025-03.csv"),
        ("raw_data/sales+of+March.csv", "raw_data/sales of March.csv"),
        ("raw_data/a%2Bb.csv", "raw_data/a+b.csv"),
        ("raw_data/%C3%BCbersicht.csv", "raw_data/übersicht.csv"),
        ("raw_data%2F2025-03.csv", "raw_data/2025-03.csv"),
        ("raw_data/100%25.csv", "raw_data/100%.csv"),
    ],
)
def test_given_a_key_as_s3_writes_it_when_read_then_it_is_the_objects_key(written: str, key: str):
    assert addresses(body(event(written)), place=PLACE) == (f"s3://retail/{key}",)


@given(st.text(st.characters(exclude_categories=["Cs"]), min_size=1))
def test_given_any_name_when_url_encoded_and_read_then_it_is_the_same_name(key: str):
    assert addresses(body(event(quote_plus(key))), place=PLACE) == (f"s3://retail/{key}",)


def test_given_several_events_of_any_kind_and_bucket_when_read_then_each_is_an_address():
    message = body(event("a"), event("b", "ObjectRemoved:DeleteMarkerCreated"), event("c", bucket="other"))
    assert addresses(message, place=PLACE) == ("s3://retail/a", "s3://retail/b", "s3://other/c")


def test_given_the_test_event_when_read_then_it_names_nothing():
    test_event = {
        "Service": "Amazon S3",
        "Event": "s3:TestEvent",
        "Time": "2025-03-10T12:00:00.000Z",
        "Bucket": "retail",
        "RequestId": "5582815E1AEA5ADF",
        "HostId": "8cLeGAmw098X5cv4Zkwcmo8vvZa3eH3eKxsPzbB9wrR+YstdA6Knx4Ip8EXAMPLE",
    }
    assert addresses(json.dumps(test_event), place=PLACE) == ()


CANARY = "canary-5b1f"


@pytest.mark.parametrize(
    ("message", "why"),
    [
        (CANARY, "it is not JSON"),
        ("", "it is not JSON"),
        ("[" * 100_000, "it is not JSON"),
        (json.dumps([CANARY]), "it is no JSON object"),
        ("null", "it is no JSON object"),
        (json.dumps({"Event": CANARY}), "it has no list of Records"),
        (json.dumps({"Records": {"s3": CANARY}}), "it has no list of Records"),
        (json.dumps({"Type": "Notification", "Message": CANARY}), "it has no list of Records"),
        (json.dumps({"detail-type": "Object Created", "detail": {"object": {"key": CANARY}}}), "it has no list"),
        (body(event("a"), {"eventSource": CANARY}), "its record 2 names no bucket and key"),
        (json.dumps({"Records": [CANARY]}), "its record 1 names no bucket and key"),
        (json.dumps({"Records": [{"s3": {"bucket": {"name": 1}, "object": {"key": CANARY}}}]}), "its record 1"),
        (json.dumps({"Records": [{"s3": {"bucket": {"name": CANARY}, "object": {"key": None}}}]}), "its record 1"),
    ],
)
def test_given_anything_else_when_read_then_one_line_says_why_without_a_word_of_it(message: str, why: str):
    with pytest.raises(UnknownMessage) as caught:
        addresses(message, place=PLACE)
    text = str(caught.value)
    assert why in text and text.startswith(PLACE) and "Dead letters" in text
    assert CANARY not in text and "\n" not in text


@given(st.recursive(st.none() | st.booleans() | st.text(), lambda inner: st.lists(inner) | st.dictionaries(
    st.sampled_from(["Records", "s3", "bucket", "object", "name", "key", "Event"]) | st.text(), inner
)))  # fmt: skip
def test_given_any_json_when_read_then_addresses_or_one_clear_error(content: Any):
    try:
        found = addresses(json.dumps(content), place=PLACE)
    except UnknownMessage:
        return
    assert all(address.startswith("s3://") for address in found)
