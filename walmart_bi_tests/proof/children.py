"""Processes that load, forked from one that has imported everything and done nothing, so that each costs a fork.

The standard library's fork server is that process: it runs no code of the project before it forks, opens no database,
and keeps no thread but Arrow's own, which Arrow makes anew after a fork. So what a child does starts from imports
alone, as in a process that was started afresh, in a hundredth of the time.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import tempfile
import traceback
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from multiprocessing.connection import Connection
from typing import Any, NamedTuple
from unittest import mock

from walmart_bi.errors import WalmartBiError
from walmart_bi_tests.proof.places import Place

PRELOADED = [
    *("pandas", "pyarrow.parquet", "pyarrow.compute", "duckdb", "pantab", "sqlglot", "boto3", "redshift_connector"),
    *("walmart_bi_tests.proof.warm", "walmart_bi_tests.proof.loads", "walmart_bi.warehouse.redshift_connection"),
    "filelock",
    *("walmart_bi.sales.publishing", "walmart_bi.sales.landing", "walmart_bi.reporting.page.publish"),
    *("walmart_bi_tests.builders", "walmart_bi_tests.contracts.warehouses"),
]
PATIENCE_SECONDS = 300.0


class Refusal(NamedTuple):
    """An error that a person can cause."""

    kind: str
    line: str


@dataclass
class Child:
    """A process and the line to it."""

    process: Any
    line: Connection

    def told(self, seconds: float = PATIENCE_SECONDS) -> tuple[str, Any] | None:
        """What the child says next; None when it died without a word. Fails when it says nothing for so long."""
        assert self.line.poll(seconds), "the child hangs"
        try:
            said: tuple[str, Any] = self.line.recv()
        except EOFError:
            self.process.join(PATIENCE_SECONDS)
            return None
        return said

    def result(self) -> tuple[str, Any] | None:
        """The last that the child says; then it has ended."""
        said = self.told()
        self.process.join(PATIENCE_SECONDS)
        return said


@contextlib.contextmanager
def child(work: Callable[..., Any], place: Place, *arguments: Any) -> Iterator[Child]:
    """`work(project, line, *arguments)` in a process of its own; killed at the latest when the block ends.

    It ends with `("done", result)`, `("refused", Refusal)` for an error that a person can cause, or `("error", trace)`.
    """
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(PRELOADED)
    ours, theirs = context.Pipe()
    with mock.patch.dict(os.environ, {"OPENBLAS_NUM_THREADS": "1"}):  # one thread less in the process that forks
        process = context.Process(target=_run, args=(work, place, theirs, arguments), daemon=True)
        process.start()
    theirs.close()
    try:
        yield Child(process, ours)
    finally:
        process.kill()
        process.join()
        ours.close()


def run(work: Callable[..., Any], place: Place, *arguments: Any) -> Any:
    """The result of the work in a process of its own, which must end well."""
    with child(work, place, *arguments) as running:
        said = running.result()
    assert said is not None and said[0] == "done", said
    return said[1]


def _run(work: Callable[..., Any], place: Place, line: Connection, arguments: tuple[Any, ...]) -> None:
    tempfile.tempdir = None  # TMPDIR is the place's
    try:
        said: tuple[str, Any] = ("done", work(place.enter(), line, *arguments))
    except WalmartBiError as error:
        said = ("refused", Refusal(type(error).__name__, str(error)))
    except Exception:  # noqa: BLE001 - whatever it is, it is the finding
        said = ("error", traceback.format_exc())
    with contextlib.suppress(BrokenPipeError):  # whoever asked was stopped
        line.send(said)
