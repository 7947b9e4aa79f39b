"""The command behind `make dev-aws`. Ctrl-C or SIGTERM stops everything in order; what was loaded stays.

Exit codes: 0 stopped as asked, 1 could not start or ended by itself.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from walmart_bi.errors import WalmartBiError
from walmart_bi_tests.dagster_dev import stop
from walmart_bi_tests.dev_aws.state import BUCKET, DATABASE, UNSET, CannotStart, State, is_free
from walmart_bi_tests.kept import NotStarted, kept
from walmart_bi_tests.redshift_standin.postgres import postgres_in
from walmart_bi_tests.redshift_standin.standin import COPY_ROLE, WORKGROUP, standin_on
from walmart_bi_tests.s3_servers import localbucket_on

COMMANDS = Path(sys.executable).parent
# Every service without a server here: nothing listens on port 9, and no request leaves the machine.
_NOWHERE = "http://127.0.0.1:9"


def main() -> int:
    """Run until told to stop; the exit code."""
    parser = argparse.ArgumentParser(prog="make dev-aws", description="The aws target on this machine.")
    parser.add_argument("--state", type=Path, required=True, help="directory that is kept")
    parser.add_argument("--port", type=int, default=3000, help="port of the Dagster UI")
    options = parser.parse_args()
    signal.signal(signal.SIGINT, _interrupt)
    signal.signal(signal.SIGTERM, _interrupt)
    for name in UNSET:
        os.environ.pop(name, None)
    state = State(options.state.absolute())
    try:
        with state.alone(), _servers(state, options.port) as variables:
            code = _dagster_dev(state, variables, options.port)
    except WalmartBiError as error:
        print(f"error: {error}", file=sys.stderr)  # noqa: T201 - the command's answer
        return 1
    except KeyboardInterrupt:
        _say(f"stopped; what was loaded is kept in {options.state}")
        return 0
    print(f"error: dagster dev ended by itself with {code}; its lines above say why", file=sys.stderr)  # noqa: T201
    return 1


@contextlib.contextmanager
def _servers(state: State, port: int) -> Iterator[dict[str, str]]:
    """Start S3 and the stand-in, if the UI's port is free too; yields the variables that lead to them."""
    if not is_free(port):
        raise CannotStart(
            f"Port {port} is used by another program.",
            place="port of the Dagster UI",
            next_step="stop that program, or choose another one: make dev-aws PORT=3001.",
        )
    ports = state.ports()
    state.objects.mkdir(exist_ok=True)
    try:
        with (
            kept(localbucket_on, str(ports["s3"]), str(state.objects)) as s3_endpoint,
            kept(postgres_in, str(state.cluster)) as postgres,
            standin_on(
                Path(postgres),
                s3_endpoint,
                state.authority(),
                state.trusted,
                (ports["redshift"], ports["credentials"]),
            ) as standin,
        ):
            _require_bucket(standin.s3)
            yield {
                **standin.environment,
                "AWS_ENDPOINT_URL": _NOWHERE,
                "AWS_REGION": standin.environment["AWS_DEFAULT_REGION"],
                "DAGSTER_HOME": str(state.dagster_home),
                "WALMART_BI_TARGET": "aws",
                "WALMART_BI_BUCKET": BUCKET,
                "WALMART_BI_REDSHIFT_WORKGROUP": WORKGROUP,
                "WALMART_BI_REDSHIFT_DATABASE": standin.database(DATABASE),
                "WALMART_BI_REDSHIFT_COPY_ROLE_ARN": COPY_ROLE,
            }
    except NotStarted as error:
        raise CannotStart(
            f"{error}.",
            place=str(state.directory),
            next_step=f"correct what it names, or see {state.cluster}/server.log.",
        ) from error


def _require_bucket(s3: Any) -> None:
    if BUCKET not in [bucket["Name"] for bucket in s3.list_buckets()["Buckets"]]:
        s3.create_bucket(Bucket=BUCKET)


def _dagster_dev(state: State, variables: dict[str, str], port: int) -> int:
    """Run `dagster dev` with these variables until it ends, and stop it when this process is to stop."""
    state.write_dagster_home(Path("dagster.yaml"))
    state.write_environment(variables)
    _explain(state, port)
    process = subprocess.Popen(
        [COMMANDS / "dagster", "dev", "--host", "127.0.0.1", "--port", str(port)],
        env={**os.environ, **variables},
        start_new_session=True,  # Ctrl-C is for this process, which then stops all of it in order
    )
    try:
        return process.wait()
    finally:
        stop(process)


def _explain(state: State, port: int) -> None:
    shown = os.path.relpath(state.environment_file)
    _say("the aws target on this machine. S3 is localbucket; Redshift is PostgreSQL behind a Redshift-shaped")
    _say("front, not Redshift: it shows the flow and the protocol, not Redshift's planner, exact numerics or rights")
    _say(f"UI: http://127.0.0.1:{port} - state: {os.path.relpath(state.directory)} - Ctrl-C stops everything")
    _say("in another terminal, to load a file:")
    _say(f"    set -a; . {shown if os.sep in shown else './' + shown}; set +a")
    _say(f"    {os.path.relpath(COMMANDS / 'walmart-bi')} load FILE")


def _say(line: str) -> None:
    print(f"dev-aws: {line}", flush=True)  # noqa: T201 - what the person at the terminal reads


def _interrupt(*_: object) -> None:
    """The first request to stop; more of them must not cut the stopping short."""
    for sign in (signal.SIGINT, signal.SIGTERM):
        signal.signal(sign, signal.SIG_IGN)
    _say("stopping")
    raise KeyboardInterrupt


if __name__ == "__main__":
    sys.exit(main())
