"""Many at once: loads of the same months, whole loads and sensors on one bucket, roll back against load, a BI tool.

A race is judged when all have ended: each month is one version, whole, with one active ledger entry, its sums and KPIs,
and each load that says that it loaded has an entry of its own. A reader looks all the while: see `onlooker.py`.
"""

from __future__ import annotations

import contextlib
import random
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from multiprocessing.connection import wait
from pathlib import Path
from typing import Any

from walmart_bi.records import MonthlyObject
from walmart_bi.reporting.page.publish import StoryRefused
from walmart_bi.reporting.snapshot import SnapshotOvertaken
from walmart_bi_tests.processes import Forked
from walmart_bi_tests.proof import findings
from walmart_bi_tests.proof.children import child, run
from walmart_bi_tests.proof.findings import Finding
from walmart_bi_tests.proof.loads import (
    at_once,
    hold,
    load,
    load_impatiently,
    load_objects,
    publish_only,
    restore,
    views_alone,
)
from walmart_bi_tests.proof.matrix import NEW_FILE, NEW_MONTHS, OLD_FILE, OLD_MONTHS, deliver
from walmart_bi_tests.proof.onlooker import Onlooker, Race
from walmart_bi_tests.proof.places import Place, Target
from walmart_bi_tests.proof.truth import Truth

SAME_MONTHS = "loads of the same months, empty at first"
ROLL_BACK = "roll back against loads"
SAME_FILE = "the same file, loaded twice at once"
TWO_SENSORS = "two sensors on one bucket, each with its runs"
BI_TOOL = "a BI tool holds the DuckDB file"
RACERS = 4
LOOK_EVERY_SECONDS = 0.1
# What a load may end with, and say, because another one was faster; its months are loaded all the same.
OVERTAKEN = {
    SnapshotOvertaken.__name__: ("",),
    StoryRefused.__name__: ("page and snapshot would differ", "The snapshot is not whole"),
}


@dataclass
class Course:
    """A target, with versions of the same months, published but not loaded, to race with."""

    target: Target
    truth: Truth
    scratch: Path
    base: Place
    versions: list[dict[str, MonthlyObject]]


def course(target: Target, scratch: Path, versions: int = RACERS) -> Course:
    """Deliver and publish the versions one after the other, into an empty place."""
    base, truth = target.empty(), Truth()
    made = []
    for number in range(versions):
        deliver(base, truth, scratch, NEW_FILE, NEW_MONTHS, seed=2_000 + number)
        made.append(run(publish_only, base, NEW_MONTHS))
    return Course(target, truth, scratch, base, made)


def loads_of_the_same_months(course: Course, rounds: Sequence[int], told: Callable[[Race], None]) -> Race:
    """Each process has a version of its own of every month, in an order of its own; the months are empty at first."""
    race = Race(SAME_MONTHS, course.target.name)
    for seed in rounds:
        chosen = random.Random(seed)
        place = course.target.copy(course.base)
        with place.opened() as project, contextlib.ExitStack() as stack:
            racers = []
            for version in course.versions:
                objects = list(version.values())
                chosen.shuffle(objects)
                racers.append(stack.enter_context(child(load_objects, place, objects)))
            onlooker = Onlooker(project, course.truth, race, loaded=set())
            said = _race(onlooker, racers)
            actions = Counter(action for kind, result in said if kind == "done" for action in result)
            race.loads += actions.total()
            onlooker.judge(loads=actions["loaded"], views_are_made=False)
        course.target.drop(place)
        race.rounds += 1
        told(race)
    return race


def roll_back_against_loads(course: Course, rounds: Sequence[int], told: Callable[[Race], None]) -> Race:
    """One process brings the first version of a month back while others load two more."""
    race = Race(ROLL_BACK, course.target.name)
    month = NEW_MONTHS[0]
    if not rounds:
        return race
    loaded = course.target.copy(course.base)
    for version in course.versions[:2]:
        with child(load_objects, loaded, list(version.values())) as racer:
            _start([racer])
            assert racer.result() == ("done", ["loaded"] * len(NEW_MONTHS))
    run(views_alone, loaded)
    for _ in rounds:
        place = course.target.copy(loaded)
        with place.opened() as project, contextlib.ExitStack() as stack:
            racers = [
                stack.enter_context(child(restore, place, month, f"{month}-v1")),
                *(
                    stack.enter_context(child(load_objects, place, [version[month]]))
                    for version in course.versions[2:4]
                ),
            ]
            onlooker = Onlooker(project, course.truth, race, loaded=set(NEW_MONTHS))
            race.loads += len(_race(onlooker, racers))
            onlooker.judge(loads=2 * len(NEW_MONTHS) + 2, views_are_made=True)
        course.target.drop(place)
        race.rounds += 1
        told(race)
    course.target.drop(loaded)
    return race


def whole_loads_at_once(
    target: Target, scratch: Path, how: str, rounds: Sequence[int], told: Callable[[Race], None]
) -> Race:
    """Two processes take the same delivered file from the landing prefix to the page; `graph`: each by a sensor."""
    race = Race(TWO_SENSORS if how == "graph" else SAME_FILE, target.name)
    for seed in rounds:
        truth, place = Truth(), target.empty()
        old = deliver(place, truth, scratch, OLD_FILE, OLD_MONTHS, seed=seed)
        run(load, place, "real", OLD_MONTHS)
        new = deliver(place, truth, scratch, NEW_FILE, NEW_MONTHS, seed=seed)
        with place.opened() as project, contextlib.ExitStack() as stack:
            racers = [stack.enter_context(child(at_once, place, how, NEW_MONTHS, number)) for number in range(2)]
            onlooker = Onlooker(project, truth, race, loaded=set(OLD_MONTHS))
            said = _race(onlooker, racers, may_be_overtaken=True)
            race.loads += len(said)
            # Each is an installation of its own, so each has files that are new to it.
            if how == "graph" and not all(runs for _, runs in said):
                race.findings.append(Finding("unexplained", f"a sensor asked for no run: {said}"))
            onlooker.judge(loads=len(OLD_MONTHS) + len(NEW_MONTHS), views_are_made=True)
            if len(said) < len(racers):
                run(load, place, "real", NEW_MONTHS)
            state = frozenset({(OLD_MONTHS[0], old), *((month, new) for month in NEW_MONTHS)})
            race.findings += findings.settled(project, truth, state)
        target.drop(place)
        race.rounds += 1
        told(race)
    return race


def bi_tool_holds_the_file(course: Course, rounds: Sequence[int], told: Callable[[Race], None]) -> Race:
    """A program that knows nothing of the lock file keeps the DuckDB file open: a load waits, or says who it is."""
    race = Race(BI_TOOL, course.target.name)
    for _ in rounds:
        place = course.target.copy(course.base)
        objects = [[version[NEW_MONTHS[0]]] for version in course.versions[:2]]
        with place.opened() as project:
            onlooker = Onlooker(project, course.truth, race, loaded=set(NEW_MONTHS[:1]))
            with child(load_impatiently, place, objects[0], 60.0) as first:
                assert first.result() == ("done", ["loaded"])
            with child(hold, place, str(project.settings.warehouse_file)) as tool:
                assert tool.told() == ("ready", None)
                onlooker.look()
                with child(load_impatiently, place, objects[1], 0.3) as refused:
                    said = refused.result()
                named = said is not None and said[0] == "refused" and f"process {tool.process.pid} " in said[1].line
                if not named:
                    race.findings.append(Finding("unexplained", f"a load during the hold ended with {said}"))
                with child(load_impatiently, place, objects[1], 60.0) as patient:
                    patient.line.poll(0.3)
                    tool.line.send("let go")
                    if (said := patient.result()) != ("done", ["loaded"]):
                        race.findings.append(Finding("unexplained", f"a load after the hold ended with {said}"))
            race.loads += 3
            onlooker.judge(loads=2, views_are_made=False)
        course.target.drop(place)
        race.rounds += 1
        told(race)
    return race


def _start(racers: Sequence[Forked]) -> None:
    for racer in racers:
        assert racer.told() == ("ready", None)
    for racer in racers:
        racer.line.send("go")


def _was_overtaken(said: tuple[str, Any] | None) -> bool:
    """Whether a load says that another one was faster."""
    if said is None or said[0] != "refused":
        return False
    return any(words in said[1].line for words in OVERTAKEN.get(said[1].kind, ()))


def _race(onlooker: Onlooker, racers: Sequence[Forked], *, may_be_overtaken: bool = False) -> list[tuple[str, Any]]:
    """Let all go, look until all have ended, and note who did not end well; what those said who did."""
    _start(racers)
    race = onlooker.race
    running = {racer.line: racer for racer in racers}
    said = []
    while running:
        onlooker.look()
        for line in wait(list(running), LOOK_EVERY_SECONDS):
            last = running.pop(line).result()  # type: ignore[call-overload]
            if may_be_overtaken and _was_overtaken(last):
                race.refused[last[1].line] += 1
            elif last is None or last[0] != "done":
                race.findings.append(Finding("unexplained", f"a racer ended with {last}"))
            else:
                said.append(last)
    return said
