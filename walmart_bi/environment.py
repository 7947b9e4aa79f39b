"""Reading variables one by one and collecting every problem. Which variables there are is in the settings modules."""

from __future__ import annotations

import difflib
import re
from collections.abc import Collection, Mapping

PREFIX = "WALMART_BI_"


class EnvironmentReader:
    """`WALMART_BI_*` variables by their short names; what is wrong is noted in `problems` instead of raised."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._environment = environment
        self.problems: list[str] = []

    def text(self, name: str) -> str | None:
        """The value, or None when it is blank or not set."""
        return self._environment.get(PREFIX + name, "").strip() or None

    def choice(self, name: str, default: str, allowed: tuple[str, ...]) -> str:
        """One of the allowed values."""
        value = self.text(name) or default
        if value not in allowed:
            self.refuse(name, f"one of {', '.join(allowed)}")
            return default
        return value

    def number(self, name: str, default: int | None, low: int, high: int, what: str) -> int | None:
        """A whole number from `low` to `high`; `what` says in words what is expected."""
        value = self.text(name)
        if value is None:
            return default
        if not value.isdecimal() or not low <= int(value) <= high:
            self.refuse(name, what)
            return default
        return int(value)

    def matching(self, name: str, pattern: str, what: str, default: str | None = None) -> str | None:
        """A value that the pattern fits as a whole."""
        value = self.text(name) or default
        if value is not None and not re.fullmatch(pattern, value):
            self.refuse(name, what)
            return default
        return value

    def required(self, name: str, why: str) -> str:
        """A value that has to be there; empty when it is not."""
        value = self.text(name)
        if value is None:
            self.problems.append(f"{PREFIX}{name} is not set, {why}")
        return value or ""

    def refuse_misspelt(self, known: Collection[str]) -> None:
        """Note what is set under a name close to a known one: it would be passed over, and the default taken.

        Names that are close to none are left alone: another version's settings, and those of the tests.
        """
        given = (name.removeprefix(PREFIX) for name in self._environment if name.startswith(PREFIX))
        for name in sorted(name for name in given if name not in known and self.text(name)):
            meant = difflib.get_close_matches(name, known, n=1, cutoff=0.8)
            if meant:
                self.problems.append(f"{PREFIX}{name} is no setting, {PREFIX}{meant[0]} is one")

    def refuse(self, name: str, expected: str) -> None:
        """Note that the value is not what is expected."""
        self.problems.append(f"{PREFIX}{name} is {self.text(name)!r}, expected {expected}")
