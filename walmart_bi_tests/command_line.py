"""The `walmart-bi` command in a directory of its own, called as a person calls it."""

from __future__ import annotations

import contextlib
import io
import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from walmart_bi.cli import main

CHECKOUT = Path(__file__).parents[1]


@dataclass
class Done:
    """What a command left behind."""

    code: int
    out: str
    err: str


@contextlib.contextmanager
def in_directory(directory: Path) -> Iterator[None]:
    """Work in the directory, with no setting of the surrounding environment."""
    before, saved = Path.cwd(), dict(os.environ)
    for name in saved:
        if name.startswith(("WALMART_BI_", "DAGSTER_")):
            del os.environ[name]
    os.chdir(directory)
    try:
        yield
    finally:
        os.chdir(before)
        os.environ.clear()
        os.environ.update(saved)


def run(*arguments: object) -> Done:
    """Give one command in this process."""
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            code = main([str(argument) for argument in arguments])
        except SystemExit as stop:
            code = int(stop.code or 0)
    return Done(code, out.getvalue(), err.getvalue())


def new_checkout(directory: Path) -> Path:
    """The directory, with what makes it a project's."""
    shutil.copy(CHECKOUT / "dagster.yaml", directory)
    return directory
