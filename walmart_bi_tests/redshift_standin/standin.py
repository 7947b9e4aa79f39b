"""The stand-in as a whole: PostgreSQL, the front and the identity service, beside an S3 server.

Tests share one that is started once per session and thrown away: with moto's server for S3 and an authority of its own
for TLS. Clients find everything through the standard environment variables that `environment` holds, so the code under
test needs no word about tests.
"""

from __future__ import annotations

import atexit
import contextlib
import functools
import itertools
import ssl
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import boto3
import trustme

from walmart_bi_tests import s3_servers
from walmart_bi_tests.kept import kept
from walmart_bi_tests.redshift_standin import identity
from walmart_bi_tests.redshift_standin.backend import Backend, session
from walmart_bi_tests.redshift_standin.catalog import create_catalog, emptied, functions_of, has_catalog
from walmart_bi_tests.redshift_standin.front import Front
from walmart_bi_tests.redshift_standin.postgres import throw_away_postgres

WORKGROUP = "retail"
HOST = "localhost"
USER, PASSWORD = "loader", "Correct-horse-1"
TEMPLATE = "redshift"
COPY_ROLE = "arn:aws:iam::123456789012:role/walmart-bi-copy"


@dataclass
class StandIn:
    """Where everything is, and the front with its log and faults."""

    front: Front
    identity: identity.Identity
    port: int
    environment: dict[str, str]
    s3: Any
    host: str = HOST
    _numbers: Iterator[int] = field(default_factory=lambda: itertools.count(1))
    _idle: list[str] = field(default_factory=list)

    def new_database(self) -> str:
        """The name of a fresh, empty database."""
        return self.database(f"sales_{next(self._numbers)}")

    @contextlib.contextmanager
    def lent_database(self) -> Iterator[str]:
        """The name of an empty database, which is emptied afterwards and lent again: PostgreSQL makes a new one in 25
        to 60 CPU milliseconds, and empties one in 10. One whose catalog was changed is not lent again."""
        name = self._idle.pop() if self._idle else self.new_database()
        try:
            yield name
        finally:
            with session(self.front.postgres, name) as borrowed:
                is_as_new = emptied(borrowed) == self._functions
            if is_as_new:
                self._idle.append(name)

    @functools.cached_property
    def _functions(self) -> str:
        with session(self.front.postgres, TEMPLATE) as template:
            return functions_of(template)

    def database(self, name: str) -> str:
        """The name, with a database of that name there."""
        with session(self.front.postgres, "postgres") as admin:
            _require_database(admin, name, TEMPLATE)
        return name

    def new_user(self, password: str) -> str:
        """The name of a fresh database user with this password, who owns nothing and has the rights of everybody."""
        name = f"user_{uuid.uuid4().hex}"
        with session(self.front.postgres, "postgres") as admin:
            admin.query(f"CREATE ROLE {name} LOGIN")
        self.identity.passwords[name] = password
        self.identity.database_users.add(name)
        return name

    def new_bucket(self) -> str:
        """The name of a fresh, empty bucket."""
        name = f"retail-{uuid.uuid4().hex}"
        self.s3.create_bucket(Bucket=name)
        return name


_shared = contextlib.ExitStack()


@functools.cache
def shared_standin() -> StandIn:
    """The one stand-in of this process, started when first needed; `stop_shared` or the process's end stops it."""
    atexit.register(stop_shared)
    return _shared.enter_context(running_standin())


def stop_shared() -> None:
    """Stop the shared stand-in if it runs. A worker of a test session is ended before its exit handlers are done.

    Another session in the same process gets another one.
    """
    _shared.close()
    shared_standin.cache_clear()


@contextlib.contextmanager
def running_standin() -> Iterator[StandIn]:
    """Start everything anew; yields where it is, and throws it away. The environment is the caller's to set."""
    with kept(throw_away_postgres) as postgres:
        trusted = Path(postgres).with_name("authority.pem")
        authority = trustme.CA()
        authority.cert_pem.write_to_path(str(trusted))
        with standin_on(Path(postgres), s3_servers.moto(), authority, trusted) as standin:
            yield standin


@contextlib.contextmanager
def standin_on(
    postgres: Path, s3_endpoint: str, authority: trustme.CA, trusted: Path, ports: tuple[int, int] = (0, 0)
) -> Iterator[StandIn]:
    """Serve the cluster at this socket on loopback. `trusted` is the file with the authority's certificate; `ports` are
    those of the front and of the identity service, 0 for any."""
    _prepare(postgres)
    who = identity.Identity(passwords={USER: PASSWORD})
    s3_variables = s3_servers.variables(s3_endpoint)
    front = Front(postgres, who, _s3_client(s3_variables), server_tls(authority, HOST), roles={COPY_ROLE})
    with front.listening(ports[0]) as port, identity.serving(who, ports[1]) as credentials:
        who.workgroups[WORKGROUP] = (HOST, port)
        environment = {
            **s3_variables,
            "AWS_ENDPOINT_URL_REDSHIFT_SERVERLESS": credentials,
            "SSL_CERT_FILE": str(trusted),
        }
        yield StandIn(front, who, port, environment, front.s3)


def _prepare(postgres: Path) -> None:
    """Make the template of all databases, unless the cluster has it from an earlier start."""
    with session(postgres, "postgres") as admin:
        _require_database(admin, TEMPLATE, "template1")
    with session(postgres, TEMPLATE) as template:
        if not has_catalog(template):
            create_catalog(template)


def _require_database(admin: Backend, name: str, template: str) -> None:
    if not admin.query(f"SELECT 1 FROM pg_database WHERE datname = '{name}'"):
        admin.query(f"CREATE DATABASE {name} TEMPLATE {template}")


def _s3_client(variables: dict[str, str]) -> Any:
    return boto3.client(
        "s3",
        endpoint_url=variables["AWS_ENDPOINT_URL_S3"],
        aws_access_key_id=variables["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=variables["AWS_SECRET_ACCESS_KEY"],
        region_name=variables["AWS_DEFAULT_REGION"],
    )


def server_tls(authority: trustme.CA, *names: str) -> ssl.SSLContext:
    """What a server shows to prove these names."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(*names).configure_cert(context)
    return context
