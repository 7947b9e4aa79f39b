"""The listener that the driver talks to: TLS, a password, then statements, each passed to a PostgreSQL session.

A thread per client, half duplex: messages are read up to Sync, answered up to ReadyForQuery. Every statement is logged
as it came. `faults` makes a chosen statement fail, or cuts the connection before or after it ran.
"""

from __future__ import annotations

import contextlib
import re
import socket
import ssl
import struct
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO, Literal, NamedTuple, cast

from walmart_bi_tests.redshift_standin.backend import Backend, BackendGone, session
from walmart_bi_tests.redshift_standin.catalog import record_load
from walmart_bi_tests.redshift_standin.copying import LoadReport, parse_copy, run_copy
from walmart_bi_tests.redshift_standin.dialect import Kind, as_postgres, as_redshift, kind_of
from walmart_bi_tests.redshift_standin.identity import Identity
from walmart_bi_tests.redshift_standin.messages import (
    SSL_REQUEST,
    Message,
    SqlError,
    read_message,
    read_startup,
    zero_ended,
)
from walmart_bi_tests.redshift_standin.unloading import parse_unload, run_unload

# Redshift's default isolation: snapshot, where the second of two writers of a row fails.
_SETTINGS = {"options": r"-c default_transaction_isolation=repeatable\ read"}
_NOTHING = "SET standin.nothing TO ''"


class Statement(NamedTuple):
    """A statement that was executed, as the client sent it, and the session it came from."""

    session: int
    sql: str


@dataclass
class Fault:
    """What happens once to the next statement that the pattern is found in: `meanwhile`, then the error or the cut."""

    pattern: str
    when: Literal["before", "after"] = "before"
    error: SqlError | None = None
    meanwhile: Callable[[], None] | None = None
    cut: bool = True


class _Cut(Exception):
    """The client's connection ends here."""


@dataclass
class Front:
    """A Redshift-shaped front for one PostgreSQL."""

    postgres: Path
    identity: Identity
    s3: Any
    tls: ssl.SSLContext
    roles: set[str]
    log: list[Statement] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)
    refuse_logins: int = 0
    """So many of the next clients find the connection closed before they can log in, as while a workgroup wakes."""

    @contextlib.contextmanager
    def listening(self, port: int = 0) -> Iterator[int]:
        """Serve on this loopback port (0: any); yields the port."""
        listener = socket.create_server(("127.0.0.1", port))
        thread = threading.Thread(target=self._accept, args=(listener,), daemon=True)
        thread.start()
        try:
            yield listener.getsockname()[1]
        finally:
            listener.shutdown(socket.SHUT_RDWR)
            listener.close()
            thread.join()

    def fault_for(self, sql: str, when: Literal["before", "after"]) -> Fault | None:
        """Take the first fault that is meant for this statement."""
        for fault in self.faults:
            if fault.when == when and re.search(fault.pattern, sql, re.IGNORECASE):
                self.faults.remove(fault)
                return fault
        return None

    def _accept(self, listener: socket.socket) -> None:
        while True:
            try:
                client, _ = listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        # A client that went away, in whatever state, is no error of the front's.
        with contextlib.suppress(OSError, BackendGone, _Cut), client:
            if self.refuse_logins > 0:
                self.refuse_logins -= 1
                return
            client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            _Session(self, client).serve()


class _Session:
    """One client: its login, then its statements."""

    def __init__(self, front: Front, client: socket.socket) -> None:
        self._front = front
        self._client = client
        self._stream: BinaryIO
        self._backend: Backend
        self._database = ""
        self._number = 0
        self._statements: dict[str, str] = {}
        self._portals: dict[str, str] = {}

    def serve(self) -> None:
        """Until the client leaves."""
        settings = self._startup()
        if settings is None or not self._login(settings):
            return
        try:
            while (batch := self._batch()) is not None:
                self._answer(batch)
        finally:
            self._backend.close()
            with contextlib.suppress(OSError):
                # Closing alone tells the client nothing as long as an error's traceback keeps the stream.
                self._client.shutdown(socket.SHUT_RDWR)
            self._client.close()

    def _startup(self) -> dict[str, str] | None:
        plain = cast(BinaryIO, self._client.makefile("rb", buffering=0))
        first = read_startup(plain)
        if first is None or first[0] != SSL_REQUEST:
            return None
        self._client.sendall(b"S")
        self._client = self._front.tls.wrap_socket(self._client, server_side=True)
        self._stream = cast(BinaryIO, self._client.makefile("rb"))
        second = read_startup(self._stream)
        return second[1] if second else None

    def _login(self, settings: dict[str, str]) -> bool:
        self._send(Message(b"R", struct.pack("!i", 3)))
        answer = read_message(self._stream)
        user = settings.get("user", "")
        if answer is None or not self._front.identity.accepts(user, answer.text(0)):
            self._send(SqlError("28000", f'password authentication failed for user "{user}"', S="FATAL").message())
            return False
        self._database = settings.get("database", "")
        try:
            role = {"user": user} if user in self._front.identity.database_users else {}
            self._backend = Backend(self._front.postgres, self._database, {**_SETTINGS, **role})
        except SqlError as error:
            self._send(error.message())
            return False
        for message in self._backend.greeting:
            if message.kind == b"S" and message.text(0) == "server_version":
                message = Message(b"S", zero_ended(["server_version", "8.0.2"]))
            if message.kind == b"K":
                (self._number,) = struct.unpack_from("!i", message.body)
            self._send(message)
        self._ready()
        return True

    def _batch(self) -> list[Message] | None:
        batch = []
        while (message := read_message(self._stream)) is not None:
            if message.kind == b"X":
                return None
            batch.append(message)
            if message.kind in (b"S", b"Q"):
                return batch
        return None

    def _answer(self, batch: list[Message]) -> None:
        try:
            self._run([self._understood(message) for message in batch])
        except SqlError as error:
            self._abort()
            self._send(as_redshift(error).message())
        self._ready()

    def _understood(self, message: Message) -> Message:
        """The message as PostgreSQL takes it; statements and portals are remembered."""
        if message.kind == b"P":
            name, sql = message.text(0), message.text(1)
            self._statements[name] = sql
            kind = kind_of(sql)
            if kind is Kind.COPY:
                parse_copy(sql)
            if kind is Kind.UNLOAD:
                parse_unload(sql)
            rewritten = _NOTHING if kind in (Kind.COPY, Kind.UNLOAD) else as_postgres(sql)
            return Message(b"P", zero_ended([name, rewritten]) + message.body.split(b"\0", 2)[2])
        if message.kind == b"B":
            self._portals[message.text(0)] = self._statements[message.text(1)]
        if message.kind == b"Q":
            raise SqlError("0A000", "The stand-in answers prepared statements only, which is what the driver sends")
        return message

    def _run(self, batch: list[Message]) -> None:
        executed = [self._portals[message.text(0)] for message in batch if message.kind == b"E"]
        if not executed:
            self._backend.relay(batch, self._forward)
            return
        sql = executed[0]
        kind = kind_of(sql)
        self._front.log.append(Statement(self._number, sql))
        self._interrupt(sql, "before")
        if kind is Kind.COPY:
            self._copy(sql)
        if kind is Kind.UNLOAD:
            run_unload(parse_unload(sql), s3=self._front.s3, roles=self._front.roles, backend=self._backend)
        answers: list[Message] = []
        fine = self._backend.relay(batch, answers.append)
        if fine and kind is Kind.TRUNCATE and self._backend.status == b"T":
            self._backend.query("COMMIT")
        self._interrupt(sql, "after")
        for message in answers:
            is_done = message.kind == b"C" and kind in (Kind.COPY, Kind.UNLOAD)
            self._forward(Message(b"C", zero_ended([kind.name])) if is_done else message)

    def _copy(self, sql: str) -> None:
        in_transaction = self._backend.status != b"I"
        query_id = ""

        def report(done: LoadReport) -> None:
            nonlocal query_id
            with session(self._front.postgres, self._database) as writer:
                query_id = record_load(writer, done, database=self._database, session=str(self._number))

        if not in_transaction:
            self._backend.query("BEGIN")
        try:
            rows = run_copy(
                parse_copy(sql), s3=self._front.s3, roles=self._front.roles, backend=self._backend, report=report
            )
        except SqlError:
            if not in_transaction:
                self._backend.query("ROLLBACK")
                self._backend.query(f"SELECT set_config('standin.last_copy_id', '{query_id}', FALSE)")
            raise
        self._backend.query(
            f"SELECT set_config('standin.last_copy_id', '{query_id}', FALSE),"
            f" set_config('standin.last_copy_count', '{rows}', FALSE)"
        )
        if not in_transaction:
            self._backend.query("COMMIT")

    def _interrupt(self, sql: str, when: Literal["before", "after"]) -> None:
        fault = self._front.fault_for(sql, when)
        if fault is None:
            return
        if fault.meanwhile is not None:
            fault.meanwhile()
        if fault.error is not None:
            raise fault.error
        if fault.cut:
            raise _Cut

    def _abort(self) -> None:
        """Leave an open transaction in the failed state, for an error that PostgreSQL itself knows nothing of."""
        if self._backend.status == b"T":
            with contextlib.suppress(SqlError):
                self._backend.query("SELECT 1 / 0")

    def _forward(self, message: Message) -> None:
        if message.kind == b"S" and message.text(0) == "server_version":
            return
        self._send(as_redshift(SqlError.from_message(message)).message() if message.kind == b"E" else message)

    def _ready(self) -> None:
        self._send(Message(b"Z", self._backend.status))

    def _send(self, message: Message) -> None:
        self._client.sendall(message.encoded())
