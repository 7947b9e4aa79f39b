"""A delivered file's bytes as UTF-8 text in chunks: what kind of file it is, gzip, byte order marks, UTF-16, caps.

Nothing here knows lines, fields or columns. Bytes that are not text in the declared encoding are passed on as bytes
that are not UTF-8, so that the row they stand in can be set aside instead of the file.
"""

from __future__ import annotations

import codecs
import zlib
from collections.abc import Callable, Iterator
from itertools import chain
from pathlib import Path

from walmart_bi.sales.contract import (
    EXPANSION_GRACE_BYTES,
    MAX_EXPANSION,
    MAX_TEXT_BYTES,
    MAX_TEXT_BYTES_IN_PARTS,
)
from walmart_bi.sales.errors import RejectedFile

CHUNK_BYTES = 4 * 2**20
GZIP = b"\x1f\x8b"
PARQUET = b"PAR1"

TOO_LARGE_STEP = "split the file by month and deliver the parts, or clean it on a cluster (docs/scale.md)."
_SAVE_AS_CSV = "export the data as CSV text in UTF-8 and deliver that file."
_FOREIGN_KINDS: tuple[tuple[bytes, str, str], ...] = (
    (b"PK\x03\x04", "zip", "a zip archive or an Excel workbook"),
    (b"\xd0\xcf\x11\xe0", "excel", "an Excel workbook of the old kind, or another Office document"),
    (b"%PDF", "pdf", "a PDF document"),
    (b"BZh", "compressed", "bzip2 compressed"),
    (b"\xfd7zXZ\x00", "compressed", "xz compressed"),
    (b"\x28\xb5\x2f\xfd", "compressed", "zstd compressed"),
    (b"7z\xbc\xaf\x27\x1c", "compressed", "a 7z archive"),
    (b"Rar!\x1a\x07", "compressed", "a RAR archive"),
    (GZIP, "compressed", "gzip compressed twice"),
    (PARQUET, "compressed", "a Parquet file that was compressed again with gzip"),
    (b"SQLite format 3\x00", "database", "an SQLite database"),
    (codecs.BOM_UTF32_LE, "other_encoding", "text in UTF-32"),
    (codecs.BOM_UTF32_BE, "other_encoding", "text in UTF-32"),
)


def is_parquet(path: Path) -> bool:
    """Whether the file begins as a Parquet file does."""
    with path.open("rb") as file:
        return file.read(len(PARQUET)) == PARQUET


def plain_text_start(path: Path) -> int | None:
    """Where the text begins in a file whose bytes are its text, after a byte order mark; None for any other file."""
    with path.open("rb") as file:
        head = file.read(len(PARQUET))
    encoding, mark = _encoding(head)
    return None if head.startswith((GZIP, PARQUET)) or encoding != "utf-8" else len(mark)


def text_chunks(
    path: Path, name: str, on_bytes: Callable[[bytes], object] | None = None, *, in_parts: bool = False
) -> Iterator[bytes]:
    """The file's text as UTF-8 bytes without a byte order mark, in chunks of bounded size.

    `name` is the file's name in messages; `on_bytes` sees every raw byte of the file once, in order; a file that is
    cleaned in parts may be larger. Raises RejectedFile for what is not text or breaks a cap.
    """
    raw = _raw_chunks(path, on_bytes)
    head = _head(raw)
    if head.startswith(GZIP):
        raw = _gunzip(chain((head,), raw), name)
        head = _head(raw)
    encoding, mark = _encoding(head)
    if encoding == "utf-8":
        _reject_foreign(head, name)
    text: Iterator[bytes] = chain((head[len(mark) :],), raw)
    if encoding != "utf-8":
        text = _utf16(text, encoding)
        head = _head(text)
        text = chain((head,), text)
    _reject_markup(head, name)
    return _capped(text, name, MAX_TEXT_BYTES_IN_PARTS if in_parts else MAX_TEXT_BYTES)


def _raw_chunks(path: Path, on_bytes: Callable[[bytes], object] | None) -> Iterator[bytes]:
    with path.open("rb") as file:
        while chunk := file.read(CHUNK_BYTES):
            if on_bytes is not None:
                on_bytes(chunk)
            yield chunk


def _head(chunks: Iterator[bytes]) -> bytes:
    """The first chunk, long enough to know every kind of file by its first bytes."""
    head = b""
    while len(head) < 1024 and (chunk := next(chunks, b"")):
        head += chunk
    return head


def _gunzip(chunks: Iterator[bytes], name: str) -> Iterator[bytes]:
    """Decompress all members of a gzip file, never ahead of what is asked for."""
    compressed = expanded = 0
    inflate = zlib.decompressobj(wbits=31)
    for chunk in chunks:
        compressed += len(chunk)
        pending = chunk
        while pending:
            if inflate.eof:
                if not pending.strip(b"\0"):  # padding after the last member, as tar and some tapes leave it
                    break
                inflate = zlib.decompressobj(wbits=31)
            try:
                text = inflate.decompress(pending, EXPANSION_GRACE_BYTES)
            except zlib.error as error:
                raise _damaged_gzip(name, expanded, str(error)) from None
            pending = inflate.unused_data if inflate.eof else inflate.unconsumed_tail
            expanded += len(text)
            consumed = compressed - len(pending)
            if expanded > EXPANSION_GRACE_BYTES and expanded > consumed * MAX_EXPANSION:
                raise RejectedFile(
                    "expansion",
                    f"The gzip file grows to more than {MAX_EXPANSION} times its size; sales data never does.",
                    place=f"{name}, after {consumed:,} compressed bytes",
                    next_step="find out who made this file; deliver the data uncompressed if it is real.",
                )
            if text:
                yield text
    if not inflate.eof:
        raise _damaged_gzip(name, expanded, "it ends too early")


def _damaged_gzip(name: str, expanded: int, detail: str) -> RejectedFile:
    return RejectedFile(
        "damaged_gzip",
        f"The gzip file is damaged: {detail}.",
        place=f"{name}, after {expanded:,} bytes of text",
        next_step="deliver the file again; it was probably cut off while it was copied.",
    )


def _encoding(head: bytes) -> tuple[str, bytes]:
    if head.startswith((codecs.BOM_UTF32_LE, codecs.BOM_UTF32_BE)):
        return "utf-8", b""
    for mark, encoding in (
        (codecs.BOM_UTF8, "utf-8"),
        (codecs.BOM_UTF16_LE, "utf-16-le"),
        (codecs.BOM_UTF16_BE, "utf-16-be"),
    ):
        if head.startswith(mark):
            return encoding, mark
    return "utf-8", b""


def _utf16(chunks: Iterator[bytes], encoding: str) -> Iterator[bytes]:
    """UTF-16 as UTF-8. A lone surrogate or half a unit at the end becomes bytes that are not UTF-8."""
    carry = b""
    for chunk in chunks:
        data = carry + chunk
        whole = len(data) - len(data) % 2
        high = data[whole - 1 : whole] if encoding.endswith("le") else data[whole - 2 : whole - 1]
        if high and 0xD8 <= high[0] <= 0xDB:  # the first half of a pair: its second half comes with the next chunk
            whole -= 2
        carry = data[whole:]
        yield data[:whole].decode(encoding, "surrogatepass").encode("utf-8", "surrogatepass")
    if carry:
        yield b"\xff"


def _reject_foreign(head: bytes, name: str) -> None:
    for magic, reason, kind in _FOREIGN_KINDS:
        if head.startswith(magic):
            if reason == "zip" and (b"xl/" in head or b"[Content_Types].xml" in head):
                reason, kind = "excel", "an Excel workbook (xlsx)"
            raise RejectedFile(
                reason, f"The file is {kind}, not CSV text.", place=f"{name}, byte 0", next_step=_SAVE_AS_CSV
            )
    sample = head[:65536]
    if sample.count(0) > len(sample) // 10:
        raise RejectedFile(
            "binary",
            f"{sample.count(0):,} of the first {len(sample):,} bytes are NUL: binary data, or UTF-16 without its mark.",
            place=f"{name}, byte {sample.index(0)}",
            next_step="export the data as CSV text in UTF-8, or as UTF-16 with a byte order mark.",
        )


def _reject_markup(head: bytes, name: str) -> None:
    start = head[:1024].lstrip().lower()
    kinds = (
        ("html", "an HTML page", start.startswith((b"<!doctype html", b"<html", b"<head", b"<body", b"<table"))),
        ("xml", "an XML document", start.startswith(b"<")),
        ("json", "a JSON document", start.startswith((b"{", b"["))),
    )
    for reason, kind, matches in kinds:
        if matches:
            raise RejectedFile(
                reason, f"The file is {kind}, not CSV text.", place=f"{name}, line 1", next_step=_SAVE_AS_CSV
            )


def _capped(chunks: Iterator[bytes], name: str, most: int) -> Iterator[bytes]:
    total = 0
    for chunk in chunks:
        total += len(chunk)
        if total > most:
            raise RejectedFile(
                "too_large",
                f"The file has more than {most:,} bytes of text.",
                place=name,
                next_step=TOO_LARGE_STEP,
            )
        if chunk:
            yield chunk
