"""The `walmart-bi` command as a process of its own, with no settings but those that it is given."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

from walmart_bi_tests.command_line import CHECKOUT, Done, new_checkout

PATIENCE_SECONDS = 180


@contextlib.contextmanager
def started(directory: Path, variables: Mapping[str, str], *arguments: object) -> Iterator[subprocess.Popen[str]]:
    """The running command in a project's directory; killed at the latest when the block ends."""
    process = subprocess.Popen(
        [sys.executable, "-m", "walmart_bi.cli", *map(str, arguments)],
        cwd=new_checkout(directory),
        env={"PATH": os.environ["PATH"], "PYTHONPATH": str(CHECKOUT), **variables},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def run(directory: Path, variables: Mapping[str, str], *arguments: object) -> Done:
    """Run the command to its end."""
    with started(directory, variables, *arguments) as process:
        out, err = process.communicate(timeout=PATIENCE_SECONDS)
        return Done(process.returncode, out, err)
