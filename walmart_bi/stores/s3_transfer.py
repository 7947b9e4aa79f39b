"""Bytes on their way up to S3 and down from it: hashed, with bounded memory, and nothing half done left behind.

Which version, which condition and which rounds are the store's business (`s3.py`).
"""

from __future__ import annotations

import contextlib
import hashlib
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import IO, Any

from walmart_bi.points import reached
from walmart_bi.stores.base import StoreError
from walmart_bi.stores.local_files import created, file_errors, opened
from walmart_bi.stores.s3_errors import s3_errors

_BLOCK_BYTES = 1 << 20
# Above this a file goes up in parts, one in memory at a time. S3 takes parts from 5 MiB, and at most 10,000 of them.
PART_BYTES = 16 << 20
_MOST_PARTS = 10_000


def upload(
    client: Any,
    target: Mapping[str, str],
    described: Mapping[str, Any],
    content: IO[bytes],
    condition: Mapping[str, str],
    *,
    in_parts: bool | None = None,
) -> None:
    """Write the whole content under the target, under the condition; in parts when it is large, unless told.

    Raises what botocore raises.
    """
    size = content.seek(0, os.SEEK_END)
    content.seek(0)
    if size > PART_BYTES if in_parts is None else in_parts:
        _upload_parts(client, target, described, content, condition, max(PART_BYTES, -(-size // _MOST_PARTS)))
    else:
        client.put_object(Body=content, **target, **described, **condition)


def _upload_parts(
    client: Any,
    target: Mapping[str, str],
    described: Mapping[str, Any],
    content: IO[bytes],
    condition: Mapping[str, str],
    part_bytes: int,
) -> None:
    """A multipart upload, with the condition on its last step: boto3's managed transfer has no place for one.

    One part at a time, so the memory stays at one part; a failed upload leaves no parts that cost money.
    """
    this = {**target, "UploadId": client.create_multipart_upload(**target, **described)["UploadId"]}
    try:
        parts: list[dict[str, Any]] = []
        while block := content.read(part_bytes):
            number = len(parts) + 1
            answer = client.upload_part(PartNumber=number, Body=block, **this)
            checksums = {name: answer[name] for name in answer if name.startswith("Checksum")}
            reached("put.part")
            parts.append({"PartNumber": number, "ETag": answer["ETag"], **checksums})
        client.complete_multipart_upload(MultipartUpload={"Parts": parts}, **this, **condition)
    except BaseException:
        # What ended the upload is what the caller must see, not that the server could not be told.
        with contextlib.suppress(StoreError), s3_errors(target["Key"]):
            client.abort_multipart_upload(**this)
        raise


def received(body: Any, copy: Path) -> str | None:
    """Write the body to the file; the SHA-256 of what arrived, or None when the connection was cut before the end."""
    from botocore.exceptions import HTTPClientError, IncompleteReadError  # type: ignore[import-untyped]
    from urllib3.exceptions import HTTPError

    digest = hashlib.sha256()
    with contextlib.closing(body), file_errors(copy), created(copy) as target:
        try:
            for block in body.iter_chunks(_BLOCK_BYTES):
                digest.update(block)
                target.write(block)
        except (HTTPClientError, IncompleteReadError, HTTPError):
            return None
    return digest.hexdigest()


@contextlib.contextmanager
def hashed(source: Path) -> Iterator[tuple[IO[bytes], str]]:
    """The local file, open for reading, and the SHA-256 of its content."""
    with opened(source) as content:
        with file_errors(source):
            digest = sha256_of(content)
        yield content, digest


def sha256_of(content: IO[bytes]) -> str:
    """The hash of what is left to read."""
    return hashlib.file_digest(content, "sha256").hexdigest()  # type: ignore[arg-type]
