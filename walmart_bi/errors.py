"""The one family of errors that a person can cause and act on.

Every such error names the cause, the place and the next step, in one line. Anything else that is raised is a bug in
this project and keeps its stack trace. Each layer defines its own subclasses next to the code that raises them.
"""

from __future__ import annotations

from typing import Any


class WalmartBiError(Exception):
    """A problem that a person can solve: what went wrong, where, and what to do next."""

    def __init__(self, cause: str, *, place: str, next_step: str) -> None:
        super().__init__(cause)
        self.cause = _one_line(cause)
        self.place = _one_line(place)
        self.next_step = _one_line(next_step)

    def __reduce__(self) -> tuple[Any, ...]:
        # As it is to be raised again in another process; Exception's own way calls the class with `args` alone.
        return _rebuilt, (type(self), self.args, self.__dict__)

    def __str__(self) -> str:
        return f"{self.place}: {self.cause} Next step: {self.next_step}"


def _rebuilt(kind: type[WalmartBiError], arguments: tuple[Any, ...], facts: dict[str, Any]) -> WalmartBiError:
    error = kind.__new__(kind, *arguments)
    error.__dict__.update(facts)
    return error


def _one_line(text: str) -> str:
    return " ".join(text.split())
