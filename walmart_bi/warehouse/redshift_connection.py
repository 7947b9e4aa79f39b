"""Sessions on Redshift through redshift_connector: how to log in, run one statement, and read what went wrong.

Knows the driver and nothing of months or ledgers. The driver is imported with this module, so import this lazily.
"""

from __future__ import annotations

import contextlib
import logging
import random
import re
import socket
import ssl
import struct
import time
from collections.abc import Iterator, Sequence
from typing import Any

import redshift_connector
from botocore.exceptions import BotoCoreError, ClientError, HTTPClientError  # type: ignore[import-untyped]
from botocore.exceptions import ConnectionError as NotReached
from redshift_connector.core import Connection
from redshift_connector.error import Error as DriverError

from walmart_bi.aws_session import aws_session
from walmart_bi.warehouse.base import QueryResult, WarehouseError
from walmart_bi.warehouse.redshift_settings import RedshiftSettings

_log = logging.getLogger(__name__)
# A statement that runs too long is ended by the server; the socket gives up only after that, when nobody answers.
_ANSWER_GRACE = 30.0
_FIRST_PAUSE, _LONGEST_PAUSE = 0.5, 10.0
_BROKEN = (OSError, struct.error)
_STARTING = {"57P03", "53300"}  # the server is starting up, or has no connection free
_ENDED = {"57P01", "57P02", "08006", "08003"}  # the server ended the session
_CANCELLED = "57014"
_REFUSED_LOGIN = {"28000", "28P01"}
_NOT_SERIALIZABLE = "1023"
_ROLLED_BACK = {"40001", "40P01"}  # could not be serialized, was chosen to end a deadlock: may be run again as well
# Errors whose message may quote a value: in a value, against a constraint, and all that a compute node reports.
_ABOUT_DATA = ("22", "23", "XX")
# Between a workgroup and us stand NAT gateways and load balancers, which forget a connection that is silent for 350 s;
# a COPY says nothing until it is done, and its answer would never arrive. Linux itself asks only after two hours.
_ALIVE_AFTER, _ALIVE_EVERY, _ALIVE_TRIES = 60, 30, 5
_NO_WORKGROUP = "ResourceNotFoundException"
# COPY of a Parquet file says what is wrong with it in the error's detail only.
_COPY_CONTEXT = re.compile(r"context:([^\n]*)")


class SessionLost(WarehouseError):
    """The connection broke; what was not committed is rolled back by the server."""


class SerializationConflict(WarehouseError):
    """Another transaction was in the way (error 1023, deadlock); the whole transaction can be run again."""


class StatementTimedOut(WarehouseError):
    """The server ended a statement that ran longer than its limit."""


class NoSuchSchema(WarehouseError):
    """The configured schema is not in the database."""


class Session:
    """One connection in autocommit mode; a transaction is what lies between BEGIN and COMMIT."""

    def __init__(self, connection: Connection, settings: RedshiftSettings) -> None:
        self._connection = connection
        self._place = settings.place
        self._cursor = connection.cursor()
        self._cursor.paramstyle = "qmark"

    def execute(self, sql: str, parameters: Sequence[Any] = ()) -> int:
        """Run a statement; the number of rows that it changed, or -1. Raises the errors of this module."""
        try:
            self._cursor.execute(sql, list(parameters) or None)
        except (DriverError, *_BROKEN) as error:
            raise self._explained(error) from _without_values(error)
        return int(self._cursor.rowcount)

    def query(self, sql: str, parameters: Sequence[Any] = ()) -> QueryResult:
        """Run a SELECT. Raises the errors of this module."""
        self.execute(sql, parameters)
        columns = tuple(column[0] for column in self._cursor.description or ())
        return QueryResult(columns, [tuple(row) for row in self._cursor.fetchall()])

    def column_types(self, relation: str) -> list[tuple[str, int]]:
        """Names and type numbers of a table's columns; `relation` is a constant of this project."""
        self.execute(f"SELECT * FROM {relation} LIMIT 0")  # noqa: S608 - a constant
        return [(column[0], column[1]) for column in self._cursor.description or ()]

    def limit(self, seconds: float) -> None:
        """End any later statement that runs longer, waiting for locks included."""
        self.execute(f"SET statement_timeout TO {max(1, round(seconds * 1000))}")

    @contextlib.contextmanager
    def transaction(self, begin: str = "BEGIN") -> Iterator[None]:
        """Statements of one transaction, which the block itself commits; what it left open is rolled back."""
        self.execute(begin)
        try:
            yield
        finally:
            if self._connection.in_transaction:
                with contextlib.suppress(WarehouseError):  # a lost session has been rolled back by the server
                    self.execute("ROLLBACK")

    @property
    def is_clean(self) -> bool:
        """Whether no transaction is open."""
        return not self._connection.in_transaction

    def close(self) -> None:
        """End the session."""
        with contextlib.suppress(DriverError, OSError):
            self._connection.close()

    def _explained(self, error: BaseException) -> WarehouseError:
        code, message = server_error(error)
        if isinstance(error, _BROKEN) or code is None or code in _ENDED:
            return SessionLost(
                f"The connection broke: {message}",
                place=self._place,
                next_step="check the network and the workgroup's state, then run it again: it is safe.",
            )
        if message.startswith(_NOT_SERIALIZABLE) or code in _ROLLED_BACK:
            reason = "error 1023" if message.startswith(_NOT_SERIALIZABLE) else masked(message)
            return SerializationConflict(
                f"Another transaction changed the same rows at the same time ({reason}). Nothing was changed.",
                place=self._place,
                next_step="run it again when the other load is done.",
            )
        if code == _CANCELLED:
            return StatementTimedOut(
                "A statement was ended because it ran longer than its limit. Nothing was changed.",
                place=self._place,
                next_step="see what else runs on the workgroup, or allow statements more time, then run it again.",
            )
        told = masked(message) if code.startswith(_ABOUT_DATA) else message
        return WarehouseError(
            f"{_sentence(told)} Nothing was changed.",
            place=self._place,
            next_step="correct the statement, or the rights it needs, then run it again.",
        )


def open_session(settings: RedshiftSettings) -> Session:
    """A new session in the settings' schema, to be closed. Waits for a paused workgroup. Raises WarehouseError."""
    opened = Session(_connect_patiently(settings), settings)
    try:
        opened.limit(settings.statement_timeout)
        opened.execute(f"SET search_path TO {settings.schema}")
    except BaseException:
        opened.close()
        raise
    return opened


@contextlib.contextmanager
def session(settings: RedshiftSettings) -> Iterator[Session]:
    """A session of its own. Raises WarehouseError."""
    with contextlib.closing(open_session(settings)) as opened:
        yield opened


def require_schema(session: Session, settings: RedshiftSettings) -> None:
    """Without it the search path is empty, and every table seems to be missing. Raises NoSuchSchema."""
    schema = settings.schema.lower()
    if not session.query("SELECT nspname FROM pg_namespace WHERE nspname = ?", [schema]).rows:
        user = session.query("SELECT current_user").rows[0][0]
        raise NoSuchSchema(
            "There is no such schema.",
            place=f"{settings.place}, schema {schema}",
            next_step=f'as an administrator: CREATE SCHEMA {schema} AUTHORIZATION "{user}"; or correct '
            "WALMART_BI_REDSHIFT_SCHEMA.",
        )


def retry_pause(attempt: int) -> float:
    """Seconds to wait before the attempt after this one (from 0): doubling, with jitter, so that rivals part."""
    return float(random.uniform(0.5, 1.0) * min(_FIRST_PAUSE * 2**attempt, _LONGEST_PAUSE))  # noqa: S311 - no secret


def server_error(error: BaseException) -> tuple[str | None, str]:
    """Code and message of what the server said; without a code, what the driver says of the connection."""
    first = error.args[0] if error.args else ""
    if isinstance(first, dict):
        context = _COPY_CONTEXT.search(first.get("D", "")) if first.get("M") == "Spectrum Scan Error" else None
        return str(first.get("C", "")), str(first.get("M", "")) + (f": {context[1].strip()}" if context else "")
    return None, " ".join(str(part) for part in error.args) + "."


def masked(said: str) -> str:
    """What the server said without values of the data: what is quoted, unless it is an address, or follows `Value`."""
    text = re.sub(r"'(?!s3://)[^']*'|(?<=: )\".*\"|\"[^\"]*\"", "***", " ".join(said.split()))
    return re.sub(r"(\bValue\b:?\s*)[^,;]+", r"\1***", text)


def _without_values(error: BaseException) -> BaseException:
    """The driver's error as a trace may show it: every field that the server sent, without values of the data."""
    first = error.args[0] if error.args else None
    if not isinstance(first, dict):
        return error
    return type(error)({name: masked(str(said)) for name, said in first.items()})


def _connect_patiently(settings: RedshiftSettings) -> Connection:
    deadline = time.monotonic() + settings.wake_timeout
    attempt = 0
    while True:
        try:
            return _connect(settings)
        except (DriverError, BotoCoreError, ClientError, *_BROKEN) as error:
            pause = retry_pause(attempt)
            if not _may_pass(error) or time.monotonic() + pause > deadline:
                raise _login_failed(settings, error) from error
            if attempt == 0:
                _log.warning(
                    "%s does not answer yet (%s); trying for up to %g s, as a paused workgroup needs time to wake",
                    *(settings.place, _heard(error), settings.wake_timeout),
                )
        time.sleep(pause)
        attempt += 1


def _connect(settings: RedshiftSettings) -> Connection:
    login: dict[str, Any]
    if settings.workgroup:
        # The driver's cache of temporary passwords saves 0.1 s and would hand out one that was revoked meanwhile.
        login = {"iam": True, "is_serverless": True, "serverless_work_group": settings.workgroup}
        login |= {"region": _region(settings), "iam_disable_cache": True}
    else:
        login = {"host": settings.host, "port": settings.port, "user": settings.user, "password": settings.password}
    try:
        connection = redshift_connector.connect(
            **login,
            database=settings.database,
            ssl=True,
            sslmode="verify-full",
            timeout=round(settings.connect_timeout),
            tcp_keepalive=True,
            tcp_keepalive_idle=_ALIVE_AFTER,
            tcp_keepalive_interval=_ALIVE_EVERY,
            tcp_keepalive_count=_ALIVE_TRIES,
            application_name="walmart_bi",
        )
    except KeyError as error:  # the driver looks for the login in whatever was answered, a proxy's page too
        raise WarehouseError(
            "What answers there is not Redshift Serverless.",
            place=settings.place,
            next_step="check the proxy and AWS_ENDPOINT_URL_REDSHIFT_SERVERLESS, then run it again.",
        ) from error
    connection.autocommit = True
    # The driver has one time-out for logging in and for every later answer, and no public way to change it: without
    # this line a COPY could not run longer than a login may.
    connection._usock.settimeout(settings.statement_timeout + _ANSWER_GRACE)
    return connection


def _region(settings: RedshiftSettings) -> str:
    """The region of the workgroup. Without one the driver would look for it in the name of a host that it lacks."""
    region: str | None = aws_session().region_name
    if region is None:
        raise WarehouseError("No AWS region is set.", place=settings.place, next_step="set AWS_REGION.")
    return region


def _cause(error: BaseException) -> BaseException:
    """The error of the socket, where the driver has wrapped one."""
    return next((part for part in error.args if isinstance(part, BaseException)), error)


def _heard(error: BaseException) -> str:
    """What the server, or the socket, said."""
    code, message = server_error(error)
    return message if code is not None else str(_cause(error))


def _may_pass(error: BaseException) -> bool:
    """Whether the same login can succeed later: nobody answered, or the server is starting."""
    code, _ = server_error(error)
    cause = _cause(error)
    if code is not None:
        return code in _STARTING
    if isinstance(cause, (ssl.SSLCertVerificationError, ClientError, BotoCoreError)):
        return False
    return not _is_unknown_name(cause)


def _is_unknown_name(cause: BaseException) -> bool:
    """Whether the name of the host is known to be none; that nobody could be asked is another matter."""
    return isinstance(cause, socket.gaierror) and cause.errno != socket.EAI_AGAIN


def _sentence(text: str) -> str:
    """What somebody else's program says, ended as a sentence: some end theirs, most do not."""
    return text.rstrip(". ") + "."


def _login_failed(settings: RedshiftSettings, error: BaseException) -> WarehouseError:
    cause = _cause(error)
    code, message = server_error(error)
    if isinstance(cause, ssl.SSLCertVerificationError):
        reason = f"The server's certificate cannot be trusted: {_sentence(cause.verify_message)}"
        step = "connect to the workgroup's own endpoint name; where a proxy is in between, add its authority's"
        step += " certificate to the system's trust store."
    elif isinstance(error, (ClientError, BotoCoreError)):
        reason, step = f"AWS gave no login: {_sentence(str(error))}", _aws_step(error)
    elif code in _REFUSED_LOGIN:
        reason = f"The login was refused: {_sentence(message)}"
        step = "check user and password, or the database user that the AWS role maps to."
    elif code is not None:
        reason = f"The server refused the connection: {_sentence(message)}"
        step = "check WALMART_BI_REDSHIFT_DATABASE and the state of the workgroup."
    elif _is_unknown_name(cause):
        reason = f"No server has the name {settings.host or 'of the endpoint'}: {cause}."
        step = "check WALMART_BI_REDSHIFT_HOST, and that this machine can look names up."
    else:
        reason = f"No connection within {settings.wake_timeout:g} s: {cause}."
        step = "check host, port, security group and whether the workgroup is available, then run it again."
    return WarehouseError(reason, place=settings.place, next_step=step)


def _aws_step(error: BaseException) -> str:
    """What to do when AWS, not the database, hands out no login."""
    if isinstance(error, (NotReached, HTTPClientError)):
        return "check the network, the proxy and AWS_ENDPOINT_URL_REDSHIFT_SERVERLESS, then run it again."
    if isinstance(error, ClientError) and error.response["Error"]["Code"] == _NO_WORKGROUP:
        return "check WALMART_BI_REDSHIFT_WORKGROUP, AWS_REGION, and that the credentials belong to its account."
    return "renew the AWS credentials, and allow them redshift-serverless:GetCredentials and GetWorkgroup."
