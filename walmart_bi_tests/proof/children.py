"""Processes that load at a place, and how they end: with a result, refused by one line, or with an error."""

from __future__ import annotations

import contextlib
import tempfile
import traceback
from collections.abc import Callable
from contextlib import AbstractContextManager
from multiprocessing.connection import Connection
from typing import Any, NamedTuple

from walmart_bi.errors import WalmartBiError
from walmart_bi_tests.processes import Forked, forked
from walmart_bi_tests.proof.places import Place

PATIENCE_SECONDS = 300.0


class Refusal(NamedTuple):
    """An error that a person can cause."""

    kind: str
    line: str


def child(work: Callable[..., Any], place: Place, *arguments: Any) -> AbstractContextManager[Forked]:
    """`work(project, line, *arguments)` in a process of its own; killed at the latest when the block ends.

    It ends with `("done", result)`, `("refused", Refusal)` for an error that a person can cause, or `("error", trace)`.
    """
    return forked(_run, work, place, arguments, patience=PATIENCE_SECONDS)


def run(work: Callable[..., Any], place: Place, *arguments: Any) -> Any:
    """The result of the work in a process of its own, which must end well."""
    with child(work, place, *arguments) as running:
        said = running.result()
    assert said is not None and said[0] == "done", said
    return said[1]


def _run(line: Connection, work: Callable[..., Any], place: Place, arguments: tuple[Any, ...]) -> None:
    tempfile.tempdir = None  # TMPDIR is the place's
    try:
        said: tuple[str, Any] = ("done", work(place.enter(), line, *arguments))
    except WalmartBiError as error:
        said = ("refused", Refusal(type(error).__name__, str(error)))
    except Exception:  # noqa: BLE001 - whatever it is, it is the finding
        said = ("error", traceback.format_exc())
    with contextlib.suppress(BrokenPipeError):  # whoever asked was stopped
        line.send(said)
