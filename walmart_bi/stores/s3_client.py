"""How S3 is reached: one boto3 client with limits on waiting and retrying.

Region, credentials and endpoint come from the standard AWS variables and files alone (`AWS_REGION`, `AWS_PROFILE`,
`AWS_ENDPOINT_URL_S3`, ...). boto3 is imported on the first use, and nothing is sent before the first request.
"""

from __future__ import annotations

import functools
from typing import Any
from urllib.parse import urlsplit

from walmart_bi.aws_session import aws_session
from walmart_bi.stores.base import StoreError

CONNECT_SECONDS = 10.0
# Longest silence inside an answer. S3 may take tens of seconds to put together a large multipart object.
READ_SECONDS = 60.0
# First try included. Standard mode waits up to 1, 2, 4 and 8 s between them: a throttled prefix gets time to recover.
TRIES = 5


def s3_client(
    *, connect_seconds: float = CONNECT_SECONDS, read_seconds: float = READ_SECONDS, tries: int = TRIES
) -> Any:
    """A boto3 S3 client; with an endpoint that is not Amazon's it puts the bucket's name in the path.

    Raises StoreError for an endpoint that is not an address; botocore's own errors for a profile that is not there.
    """
    session = aws_session()
    config = functools.partial(_config, connect_seconds=connect_seconds, read_seconds=read_seconds, tries=tries)
    try:
        client = session.client("s3", config=config("auto"))
        if _is_amazons(client.meta.endpoint_url):
            return client
        # A host named after the bucket needs a wildcard name and certificate, which few other servers have.
        return session.client("s3", config=config("path"))
    except ValueError as error:
        raise StoreError(
            "The address of the S3 server is not one.",
            place="AWS_ENDPOINT_URL_S3",
            next_step="give it as https://host or http://host:port.",
        ) from error


def _config(addressing: str, *, connect_seconds: float, read_seconds: float, tries: int) -> Any:
    from botocore.config import Config  # type: ignore[import-untyped]

    return Config(
        connect_timeout=connect_seconds,
        read_timeout=read_seconds,
        retries={"mode": "standard", "total_max_attempts": tries},
        s3={"addressing_style": addressing},
        # The store compares what it reads with the hash that it wrote; servers differ in the checksums they return
        # for parts and ranges, and a wrong one would refuse a good object.
        response_checksum_validation="when_required",
        tcp_keepalive=True,
        user_agent_appid="walmart_bi",
    )


def _is_amazons(endpoint: str) -> bool:
    host = urlsplit(endpoint).hostname or ""
    return host.endswith((".amazonaws.com", ".amazonaws.com.cn", ".api.aws"))
