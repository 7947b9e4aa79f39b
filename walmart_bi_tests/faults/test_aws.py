"""Each operation of S3, SQS and STS: tried again when the fault passes, else one line, and never a wrong answer."""

from __future__ import annotations

import dataclasses
import errno
import json
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest import mock

import pytest
from botocore import exceptions as kinds

from walmart_bi.arrival_queue import ArrivalQueue
from walmart_bi.cli.doctor.bucket import bucket_probes
from walmart_bi.cli.doctor.identity import identity_probes
from walmart_bi.cli.doctor.queues import queue_probes
from walmart_bi.settings_aws import ArrivalQueues
from walmart_bi.stores import s3, s3_client, s3_transfer
from walmart_bi.stores.base import ObjectNotFound
from walmart_bi.stores.s3 import S3Store
from walmart_bi.stores.s3_settings import S3Settings
from walmart_bi_tests import s3_servers
from walmart_bi_tests.arrival_queues import TestQueue, new_queue, sqs
from walmart_bi_tests.end_to_end.doctor import put_in_order
from walmart_bi_tests.faults.injection import ALWAYS, Answer, Send, answered, content_of, raised_at, response
from walmart_bi_tests.faults.outcomes import NOTHING, SECRET, SERVERS_WORDS, Work, outcome
from walmart_bi_tests.faults.sites import CallSite, sites_of

KEY = "raw_data/sales_2024-03.csv"
CONTENT = b"0123456789" * 40


@dataclass
class Place:
    """A bucket and a store in it, and a local file."""

    bucket: str
    store: S3Store
    file: Path

    def probe(self, name: str) -> Work:
        """A question of the doctor's; what it answers now is right."""
        settings, queue = S3Settings(self.bucket), new_queue()
        probes = [
            *identity_probes(),
            *bucket_probes(settings, self.store),
            *queue_probes(ArrivalQueues(raw_data=queue.url)),
        ]
        ask = next(probe.ask for probe in probes if probe.name == name)
        return Work(ask, ask())


@pytest.fixture(scope="module")
def environment() -> Iterator[None]:
    server = s3_servers.moto()
    variables = {
        **s3_servers.variables(server),
        **{f"AWS_ENDPOINT_URL_{service}": server for service in ("SQS", "STS")},
        "AWS_REGION": "us-east-1",
        "AWS_SECRET_ACCESS_KEY": SECRET,
        "AWS_SESSION_TOKEN": SECRET,
    }
    with mock.patch.dict(os.environ, variables):
        yield


@pytest.fixture(scope="module")
def client(environment: None) -> Any:
    return s3_client.s3_client(tries=2)


@pytest.fixture(scope="module")
def place(client: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    file = tmp_path_factory.mktemp("local") / "local"
    file.write_bytes(CONTENT)
    server = s3_servers.moto()
    with (
        pytest.MonkeyPatch.context() as patch,
        s3_servers.new_bucket(server) as bucket,
    ):
        patch.setattr("botocore.endpoint.time.sleep", lambda _: None)
        patch.setattr(s3, "_PAUSE_SECONDS", 0.0)
        put_in_order(s3_servers.client(server), bucket)
        yield Place(bucket, S3Store(bucket, client=client), file)


@pytest.fixture(scope="module")
def case(place: Place, request: pytest.FixtureRequest) -> tuple[CallSite, Work]:
    return SITES[request.param], CASES[request.param](place)


# What runs through each operation


def deleting(place: Place) -> Work:
    place.store.write_bytes(KEY, CONTENT)

    def delete() -> list[str]:
        place.store.delete(KEY)
        return [info.key for info in place.store.list("raw_data/")]

    return Work(delete, [])


def listing(place: Place) -> Work:
    info = place.store.write_bytes(KEY, CONTENT)
    return Work(lambda: list(place.store.list("raw_data/")), [info])


def looking(place: Place) -> Work:
    place.store.write_bytes(KEY, CONTENT)

    def read_what_was_seen() -> bytes:
        with place.store.fetch(KEY, place.store.head(KEY).etag) as path:
            return path.read_bytes()

    return Work(read_what_was_seen, CONTENT)


def looking_for_nothing(place: Place) -> Work:
    def is_there() -> bool:
        try:
            place.store.head("raw_data/none.csv")
        except ObjectNotFound:
            return False
        return True

    return Work(is_there, False)


def reading(place: Place) -> Work:
    etag = place.store.write_bytes(KEY, CONTENT).etag

    def read() -> bytes:
        with place.store.fetch(KEY, etag) as path:
            return path.read_bytes()

    return Work(read, CONTENT)


def _written(place: Place, write: Callable[[], object]) -> Work:
    def write_and_read() -> bytes:
        write()
        return place.store.read_bytes(KEY)

    return Work(write_and_read, CONTENT)


def writing(place: Place) -> Work:
    place.store.write_bytes(KEY, b"older content")
    return _written(place, lambda: place.store.put(KEY, place.file))


def writing_in_parts(place: Place) -> Work:
    def put() -> None:
        with mock.patch.multiple(s3_transfer, PART_BYTES=8, _MOST_PARTS=1):
            place.store.put(KEY, place.file)

    place.store.write_bytes(KEY, b"older content")
    return _written(place, put)


def writing_once(place: Place) -> Work:
    """The store's probe of write-once is a multipart upload that the server refuses, so its parts are given up."""
    work = _written(place, lambda: S3Store(place.bucket, client=place.store._client).put_new(KEY, place.file))
    return dataclasses.replace(work, may_pass_over=True)


def receiving(place: Place) -> Work:
    """Of a message that is not hidden when it was received, so that it can be received again."""
    made = _queue()
    made.send("{}")
    queue = ArrivalQueue(made.url)
    # A cut answer has no message in it; the message comes again, and the listing does not wait for it.
    return Work(lambda: [message.body for message in queue.receive(1)], ["{}"], also_right=[])


def removing_messages(place: Place) -> Work:
    made = _queue()
    queue = ArrivalQueue(made.url)

    def send_and_remove() -> None:
        made.send("{}")
        queue.delete(queue.receive(1))

    return Work(send_and_remove, None)


def _queue() -> TestQueue:
    made = new_queue()
    made.allow_receives(1000)
    sqs().set_queue_attributes(QueueUrl=made.url, Attributes={"VisibilityTimeout": "0"})
    return made


def asking(name: str) -> Callable[[Place], Work]:
    def ask(place: Place) -> Work:
        return place.probe(name)

    return ask


def asking_for_the_region(place: Place) -> Work:
    """Any answer about the bucket names its region, a refusal too; none is no reason to stop."""
    told = f"s3://{place.bucket} can be listed, its region is not told"
    return dataclasses.replace(place.probe("bucket"), may_pass_over=True, also_right=told)


CASES: dict[str, Callable[[Place], Work]] = {
    "arrival_queue.py ArrivalQueue.receive self._client.receive_message": receiving,
    "arrival_queue.py ArrivalQueue.delete self._client.delete_message_batch": removing_messages,
    "cli/doctor/bucket.py _Bucket.keeps_versions get_bucket_versioning": asking("versioning"),
    "cli/doctor/bucket.py _Bucket.is_private get_public_access_block": asking("private"),
    "cli/doctor/bucket.py _Bucket.has_private_policy get_bucket_policy_status": asking("policy"),
    "cli/doctor/bucket.py _Bucket.encrypts get_bucket_encryption": asking("encryption"),
    "cli/doctor/bucket.py _Bucket._region self._client.head_bucket": asking_for_the_region,
    "cli/doctor/identity.py _identity session.client('sts', config=quick).get_caller_identity": asking("identity"),
    "cli/doctor/queues.py _attributes _client().get_queue_attributes": asking("raw_data queue"),
    "stores/s3.py S3Store.delete self._client.delete_object": deleting,
    "stores/s3.py S3Store._listed list_objects_v2": listing,
    "stores/s3.py S3Store._find self._client.head_object": looking,
    "stores/s3.py S3Store._find self._client.list_objects_v2": looking_for_nothing,
    "stores/s3.py S3Store._get self._client.get_object": reading,
    "stores/s3_transfer.py upload client.put_object": writing,
    "stores/s3_transfer.py _upload_parts client.create_multipart_upload": writing_in_parts,
    "stores/s3_transfer.py _upload_parts client.upload_part": writing_in_parts,
    "stores/s3_transfer.py _upload_parts client.complete_multipart_upload": writing_in_parts,
    "stores/s3_transfer.py _upload_parts client.abort_multipart_upload": writing_once,
}
SITES = {site.name: site for site in sites_of("aws")}


# What meets it


def refused(status: int, code: str) -> Answer:
    """As S3 says it, as SQS does, and as STS does: each client reads its own."""

    def answer(request: Any, _: Send) -> Any:
        if request.method == "HEAD":
            return response(request, status, {}, b"")
        if b"AmazonSQS" in str(request.headers.get("X-Amz-Target", "")).encode():
            body = json.dumps({"__type": f"com.amazonaws.sqs#{code}", "message": SERVERS_WORDS}).encode()
            return response(request, status, {"Content-Type": "application/x-amz-json-1.0"}, body)
        error = f"<Error><Code>{code}</Code><Message>{SERVERS_WORDS}</Message></Error>"
        is_sts = "Action=GetCallerIdentity" in str(getattr(request, "body", ""))
        body = f"<ErrorResponse>{error}</ErrorResponse>" if is_sts else error
        return response(request, status, {"Content-Type": "application/xml"}, body.encode())

    return answer


def cut_before(request: Any, _: Send) -> Any:
    raise kinds.ConnectionClosedError(endpoint_url=request.url)


def cut_after(request: Any, send: Send) -> Any:
    send(request)
    raise kinds.ConnectionClosedError(endpoint_url=request.url)


def silent(request: Any, _: Send) -> Any:
    raise kinds.ReadTimeoutError(endpoint_url=request.url)


def truncated(request: Any, send: Send) -> Any:
    """Half of the body under the length of the whole; an answer without a body has none to lose."""
    came = send(request)
    body = content_of(came)
    if not body:
        return came
    headers = {name: text for name, text in came.headers.items() if name.lower() != "content-length"}
    headers["Content-Length"] = str(len(body))
    return response(request, came.status_code, headers, body[: len(body) // 2])


def wrong_mark(request: Any, send: Send) -> Any:
    came = send(request)
    headers = {name: text for name, text in came.headers.items() if name.lower() != "etag"}
    return response(request, came.status_code, {**headers, "ETag": '"0123456789abcdef"'}, content_of(came))


def a_page(request: Any, _: Send) -> Any:
    """What a proxy, or a portal that asks for a login, puts in the place of the service."""
    return response(request, 200, {"Content-Type": "text/html"}, b"<html><body>Please log in<br></body></html>")


# (what comes, how often, whether the work has to succeed all the same)
FAULTS: dict[str, tuple[Answer, int, bool]] = {
    "503 once": (refused(503, "SlowDown"), 1, True),
    "503 for ever": (refused(503, "SlowDown"), ALWAYS, False),
    "reset once, before": (cut_before, 1, True),
    "reset once, answer lost": (cut_after, 1, True),
    "reset for ever": (cut_before, ALWAYS, False),
    "time-out for ever": (silent, ALWAYS, False),
    "truncated once": (truncated, 1, False),
    "truncated for ever": (truncated, ALWAYS, False),
    "wrong etag": (wrong_mark, ALWAYS, False),
    "expired token": (refused(400, "ExpiredToken"), ALWAYS, False),
    "no right": (refused(403, "AccessDenied"), ALWAYS, False),
    "a page of something else": (a_page, ALWAYS, False),
}


LASTING = {"503 for ever", "reset for ever", "time-out for ever", "expired token", "no right"}


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("case", CASES, indirect=True)
def test_given_a_fault_at_an_operation_when_it_is_called_then_it_is_right_or_one_line(
    case: tuple[CallSite, Work], fault: str
):
    site, work = case
    answer, times, has_to_succeed = FAULTS[fault]
    with answered(site, answer, times=times) as meeting:
        got, line = outcome(work.do)

    assert meeting.met, "the fault never met its call"
    assert got in (work.right, work.also_right, NOTHING), "a wrong answer"
    if has_to_succeed:
        assert not line
    if fault in LASTING:
        assert line or work.may_pass_over
    assert work.do() == work.right


# What the file system refuses meanwhile: private copies are made in the temporary directory.
FILE_CASES: dict[str, Callable[[Place], Work]] = {
    "stores/s3.py _scratch tempfile.TemporaryDirectory": reading,
    "stores/local_files.py created target.open": reading,
    "stores/s3_transfer.py received body.iter_chunks": reading,
    "stores/s3_transfer.py received target.write": reading,
}
FILE_SITES = {site.name: site for site in sites_of("file")}


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EIO, errno.EACCES])
@pytest.mark.parametrize("name", FILE_CASES)
def test_given_no_room_for_a_private_copy_when_an_object_is_read_then_one_line(place: Place, name: str, code: int):
    work = FILE_CASES[name](place)
    with raised_at(FILE_SITES[name], OSError(code, os.strerror(code))) as meeting:
        got, line = outcome(work.do)

    assert meeting.met, "the fault never met its call"
    assert got is NOTHING and line
    assert work.do() == work.right
