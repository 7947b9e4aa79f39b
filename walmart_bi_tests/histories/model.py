"""What a history must have come to: dictionaries and the written rules, nothing of the project's code.

The newest delivered file that covers a month supplies it; a run of several months is all or nothing up to the table;
each month is replaced as a whole; the same content is loaded once; content that was replaced does not come back by
itself; a month does not shrink to less than half by itself.
"""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from walmart_bi_tests.histories.files import Content, Naming, Row

SHRINKS = "less than half"


@dataclass(frozen=True)
class Delivered:
    """A file that lies in the landing directory, with what the store says of this version of it."""

    name: str
    content: Content
    naming: Naming
    etag: str
    modified: dt.datetime

    @property
    def covers(self) -> tuple[str, ...]:
        return self.content.covers(self.naming)

    @property
    def age(self) -> tuple[dt.datetime, str]:
        return self.modified, f"raw_data/{self.name}"


@dataclass
class Month:
    """The contents that were loaded, oldest first, and which of them is the month now."""

    loads: list[Content] = field(default_factory=list)
    active: int | None = None

    def rows(self, month: str) -> Counter[Row]:
        return self.loads[self.active].rows[month] if self.active is not None else Counter()

    def copy(self) -> Month:
        return Month([*self.loads], self.active)

    def load(self, content: Content) -> None:
        """The same or replaced content changes nothing."""
        if content.sha256 not in {loaded.sha256 for loaded in self.loads}:
            self.loads.append(content)
            self.active = len(self.loads) - 1

    def shrinks(self, month: str, content: Content) -> bool:
        return 2 * content.rows[month].total() < self.rows(month).total()


@dataclass
class Model:
    """The landing directory, the months of the table, and what the sensor has decided on."""

    landing: dict[str, Delivered] = field(default_factory=dict)
    months: dict[str, Month] = field(default_factory=dict)
    decided: dict[str, Delivered] = field(default_factory=dict)
    requested: set[tuple[str, str, str]] = field(default_factory=set)

    def supplier(self, month: str, files: Iterable[Delivered] | None = None) -> Delivered | None:
        """The newest file that covers the month."""
        covering = [file for file in (files or self.landing.values()) if month in file.covers]
        return max(covering, key=lambda file: file.age, default=None)

    def refusal(self, months: Iterable[str]) -> str | None:
        """A word of what a person must read when a run of these months fails; None when it must succeed."""
        suppliers = {month: self.supplier(month) for month in months}
        kinds = {file.content.kind for file in suppliers.values() if file is not None}
        if None in suppliers.values():
            return "No delivered file covers"
        if "unreadable" in kinds:
            return "HTML"
        if "too_many_bad" in kinds:
            return "quarantine"
        if any(self._month(month).shrinks(month, file.content) for month, file in suppliers.items() if file):
            return SHRINKS
        return None

    def after_run(self, months: Iterable[str]) -> dict[str, Month]:
        """The table's months after a run of these months; all of them as they are when it must fail."""
        after = {name: month.copy() for name, month in self.months.items()}
        if self.refusal(months) is None:
            for month in months:
                file = self.supplier(month)
                assert file is not None
                after.setdefault(month, Month()).load(file.content)
        return after

    def _month(self, month: str) -> Month:
        return self.months.get(month, Month())

    def tick(self) -> set[tuple[str, str, str]]:
        """The (file, version, month) for which the sensor must ask for a run now, and remember what it decided on."""
        known = {name: file for name, file in self.decided.items() if name in self.landing}
        fresh = [file for name, file in self.landing.items() if name not in known or known[name].etag != file.etag]
        self.decided = known | {file.name: file for file in fresh}
        return {
            (file.name, file.etag, month)
            for file in fresh
            for month in file.covers
            if self.supplier(month, self.decided.values()) is file
        }

    def forget_request(self, file: str, etag: str, months: Iterable[str]) -> None:
        """The run for it was killed: it may be asked for again."""
        self.requested -= {(file, etag, month) for month in months}


def refusals(
    months: Sequence[str], landings: Sequence[dict[str, Delivered]], tables: Sequence[dict[str, Month]]
) -> set[str | None]:
    """What may come of a run that saw the files as at one of these times, and the table as at any of them."""
    return {Model(landing, table).refusal(months) for landing in landings for table in tables}
