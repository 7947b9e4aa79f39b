"""A proxy in front of an S3 server that misbehaves as told, so that a fault reaches the store as real HTTP.

A fault names the requests that it meets and what they get instead of, or on top of, the server's answer. Requests that
no fault meets pass through. Every request and its headers are kept, for tests that ask what was sent.
"""

from __future__ import annotations

import http.client
import http.server
import socket
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from urllib.parse import urlsplit


@dataclass
class Answer:
    """What goes back to the client. With `send`, only so many bytes of the body, then the connection is cut."""

    status: int
    headers: dict[str, str]
    body: bytes
    send: int | None = None


@dataclass
class Fault:
    """Meets the first `times` requests of the method whose path and query contain the text."""

    method: str
    act: Callable[[Answer], Answer | None]
    containing: str = ""
    times: int = 1_000_000
    met: int = 0
    before: bool = field(default=True, kw_only=True)  # instead of the server, which then never hears of it

    def meets(self, method: str, path: str) -> bool:
        return method == self.method and self.containing in path and self.met < self.times


@dataclass(frozen=True)
class Request:
    method: str
    path: str
    headers: dict[str, str]


def refusal(status: int, code: str, message: str = "told to refuse") -> Callable[[Answer], Answer]:
    """An S3 error; to HEAD without a body, as S3 does."""
    xml = f"<Error><Code>{code}</Code><Message>{message}</Message><RequestId>REQ1</RequestId></Error>".encode()
    headers = {"Content-Type": "application/xml", "x-amz-request-id": "REQ1", "x-amz-bucket-region": "us-west-2"}
    return lambda _: Answer(status, headers, xml)


def cut_after(count: int) -> Callable[[Answer], Answer]:
    """The server's answer, whose body ends early."""
    return lambda answer: Answer(answer.status, answer.headers, answer.body, send=count)


def no_answer(_: Answer) -> None:
    """The connection is closed without a word."""


class FaultyS3(http.server.ThreadingHTTPServer):
    """The proxy; `endpoint` is its address, `faults` what it does, `requests` what it was asked."""

    daemon_threads = True

    def __init__(self, upstream: str) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.upstream = urlsplit(upstream).netloc
        self.endpoint = f"http://127.0.0.1:{self.server_port}"
        self.behave()

    def __enter__(self) -> FaultyS3:
        threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.01}).start()
        return self

    def __exit__(self, *_: object) -> None:
        self.shutdown()
        self.server_close()

    def behave(self) -> None:
        """Forget the faults and the requests."""
        self.faults: list[Fault] = []
        self.requests: list[Request] = []
        self.dropped_headers: set[str] = set()

    def refuse_everything(self, status: int, code: str, message: str = "", *, times: int = 1_000_000) -> None:
        """Meet every request; the answer to HEAD has no body, so it does not say why."""
        for method in ("GET", "PUT", "POST", "DELETE", "HEAD"):
            self.faults.append(Fault(method, refusal(status, code, message), times=times))

    def sent(self, method: str, containing: str = "") -> list[Request]:
        return [each for each in self.requests if each.method == method and containing in each.path]

    def handle_error(self, *_: object) -> None:
        """A client that hangs up is part of the tests."""


class _Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: FaultyS3

    def _serve(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.server.requests.append(Request(self.command, self.path, dict(self.headers.items())))
        fault = next((each for each in self.server.faults if each.meets(self.command, self.path)), None)
        answer: Answer | None = Answer(200, {}, b"")
        if fault is None or not fault.before:
            answer = self._forward(body)
        if fault is not None and answer is not None:
            fault.met += 1
            answer = fault.act(answer)
        if answer is None:
            self.close_connection = True
            self.connection.shutdown(socket.SHUT_RDWR)
        else:
            self._send(answer)

    do_GET = do_PUT = do_HEAD = do_POST = do_DELETE = _serve  # noqa: N815 - the names that http.server calls

    def _forward(self, body: bytes) -> Answer:
        upstream = http.client.HTTPConnection(self.server.upstream, timeout=30)
        dropped = {"expect", *(name.lower() for name in self.server.dropped_headers)}
        kept = {name: text for name, text in self.headers.items() if name.lower() not in dropped}
        upstream.request(self.command, self.path, body, kept)
        got = upstream.getresponse()
        content = got.read()
        headers = {
            name: text for name, text in got.getheaders() if name.lower() not in {"connection", "date", "server"}
        }
        upstream.close()
        return Answer(got.status, headers, content)

    def _send(self, answer: Answer) -> None:
        self.send_response(answer.status)
        has_length = any(name.lower() == "content-length" for name in answer.headers)
        length = {} if has_length else {"Content-Length": str(len(answer.body))}
        for name, text in {**answer.headers, **length}.items():
            if name.lower() != "transfer-encoding":
                self.send_header(name, text)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(answer.body[: answer.send])
        if answer.send is not None:
            self.wfile.flush()
            self.close_connection = True

    def log_message(self, *_: object) -> None:
        """Nothing to say on the terminal."""


def slowly(seconds: float) -> Callable[[Answer], Answer]:
    """The answer, after a silence."""

    def act(answer: Answer) -> Answer:
        time.sleep(seconds)
        return answer

    return act
