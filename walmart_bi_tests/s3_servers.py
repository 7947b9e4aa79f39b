"""S3 servers of other makers, each in a process of its own on a loopback port, started once and stopped with the tests.

Clients find a server through the standard AWS variables alone, as they do outside the tests.
"""

from __future__ import annotations

import atexit
import contextlib
import functools
import os
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
import uuid
from collections.abc import Iterator
from typing import Any
from unittest import mock

from walmart_bi.stores.s3_client import s3_client
from walmart_bi_tests.kept import NotStarted, kept

_START_SECONDS = 30.0
_running = contextlib.ExitStack()
atexit.register(_running.close)


@functools.cache
def moto() -> str:
    """The endpoint of moto's server. It keeps everything in memory."""
    return _running.enter_context(kept(moto_on, str(_free_port())))


@functools.cache
def localbucket() -> str:
    """The endpoint of localbucket, which shares no code with moto. It keeps objects as files, here until the end."""
    return _running.enter_context(kept(throw_away_localbucket, str(_free_port())))


@contextlib.contextmanager
def moto_on(port: str) -> Iterator[str]:
    """Run moto's server; yields its endpoint."""
    with _server(port, "walmart_bi_tests.moto_server", "-H", "127.0.0.1", "-p", port) as endpoint:
        yield endpoint


@contextlib.contextmanager
def localbucket_on(port: str, folder: str) -> Iterator[str]:
    """Run localbucket on the objects in this directory; yields its endpoint."""
    with _server(port, "localbucket", folder, "--host", "127.0.0.1", "--port", port) as endpoint:
        yield endpoint


@contextlib.contextmanager
def throw_away_localbucket(port: str) -> Iterator[str]:
    """Run localbucket on a directory that is removed at the end; yields its endpoint."""
    with tempfile.TemporaryDirectory(prefix="localbucket_") as folder, localbucket_on(port, folder) as endpoint:
        yield endpoint


def variables(endpoint: str) -> dict[str, str]:
    """The AWS variables that lead to the endpoint, and to no configuration of the machine."""
    return {
        "AWS_ENDPOINT_URL_S3": endpoint,
        "AWS_ACCESS_KEY_ID": "test-key-id",
        "AWS_SECRET_ACCESS_KEY": "test-secret",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        "AWS_EC2_METADATA_DISABLED": "true",
        "no_proxy": "127.0.0.1",
    }


@contextlib.contextmanager
def new_bucket(endpoint: str) -> Iterator[str]:
    """The name of an empty bucket; inside the block the environment leads to its server."""
    name = f"bucket-{uuid.uuid4().hex}"
    with mock.patch.dict(os.environ, variables(endpoint)):
        client(endpoint).create_bucket(Bucket=name)
        yield name


@functools.cache
def client(endpoint: str) -> Any:
    """The project's S3 client for the endpoint, one a process: making one takes as long as many requests."""
    with mock.patch.dict(os.environ, variables(endpoint)):
        return s3_client()


@contextlib.contextmanager
def _server(port: str, module: str, *arguments: str) -> Iterator[str]:
    with tempfile.TemporaryFile() as log:
        command = [sys.executable, "-m", module, *arguments]
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        try:
            endpoint, give_up = f"http://127.0.0.1:{port}", time.monotonic() + _START_SECONDS
            while not _answers(endpoint):
                if process.poll() is not None or time.monotonic() > give_up:
                    log.seek(0)
                    raise NotStarted(f"{module} does not answer: {log.read().decode(errors='replace').strip()}")
                time.sleep(0.02)
            yield endpoint
        finally:
            _stop(process)


def _answers(endpoint: str) -> bool:
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        opener.open(endpoint, timeout=1).close()
    except urllib.error.HTTPError:
        return True
    except OSError:
        return False
    return True


def _stop(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(5)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
