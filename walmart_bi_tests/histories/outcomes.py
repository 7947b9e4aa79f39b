"""What the table may hold after something happened: what is seen, what is expected, and which of several it is.

Pure comparisons of the model with a state of the project; what happens is in `machine.py`.
"""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from walmart_bi_tests.histories.files import MONTHS, Content, Row
from walmart_bi_tests.histories.model import Month
from walmart_bi_tests.histories.place import State

Months = dict[str, Month]
Known = tuple[str, Counter[Row]]
"""A month's source and its rows."""


def seen_months(state: State) -> dict[str, Known]:
    """What the project has of each month."""
    return {month: (source, state.rows.get(month, Counter())) for month, source in state.active.items()}


def expected_months(months: Months) -> dict[str, Known]:
    """What the model says of each month."""
    return {
        name: (month.loads[month.active].sha256, month.rows(name))
        for name, month in months.items()
        if month.active is not None
    }


def chosen(state: State, *possible: Months) -> Months:
    """Each month as the first of these has it that says what is seen."""
    chosen: Months = {}
    for name in MONTHS:
        for months in possible:
            is_seen = expected_months(months).get(name) == seen_months(state).get(name)
            if name in months and is_seen and len(months[name].loads) == state.loads.get(name, 0):
                chosen[name] = months[name].copy()
                break
    return chosen


def after_race(
    before: Months,
    outdated: Mapping[str, Content],
    newest: Mapping[str, Content],
    span: Sequence[str],
    other: Sequence[str],
    told: Sequence[str | None],
) -> Iterator[Months]:
    """What a month may be after two loads, in every order; a load that says that it succeeded has happened.

    The first load may have seen the files as they were before or after the delivery.
    """
    first_done, second_done = (error is None for error in told)
    for first_sees, first_is_last in itertools.product((outdated, newest), (False, True)):
        after = {name: month.copy() for name, month in before.items()}
        first = [(month, first_sees.get(month)) for month in span if first_done]
        second = [(month, newest.get(month)) for month in other if second_done]
        for month, content in [*second, *first] if first_is_last else [*first, *second]:
            if content is not None:
                after.setdefault(month, Month()).load(content)
        yield after


def in_short(months: Mapping[Any, Known | None]) -> dict[Any, str]:
    """Source and number of rows, for an error that can be read."""
    return {name: f"{known[0][:8]} {known[1].total()} rows" if known else "nothing" for name, known in months.items()}


def is_outdated(now: Month | None, outdated: Content | None, newest: Content | None) -> bool:
    """Whether the month has the file that was the newest only before another was loaded."""
    if now is None or now.active is None or outdated is None or newest is outdated:
        return False
    assert newest is not None, "a month that had a file has none"
    loaded = {content.sha256 for content in now.loads}
    return now.loads[now.active] is outdated and newest.sha256 in loaded
