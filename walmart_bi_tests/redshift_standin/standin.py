"""The stand-in as a whole, started once per test session: PostgreSQL, the front, the identity service and S3.

S3 is moto's server, the certificate authority is made for the session. Clients find everything through the standard
environment variables that `environment` holds, so the code under test needs no word about tests.
"""

from __future__ import annotations

import atexit
import contextlib
import functools
import itertools
import ssl
import tempfile
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import boto3
import trustme

from walmart_bi_tests import s3_servers
from walmart_bi_tests.redshift_standin import identity
from walmart_bi_tests.redshift_standin.backend import session
from walmart_bi_tests.redshift_standin.catalog import create_catalog
from walmart_bi_tests.redshift_standin.front import Front
from walmart_bi_tests.redshift_standin.postgres import running_postgres

WORKGROUP = "retail"
USER, PASSWORD = "loader", "Correct-horse-1"
COPY_ROLE = "arn:aws:iam::123456789012:role/walmart-bi-copy"


@dataclass
class StandIn:
    """Where everything is, and the front with its log and faults."""

    front: Front
    identity: identity.Identity
    port: int
    environment: dict[str, str]
    s3: Any
    host: str = "localhost"
    _numbers: Iterator[int] = field(default_factory=lambda: itertools.count(1))

    def new_database(self) -> str:
        """The name of a fresh, empty database."""
        name = f"sales_{next(self._numbers)}"
        with session(self.front.postgres, "postgres") as admin:
            admin.query(f"CREATE DATABASE {name} TEMPLATE redshift")
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
    """Stop the shared stand-in if it runs. A worker of a test session is ended before its exit handlers are done."""
    _shared.close()


@contextlib.contextmanager
def running_standin() -> Iterator[StandIn]:
    """Start everything; yields where it is, and stops it at the end. The environment is the caller's to set."""
    with contextlib.ExitStack() as stack:
        postgres = stack.enter_context(running_postgres())
        with session(postgres, "postgres") as admin:
            admin.query("CREATE DATABASE redshift")
        with session(postgres, "redshift") as template:
            create_catalog(template)
        s3_endpoint = s3_servers.moto()
        who = identity.Identity(passwords={USER: PASSWORD})
        authority = trustme.CA()
        environment = {
            **s3_servers.variables(s3_endpoint),
            "AWS_ENDPOINT_URL_REDSHIFT_SERVERLESS": stack.enter_context(identity.serving(who)),
            "SSL_CERT_FILE": str(stack.enter_context(_authority_file(authority))),
        }
        s3 = boto3.client(
            "s3",
            endpoint_url=s3_endpoint,
            aws_access_key_id=environment["AWS_ACCESS_KEY_ID"],
            aws_secret_access_key=environment["AWS_SECRET_ACCESS_KEY"],
            region_name=environment["AWS_DEFAULT_REGION"],
        )
        front = Front(postgres, who, s3, server_tls(authority, "localhost"), roles={COPY_ROLE})
        port = stack.enter_context(front.listening())
        who.workgroups[WORKGROUP] = ("localhost", port)
        yield StandIn(front, who, port, environment, s3)


def server_tls(authority: trustme.CA, *names: str) -> ssl.SSLContext:
    """What a server shows to prove these names."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(*names).configure_cert(context)
    return context


@contextlib.contextmanager
def _authority_file(authority: trustme.CA) -> Iterator[Path]:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "authority.pem"
        authority.cert_pem.write_to_path(str(path))
        yield path
