"""What may come of a call that met a fault: the right answer after all, or one line that a person can act on."""

from __future__ import annotations

import traceback
from collections.abc import Callable
from dataclasses import dataclass

import dagster as dg

from walmart_bi.errors import WalmartBiError

SECRET = "canary-secret-5e71"
# What a server says may hold anything, so it is never passed on.
SERVERS_WORDS = "told by the server, 8d15"
NOTHING = object()


@dataclass(frozen=True)
class Work:
    """Something to do as often as one likes, and what it gives whenever nothing is wrong."""

    do: Callable[[], object]
    right: object
    # What may be left undone without a word to the caller: tidying up, a note for others; `also_right` is the answer.
    may_pass_over: bool = False
    also_right: object = NOTHING


def outcome(do: Callable[[], object]) -> tuple[object, str]:
    """The answer and no line, or no answer and the line. Anything else that is raised is a failure of the test."""
    try:
        return do(), ""
    except WalmartBiError as error:
        return NOTHING, _line(str(error), error)
    except dg.Failure as error:
        assert {"cause", "place", "next step"} == set(error.metadata)
        return NOTHING, _line(error.description or "", error)


def _line(text: str, error: BaseException) -> str:
    assert "\n" not in text and text.count("Next step: ") == 1, text
    place, _, rest = text.partition(": ")
    assert place and rest.partition("Next step: ")[0].strip() and rest.partition("Next step: ")[2].strip(), text
    assert SERVERS_WORDS not in text
    assert SECRET not in "".join(traceback.format_exception(error))
    return text
