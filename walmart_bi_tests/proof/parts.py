"""The parts of the proof that this package brings: the kill matrix, the suite's own eyes, and the races.

A part does what its journal does not have yet. What it came to is put into words in `sections.py`, from the journal.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
import tempfile
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from walmart_bi_tests.proof import matrix, races
from walmart_bi_tests.proof.findings import Finding, Kind
from walmart_bi_tests.proof.journal import Journal
from walmart_bi_tests.proof.matrix import Trial
from walmart_bi_tests.proof.onlooker import Race
from walmart_bi_tests.proof.places import TARGETS

# Seeds that one process tries with one base state: one, so that a run that is stopped has all points of some seeds.
_CHUNK = 1
# What is tried through sensor and graph: the sensor's own points, and some of each layer.
BY_SENSOR = (
    *("sensor.looked", "sensor.before_request", "sensor.after_request", "run.created", "read.opened", "publish.after"),
    *("commit.before", "commit.after", "latest.before_manifest"),
)
# Where the two transactions of each broken loader leave a gap.
CONVICTED_AT: dict[str, dict[str, tuple[str, ...]]] = {
    "local": {
        "ledger first": ("rows.before_delete", "rows.after_insert"),
        "ledger last": ("ledger.before", "ledger.after"),
        "append": ("ledger.before", "ledger.after"),
        "truncate first": ("rows.before_insert", "ledger.before"),
        "rollups last": ("rollups.before_insert", "rollups.after_insert"),
    },
    "aws": {"rows first": ("rollups.before_insert", "ledger.before")},
}
# An error is none: a load that does not die where it should, or stops with a trace, says nothing of the data.
CONVICTION: tuple[Kind, ...] = ("lost", "doubled", "half visible")


@dataclass(frozen=True)
class Size:
    """How much a run does."""

    seeds: dict[str, int]
    graph_seeds: int
    loads: int
    histories: int
    steps: int
    inputs: int
    processes: int
    first_seed: int = 1
    aws_histories: int = 0

    @property
    def sight_seeds(self) -> int:
        """For each point of each broken loader."""
        return min(3, self.seeds["local"])

    def numbers(self, seeds: int) -> range:
        """So many seeds."""
        return range(self.first_seed, self.first_seed + seeds)


ASKED = Size(
    seeds={"local": 25, "aws": 10},
    graph_seeds=3,
    loads=500,
    histories=1_000,
    steps=30,
    inputs=100_000,
    processes=os.cpu_count() or 1,
    aws_histories=100,
)
"""What the proof is to do, whatever a command asks for: the document measures what was done by this."""


def tell(text: str) -> None:
    """Progress, for whoever waits."""
    sys.stdout.write(f"proof: {text}\n")
    sys.stdout.flush()


def in_processes(size: Size, work: Callable[..., None], chunks: Sequence[tuple[Any, ...]]) -> None:
    """The work on each chunk, in their order; each process has servers and places of its own."""
    # Dagster and the drivers keep threads, so the workers start afresh and are no forks of this process.
    spawn = multiprocessing.get_context("spawn")
    pool = ProcessPoolExecutor(size.processes, mp_context=spawn, initializer=_deaf, max_tasks_per_child=1)
    try:
        for future in as_completed([pool.submit(work, *chunk) for chunk in chunks]):
            future.result()
        pool.shutdown()
    except BaseException:  # a run that is stopped does not wait for what its workers are at
        workers = multiprocessing.active_children()
        for worker in workers:
            worker.kill()  # Dagster gives SIGTERM the handler of SIGINT, which is deaf here
        for worker in workers:
            worker.join()
        pool.shutdown(wait=False, cancel_futures=True)
        raise


def _deaf() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the run, which ends its workers


# --- the kill matrix --------------------------------------------------------------------------------------------------


def kill_matrix(size: Size, journal: Journal) -> None:
    """Every point with every seed, on both targets."""
    wanted = [("local", "real", size.seeds["local"]), ("aws", "real", size.seeds["aws"])]
    wanted += [(target, "graph", size.graph_seeds) for target in TARGETS]
    chunks = [
        (first, target, way, [seed for seed in range(first, first + _CHUNK) if seed in size.numbers(seeds)])
        for target, way, seeds in wanted
        for first in size.numbers(seeds)[::_CHUNK]
    ]
    done = finished_seeds(journal)
    # The first seeds of all columns come first, so that a run that is stopped has some of each.
    in_order = [
        (target, way, left)
        for _, target, way, seeds in sorted(chunks, key=lambda chunk: chunk[0])
        if (left := [seed for seed in seeds if seed not in done[target, way]])
    ]
    in_processes(size, kills, [(journal, *chunk) for chunk in in_order])


def kills(journal: Journal, target: str, way: str, seeds: Sequence[int]) -> None:
    """Every point of a way through the load, with these seeds."""
    done = {
        (each["point"], each["seed"])
        for each in journal.results("matrix")
        if (each["target"], each["way"]) == (target, way)
    }
    with tempfile.TemporaryDirectory(prefix="proof_") as folder:
        scratch = Path(folder)
        with matrix.scene(TARGETS[target](scratch), scratch / "files") as scene:
            points = matrix.points_passed(scene, way)
            if way == "graph":  # the functions' points are tried without Dagster's bookkeeping; the sensor's only here
                points = [point for point in points if point in BY_SENSOR]
            left = [(point, seed) for seed in seeds for point in points if (point, seed) not in done]
            started = time.monotonic()
            for number, (point, seed) in enumerate(left, 1):
                trial = matrix.try_kill(scene, point, seed, way)
                note_trial(journal, "matrix", trial)
                if number % 20 == 0 or number == len(left):
                    seconds = f"{time.monotonic() - started:,.0f} s"
                    tell(f"{target}, {way}, seeds {seeds[0]} to {seeds[-1]}: {number} of {len(left)} kills, {seconds}")
    for seed in seeds:
        journal.add("finished seed", target=target, way=way, seed=seed)


def finished_seeds(journal: Journal) -> defaultdict[tuple[str, str], set[int]]:
    """The seeds with which every point of a target and a way was tried."""
    finished: defaultdict[tuple[str, str], set[int]] = defaultdict(set)
    for each in journal.results("finished seed"):
        finished[each["target"], each["way"]].add(each["seed"])
    return finished


def note_trial(journal: Journal, part: str, trial: Trial, *, aloud: bool = True) -> None:
    """Write a trial down, and say what it found."""
    for finding in trial.findings if aloud else ():
        tell(f"{trial.name}: {finding.kind}: {finding.text}")
    found = [(finding.kind, finding.text[:300]) for finding in trial.findings]
    journal.add(
        part,
        target=trial.target,
        way=trial.way,
        point=trial.point,
        seed=trial.seed,
        findings=found,
        looks=trial.looks,
        not_let_in=trial.not_let_in,
        died=trial.died,
    )


# --- that the suite can see -------------------------------------------------------------------------------------------


def sight(size: Size, journal: Journal) -> None:
    """The same trials with loaders that are wrong on purpose."""
    in_processes(size, _sights, [(journal, target, size.numbers(size.sight_seeds)) for target in CONVICTED_AT])


def _sights(journal: Journal, target: str, seeds: Sequence[int]) -> None:
    done = {(each["way"], each["point"], each["seed"]) for each in journal.results("sight")}
    with tempfile.TemporaryDirectory(prefix="proof_") as folder:
        scratch = Path(folder)
        with matrix.scene(TARGETS[target](scratch), scratch / "files") as scene:
            at = CONVICTED_AT[target].items()
            for loader, point, seed in [
                (loader, point, seed) for loader, points in at for point in points for seed in seeds
            ]:
                if (loader, point, seed) in done:
                    continue
                trial = matrix.try_kill(scene, point, seed, loader)
                found = Counter(finding.kind for finding in trial.findings)
                tell(f"a loader with its {loader}, killed at {point}: {dict(found)}")
                note_trial(journal, "sight", trial, aloud=False)


# --- races ------------------------------------------------------------------------------------------------------------


def all_races(size: Size, journal: Journal) -> None:
    """Every kind of race, on both targets."""
    in_processes(size, _races_on, [(journal, name, size.loads // len(TARGETS)) for name in TARGETS])


def _races_on(journal: Journal, target: str, loads: int) -> None:
    rounds = max(1, -(-loads // (races.RACERS * len(matrix.NEW_MONTHS))))
    few = max(1, rounds // 8)
    with tempfile.TemporaryDirectory(prefix="proof_") as folder:
        scratch = Path(folder)
        course = races.course(TARGETS[target](scratch), scratch / "files")
        kinds: dict[str, tuple[int, Callable[[Sequence[int]], Race]]] = {
            races.SAME_MONTHS: (rounds, lambda left: races.loads_of_the_same_months(course, left, told)),
            races.ROLL_BACK: (few, lambda left: races.roll_back_against_loads(course, left, told)),
            races.SAME_FILE: (few, lambda left: races.whole_loads_at_once(course.target, files, "real", left, told)),
            races.TWO_SENSORS: (
                min(few, 2),
                lambda left: races.whole_loads_at_once(course.target, files, "graph", left, told),
            ),
        }
        if target == "local":
            kinds[races.BI_TOOL] = few, lambda left: races.bi_tool_holds_the_file(course, left, told)
        files = scratch / "files"

        def told(race: Race) -> None:
            """The journal has every round of a race, each with all before it; the last of a run is what counts."""
            found = [(each.kind, each.text[:300]) for each in race.findings]
            journal.add(
                "races",
                name=race.name,
                target=race.target,
                rounds=race.rounds,
                loads=race.loads,
                looks=race.looks,
                not_let_in=race.not_let_in,
                told_why=race.refused.total(),
                findings=found,
            )
            if race.findings or race.rounds % 5 == 0:
                tell(f"{target}, {race.name}: {race.rounds} rounds, {race.loads} loads, {len(found)} findings")

        for name, (asked, run) in kinds.items():
            before = [each for each in run_races(journal) if (each["target"], each["name"]) == (target, name)]
            run(range(sum(each["rounds"] for each in before), asked))


def run_races(journal: Journal) -> list[dict[str, Any]]:
    """What each run came to in each race: its last line."""
    last = {(each["run"], each["target"], each["name"]): each for each in journal.results("races")}
    return list(last.values())


def findings_of(result: dict[str, Any]) -> list[Finding]:
    """The findings of a line of the journal."""
    return [Finding(kind, text) for kind, text in result["findings"]]
