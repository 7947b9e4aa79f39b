"""The state machine: what can happen, what it does to the real project, and what the model says of it."""

from __future__ import annotations

import contextlib
import threading
from collections import Counter
from collections.abc import Callable, Collection, Sequence
from contextlib import AbstractContextManager
from typing import ClassVar

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from walmart_bi.partitions import run_months
from walmart_bi_tests.histories.files import MONTHS, Content, Kind, Naming, file_name, make_content
from walmart_bi_tests.histories.interruptions import Crash
from walmart_bi_tests.histories.model import SHRINKS, Delivered, Model, refusals
from walmart_bi_tests.histories.outcomes import (
    Months,
    after_race,
    chosen,
    expected_months,
    in_short,
    is_outdated,
    seen_months,
)
from walmart_bi_tests.histories.place import Place, State

SPANS = st.tuples(st.integers(0, len(MONTHS) - 1), st.integers(1, 3)).map(lambda span: MONTHS[span[0] :][: span[1]])
SIZES = st.lists(st.sampled_from([0, 3, 8, 10, 25, 30]), min_size=3, max_size=3)
KINDS = st.sampled_from([*["good"] * 6, *["some_bad", "repeated"] * 2, "too_many_bad", "unreadable"])
NAMINGS = st.sampled_from(["month", "month", "month", "undated"])
CHOICES = st.integers(0, 1000)
POINTS = st.integers(1, 90)


class Histories(RuleBasedStateMachine):
    """A history; `open_place` is set by whoever runs it. Figures are kept over all histories of this class."""

    open_place: Callable[[], AbstractContextManager[Place]]
    figures: ClassVar[Counter[str]] = Counter()

    def __init__(self) -> None:
        super().__init__()
        self._context = contextlib.ExitStack()
        self.place = self._context.enter_context(type(self).open_place())
        self.model = Model()
        self.serial = 0
        self.archive: list[Content] = []
        self.crashed: list[tuple[str, ...]] = []
        self.looked_at = False
        self.is_fresh = False
        self.steps = 0

    def teardown(self) -> None:
        try:
            if not self.looked_at:
                self.table_is_as_the_model_says()
            self.figures["histories" if self.steps > 1 else "histories of a single step"] += 1
            self.figures["steps"] += self.steps
        finally:
            self._context.close()

    # --- what is delivered and what becomes of it in the landing directory -------------------------------------------

    @initialize(span=SPANS, sizes=SIZES)
    def first_delivery(self, span: Sequence[str], sizes: list[int]) -> None:
        self.deliver(span, [size or 8 for size in sizes], "good", "month")

    @rule(span=SPANS, sizes=SIZES, kind=KINDS, naming=NAMINGS)
    def deliver(self, span: Sequence[str], sizes: list[int], kind: Kind, naming: Naming) -> None:
        """A new file, often for months that others cover too."""
        content = self._new_content(span, sizes, kind)
        self._put(file_name(self.serial, span, naming), content, naming)

    @precondition(lambda self: self.model.landing)
    @rule(which=CHOICES, sizes=SIZES, kind=KINDS)
    def correct(self, which: int, sizes: list[int], kind: Kind) -> None:
        """Other bytes under a name that is there."""
        there = self._landed(which)
        self._put(there.name, self._new_content(there.content.months, sizes, kind), there.naming)

    @precondition(lambda self: self.archive)
    @rule(which=CHOICES, naming=NAMINGS)
    def deliver_again(self, which: int, naming: Naming) -> None:
        """Bytes that were delivered before, under a new name; their file may be gone."""
        content = self.archive[which % len(self.archive)]
        self.serial += 1
        self._put(file_name(self.serial, content.months, naming), content, naming)

    @precondition(lambda self: self.model.landing)
    @rule(which=CHOICES)
    def touch(self, which: int) -> None:
        """The same bytes under the same name: an old file is copied over itself and is the newest now."""
        there = self._landed(which)
        self._put(there.name, there.content, there.naming)

    @precondition(lambda self: len(self.model.landing) > 1)
    @rule(which=CHOICES)
    def remove(self, which: int) -> None:
        """Somebody tidies up."""
        name = self._landed(which).name
        self.place.remove(name)
        del self.model.landing[name]
        self._count("removed")

    # --- loads --------------------------------------------------------------------------------------------------------

    @rule()
    def tick(self) -> None:
        """The sensor looks, and what it asks for runs."""
        self._tick(self._run)

    @rule(point=POINTS)
    def tick_and_crash(self, point: int) -> None:
        """The process of the first run dies at a point."""
        self._tick(lambda months, tags=None: self._crash(months, point, tags))

    @rule(span=SPANS)
    def load(self, span: Sequence[str]) -> None:
        """Somebody loads months by hand."""
        self._run(tuple(span))

    @rule(span=SPANS, point=POINTS)
    def load_and_crash(self, span: Sequence[str], point: int) -> None:
        self._crash(tuple(span), point)

    @precondition(lambda self: self.crashed)
    @rule()
    def repeat_what_crashed(self) -> None:
        while self.crashed:
            self._run(self.crashed.pop())

    @rule(span=SPANS, other=SPANS, sizes=SIZES, kind=KINDS, point=POINTS)
    def race(self, span: Sequence[str], other: Sequence[str], sizes: list[int], kind: Kind, point: int) -> None:
        """While one load is under way, a file arrives, and a load of it comes and goes."""
        before = self.model.after_run([])
        outdated = self._contents(span)
        alone = self.model.after_run(span)
        told: list[str | None] = []
        landings, tables = [dict(self.model.landing)], [before]

        def meanwhile() -> None:
            tables.append(chosen(self._seen_is_one_of(before, alone), before, alone))
            self.deliver(other, sizes, kind, "month")
            landings.append(dict(self.model.landing))
            told.append(self._attempt(other))
            tables.append(Model(landings[-1], tables[-1]).after_run(other))

        with self.place.points.at(point, meanwhile, statements=False):
            first = self._attempt(span)
        allowed = refusals(span, landings, tables)
        if told and set(span) & set(other):  # a newer file was loaded meanwhile: the older one is left, not refused
            allowed |= {None} if SHRINKS in allowed else set()
        self._said_one_of(first, allowed)
        if told:
            self._said(told[0], Model(landings[-1], tables[1]).refusal(other))
        told.insert(0, first)
        if len(told) == 1:  # the load was done before that point
            self.model.months = alone
            self._changed("loads")
            return
        newest = self._contents([*span, *other])
        self._settle_one_of(*after_race(before, outdated, newest, span, other, told))
        self._count("races")
        assert not [
            month for month in span if is_outdated(self.model.months.get(month), outdated.get(month), newest.get(month))
        ], "the older file won"

    @rule(span=SPANS)
    def two_at_once(self, span: Sequence[str]) -> None:
        """Two loads of the same months in two threads."""
        after, refusal = self.model.after_run(span), self.model.refusal(span)
        said: list[BaseException] = []

        def load() -> None:
            try:
                self._said(self._attempt(span), refusal)
            except BaseException as error:  # noqa: BLE001 - raised again below, in the test's own thread
                said.append(error)

        threads = [threading.Thread(target=load) for _ in range(2)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        if said:
            raise said[0]
        self._count("races of threads")
        self._settle_one_of(after)

    @precondition(lambda self: self.model.months)
    @rule(which=CHOICES, load=CHOICES)
    def roll_back(self, which: int, load: int) -> None:
        """An earlier load is made active again."""
        months = sorted(name for name, month in self.model.months.items() if month.loads)
        if not months:
            return
        name = months[which % len(months)]
        month = self.model.months[name]
        index = load % len(month.loads)
        outcome = self.place.warehouse.restore_load(name, f"{name}-v{index + 1}")
        assert outcome.action == ("unchanged" if index == month.active else "restored")
        month.active = index
        self._changed("rolled back")

    # --- what happens to the project itself ---------------------------------------------------------------------------

    @precondition(lambda self: not self.is_fresh)
    @rule()
    def restart(self) -> None:
        """Once is enough: a history that does nothing is what hypothesis takes for the simplest, and tries first.

        It tries it beside the histories that it was asked for, so those of a single step are counted apart.
        """
        self.place.restart()
        self._changed("restarts")
        self.is_fresh = True

    @rule(history_too=st.booleans())
    def lose_the_cursor(self, history_too: bool) -> None:
        """And perhaps what Dagster knows of earlier runs."""
        self.place.cursor, self.model.decided = None, {}
        if history_too:
            self.place.forget_runs()
            self.model.requested.clear()
        self._count("cursors lost")

    # --- what must be true --------------------------------------------------------------------------------------------

    @invariant()
    def steps_are_counted(self) -> None:
        """What must be true is asked after each step, of which the first delivery is one."""
        self.steps += 1

    @invariant()
    def table_is_as_the_model_says(self) -> None:
        if self.looked_at:
            return
        self.looked_at = True
        state = self.place.state()
        seen, expected = seen_months(state), expected_months(self.model.months)
        loads = {name: len(month.loads) for name, month in self.model.months.items() if month.loads}
        assert state.problems == [], state.problems
        assert seen == expected, f"the table has {in_short(seen)}, expected is {in_short(expected)}"
        assert state.loads == loads, f"the ledger has {dict(state.loads)}, expected is {loads}"

    # --- how ----------------------------------------------------------------------------------------------------------

    def _count(self, what: str) -> None:
        self.is_fresh = False
        self.figures[what] += 1

    def _changed(self, what: str) -> None:
        self._count(what)
        self.looked_at = False

    def _landed(self, which: int) -> Delivered:
        return self.model.landing[sorted(self.model.landing)[which % len(self.model.landing)]]

    def _new_content(self, months: Sequence[str], sizes: list[int], kind: Kind) -> Content:
        self.serial += 1
        rows = dict(zip(months, sizes, strict=False))
        if not any(rows.values()):
            rows[months[0]] = 8
        content = make_content(self.serial, rows, kind)
        self.archive.append(content)
        return content

    def _put(self, name: str, content: Content, naming: Naming) -> None:
        told = self.place.deliver(name, content.data)
        self.model.landing[name] = Delivered(name, content, naming, told.etag, told.modified)
        self._count("delivered")

    def _tick(self, run: Callable[..., None]) -> None:
        expected = {request for request in self.model.tick() if request not in self.model.requested}
        requests = self.place.tick()
        asked = [(dict(request.tags)["file"], request.run_key or "", _months(request.tags)) for request in requests]
        found = {
            (file.removeprefix("raw_data/"), key.rpartition(":")[0].rpartition("@")[2], month)
            for file, key, months in asked
            for month in months
        }
        assert found == expected, f"the sensor asks for {sorted(found)}, expected is {sorted(expected)}"
        self.model.requested |= found
        self._count("ticks")
        for request, (_, key, months) in zip(requests, asked, strict=True):
            run(months, {**request.tags, "dagster/run_key": key})
            run = self._run

    def _contents(self, months: Sequence[str]) -> dict[str, Content]:
        """What supplies each month now."""
        return {month: file.content for month in months if (file := self.model.supplier(month))}

    def _attempt(self, months: Sequence[str], tags: dict[str, str] | None = None) -> str | None:
        told = self.place.run(months, tags)
        assert told is None or told.isprintable()
        return told

    def _run(self, months: Sequence[str], tags: dict[str, str] | None = None) -> None:
        after, refusal = self.model.after_run(months), self.model.refusal(months)
        self._said(self._attempt(months, tags), refusal)
        self.model.months = after
        self._changed("refused" if refusal else "loads")

    def _said(self, told: str | None, refusal: str | None) -> None:
        """What a person reads is what the model says that must be the matter."""
        self._said_one_of(told, {refusal})

    def _said_one_of(self, told: str | None, allowed: Collection[str | None]) -> None:
        assert any((told is None) == (each is None) and (each or "") in (told or "") for each in allowed), (
            f"{told}, expected: {' or '.join(map(str, allowed))}"
        )

    def _crash(self, months: Sequence[str], point: int, tags: dict[str, str] | None = None) -> None:
        """The run ends at a point: each month is as before or as after, and the run can be repeated."""
        after, refusal = self.model.after_run(months), self.model.refusal(months)

        def die() -> None:
            raise Crash

        try:
            with self.place.points.at(point, die, statements=True):
                self._said(self._attempt(months, tags), refusal)
        except Crash:
            self._changed("crashes")
            self.crashed.append(tuple(months))
            if tags:
                key = tags["dagster/run_key"].rpartition(":")[0]
                name, _, etag = key.removeprefix("raw_data/").rpartition("@")
                self.model.forget_request(name, etag, months)
            self.place.restart()
            self._settle_one_of(self.model.months, after)
        else:
            self.model.months = after
            self._changed("loads")

    def _seen_is_one_of(self, *possible: Months) -> State:
        """Each month on its own is as one of these says."""
        state = self.place.state()
        assert state.problems == [], state.problems
        for name in MONTHS:
            seen = seen_months(state).get(name)
            expected = [expected_months(months).get(name) for months in possible]
            assert seen in expected, (
                f"{name} has {in_short({name: seen})}, expected is one of {in_short(dict(enumerate(expected)))}"
            )
        return state

    def _settle_one_of(self, *possible: Months) -> None:
        """Each month on its own is as one of these says; the model takes over which."""
        self.model.months = chosen(self._seen_is_one_of(*possible), *possible)
        self._changed("settled")


def _months(tags: object) -> tuple[str, ...]:
    return run_months(tags)  # type: ignore[arg-type]
