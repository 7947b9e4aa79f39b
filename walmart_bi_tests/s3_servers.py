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

_START_SECONDS = 30.0


@functools.cache
def moto() -> str:
    """The endpoint of moto's server. It keeps everything in memory."""
    port = _free_port()
    return _started(port, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port))


@functools.cache
def localbucket() -> str:
    """The endpoint of localbucket, which shares no code with moto. It keeps objects as files."""
    port, folder = _free_port(), tempfile.TemporaryDirectory(prefix="localbucket_")
    atexit.register(folder.cleanup)
    return _started(port, "-m", "localbucket", folder.name, "--host", "127.0.0.1", "--port", str(port))


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


def _started(port: int, *command: str) -> str:
    log = tempfile.TemporaryFile()  # noqa: SIM115 - as long as the server
    process = subprocess.Popen([sys.executable, *command], stdin=subprocess.DEVNULL, stdout=log, stderr=log)
    atexit.register(_stop, process)
    endpoint, give_up = f"http://127.0.0.1:{port}", time.monotonic() + _START_SECONDS
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    while True:
        try:
            opener.open(endpoint, timeout=1).close()
        except urllib.error.HTTPError:
            return endpoint  # it answers
        except OSError:
            if process.poll() is not None or time.monotonic() > give_up:
                log.seek(0)
                raise RuntimeError(f"{command} did not start: {log.read().decode(errors='replace')}") from None
            time.sleep(0.02)
        else:
            return endpoint


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
