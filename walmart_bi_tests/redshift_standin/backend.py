"""One session on the PostgreSQL behind the front: simple queries, COPY FROM STDIN, and whole batches passed through."""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import BinaryIO, cast

from walmart_bi_tests.redshift_standin.messages import (
    Message,
    SqlError,
    data_row,
    read_message,
    startup,
    zero_ended,
)
from walmart_bi_tests.redshift_standin.postgres import SUPERUSER

Rows = list[tuple[str | None, ...]]


class BackendGone(Exception):
    """PostgreSQL ended the session."""


class Backend:
    """A session; `greeting` holds what the server said before its first ReadyForQuery."""

    def __init__(self, unix_socket: Path, database: str, settings: Mapping[str, str] | None = None) -> None:
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._socket.connect(str(unix_socket))
        self._stream = cast(BinaryIO, self._socket.makefile("rb"))
        self.status = b"I"
        self._socket.sendall(startup({"user": SUPERUSER, "database": database, **(settings or {})}))
        self.greeting: list[Message] = []
        self._collect(self.greeting.append)

    def close(self) -> None:
        """End the session; what was not committed is rolled back."""
        with contextlib.suppress(OSError):
            self._socket.sendall(Message(b"X", b"").encoded())
        self._stream.close()
        self._socket.close()

    def query(self, sql: str) -> Rows:
        """The rows of a simple query in text form. Raises SqlError."""
        rows: Rows = []
        self._send([Message(b"Q", zero_ended([sql]))])
        self._collect(lambda message: rows.append(data_row(message)) if message.kind == b"D" else None)
        return rows

    def copy_in(self, sql: str, chunks: Iterable[bytes]) -> int:
        """Run `COPY ... FROM STDIN` with these bytes; the number of rows. Raises SqlError."""
        self._send([Message(b"Q", zero_ended([sql]))])
        counts: list[int] = []
        for message in self._answers():
            if message.kind == b"G":
                self._send([*(Message(b"d", chunk) for chunk in chunks), Message(b"c", b"")])
            elif message.kind == b"C":
                counts.append(int(message.text(0).rpartition(" ")[2]))
        return counts[0]

    def copy_out(self, sql: str) -> bytes:
        """What `COPY ... TO STDOUT` gives. Raises SqlError."""
        self._send([Message(b"Q", zero_ended([sql]))])
        return b"".join(message.body for message in self._answers() if message.kind == b"d")

    def relay(self, batch: Iterable[Message], forward: Callable[[Message], None]) -> bool:
        """Pass a batch on and its answers back, all but the final ReadyForQuery; whether it went without an error."""
        self._send(batch)
        fine = True
        for message in self._until_ready():
            fine = fine and message.kind != b"E"
            forward(message)
        return fine

    def _send(self, messages: Iterable[Message]) -> None:
        try:
            self._socket.sendall(b"".join(message.encoded() for message in messages))
        except OSError as error:
            raise BackendGone from error

    def _collect(self, keep: Callable[[Message], object]) -> None:
        for message in self._answers():
            keep(message)

    def _answers(self) -> Iterator[Message]:
        """Messages until ReadyForQuery, then the error if there was one; a fatal one ends the session at once."""
        error: SqlError | None = None
        try:
            for message in self._until_ready():
                if message.kind == b"E":
                    error = SqlError.from_message(message)
                yield message
        except BackendGone as gone:
            raise error or gone from None
        if error is not None:
            raise error

    def _until_ready(self) -> Iterator[Message]:
        while True:
            message = read_message(self._stream)
            if message is None:
                raise BackendGone
            if message.kind == b"Z":
                self.status = message.body
                return
            yield message


@contextlib.contextmanager
def session(unix_socket: Path, database: str) -> Iterator[Backend]:
    """A session that ends with the block."""
    backend = Backend(unix_socket, database)
    try:
        yield backend
    finally:
        backend.close()
