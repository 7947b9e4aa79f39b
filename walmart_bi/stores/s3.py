"""A bucket, or a prefix in one, on Amazon S3 or a server that speaks its protocol.

What an object is, how it is written once and how exactly one version is read belong here. How S3 is reached is in
`s3_client.py`, how bytes go up and down in `s3_transfer.py`, what a refusal means in `s3_errors.py`. Making a store
sends nothing.

The version mark is S3's ETag. Every object that the store writes carries the SHA-256 of its content as metadata, and
every read is held against it: unlike an ETag it means the same for multipart and KMS-encrypted objects, on every
server that keeps metadata. What others deliver has no such hash and is guarded by TLS and its length.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import functools
import hashlib
import io
import logging
import mimetypes
import random
import tempfile
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import IO, Any

from walmart_bi.points import reached
from walmart_bi.stores.base import (
    STAGING,
    InvalidKey,
    ObjectChanged,
    ObjectExists,
    ObjectInfo,
    ObjectNotFound,
    StoreError,
    is_hidden,
    prefix_folder,
    too_short,
    validate_key,
)
from walmart_bi.stores.local_files import opened
from walmart_bi.stores.s3_client import s3_client
from walmart_bi.stores.s3_errors import ConditionFailed, WriteOvertaken, s3_errors, status_of
from walmart_bi.stores.s3_settings import Encryption
from walmart_bi.stores.s3_transfer import hashed, received, sha256_of, upload

_log = logging.getLogger(__name__)

# How often a cut download or an overtaken write is begun anew, and the base of the pauses between.
_ROUNDS = 5
_PAUSE_SECONDS = 0.1
_HASH = "sha256"
_ONLY_IF_ABSENT = {"IfNoneMatch": "*"}
_ALWAYS: Mapping[str, str] = {}
_PROBE = f"{STAGING}.write-once-probe"


class S3Store:
    """An `ObjectStore` in a bucket. Without `encryption` the bucket's default applies."""

    def __init__(
        self, bucket: str, prefix: str = "", *, encryption: Encryption | None = None, client: Any = None
    ) -> None:
        folder = prefix.strip("/")
        self._bucket = bucket
        self._prefix = f"{validate_key(folder)}/" if folder else ""
        self._encryption = encryption.arguments() if encryption else {}
        self._given_client = client
        self._write_once_shown = False

    def list(self, prefix: str) -> Iterator[ObjectInfo]:
        """Every object below the prefix, sorted by key, fetched page by page; hidden names are left out."""
        prefix_folder(prefix)
        return self._listed(prefix)

    def head(self, key: str) -> ObjectInfo:
        """The object's listing entry. Raises ObjectNotFound."""
        found = self._find(key)
        if found is None:
            raise ObjectNotFound(
                "There is nothing under this name.",
                place=self.uri(key),
                next_step="compare the name with the listing, or deliver the file again.",
            )
        return found

    @contextlib.contextmanager
    def fetch(self, key: str, etag: str | None = None) -> Iterator[Path]:
        """A private copy, removed on the way out; with an etag its version is compared on entry and on a normal exit.

        The copy needs room for the object in the temporary directory (TMPDIR).
        """
        with _scratch() as scratch:
            copy = scratch / "object"
            self._download(key, etag, copy)
            yield copy
        if etag is not None and self.head(key).etag != etag:
            raise self._changed(key)

    def read_range(self, key: str, start: int, stop: int, etag: str | None = None) -> bytes:
        """Some bytes of the object, with one request; with an etag S3 itself compares the version."""
        if stop <= start:
            return b""
        with _scratch() as scratch:
            copy = scratch / "range"
            self._download(key, etag, copy, (start, stop))
            with opened(copy) as content:
                return content.read()

    def put_new(self, key: str, source: Path) -> ObjectInfo:
        """Write once. Equal bytes under the key already: no-op. Other bytes: ObjectExists, nothing changes.

        S3 itself refuses the second writer, so two machines cannot both win; a server that does not is refused.
        """
        with hashed(source) as (content, digest):
            self._full(key)
            self.require_write_once()
            for round_ in range(_ROUNDS):
                _pause(round_)
                stored = self._find(key)
                if stored is not None:
                    self._require_content(stored, digest)
                    return stored
                try:
                    self._upload(key, content, digest, _ONLY_IF_ABSENT)
                except (ConditionFailed, WriteOvertaken):
                    continue
                return self.head(key)
        raise self._overtaken(key)

    def put(self, key: str, source: Path) -> ObjectInfo:
        """Write or replace, atomically: readers see the old object or the new one."""
        with hashed(source) as (content, digest):
            for round_ in range(_ROUNDS):
                _pause(round_)
                with contextlib.suppress(WriteOvertaken):
                    self._upload(key, content, digest)
                    return self.head(key)
        raise self._overtaken(key)

    def write_bytes(self, key: str, content: bytes) -> ObjectInfo:
        """`put` for a small object."""
        self._upload(key, io.BytesIO(content), hashlib.sha256(content).hexdigest())
        return self.head(key)

    def read_bytes(self, key: str) -> bytes:
        """The whole content of a small object. Raises ObjectNotFound."""
        with self.fetch(key) as path, opened(path) as content:
            return content.read()

    def delete(self, key: str) -> None:
        """Remove the object if it is there (with versioning: hide it behind a delete marker)."""
        with s3_errors(self.uri(key)):
            reached("delete.before")
            self._client.delete_object(Bucket=self._bucket, Key=self._full(key))
            reached("delete.after")

    def uri(self, key: str) -> str:
        """The object's s3:// address."""
        return f"s3://{self._bucket}/{self._full(key)}"

    def require_write_once(self) -> None:
        """Show that the server refuses a second write of a key, whole and in parts; StoreError when it does not.

        Some S3-compatible servers take the condition (`If-None-Match: *`) and overwrite all the same, which would let
        two runs publish different content under one name. Asked once for each store, before its first such write, with
        one hidden object that stays.
        """
        if self._write_once_shown:
            return
        content = io.BytesIO(b"probe of write-once\n")
        digest = sha256_of(content)
        # The first of these writes makes the object, if no earlier probe did.
        for number, in_parts in enumerate((False, False, True)):
            try:
                self._upload(_PROBE, content, digest, _ONLY_IF_ABSENT, in_parts=in_parts)
            except (ConditionFailed, WriteOvertaken):
                continue
            if number:
                raise StoreError(
                    "The S3 server overwrites an object although it was asked to write it only when it is absent.",
                    place=self.uri(_PROBE),
                    next_step="use Amazon S3 or a server with conditional writes (If-None-Match).",
                )
        self._write_once_shown = True

    def require_access(self, prefix: str) -> None:
        """Show that objects below the prefix can be written and read; StoreError when not. One hidden object stays.

        S3 looks at the right to write before the condition, so asking again shows the right and makes no new version.
        """
        key, content = f"{prefix}.access-probe", io.BytesIO(b"probe of access\n")
        with contextlib.suppress(ConditionFailed, WriteOvertaken):
            self._upload(key, content, sha256_of(content), _ONLY_IF_ABSENT)
        self.read_bytes(key)

    def __getstate__(self) -> dict[str, Any]:
        """Without the connection: another process makes its own, with the credentials that it has."""
        return {name: value for name, value in self.__dict__.items() if name != "_client"}

    @functools.cached_property
    def _client(self) -> Any:
        return s3_client() if self._given_client is None else self._given_client

    def _full(self, key: str) -> str:
        return validate_key(self._prefix + validate_key(key))

    def _listed(self, prefix: str) -> Iterator[ObjectInfo]:
        place = f"s3://{self._bucket}/{self._prefix}{prefix}"
        with s3_errors(place):
            pages = self._client.get_paginator("list_objects_v2").paginate(
                Bucket=self._bucket, Prefix=self._prefix + prefix
            )
            for page in pages:
                for entry in page.get("Contents", ()):
                    key = entry["Key"].removeprefix(self._prefix)
                    if is_shown(key):
                        yield _info(key, entry["Size"], entry, place)

    def _find(self, key: str) -> ObjectInfo | None:
        """The object's entry, or None.

        An answer to HEAD has no body, so it cannot tell a missing object from a missing bucket, nor an expired token
        from a missing right. A refused HEAD is therefore followed by a listing, whose refusal says which.
        """
        from botocore.exceptions import ClientError  # type: ignore[import-untyped]

        full = self._full(key)
        with s3_errors(self.uri(key)):
            try:
                answer = self._client.head_object(Bucket=self._bucket, Key=full)
            except ClientError as refused:
                if status_of(refused.response) >= 500:
                    raise
                self._client.list_objects_v2(Bucket=self._bucket, Prefix=full, MaxKeys=1)
                if status_of(refused.response) == 404:
                    return None
                raise
        return _info(key, answer["ContentLength"], answer, self.uri(key))

    def _download(self, key: str, etag: str | None, copy: Path, span: tuple[int, int] | None = None) -> None:
        """Copy exactly one version, or a span of its bytes. A transfer that was cut or damaged is begun anew.

        Only a whole object can be held against the hash that it was written with; of a span the length is known.
        """
        for round_ in range(_ROUNDS):
            _pause(round_)
            answer = self._get(key, etag, span)
            if span is not None and answer["ContentLength"] != span[1] - span[0]:
                answer["Body"].close()
                raise too_short(self.uri(key))
            written = {name.lower(): text for name, text in answer["Metadata"].items()}.get(_HASH)
            arrived = received(answer["Body"], copy)
            if arrived is not None and (span is not None or written in {None, arrived}):
                return
        raise StoreError(
            f"The object arrived cut or damaged {_ROUNDS} times.",
            place=self.uri(key),
            next_step="check the network, then run it again; if it stays, deliver or publish the object again.",
        )

    def _get(self, key: str, etag: str | None, span: tuple[int, int] | None) -> Any:
        condition = {"IfMatch": f'"{etag}"'} if etag is not None else {}
        if span is not None:
            condition["Range"] = f"bytes={span[0]}-{span[1] - 1}"
        try:
            with s3_errors(self.uri(key)):
                answer = self._client.get_object(Bucket=self._bucket, Key=self._full(key), **condition)
        except ConditionFailed as error:
            raise self._changed(key) from error
        # Some servers pass over If-Match and send the version that they have.
        try:
            found = _mark(answer, self.uri(key))
            if etag is not None and found != etag:
                raise self._changed(key)
        except StoreError:
            answer["Body"].close()
            raise
        return answer

    def _require_content(self, stored: ObjectInfo, digest: str) -> None:
        with self.fetch(stored.key, stored.etag) as path, opened(path) as content:
            same = sha256_of(content) == digest
        if not same:
            raise ObjectExists(
                "Other content is stored under this write-once name already.",
                place=self.uri(stored.key),
                next_step="publish the new content under a new name; this one keeps what it holds.",
            )

    def _upload(
        self,
        key: str,
        content: IO[bytes],
        digest: str,
        condition: Mapping[str, str] = _ALWAYS,
        *,
        in_parts: bool | None = None,
    ) -> None:
        """Write the content with its hash; in parts when it is large, unless told."""
        target = {"Bucket": self._bucket, "Key": self._full(key)}
        described = {"Metadata": {_HASH: digest}, "ContentType": _content_type(key), **self._encryption}
        with s3_errors(self.uri(key)):
            reached("put.before")
            upload(self._client, target, described, content, condition, in_parts=in_parts)
            reached("put.after")

    def _overtaken(self, key: str) -> StoreError:
        return StoreError(
            f"Other writers of the same name got in the way {_ROUNDS} times.",
            place=self.uri(key),
            next_step="look who else writes there, then run it again; nothing was half written.",
        )

    def _changed(self, key: str) -> ObjectChanged:
        return ObjectChanged(
            "The object was replaced after it was listed.",
            place=self.uri(key),
            next_step="run it again: the newest version is then taken.",
        )


@contextlib.contextmanager
def _scratch() -> Iterator[Path]:
    """A directory for a private copy, removed on the way out."""
    try:
        folder = tempfile.TemporaryDirectory(prefix="walmart_bi_")
    except OSError as error:
        raise StoreError(
            f"No private copy of an object can be made: {error.strerror or error}.",
            place=error.filename or "temporary directory",
            next_step="free disk space there, or set TMPDIR to a directory that can be written to, then run it again.",
        ) from error
    with folder as path:
        yield Path(path)


def _info(key: str, size: int, answer: Mapping[str, Any], place: str) -> ObjectInfo:
    """The entry of an object, to the second: a listing of some servers is finer than their answer to HEAD."""
    mark = _mark(answer, place)
    modified: dt.datetime = answer["LastModified"]
    return ObjectInfo(key, size, mark, modified.astimezone(dt.UTC).replace(microsecond=0))


def _mark(answer: Mapping[str, Any], place: str) -> str:
    """The version mark. An answer without one is not S3's: a proxy's page must not pass for the object."""
    if "ETag" not in answer:
        raise StoreError(
            "What answers there is no S3 server: its answer has no version mark.",
            place=place,
            next_step="check the proxy and AWS_ENDPOINT_URL_S3, then run it again.",
        )
    return str(answer["ETag"]).strip('"')


def is_shown(key: str) -> bool:
    """Whether a listing shows this key. A console's folder (`raw_data/`) is no object; other odd names are reported."""
    if not key or key.endswith("/") or is_hidden(key):
        return False
    try:
        validate_key(key)
    except InvalidKey as error:
        _log.warning("%s", error)
        return False
    return True


def _content_type(key: str) -> str:
    """What a browser that opens the object is told: a dashboard page is shown, not downloaded."""
    kind, packed = mimetypes.guess_type(key)
    return kind if kind and not packed else "application/octet-stream"


def _pause(round_: int) -> None:
    """Wait before another round: not before the first, then a little longer each time, out of step with others."""
    if round_:
        time.sleep(_PAUSE_SECONDS * 2**round_ * random.uniform(0.5, 1.0))  # noqa: S311 - no secret hangs on it
