"""A fault that meets one call: by the frames that lead to it, so that the same request from elsewhere goes through.

Each context manager yields a `Meeting`, which counts: a case whose fault never met its call is no case.
"""

from __future__ import annotations

import contextlib
import io
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from types import FrameType
from typing import Any
from unittest import mock

from botocore.awsrequest import AWSResponse, HeadersDict
from botocore.endpoint import Endpoint
from urllib3.response import HTTPResponse

from walmart_bi_tests.faults.sites import SOURCE, CallSite

ALWAYS = 1_000_000


@dataclass
class Meeting:
    """How often the call was met."""

    most: int = ALWAYS
    met: int = 0

    def meets(self) -> bool:
        if self.met >= self.most:
            return False
        self.met += 1
        return True


def is_on_stack(site: CallSite, frame: FrameType | None = None) -> bool:
    """Whether the site is being called right now."""
    return _is_in(site, site.lines, frame or sys._getframe(1))


def _is_in(site: CallSite, lines: tuple[int, int], frame: FrameType | None) -> bool:
    file = str(SOURCE / site.file)
    while frame is not None:
        if frame.f_code.co_filename == file and lines[0] <= frame.f_lineno <= lines[1]:
            return True
        frame = frame.f_back
    return False


# AWS: what comes back from the network, so that the client's own tries and checks take part.

Send = Callable[[Any], AWSResponse]
Answer = Callable[[Any, Send], AWSResponse]


@contextlib.contextmanager
def answered(site: CallSite, answer: Answer, *, times: int = ALWAYS) -> Iterator[Meeting]:
    """Let `answer(request, send)` stand for the network at the site's operation; it may send, and change what came."""
    meeting, real = Meeting(times), Endpoint._send
    operation = site.operation.replace("_", "").lower()

    def send(endpoint: Endpoint, request: Any) -> AWSResponse:
        is_site = _operation_of(sys._getframe(1)).lower() == operation and _is_in(
            site, site.function_lines, sys._getframe(1)
        )
        if is_site and meeting.meets():
            return answer(request, lambda asked: real(endpoint, asked))
        return real(endpoint, request)

    with mock.patch.object(Endpoint, "_send", send):
        yield meeting


def _operation_of(frame: FrameType | None) -> str:
    """The AWS operation that is being sent, by botocore's own frame."""
    while frame is not None:
        if frame.f_code.co_name == "_make_api_call":
            return str(frame.f_locals["operation_name"])
        frame = frame.f_back
    return ""


def response(request: Any, status: int, headers: dict[str, str], body: bytes) -> AWSResponse:
    """An answer that nobody sent."""
    named = {name.lower() for name in headers}
    headers = headers if "content-length" in named else {**headers, "Content-Length": str(len(body))}
    raw = HTTPResponse(
        io.BytesIO(body), headers=headers, status=status, preload_content=False, enforce_content_length=False
    )
    return AWSResponse(request.url, status, HeadersDict(headers), raw)


def content_of(answer: AWSResponse) -> bytes:
    """The body of an answer, read from where the client has left it."""
    return bytes(answer.content)


# Python calls: the error that the call raises, at its own line.


@contextlib.contextmanager
def raised_at(site: CallSite, error: BaseException) -> Iterator[Meeting]:
    """Raise the error, once, when the site's line is about to run: whatever it calls, C or Python, fails with it.

    In this thread, and in those that begin meanwhile.
    """
    meeting, file = Meeting(1), str(SOURCE / site.file)

    def in_frame(frame: FrameType, event: str, _: Any) -> Any:
        if event == "line" and site.lines[0] <= frame.f_lineno <= site.lines[1] and meeting.meets():
            raise error
        return in_frame

    def everywhere(frame: FrameType, _event: str, _: Any) -> Any:
        return in_frame if frame.f_code.co_filename == file else None

    former, former_of_threads = sys.gettrace(), threading.gettrace()
    sys.settrace(everywhere)
    threading.settrace(everywhere)
    try:
        yield meeting
    finally:
        sys.settrace(former)
        threading.settrace(former_of_threads)  # type: ignore[arg-type]  # None takes it away


@contextlib.contextmanager
def called(
    target: object, name: str, site: CallSite, instead: Callable[..., Any], *, times: int = ALWAYS
) -> Iterator[Meeting]:
    """Call `instead(real, *arguments)` for `target.name` while the site is on the stack."""
    meeting, real = Meeting(times), getattr(target, name)

    def call(*arguments: Any, **options: Any) -> Any:
        if is_on_stack(site, sys._getframe(1)) and meeting.meets():
            return instead(real, *arguments, **options)
        return real(*arguments, **options)

    with mock.patch.object(target, name, call):
        yield meeting
