"""What the queue's client makes of every refusal: one clear line, and nothing of what the server said."""

import json
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import pytest

from walmart_bi.arrival_queue import ArrivalQueue, Message, QueueError
from walmart_bi_tests import s3_servers
from walmart_bi_tests.arrival_queues import new_queue

CANARY = "canary-9d31"


class Refusing(BaseHTTPRequestHandler):
    """An SQS server that refuses everything with the code that the test chose."""

    code, status = "", 400

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        body = json.dumps({"__type": f"com.amazonaws.sqs#{self.code}", "message": f"{CANARY} is not allowed"}).encode()
        self.send_response(self.status)
        self.send_header("Content-Type", "application/x-amz-json-1.0")
        self.send_header("x-amzn-RequestId", "7a62c49f-347e-4fc4-9331-6e8e7a96aa73")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture
def server() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Refusing) as http:
        thread = Thread(target=http.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{http.server_port}"
        http.shutdown()
        thread.join()


@pytest.fixture
def environment(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    for name, value in s3_servers.variables("http://127.0.0.1:9").items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("AWS_PROFILE", raising=False)
    return monkeypatch


def refusal(url: str) -> str:
    with pytest.raises(QueueError) as caught:
        ArrivalQueue(url).receive(10)
    assert "\n" not in str(caught.value) and "test-secret" not in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize(
    ("code", "status", "words"),
    [
        ("AccessDeniedException", 400, "may not read this queue"),
        ("KMS.AccessDeniedException", 400, "may not read this queue"),
        ("QueueDoesNotExist", 400, "There is no such queue"),
        ("InvalidAddress", 404, "There is no such queue"),
        ("ExpiredTokenException", 400, "not accepted, or have expired"),
        ("UnrecognizedClientException", 400, "not accepted, or have expired"),
        ("SignatureDoesNotMatch", 403, "not accepted, or have expired"),
        ("SomethingNew", 400, "SQS refused the request. (ReceiveMessage: 400 SomethingNew"),
        ("ServiceUnavailable", 503, "SQS refused the request. (ReceiveMessage: 503 ServiceUnavailable"),
    ],
)
def test_given_a_refusal_when_received_then_cause_place_and_next_step_without_the_servers_words(
    environment: pytest.MonkeyPatch, server: str, code: str, status: int, words: str
):
    environment.setenv("AWS_ENDPOINT_URL_SQS", server)
    environment.setattr(Refusing, "code", code)
    environment.setattr(Refusing, "status", status)
    url = f"{server}/123456789012/arrivals"
    text = refusal(url)
    assert words in text and text.startswith(url) and "Next step:" in text
    assert "7a62c49f" in text and CANARY not in text


def test_given_no_such_queue_in_a_real_server_when_received_or_deleted_then_it_says_so(
    environment: pytest.MonkeyPatch,
):
    environment.setenv("AWS_ENDPOINT_URL_SQS", s3_servers.moto())
    url = f"{new_queue().url}-not"
    assert "There is no such queue" in refusal(url)
    with pytest.raises(QueueError, match="no such queue"):
        ArrivalQueue(url).delete([Message("", "receipt", "")])


def test_given_nobody_at_the_address_when_received_then_it_says_where_to_look(environment: pytest.MonkeyPatch):
    environment.setenv("AWS_ENDPOINT_URL_SQS", "http://127.0.0.1:9")
    text = refusal("http://127.0.0.1:9/1/arrivals")
    assert "EndpointConnectionError" in text and "AWS_ENDPOINT_URL_SQS" in text


@pytest.mark.parametrize(
    ("changes", "word"),
    [
        ({"AWS_ENDPOINT_URL_SQS": "no address"}, "The address of the SQS server is not one"),
        ({"AWS_PROFILE": "not-there"}, "ProfileNotFound"),
        ({"AWS_DEFAULT_REGION": ""}, "NoRegionError"),
        ({"AWS_ACCESS_KEY_ID": "", "AWS_SECRET_ACCESS_KEY": ""}, "NoCredentialsError"),
    ],
)
def test_given_an_environment_that_leads_nowhere_when_received_then_one_clear_line(
    environment: pytest.MonkeyPatch, changes: dict[str, str], word: str
):
    environment.delenv("AWS_REGION", raising=False)
    for name, value in changes.items():
        if value:
            environment.setenv(name, value)
        else:
            environment.delenv(name)
    assert word in refusal("https://sqs.us-east-1.amazonaws.com/123456789012/arrivals")


def test_given_an_empty_queue_when_received_then_nothing(environment: pytest.MonkeyPatch):
    environment.setenv("AWS_ENDPOINT_URL_SQS", s3_servers.moto())
    assert ArrivalQueue(new_queue().url).receive(10) == []


def test_given_more_messages_than_one_request_holds_when_received_and_deleted_then_all_are_gone(
    environment: pytest.MonkeyPatch,
):
    environment.setenv("AWS_ENDPOINT_URL_SQS", s3_servers.moto())
    queue = new_queue()
    for number in range(13):
        queue.send(str(number))
    client = ArrivalQueue(queue.url)
    received = client.receive(20)
    assert sorted(int(message.body) for message in received) == list(range(13))
    client.delete(received)
    assert queue.left() == 0
