"""The directory that `make dev-aws` keeps: objects, cluster, TLS authority, ports, Dagster's history, environment.

Nothing is started here.
"""

from __future__ import annotations

import contextlib
import json
import shlex
import socket
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import filelock
import trustme
import yaml

from walmart_bi.errors import WalmartBiError

BUCKET = "walmart-bi"
DATABASE = "sales"
# The usual ones, as long as they are free at the first start.
_PORTS = {"s3": 9000, "redshift": 5439, "credentials": 9001}
# With DAGSTER_HOME set, Dagster keeps these below it unless told otherwise.
_PLACES = ("storage", "local_artifact_storage", "compute_logs")
# What a shell may have for the real AWS and would win over, or contradict, what is set here.
UNSET = (
    *("AWS_PROFILE", "AWS_SESSION_TOKEN", "AWS_CA_BUNDLE", "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS"),
    *("WALMART_BI_PREFIX", "WALMART_BI_S3_ENCRYPTION", "WALMART_BI_S3_KMS_KEY_ID", "WALMART_BI_REDSHIFT_SCHEMA"),
    *("WALMART_BI_REDSHIFT_HOST", "WALMART_BI_REDSHIFT_PORT", "WALMART_BI_REDSHIFT_USER"),
    *("WALMART_BI_REDSHIFT_PASSWORD", "WALMART_BI_RAW_DATA_QUEUE_URL", "WALMART_BI_MONTHLY_DATA_QUEUE_URL"),
    # Every load publishes where a Tableau site is configured, and what is loaded here is play.
    *("WALMART_BI_TABLEAU_SERVER", "WALMART_BI_TABLEAU_SITE", "WALMART_BI_TABLEAU_PROJECT"),
    *("WALMART_BI_TABLEAU_TOKEN_NAME", "WALMART_BI_TABLEAU_TOKEN"),
)


class CannotStart(WalmartBiError):
    """The servers of the aws target cannot be started here."""


@dataclass(frozen=True)
class State:
    """The directory and what is in it."""

    directory: Path

    @property
    def objects(self) -> Path:
        """What the S3 server keeps: a directory per bucket."""
        return self.directory / "objects"

    @property
    def cluster(self) -> Path:
        """PostgreSQL's data."""
        return self.directory / "postgres"

    @property
    def dagster_home(self) -> Path:
        """Runs, cursors and logs, apart from those of the local target."""
        return self.directory / "dagster"

    @property
    def environment_file(self) -> Path:
        """What a shell reads to reach the servers."""
        return self.directory / "environment"

    @property
    def trusted(self) -> Path:
        """The certificate by which clients know the front."""
        return self.directory / "authority.pem"

    @contextlib.contextmanager
    def alone(self) -> Iterator[None]:
        """Keep every other start on this directory out. Raises CannotStart when there is one."""
        self.directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        try:
            with filelock.FileLock(self.directory / "lock", timeout=0):
                yield
        except filelock.Timeout as error:
            raise CannotStart(
                "It runs already on this directory.",
                place=str(self.directory),
                next_step="use the one that runs, or stop it first.",
            ) from error

    def ports(self) -> dict[str, int]:
        """The ports by server, chosen at the first start and kept. Raises CannotStart for one that is taken."""
        file = self.directory / "ports.json"
        if not file.exists():
            _write(file, json.dumps({name: port if is_free(port) else _any_port() for name, port in _PORTS.items()}))
        ports: dict[str, int] = json.loads(file.read_text())
        for name, port in ports.items():
            if not is_free(port):
                raise CannotStart(
                    f"Port {port}, which is kept for {name}, is used by another program.",
                    place=str(file),
                    next_step="stop that program, or remove the file so that other ports are chosen.",
                )
        return ports

    def authority(self) -> trustme.CA:
        """The authority that signs the front's certificate, made at the first start."""
        key = self.directory / "authority.key"
        if not self.trusted.exists():
            made = trustme.CA()
            _write(key, made.private_key_pem.bytes().decode())
            _write(self.trusted, made.cert_pem.bytes().decode())  # last: with it the two are complete
        return trustme.CA.from_pem(self.trusted.read_bytes(), key.read_bytes())

    def write_dagster_home(self, local: Path) -> None:
        """Make the Dagster instance: that of the local target's `dagster.yaml`, kept in its own place."""
        self.dagster_home.mkdir(exist_ok=True)
        settings = yaml.safe_load(local.read_text())
        kept = {name: value for name, value in settings.items() if name not in _PLACES}
        _write(self.dagster_home / "dagster.yaml", yaml.safe_dump(kept, sort_keys=False))

    def write_environment(self, variables: dict[str, str]) -> None:
        """Write what a shell reads with `set -a; . FILE`."""
        lines = [f"unset {' '.join(UNSET)}", *(f"{name}={shlex.quote(value)}" for name, value in variables.items())]
        _write(self.environment_file, "\n".join(lines) + "\n")


def is_free(port: int) -> bool:
    """Whether a server could listen on this loopback port."""
    try:
        socket.create_server(("127.0.0.1", port)).close()
    except OSError:
        return False
    return True


def _any_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port: int = probe.getsockname()[1]
        return port


def _write(file: Path, text: str) -> None:
    new = file.with_name(f"{file.name}.new")
    new.write_text(text)
    new.replace(file)
