"""The kill matrix: a load dies at a named point, people look, the load is given again, and the oracle judges.

A trial delivers one file that corrects a loaded month and brings a new one, or, in an empty place, brings two new ones.
The seed decides the file's content, at which passing of the point the process dies, and where between two points.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
import random
import signal
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from walmart_bi.cli.project import Project
from walmart_bi.sales.sample import write_sample
from walmart_bi.warehouse.base import Reader, WarehouseBusy, WarehouseError
from walmart_bi_tests.processes import Forked
from walmart_bi_tests.proof import findings, warm  # noqa: F401 - this process logs in to look
from walmart_bi_tests.proof.children import child, run
from walmart_bi_tests.proof.findings import Finding
from walmart_bi_tests.proof.loads import Death, ended, load, watched
from walmart_bi_tests.proof.places import Place, Target
from walmart_bi_tests.proof.truth import State, Truth

OLD_FILE, OLD_MONTHS = "sales_2024-05_2024-06.csv", ["2024-05", "2024-06"]
NEW_FILE, NEW_MONTHS = "sales_2024-06_2024-07.csv", ["2024-06", "2024-07"]
ROWS = 240
LOOK_EVERY_SECONDS = {"local": 1.0, "aws": 2.0}  # a look costs one login there
# The process also dies between these points and the next: in the middle of the statement or the transfer.
MIDDLES = ("put.before", "rows.before_insert", "commit.before", "copy.before", "ledger.before", "database.made")
MIDDLE = " and on"
# A load that is faster than its death is tried again with a death that comes sooner, at last at once.
_SOONER = (1.0, 0.25, 0.0)
_OF_A_MONTH = ("rows.before_delete", "rows.after_insert")


@dataclass
class Trial:
    """What one kill came to."""

    target: str
    way: str
    point: str
    seed: int
    findings: list[Finding] = field(default_factory=list)
    looks: int = 0
    not_let_in: int = 0
    died: bool = True  # not so when the load was done before its death came

    @property
    def name(self) -> str:
        return f"{self.target}, {self.way}, {self.point}, seed {self.seed}"


@dataclass
class Scene:
    """A target with a base state, and what a load there passes."""

    target: Target
    truth: Truth
    scratch: Path
    starts: tuple[str, ...] = ("loaded", "loaded", "nothing")
    bases: dict[str, Place] = field(default_factory=dict)
    timelines: dict[tuple[str, str], list[tuple[str, float]]] = field(default_factory=dict)

    def passings(self, way: str, start: str) -> Counter[str]:
        """How often a load passes each point, and can die between it and the next."""
        once = Counter(name for name, _ in self.timeline(way, start))
        middles = {name + MIDDLE: once[name] for name in MIDDLES if once[name]}
        return Counter({**once, **middles})

    def loaded_state(self) -> State:
        """What the base state has."""
        old = next(sha256 for month, sha256 in self.truth.rows if month == OLD_MONTHS[0])
        return frozenset((month, old) for month in OLD_MONTHS)

    def timeline(self, way: str, start: str) -> list[tuple[str, float]]:
        """The points that a load passes, and when; from a run that nothing happens to."""
        timing = way if way == "graph" else "real"
        if (timing, start) not in self.timelines:
            place, _ = self.delivered(start, 0, timing)
            self.timelines[timing, start] = run(watched, place, timing, NEW_MONTHS)
            self.target.drop(place)
        return self.timelines[timing, start]

    def delivered(self, start: str, seed: int, way: str) -> tuple[Place, str]:
        """A place of its own with the new file just delivered, and the hash of the file."""
        place = self.target.copy(self.bases["loaded"]) if start == "loaded" else self.target.empty()
        if way == "graph":  # a copied file is a new delivery to the sensor; it was loaded, so it may be cleared away
            with place.opened() as project:
                project.store.delete(f"raw_data/{OLD_FILE}")
        return place, deliver(place, self.truth, self.scratch, NEW_FILE, NEW_MONTHS, seed)


@contextmanager
def scene(target: Target, scratch: Path) -> Iterator[Scene]:
    """The target with two loaded months."""
    made = Scene(target, Truth(), scratch)
    base = target.empty()
    deliver(base, made.truth, scratch, OLD_FILE, OLD_MONTHS, seed=1_000)
    run(load, base, "real", OLD_MONTHS)
    made.bases["loaded"] = base
    yield made


def deliver(place: Place, truth: Truth, scratch: Path, name: str, months: Sequence[str], seed: int) -> str:
    """Write a file of these months with some dirt into the place's landing prefix; its hash."""
    path = scratch / f"{seed}" / name
    last_day = dt.date.fromisoformat(f"{months[-1]}-28")
    write_sample(path, rows=ROWS, first_day=dt.date.fromisoformat(f"{months[0]}-01"), last_day=last_day,
                 seed=seed, dirty_share=0.03)  # fmt: skip
    with place.opened() as project:
        project.store.put(f"raw_data/{name}", path)
    return truth.deliver(path, list(months))


def try_kill(scene: Scene, point: str, seed: int, way: str = "real") -> Trial:
    """Kill a load at the point, look, load again, and judge."""
    chosen = random.Random(f"{point} {seed}")
    starts = [start for start in scene.starts if scene.passings(way, start)[point]]
    start = chosen.choice(starts)
    death = _death(scene, point, start, way, chosen)
    for share in _SOONER:
        sooner = death if death.delay is None else dataclasses.replace(death, delay=death.delay * share)
        trial = _try(scene, Trial(scene.target.name, way, point, seed), start, sooner)
        if trial.died or trial.findings:
            break
    return trial


def _try(scene: Scene, trial: Trial, start: str, death: Death) -> Trial:
    way, seed = trial.way, trial.seed
    place, sha256 = scene.delivered(start, seed, way)
    before: State = scene.loaded_state() if start == "loaded" else frozenset()
    new: State = frozenset((month, sha256) for month in NEW_MONTHS)
    after: State = frozenset(pair for pair in before if pair[0] not in NEW_MONTHS) | new
    with place.opened() as project:
        judge = Judge(project, scene.truth, before, after, trial)
        with child(ended, place, way, NEW_MONTHS, death) as dying:
            judge.watch(dying)
        if not trial.died:
            scene.target.drop(place)
            return trial
        judge.look_afterwards()
        with child(load, place, way, NEW_MONTHS) as again:
            judge.wait(again)
        trial.findings += findings.settled(project, scene.truth, after)
    scene.target.drop(place)
    return trial


def _death(scene: Scene, point: str, start: str, way: str, chosen: random.Random) -> Death:
    name = point.removesuffix(MIDDLE)
    timeline = scene.timeline(way, start)
    passed = [number for number, (each, _) in enumerate(timeline) if each == name]
    months = [number for number, (each, _) in enumerate(timeline) if each in _OF_A_MONTH]
    # Most commits are those of the views, and most writes the snapshot's; half of the deaths are while months change.
    changing = [number for number in passed if months[0] <= number <= months[-1] + 2]
    number = chosen.choice(changing if changing and chosen.random() < 0.5 else passed)
    occurrence = passed.index(number)
    if name == point:
        return Death(name, occurrence + 1)
    gap = timeline[min(number + 1, len(timeline) - 1)][1] - timeline[number][1]
    return Death(name, occurrence + 1, delay=chosen.uniform(0, gap))


@dataclass
class Judge:
    """Somebody who looks at a place while a load runs there."""

    project: Project
    truth: Truth
    before: State
    after: State
    trial: Trial
    _listed: list[tuple[str, str]] = field(default_factory=list)

    def watch(self, dying: Forked) -> None:
        """Look again and again until the load died; once for certain while it stands at its point."""
        while True:
            if not dying.line.poll(LOOK_EVERY_SECONDS[self.trial.target]):
                self.look()
                continue
            said = dying.told()
            if said is None:
                self.trial.died = dying.process.exitcode == -signal.SIGKILL
                return
            if said[0] == "there":
                self.look()
                dying.line.send("go on")
            elif said[0] != "done" or not self.trial.point.endswith(MIDDLE):  # a last point may be outrun
                self.trial.findings.append(Finding("unexplained", f"the load did not die: {said}"))

    def wait(self, again: Forked) -> None:
        """Look until the second load has ended, which must be well."""
        while not again.line.poll(LOOK_EVERY_SECONDS[self.trial.target]):
            self.look()
        said = again.result()
        if said is None or said[0] != "done":
            self.trial.findings.append(Finding("unexplained", f"the repeated load ended with {said}"))

    def look(self) -> None:
        """Read the rows, their sums and the snapshots as anybody might, now."""
        self.trial.looks += 1
        self.trial.not_let_in += not self._read(impatient(self.project))
        self._look_at_snapshots()

    def look_afterwards(self) -> None:
        """The same when the load is dead, before another repairs it; and ledger and KPIs, of the state of the rows."""
        self.trial.looks += 1
        if not self._read(self.project.warehouse, self._ledger_and_kpis):
            self.trial.findings.append(Finding("unexplained", "the load is dead and still keeps others out"))
        self._look_at_snapshots()

    def _read(self, warehouse: Any, more: Callable[[Reader, findings.Months], Iterator[Finding]] | None = None) -> bool:
        """Whether this reader was let in. What is not there at all is as visible as what is there."""
        try:
            with warehouse.read() as reader:
                seen = findings.visible_months(reader)
                self.trial.findings += findings.half_visible(seen, self._allowed())
                self.trial.findings += findings.wrong_rollups(reader, seen)
                if more is not None:
                    self.trial.findings += more(reader, seen)
        except WarehouseBusy:
            return False
        except WarehouseError as error:
            if "Nothing is loaded yet" not in str(error):
                raise
            self.trial.findings += findings.half_visible({}, self._allowed())
        return True

    def _ledger_and_kpis(self, reader: Reader, seen: findings.Months) -> Iterator[Finding]:
        yield from findings.wrong_ledger(self.project, reader)
        state = findings.state_shown(seen, self.truth)
        if state is not None:
            yield from findings.wrong_kpis(reader, self.truth, state, views_are_due=bool(self.before))

    def _look_at_snapshots(self) -> None:
        """What was published; read again only when something was written since."""
        listed = [(info.key, info.etag) for info in self.project.store.list("dashboard_data/")]
        if listed != self._listed:
            self.trial.findings += findings.snapshots(self.project.store, self.truth, at_rest=False)
            self._listed = listed

    def _allowed(self) -> dict[str, list[Counter[Any]]]:
        allowed: dict[str, list[Counter[Any]]] = defaultdict(list)
        for month, sha256 in [*self.before, *self.after]:
            allowed[month].append(self.truth.month(month, sha256))
        for month in {month for month, _ in self.after} - {month for month, _ in self.before}:
            allowed[month].append(Counter())
        return allowed


def impatient(project: Project) -> Any:
    """The warehouse for a reader who does not wait for others."""
    if project.settings.aws is None:
        from walmart_bi.warehouse.duckdb_warehouse import DuckDbWarehouse

        return DuckDbWarehouse(project.settings.warehouse_file, project.store, busy_timeout=0)
    return project.warehouse


def points_passed(scene: Scene, way: str = "real") -> list[str]:
    """Every point that a load of this scene passes, from any start."""
    return sorted({point for start in scene.starts for point in scene.passings(way, start)})
