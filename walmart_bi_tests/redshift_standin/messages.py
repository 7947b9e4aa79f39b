"""Frames of the PostgreSQL wire protocol, version 3, which Redshift speaks: reading, taking apart, building.

Bytes only: what a message means to whom is in `backend.py` and `front.py`.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Mapping
from typing import BinaryIO, NamedTuple

SSL_REQUEST = 80877103
PROTOCOL_3 = 196608


class Message(NamedTuple):
    """One message: its type byte and what follows the length."""

    kind: bytes
    body: bytes

    def encoded(self) -> bytes:
        """The bytes on the wire."""
        return self.kind + struct.pack("!i", len(self.body) + 4) + self.body

    def text(self, number: int) -> str:
        """The text with this number (from 0) among the zero-ended ones that the body begins with."""
        return self.body.split(b"\0", number + 1)[number].decode()


class SqlError(Exception):
    """An ErrorResponse: its fields by their one-letter names (`C` code, `M` message, `D` detail, ...)."""

    def __init__(self, code: str, message: str, **more: str) -> None:
        super().__init__(message)
        self.fields = {"S": "ERROR", "C": code, "M": message, **more}

    @classmethod
    def from_message(cls, message: Message) -> SqlError:
        """The error that a server sent."""
        parts = [part.decode() for part in message.body.split(b"\0") if part]
        fields = {part[0]: part[1:] for part in parts}
        error = cls(fields["C"], fields["M"])
        error.fields = fields
        return error

    def message(self) -> Message:
        """The error as a server sends it."""
        return Message(b"E", b"".join(f"{name}{value}\0".encode() for name, value in self.fields.items()) + b"\0")


def read_message(stream: BinaryIO) -> Message | None:
    """The next message; None when the other side is gone."""
    head = stream.read(5)
    if len(head) < 5:
        return None
    (length,) = struct.unpack("!i", head[1:])
    body = stream.read(length - 4)
    return Message(head[:1], body) if len(body) == length - 4 else None


def read_startup(stream: BinaryIO) -> tuple[int, dict[str, str]] | None:
    """The untyped first message: its code, and the settings that follow protocol 3; None when the client is gone."""
    head = stream.read(8)
    if len(head) < 8:
        return None
    length, code = struct.unpack("!ii", head)
    words = stream.read(length - 8).split(b"\0")
    values = [word.decode() for word in words]
    return code, dict(zip(values[::2], values[1::2], strict=False))


def startup(settings: Mapping[str, str]) -> bytes:
    """A client's first message."""
    body = struct.pack("!i", PROTOCOL_3) + zero_ended(part for pair in settings.items() for part in pair) + b"\0"
    return struct.pack("!i", len(body) + 4) + body


def zero_ended(texts: Iterable[str]) -> bytes:
    """The texts, each with a zero byte after it."""
    return b"".join(text.encode() + b"\0" for text in texts)


def data_row(message: Message) -> tuple[str | None, ...]:
    """The values of a DataRow in text form."""
    (count,) = struct.unpack_from("!h", message.body)
    position, values = 2, []
    for _ in range(count):
        (length,) = struct.unpack_from("!i", message.body, position)
        position += 4
        values.append(None if length < 0 else message.body[position : position + length].decode())
        position += max(length, 0)
    return tuple(values)
