"""The files that a COPY names: one object, all under a prefix, or a manifest's. Reads S3 over HTTP with boto3."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from walmart_bi_tests.redshift_standin.messages import SqlError


@dataclass(frozen=True)
class S3File:
    """One object to load, by its address and content."""

    uri: str
    content: bytes


def split_uri(uri: str) -> tuple[str, str]:
    """Bucket and key of an s3:// address."""
    scheme, _, rest = uri.partition("://")
    bucket, _, key = rest.partition("/")
    if scheme != "s3" or not bucket:
        raise SqlError("XX000", f"The specified S3 path '{uri}' is not valid")
    return bucket, key


def under_prefix(client: Any, uri: str) -> list[S3File]:
    """Every object whose key begins with the address's key, as COPY takes an address without a manifest."""
    bucket, prefix = split_uri(uri)
    with _explained(uri):
        pages = client.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix)
        keys = [entry["Key"] for page in pages for entry in page.get("Contents", [])]
        found = [S3File(f"s3://{bucket}/{key}", _read(client, bucket, key)) for key in keys]
    if not found:
        raise SqlError("XX000", f"The specified S3 prefix '{prefix}' does not exist")
    return found


def in_manifest(client: Any, uri: str, *, needs_length: bool) -> list[S3File]:
    """The objects that the manifest at this address lists; a missing one is an error where it is mandatory."""
    bucket, key = split_uri(uri)
    with _explained(uri):
        try:
            entries = json.loads(_read(client, bucket, key))["entries"]
        except (ValueError, KeyError, TypeError) as error:
            raise SqlError("XX000", f"Problem reading manifest file - {uri} is not a valid manifest") from error
        return list(_entries(client, entries, needs_length=needs_length))


def _entries(client: Any, entries: list[dict[str, Any]], *, needs_length: bool) -> Iterator[S3File]:
    for entry in entries:
        bucket, key = split_uri(entry["url"])
        length = entry.get("meta", {}).get("content_length")
        if needs_length and length is None:
            raise SqlError("XX000", f"Manifest entry {entry['url']} has no meta.content_length")
        try:
            content = _read(client, bucket, key)
        except ClientError as error:
            if error.response["Error"]["Code"] == "NoSuchKey" and not entry.get("mandatory", False):
                continue
            raise
        if length is not None and length != len(content):
            message = f"The length of {entry['url']} is {len(content)}, its manifest entry says {length}"
            raise SqlError("XX000", message)
        yield S3File(entry["url"], content)


def _read(client: Any, bucket: str, key: str) -> bytes:
    return bytes(client.get_object(Bucket=bucket, Key=key)["Body"].read())


class _explained:  # noqa: N801 - reads as a clause
    """Turns a refusal of S3 into the error that a COPY ends with; its exact words are a guess."""

    def __init__(self, uri: str) -> None:
        self._uri = uri

    def __enter__(self) -> None:
        pass

    def __exit__(self, _: object, error: BaseException | None, __: object) -> None:
        if isinstance(error, ClientError):
            details = error.response["Error"]
            message = f"S3ServiceException:{details['Message']},Status {details['Code']},Error {details['Code']}"
            raise SqlError("XX000", message, D=f"error: {message} code: 8001 context: {self._uri}") from error
        if isinstance(error, BotoCoreError):
            raise SqlError("XX000", f"S3 cannot be reached: {error}") from error
