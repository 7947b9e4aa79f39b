"""Other processes for tests that race, hold or are killed: forks of one that has imported everything and done nothing.

The standard library's fork server is that process: it runs no code of the project before it forks, opens no database,
and keeps no thread but Arrow's own, which Arrow makes anew after a fork. So what a fork does starts from imports
alone, as in a process that was started afresh, in a hundredth of the time. What it does is the tests'.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection
from typing import Any
from unittest import mock

PRELOADED = [
    *("pandas", "pyarrow.parquet", "pyarrow.compute", "duckdb", "pantab", "sqlglot", "boto3", "redshift_connector"),
    *("walmart_bi_tests.proof.warm", "walmart_bi_tests.proof.loads", "walmart_bi.warehouse.redshift_connection"),
    "filelock",
    *("walmart_bi.sales.publishing", "walmart_bi.sales.landing", "walmart_bi.reporting.page.publish"),
    *("walmart_bi_tests.builders", "walmart_bi_tests.contracts.warehouses"),
]
PATIENCE_SECONDS = 60.0


@dataclass
class Forked:
    """A process and the line to it."""

    process: Any
    line: Connection
    patience: float = PATIENCE_SECONDS

    def told(self) -> Any:
        """What it says next; None when it died without a word. Fails when it says nothing for so many seconds."""
        assert self.line.poll(self.patience), "the child hangs"
        try:
            return self.line.recv()
        except EOFError:
            self.process.join(self.patience)
            return None

    def result(self) -> Any:
        """The last that it says; then it has ended."""
        said = self.told()
        self.process.join(self.patience)
        return said

    def kill(self) -> None:
        """At once, whatever it does."""
        self.process.kill()
        self.process.join()


@contextlib.contextmanager
def forked(work: Callable[..., None], *arguments: Any, patience: float = PATIENCE_SECONDS) -> Iterator[Forked]:
    """`work(line, *arguments)` in a process with this environment; killed at the latest when the block ends."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(PRELOADED)
    ours, theirs = context.Pipe()
    with mock.patch.dict(os.environ, {"OPENBLAS_NUM_THREADS": "1"}):  # one thread less in the process that forks
        process = context.Process(target=_run, args=(dict(os.environ), work, theirs, arguments), daemon=True)
        process.start()
    theirs.close()
    child = Forked(process, ours, patience)
    try:
        yield child
    finally:
        child.kill()
        ours.close()


def raced(work: Callable[..., Any], arguments: Sequence[tuple[Any, ...]]) -> list[Any]:
    """What `work` gives for each of the arguments, in processes that are let go when all of them are there."""
    with contextlib.ExitStack() as stack:
        racers = [stack.enter_context(forked(_when_told, work, each)) for each in arguments]
        assert [racer.told() for racer in racers] == ["ready"] * len(racers)
        for racer in racers:
            racer.line.send("go")
        return [racer.told() for racer in racers]


def _run(environment: dict[str, str], work: Callable[..., None], line: Connection, arguments: tuple[Any, ...]) -> None:
    os.environ.clear()
    os.environ.update(environment)
    work(line, *arguments)


def _when_told(line: Connection, work: Callable[..., Any], arguments: tuple[Any, ...]) -> None:
    line.send("ready")
    line.recv()
    line.send(work(*arguments))
