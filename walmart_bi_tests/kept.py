"""A context manager entered in a process of its own, and left when its owner is gone, however the owner went.

For servers that tests start: an exit handler does not run in a process that is killed, but the pipe to it closes.
Nothing here knows what is kept.
"""

from __future__ import annotations

import contextlib
import importlib
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[1]
_CODE = "import sys; from walmart_bi_tests.kept import keep; keep(*sys.argv[1:])"


class NotStarted(Exception):
    """What was to be kept could not be started; the text says why."""


@contextlib.contextmanager
def kept(place: Callable[..., AbstractContextManager[object]], *arguments: str) -> Iterator[str]:
    """Enter `place(*arguments)` in a child until the block ends; yields its value as text. Raises NotStarted."""
    process = subprocess.Popen(
        [sys.executable, "-c", _CODE, place.__module__, place.__qualname__, *arguments],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(CHECKOUT), os.environ.get("PYTHONPATH", "")])},
        start_new_session=True,  # Ctrl-C is the owner's, which then stops in order
    )
    try:
        assert process.stdout is not None
        said = json.loads(process.stdout.readline() or '{"error": "it ended before it was ready"}')
        if "error" in said:
            raise NotStarted(said["error"])
        yield said["ready"]
    finally:
        # A word and not the closing alone: a forked child of the owner may hold the pipe open.
        process.communicate(b".")


def keep(module: str, name: str, *arguments: str) -> None:
    """The child's side: enter, tell the owner, and stay until it says a word or is gone."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    try:
        with getattr(importlib.import_module(module), name)(*arguments) as value:
            _tell({"ready": str(value)})
            os.read(0, 1)
    except NotStarted as error:
        _tell({"error": str(error)})


def _tell(said: dict[str, str]) -> None:
    with contextlib.suppress(BrokenPipeError):  # the owner is gone already
        os.write(1, json.dumps(said).encode() + b"\n")
