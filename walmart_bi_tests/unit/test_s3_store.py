"""What is true of the S3 store alone: what it asks of the server, and what it makes of each way a server can fail."""

from __future__ import annotations

import hashlib
import io
import logging
import os
import pickle
import socket
import ssl
import subprocess
import sys
import tempfile
import traceback
import tracemalloc
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from unittest import mock

import pytest
import trustme
from botocore.response import StreamingBody

from walmart_bi.stores import s3, s3_client, s3_transfer
from walmart_bi.stores.base import InvalidKey, ObjectChanged, ObjectExists, ObjectNotFound, StoreError
from walmart_bi.stores.s3 import S3Store
from walmart_bi.stores.s3_settings import Encryption
from walmart_bi_tests import s3_servers
from walmart_bi_tests.faulty_s3 import Answer, Fault, FaultyS3, cut_after, no_answer, refusal, slowly

CANARY = "canary-secret-6f1d"
CANARIES = {"AWS_SECRET_ACCESS_KEY": CANARY, "AWS_SESSION_TOKEN": CANARY}


@pytest.fixture(scope="module")
def running_proxy() -> Iterator[FaultyS3]:
    with FaultyS3(s3_servers.moto()) as server:
        yield server


@pytest.fixture(scope="module")
def quick_client(running_proxy: FaultyS3) -> Any:
    """The product's own client, but with two tries and short silences."""
    with mock.patch.dict(os.environ, {**s3_servers.variables(running_proxy.endpoint), **CANARIES}):
        return s3_client.s3_client(read_seconds=0.5, tries=2)


@pytest.fixture
def proxy(running_proxy: FaultyS3) -> FaultyS3:
    running_proxy.behave()
    return running_proxy


@pytest.fixture
def bucket(proxy: FaultyS3, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A bucket of moto's; the environment leads to it through the proxy."""
    with s3_servers.new_bucket(s3_servers.moto()) as name:
        for variable, value in {**s3_servers.variables(proxy.endpoint), **CANARIES}.items():
            monkeypatch.setenv(variable, value)
        yield name


@pytest.fixture
def server(bucket: str) -> Any:
    """The way to the server that avoids the proxy and the store."""
    return s3_servers.client(s3_servers.moto())


@pytest.fixture
def store(bucket: str, quick_client: Any, monkeypatch: pytest.MonkeyPatch) -> S3Store:
    monkeypatch.setattr(s3, "_PAUSE_SECONDS", 0.001)
    return S3Store(bucket, client=quick_client)


@pytest.fixture
def local(tmp_path: Path):
    def write(content: bytes, name: str = "local.bin") -> Path:
        path = tmp_path / name
        path.write_bytes(content)
        return path

    return write


@pytest.fixture
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where private copies are made."""
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    return folder


def keys(store: S3Store, prefix: str = "") -> list[str]:
    return [info.key for info in store.list(prefix)]


def told(caught: pytest.ExceptionInfo[StoreError]) -> str:
    """The one line that people read; no secret is in it, nor in the trace."""
    trace = "".join(traceback.format_exception(caught.value))
    assert CANARY not in trace
    assert "Signature=" not in trace
    line = str(caught.value)
    assert "Next step: " in line
    assert "\n" not in line
    return line


# Making and addressing


def test_making_a_store_imports_no_boto3_and_sends_nothing():
    program = (
        "import sys, socket\n"
        "socket.socket.connect = None\n"
        "from walmart_bi.stores.s3 import S3Store\n"
        "from walmart_bi.stores.s3_settings import Encryption\n"
        "print(S3Store('b', 'p/', encryption=Encryption('aws:kms', 'key')).uri('raw_data/a.csv'))\n"
        "print(sorted({'boto3', 'botocore', 'urllib3'} & set(sys.modules)))\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)

    assert done.stdout.splitlines() == ["s3://b/p/raw_data/a.csv", "[]"]


@pytest.mark.parametrize("prefix", ["sales/eu", "sales/eu/", "/sales/eu/"])
def test_a_store_with_a_prefix_sees_and_writes_below_it_alone(bucket, server, store, prefix):
    store.write_bytes("raw_data/outside", b"x")
    store.write_bytes("sales/eu2/raw_data/outside", b"x")
    inside = S3Store(bucket, prefix, client=s3_servers.client(s3_servers.moto()))
    inside.write_bytes("raw_data/a", b"x")

    assert keys(inside) == ["raw_data/a"]
    assert inside.uri("raw_data/a") == f"s3://{bucket}/sales/eu/raw_data/a"
    assert server.head_object(Bucket=bucket, Key="sales/eu/raw_data/a")["ContentLength"] == 1


def test_a_prefix_that_leaves_the_bucket_is_refused():
    with pytest.raises(InvalidKey):
        S3Store("bucket", "a/../..")


def test_prefix_and_key_together_are_at_most_1024_bytes():
    store = S3Store("bucket", "p" * 500)

    assert store.uri("k" * 523)
    with pytest.raises(InvalidKey):
        store.uri("k" * 524)


def test_at_another_endpoint_the_bucket_is_in_the_path_and_at_amazon_in_the_host(monkeypatch):
    for name, value in s3_servers.variables("http://localhost:9000").items():
        monkeypatch.setenv(name, value)
    address = {"Params": {"Bucket": "bucket", "Key": "key"}, "ExpiresIn": 60}

    assert (
        s3_client.s3_client()
        .generate_presigned_url("get_object", **address)
        .startswith("http://localhost:9000/bucket/key?")
    )
    monkeypatch.delenv("AWS_ENDPOINT_URL_S3")
    assert (
        s3_client.s3_client()
        .generate_presigned_url("get_object", **address)
        .startswith("https://bucket.s3.amazonaws.com/key?")
    )


def test_the_product_waits_and_retries_within_limits(bucket):
    config = s3_client.s3_client().meta.config

    assert config.retries == {"mode": "standard", "total_max_attempts": 5}
    assert (config.connect_timeout, config.read_timeout) == (10, 60)


def test_an_endpoint_that_is_no_address_is_named(monkeypatch):
    for name, value in s3_servers.variables("not an address").items():
        monkeypatch.setenv(name, value)

    with pytest.raises(StoreError, match="AWS_ENDPOINT_URL_S3"):
        S3Store("bucket").head("a")


# What a listing makes of names that others choose


def test_a_consoles_folder_is_no_object_and_an_unusable_name_is_reported(bucket, server, store, caplog):
    for key in ["raw_data/", "raw_data/a.csv", "raw_data//b.csv", "raw_data/c\\d.csv"]:
        server.put_object(Bucket=bucket, Key=key, Body=b"")

    with caplog.at_level(logging.WARNING):
        assert keys(store) == ["raw_data/a.csv"]
    assert [("//b" in record.message, "rename" in record.message) for record in caplog.records] == [
        (True, True),
        (False, True),
    ]


# Write once


def test_the_server_itself_is_asked_to_refuse_a_second_writer(store, proxy, local):
    store.put_new("monthly_data/a", local(b"content"))

    writes = [request.headers.get("If-None-Match") for request in proxy.sent("PUT", "monthly_data/a")]
    assert writes == ["*"]


def test_a_server_that_overwrites_all_the_same_is_refused_before_anything_is_published(store, proxy, local):
    proxy.dropped_headers = {"If-None-Match"}

    with pytest.raises(StoreError, match="overwrites") as caught:
        store.put_new("monthly_data/a", local(b"content"))
    assert "conditional writes" in told(caught)
    assert proxy.sent("PUT", "monthly_data/a") == []


def test_a_server_that_passes_over_the_condition_for_parts_alone_is_refused(store, proxy, local):
    done = b"<CompleteMultipartUploadResult><ETag>e</ETag></CompleteMultipartUploadResult>"
    proxy.faults = [Fault("POST", lambda _: Answer(200, {}, done), "uploadId=")]

    with pytest.raises(StoreError, match="overwrites"):
        store.put_new("monthly_data/a", local(b"content"))


def test_the_server_is_asked_about_write_once_one_time_for_each_store(store, proxy, local):
    for number in range(3):
        store.put_new(f"monthly_data/{number}", local(b"content"))

    assert len(proxy.sent("POST", "write-once-probe?uploadId=")) == 1
    assert keys(store, "staging/") == []


def test_a_write_once_that_was_done_but_not_answered_is_a_success(store, proxy, local):
    store.require_write_once()
    proxy.faults = [Fault("PUT", no_answer, "monthly_data/a", times=1, before=False)]

    assert store.put_new("monthly_data/a", local(b"content")) == store.head("monthly_data/a")
    assert len(proxy.sent("PUT", "monthly_data/a")) == 2


@pytest.mark.parametrize(("theirs", "outcome"), [(b"content", "same"), (b"CONTENT", "refused")])
def test_a_writer_who_comes_second_looks_at_what_the_first_one_wrote(
    bucket, server, store, proxy, local, theirs, outcome
):
    store.require_write_once()

    def first_writer(answer: Answer) -> Answer:
        server.put_object(Bucket=bucket, Key="monthly_data/a", Body=theirs)
        return answer

    proxy.faults = [Fault("HEAD", first_writer, "monthly_data/a", times=1, before=False)]
    if outcome == "same":
        assert store.put_new("monthly_data/a", local(b"content")).size == 7
    else:
        with pytest.raises(ObjectExists):
            store.put_new("monthly_data/a", local(b"content"))
    assert server.get_object(Bucket=bucket, Key="monthly_data/a")["Body"].read() == theirs


def test_a_conflict_of_conditional_writes_is_tried_again(store, proxy, local):
    store.require_write_once()
    proxy.faults = [Fault("PUT", refusal(409, "ConditionalRequestConflict"), "monthly_data/a", times=2)]

    assert store.put_new("monthly_data/a", local(b"content")).size == 7


def test_a_conflict_that_does_not_end_is_reported(store, proxy, local):
    store.require_write_once()
    proxy.faults = [Fault("PUT", refusal(409, "ConditionalRequestConflict"), "monthly_data/a")]

    with pytest.raises(StoreError, match=r"monthly_data/a: Other writers.*5 times"):
        store.put_new("monthly_data/a", local(b"content"))


# Large files


@pytest.fixture
def small_parts(monkeypatch: pytest.MonkeyPatch) -> int:
    monkeypatch.setattr(s3_transfer, "PART_BYTES", 5 << 20)
    return 5 << 20


def test_a_large_file_goes_up_in_parts_and_comes_back_whole(store, proxy, local, small_parts):
    content = os.urandom(1 << 20) * 12

    written = store.put("raw_data/large", local(content))

    assert len(proxy.sent("PUT", "partNumber=")) == 3
    assert written.size == len(content)
    with store.fetch("raw_data/large", written.etag) as path:
        assert hashlib.sha256(path.read_bytes()).digest() == hashlib.sha256(content).digest()


def test_a_large_file_is_written_once_too(bucket, server, store, local, small_parts):
    content = b"a" * (small_parts + 1)
    first = store.put_new("monthly_data/large", local(content))

    assert store.put_new("monthly_data/large", local(content)) == first
    with pytest.raises(ObjectExists):
        store.put_new("monthly_data/large", local(content + b"!"))
    assert store.head("monthly_data/large") == first


def test_two_writers_of_a_large_file_leave_the_first_one_whole_and_no_parts(
    bucket, server, store, proxy, local, small_parts
):
    store.require_write_once()

    def first_writer(answer: Answer) -> Answer:
        server.put_object(Bucket=bucket, Key="monthly_data/large", Body=b"first")
        return answer

    proxy.faults = [Fault("PUT", first_writer, "partNumber=2", times=1, before=False)]
    with pytest.raises(ObjectExists):
        store.put_new("monthly_data/large", local(b"a" * (small_parts + 1)))

    assert store.read_bytes("monthly_data/large") == b"first"
    assert "Uploads" not in server.list_multipart_uploads(Bucket=bucket)


def test_a_completed_upload_whose_answer_is_lost_is_a_success(store, proxy, local, small_parts):
    store.require_write_once()
    proxy.faults = [Fault("POST", no_answer, "large?uploadId=", times=1, before=False)]

    assert store.put_new("monthly_data/large", local(b"a" * (small_parts + 1))).size == small_parts + 1


def test_a_replacing_upload_whose_answer_is_lost_is_a_success_too(store, proxy, local, small_parts):
    """Botocore sends the completion again, and S3 may then know the upload no more: the first one completed it."""
    proxy.faults = [
        Fault("POST", no_answer, "large?uploadId=", times=1, before=False),
        Fault("POST", refusal(404, "NoSuchUpload"), "large?uploadId=", times=1),
    ]

    assert store.put("raw_data/large", local(b"a" * (small_parts + 1))).size == small_parts + 1
    assert [fault.met for fault in proxy.faults] == [1, 1]


def test_an_upload_that_is_forgotten_every_time_is_reported(store, proxy, local, small_parts):
    proxy.faults = [Fault("POST", refusal(404, "NoSuchUpload"), "large?uploadId=")]

    with pytest.raises(StoreError, match=r"raw_data/large: Other writers.*5 times"):
        store.put("raw_data/large", local(b"a" * (small_parts + 1)))


def test_an_upload_that_fails_leaves_no_parts_and_no_object(bucket, server, store, proxy, local, small_parts):
    proxy.faults = [Fault("PUT", refusal(403, "AccessDenied"), "partNumber=2")]

    with pytest.raises(StoreError, match="no right"):
        store.put("raw_data/large", local(b"a" * (small_parts + 1)))
    assert keys(store) == []
    assert "Uploads" not in server.list_multipart_uploads(Bucket=bucket)


def test_the_failure_is_reported_even_when_the_parts_cannot_be_removed(store, proxy, local, small_parts):
    proxy.faults = [
        Fault("PUT", refusal(403, "AccessDenied"), "partNumber=1"),
        Fault("DELETE", refusal(400, "InvalidRequest")),
    ]

    with pytest.raises(StoreError, match="AccessDenied"):
        store.put("raw_data/large", local(b"a" * (small_parts + 1)))


def test_memory_stays_at_a_part_however_large_the_file_is(bucket, server, local, small_parts):
    store, size = S3Store(bucket, client=server), 8 * small_parts
    source = local(b"")
    with source.open("r+b") as content:
        content.truncate(size)
    store.write_bytes("warm", b"x")

    tracemalloc.start()
    try:
        store.put("raw_data/large", source)
        with store.fetch("raw_data/large") as path:
            assert path.stat().st_size == size
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()

    # The part at hand, the one before it until it is replaced, and the blocks of a socket.
    assert peak < 3 * small_parts < size


# Encryption and kind


@pytest.mark.parametrize(
    ("encryption", "asked"),
    [
        (None, {}),
        (Encryption("AES256"), {"": "AES256"}),
        (Encryption("aws:kms"), {"": "aws:kms", "-bucket-key-enabled": "true"}),
        (
            Encryption("aws:kms", "arn:aws:kms:us-east-1:123456789012:key/k"),
            {
                "": "aws:kms",
                "-bucket-key-enabled": "true",
                "-aws-kms-key-id": "arn:aws:kms:us-east-1:123456789012:key/k",
            },
        ),
    ],
)
def test_every_kind_of_write_asks_for_the_encryption(bucket, store, proxy, local, small_parts, encryption, asked):
    name = "x-amz-server-side-encryption"
    store = S3Store(bucket, encryption=encryption, client=store._client)
    store.put("put", local(b"x"))
    store.put_new("new", local(b"x"))
    store.write_bytes("bytes", b"x")
    store.put("parts", local(b"x" * (small_parts + 1)))

    beginnings = [
        *(proxy.sent("PUT", f"/{key}")[0] for key in ("put", "new", "bytes")),
        proxy.sent("POST", "/parts")[0],
    ]
    for request in beginnings:
        found = {
            header[len(name) :]: text for header, text in request.headers.items() if header.lower().startswith(name)
        }
        assert found == asked


@pytest.mark.parametrize(
    ("key", "kind"),
    [
        ("dashboard_data/latest/story.html", "text/html"),
        ("monthly_data/2025-03/a.parquet", "application/octet-stream"),
        ("raw_data/a.csv.gz", "application/octet-stream"),
    ],
)
def test_a_page_is_stored_as_a_page(bucket, server, store, key, kind):
    store.write_bytes(key, b"x")

    found = server.head_object(Bucket=bucket, Key=key)["ContentType"]
    assert found == kind or (key.endswith(".parquet") and "parquet" in found)


# Reading


def test_a_private_copy_is_removed_also_when_its_reader_fails(store, temporary):
    store.write_bytes("raw_data/a", b"content")

    with store.fetch("raw_data/a") as path:
        assert path.is_relative_to(temporary)
        assert path.parent.stat().st_mode & 0o077 == 0
    with pytest.raises(ZeroDivisionError), store.fetch("raw_data/a"):
        raise ZeroDivisionError
    with pytest.raises(ObjectNotFound), store.fetch("raw_data/b"):
        pytest.fail("there is no such object")

    assert list(temporary.iterdir()) == []


def test_a_transfer_that_is_cut_is_begun_anew_with_the_same_version(store, proxy, temporary):
    etag = store.write_bytes("raw_data/a", b"0123456789" * 100_000).etag
    proxy.faults = [Fault("GET", cut_after(300_000), "raw_data/a", times=2, before=False)]

    with store.fetch("raw_data/a", etag) as path:
        assert path.read_bytes() == b"0123456789" * 100_000
    assert [request.headers["If-Match"] for request in proxy.sent("GET", "raw_data/a")] == [f'"{etag}"'] * 3


def test_a_transfer_that_is_cut_every_time_is_reported_and_hands_nothing_out(store, proxy, temporary):
    store.write_bytes("raw_data/a", b"0123456789" * 100_000)
    proxy.faults = [Fault("GET", cut_after(300_000), "raw_data/a", before=False)]

    with pytest.raises(StoreError, match=r"raw_data/a.*cut or damaged 5 times") as caught, store.fetch("raw_data/a"):
        pytest.fail("half an object must not be handed out")
    told(caught)
    assert list(temporary.iterdir()) == []


def test_a_body_that_stops_coming_is_begun_anew(store, proxy):
    store.write_bytes("raw_data/a", b"content")
    proxy.faults = [Fault("GET", slowly(1.0), "raw_data/a", times=1, before=False)]

    assert store.read_bytes("raw_data/a") == b"content"


def test_bytes_changed_on_the_way_are_not_handed_out(store, proxy):
    store.write_bytes("raw_data/a", b"content")
    proxy.faults = [
        Fault("GET", lambda answer: Answer(answer.status, answer.headers, b"CONTENT"), "raw_data/a", before=False)
    ]

    with pytest.raises(StoreError, match="cut or damaged"):
        store.read_bytes("raw_data/a")
    proxy.faults[0].times = proxy.faults[0].met + 1
    assert store.read_bytes("raw_data/a") == b"content"


def test_the_hash_is_found_however_the_server_spells_its_name(store, proxy):
    store.write_bytes("raw_data/a", b"content")

    def loudly(answer: Answer) -> Answer:
        return Answer(answer.status, {name.upper(): text for name, text in answer.headers.items()}, b"CONTENT")

    proxy.faults = [Fault("GET", loudly, "raw_data/a", before=False)]
    with pytest.raises(StoreError, match="cut or damaged"):
        store.read_bytes("raw_data/a")


def test_an_object_of_another_producer_needs_no_hash(bucket, server, store):
    server.put_object(Bucket=bucket, Key="raw_data/a", Body=b"theirs")

    assert store.read_bytes("raw_data/a") == b"theirs"


def test_a_server_that_passes_over_the_asked_version_is_not_believed(store, proxy):
    first = store.write_bytes("raw_data/a", b"11").etag
    store.write_bytes("raw_data/a", b"22")
    proxy.dropped_headers = {"If-Match"}

    with pytest.raises(ObjectChanged), store.fetch("raw_data/a", first):
        pytest.fail("another version must not be handed out")


def test_no_room_for_the_private_copy_is_said(tmp_path):
    full = tmp_path / "full"
    full.symlink_to("/dev/full")

    with pytest.raises(StoreError, match="free disk space"):
        s3_transfer.received(StreamingBody(io.BytesIO(b"content"), 7), full)


def test_a_local_file_that_cannot_be_read_is_named(store, tmp_path):
    for attempt in (store.put, store.put_new):
        with pytest.raises(ObjectNotFound, match=r"none\.bin"):
            attempt("raw_data/a", tmp_path / "none.bin")
        with pytest.raises(StoreError, match=str(tmp_path)):
            attempt("raw_data/a", tmp_path)


# What a server refuses


OPERATIONS = {
    "list": lambda store, local: keys(store),
    "head": lambda store, local: store.head("raw_data/a"),
    "fetch": lambda store, local: store.read_bytes("raw_data/a"),
    "put": lambda store, local: store.put("raw_data/a", local(b"x")),
    "put_new": lambda store, local: store.put_new("raw_data/a", local(b"x")),
    "write_bytes": lambda store, local: store.write_bytes("raw_data/a", b"x"),
    "delete": lambda store, local: store.delete("raw_data/a"),
}

REFUSALS = {
    "expired token": (400, "ExpiredToken", "expired.*renew"),
    "access denied": (403, "AccessDenied", "no right"),
    "unknown key": (403, "InvalidAccessKeyId", "does not accept the AWS credentials"),
    "wrong secret": (403, "SignatureDoesNotMatch", "does not accept the AWS credentials"),
    "no bucket": (404, "NoSuchBucket", "no such bucket.*WALMART_BI_BUCKET"),
    "other region": (301, "PermanentRedirect", "another AWS region"),
    "wrong clock": (403, "RequestTimeTooSkewed", "clock"),
    "disabled KMS key": (400, "KMS.DisabledException", "KMS key"),
    "archived": (403, "InvalidObjectState", "archive"),
    "not offered": (501, "NotImplemented", "does not offer"),
    "anything else": (400, "SomethingNew", "refused.*400 SomethingNew"),
}


@pytest.mark.parametrize("operation", OPERATIONS)
@pytest.mark.parametrize("case", REFUSALS)
def test_a_refusal_names_the_object_the_cause_and_the_next_step(store, proxy, local, operation, case):
    status, code, expected = REFUSALS[case]
    proxy.refuse_everything(status, code, CANARY)

    with pytest.raises(StoreError, match=expected) as caught:
        OPERATIONS[operation](store, local)
    line = str(caught.value)
    assert line.startswith("s3://")
    assert CANARY not in line
    assert "Next step: " in line
    assert "request REQ1" in line


def test_an_address_that_only_forwards_is_reported(store, proxy):
    proxy.faults = [
        Fault(method, lambda _: Answer(301, {"Location": "https://elsewhere.example/"}, b""))
        for method in ("GET", "HEAD")
    ]

    for operation in ("list", "head", "fetch"):
        with pytest.raises(StoreError, match=r"forwards.*AWS_ENDPOINT_URL_S3"):
            OPERATIONS[operation](store, None)


def test_a_missing_bucket_is_never_taken_for_a_missing_object(store, bucket, local):
    store = S3Store("no-such-bucket-anywhere", client=store._client)

    for operation in OPERATIONS.values():
        with pytest.raises(StoreError, match="no such bucket") as caught:
            operation(store, local)
        assert not isinstance(caught.value, ObjectNotFound)
        told(caught)


def test_a_right_that_only_reading_lacks_is_told_from_a_missing_object(store, proxy):
    proxy.faults = [Fault("HEAD", lambda _: Answer(403, {}, b""))]

    with pytest.raises(StoreError, match="no right") as caught:
        store.head("raw_data/a")
    told(caught)


def test_a_server_that_is_busy_for_a_moment_is_tried_again(store, proxy, local):
    store.require_write_once()
    for operation in ("write_bytes", "list", "head", "fetch", "put_new", "delete"):
        proxy.behave()
        proxy.refuse_everything(503, "SlowDown", times=1)

        OPERATIONS[operation](store, local)
        assert any(fault.met for fault in proxy.faults)


@pytest.mark.parametrize("operation", OPERATIONS)
@pytest.mark.parametrize(("status", "code"), [(503, "SlowDown"), (500, "InternalError"), (502, "none")])
def test_a_server_that_stays_busy_is_left_after_a_few_tries(store, proxy, local, operation, status, code, monkeypatch):
    monkeypatch.setattr("botocore.endpoint.time.sleep", lambda seconds: None)
    proxy.refuse_everything(status, code)

    with pytest.raises(StoreError, match="busy or out of order") as caught:
        OPERATIONS[operation](store, local)
    told(caught)
    assert len(proxy.requests) == 2


def test_the_product_gives_up_after_five_tries(bucket, proxy, monkeypatch):
    monkeypatch.setattr("botocore.endpoint.time.sleep", lambda seconds: None)
    proxy.faults = [Fault("GET", refusal(503, "SlowDown"))]

    with pytest.raises(StoreError, match="busy"):
        keys(S3Store(bucket))
    assert len(proxy.requests) == 5


def test_a_code_that_is_no_code_does_not_reach_the_message(store, proxy):
    proxy.faults = [Fault("GET", refusal(400, "a b c " + CANARY))]

    with pytest.raises(StoreError, match="400 unknown"):
        keys(store)


# What does not answer


def test_a_connection_that_is_closed_without_a_word_is_reported(store, proxy):
    proxy.faults = [Fault("GET", no_answer)]

    with pytest.raises(StoreError, match="does not answer") as caught:
        keys(store)
    assert "AWS_ENDPOINT_URL_S3" in told(caught)
    assert len(proxy.requests) == 2


def test_a_server_that_is_silent_too_long_is_reported(store, proxy):
    proxy.faults = [Fault("GET", slowly(1.0), before=False)]

    with pytest.raises(StoreError, match=r"does not answer.*ReadTimeoutError") as caught:
        keys(store)
    told(caught)


def test_a_refused_connection_is_reported(bucket, monkeypatch):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        monkeypatch.setenv("AWS_ENDPOINT_URL_S3", f"http://127.0.0.1:{free.getsockname()[1]}")
        client = s3_client.s3_client(tries=1)

    with pytest.raises(StoreError, match=r"does not answer.*EndpointConnectionError") as caught:
        S3Store(bucket, client=client).head("a")
    told(caught)


def test_an_untrusted_certificate_is_reported(bucket, monkeypatch):
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    trustme.CA().issue_cert("127.0.0.1").configure_cert(context)
    with FaultyS3(s3_servers.moto()) as stranger:
        stranger.socket = context.wrap_socket(stranger.socket, server_side=True)
        monkeypatch.setenv("AWS_ENDPOINT_URL_S3", stranger.endpoint.replace("http:", "https:"))

        with pytest.raises(StoreError, match=r"certificate.*AWS_CA_BUNDLE") as caught:
            keys(S3Store(bucket, client=s3_client.s3_client(tries=1)))
    told(caught)


def test_missing_credentials_are_reported(bucket, monkeypatch):
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"):
        monkeypatch.delenv(name)

    with pytest.raises(StoreError, match=r"no complete AWS credentials.*AWS_PROFILE") as caught:
        keys(S3Store(bucket))
    told(caught)


def test_a_profile_that_is_not_there_is_reported(bucket, monkeypatch):
    monkeypatch.setenv("AWS_PROFILE", "nobody")

    with pytest.raises(StoreError, match=r"AWS_PROFILE.*"):
        keys(S3Store(bucket))


def test_credentials_that_cannot_be_renewed_are_reported(bucket, monkeypatch, tmp_path):
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"):
        monkeypatch.delenv(name)
    config = tmp_path / "config"
    config.write_text("[default]\ncredential_process = false\n")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(config))

    with pytest.raises(StoreError, match=r"cannot be renewed.*aws sso login"):
        keys(S3Store(bucket))


def test_a_name_that_no_bucket_can_have_is_reported(store):
    with pytest.raises(StoreError, match=r"name of a bucket.*WALMART_BI_BUCKET"):
        keys(S3Store("No Bucket!", client=store._client))


def test_given_a_store_that_was_used_when_packed_for_another_process_then_it_goes_without_credentials(bucket, local):
    used = S3Store(bucket, "sales")
    used.put("raw_data/a.csv", local(b"0123456789"))

    packed = pickle.dumps(used)

    assert CANARY.encode() not in packed and len(packed) < 1_000
    assert pickle.loads(packed).read_range("raw_data/a.csv", 3, 6) == b"345"


def test_given_a_range_that_is_cut_on_its_way_then_it_is_asked_for_again(store, proxy):
    etag = store.write_bytes("raw_data/a", b"0123456789" * 100_000).etag
    proxy.faults = [Fault("GET", cut_after(300_000), "raw_data/a", times=2, before=False)]

    assert store.read_range("raw_data/a", 10, 900_010, etag) == b"0123456789" * 90_000
    ranges = [request.headers["Range"] for request in proxy.sent("GET", "raw_data/a")]
    assert ranges == ["bytes=10-900009"] * 3
