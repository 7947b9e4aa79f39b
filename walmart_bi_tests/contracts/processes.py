"""Other processes for tests that race, hold or are killed: each a fork of one that has imported everything.

They get the environment of the moment, as a process that was started afresh would. What they do is the tests'.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection
from typing import Any

from walmart_bi_tests.proof.children import PRELOADED

PATIENCE_SECONDS = 60.0


@dataclass(frozen=True)
class Forked:
    """A process and the line to it."""

    process: Any
    line: Connection

    def said(self) -> Any:
        """What it says next. Fails when it is gone, or says nothing for so long."""
        assert self.line.poll(PATIENCE_SECONDS), "the child hangs"
        return self.line.recv()

    def kill(self) -> None:
        """At once, whatever it does."""
        self.process.kill()
        self.process.join()


@contextlib.contextmanager
def forked(work: Callable[..., None], *arguments: Any) -> Iterator[Forked]:
    """`work(line, *arguments)` in a process of its own; killed at the latest when the block ends."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(PRELOADED)
    ours, theirs = context.Pipe()
    process = context.Process(target=_run, args=(dict(os.environ), work, theirs, arguments), daemon=True)
    process.start()
    theirs.close()
    child = Forked(process, ours)
    try:
        yield child
    finally:
        child.kill()
        ours.close()


def raced(work: Callable[..., Any], arguments: Sequence[tuple[Any, ...]]) -> list[Any]:
    """What `work` gives for each of the arguments, in processes that are let go when all of them are there."""
    with contextlib.ExitStack() as stack:
        racers = [stack.enter_context(forked(_when_told, work, each)) for each in arguments]
        assert [racer.said() for racer in racers] == ["ready"] * len(racers)
        for racer in racers:
            racer.line.send("go")
        return [racer.said() for racer in racers]


def _run(environment: dict[str, str], work: Callable[..., None], line: Connection, arguments: tuple[Any, ...]) -> None:
    os.environ.clear()
    os.environ.update(environment)
    work(line, *arguments)


def _when_told(line: Connection, work: Callable[..., Any], arguments: tuple[Any, ...]) -> None:
    line.send("ready")
    line.recv()
    line.send(work(*arguments))
