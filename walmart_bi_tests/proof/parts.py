"""The parts of the proof that this package brings: the kill matrix, the suite's own eyes, and the races.

A part runs as long as it is asked to and returns its section of the document.
"""

from __future__ import annotations

import multiprocessing
import sys
import tempfile
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from walmart_bi_tests.proof import matrix, races
from walmart_bi_tests.proof.document import Section, table
from walmart_bi_tests.proof.findings import KINDS, Finding, Kind, counted
from walmart_bi_tests.proof.matrix import Trial
from walmart_bi_tests.proof.places import TARGETS
from walmart_bi_tests.proof.races import Race

T = TypeVar("T")


@dataclass(frozen=True)
class Size:
    """How much a run does: seeds for each point, seeds through the whole graph, racing loads, by target."""

    seeds: dict[str, int]
    graph_seeds: int
    loads: int
    processes: int
    first_seed: int = 1


def tell(text: str) -> None:
    """Progress, for whoever waits."""
    sys.stdout.write(f"proof: {text}\n")
    sys.stdout.flush()


def kill_matrix(size: Size) -> Section:
    """Every point with every seed, on both targets."""
    wanted = [("aws", "real", size.seeds["aws"]), ("local", "graph", size.graph_seeds)]
    wanted.append(("local", "real", size.seeds["local"]))
    chunks = [
        (target, way, range(first, min(first + _CHUNK, size.first_seed + seeds)))
        for target, way, seeds in wanted
        for first in range(size.first_seed, size.first_seed + seeds, _CHUNK)
    ]
    return matrix_section([trial for trials in _in_processes(size, _kills, chunks) for trial in trials])


# Seeds that one process tries with one base state.
_CHUNK = 1
_BY_SENSOR = (
    *("sensor.looked", "sensor.before_request", "sensor.after_request", "read.opened", "publish.after"),
    *("commit.before", "commit.after", "latest.before_manifest"),
)


def _in_processes(size: Size, work: Callable[..., T], chunks: Sequence[tuple[Any, ...]]) -> list[T]:
    """The results of the work on each chunk, in their order; each process has servers and places of its own."""
    # Dagster and the drivers keep threads, so the workers start afresh and are no forks of this process.
    spawn = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(size.processes, mp_context=spawn, max_tasks_per_child=1) as pool:
        return [future.result() for future in [pool.submit(work, *chunk) for chunk in chunks]]


def _kills(target: str, way: str, seeds: Sequence[int]) -> list[Trial]:
    with tempfile.TemporaryDirectory(prefix="proof_") as folder:
        scratch = Path(folder)
        with matrix.scene(TARGETS[target](scratch), scratch / "files") as scene:
            return _told(scene, seeds, way)


def _told(scene: matrix.Scene, seeds: Sequence[int], way: str) -> list[Trial]:
    points = matrix.points_passed(scene, way)
    if way == "graph":  # the functions' points are tried without Dagster's bookkeeping; the sensor's only here
        points = [point for point in points if point in _BY_SENSOR]
    total, number, started = len(seeds) * len(points), 0, time.monotonic()

    def told(trial: Trial) -> None:
        nonlocal number
        number += 1
        for finding in trial.findings:
            tell(f"{trial.name}: {finding.kind}: {finding.text}")
        if number % 20 == 0 or number == total:
            seconds = f"{time.monotonic() - started:,.0f} s"
            tell(f"{scene.target.name}, {way}, seeds {_span(seeds)}: {number} of {total} kills, {seconds}")

    return matrix.trials(scene, seeds, points, way, told)


def matrix_section(done: Sequence[Trial]) -> Section:
    """The matrix as a table: a line a point, a column a target."""
    columns = list(dict.fromkeys((trial.target, trial.way) for trial in done))
    by_point: dict[str, dict[tuple[str, str], list[Trial]]] = defaultdict(lambda: defaultdict(list))
    for trial in done:
        by_point[trial.point][trial.target, trial.way].append(trial)
    rows = [
        (f"`{point}`", *(_cell(cells.get(column, ())) for column in columns))
        for point, cells in sorted(by_point.items())
    ]
    found = [finding for trial in done for finding in trial.findings]
    looks, shut = sum(trial.looks for trial in done), sum(trial.not_let_in for trial in done)
    sizes = ", ".join(
        f"{sum((trial.target, trial.way) == column for trial in done)} on {_column(column)} "
        f"({len({trial.point for trial in done if (trial.target, trial.way) == column})} points, seeds "
        f"{_span(trial.seed for trial in done if (trial.target, trial.way) == column)})"
        for column in columns
    )
    text = (
        f"{len(done)} loads were killed by SIGKILL: {sizes}. Each was given again once and compared with the oracle, "
        f"row by row and KPI by KPI. {looks} times somebody looked meanwhile; {shut} times a DuckDB file was being "
        "written and the look, which does not wait, was not let in. A cell is kills that held / kills. `and on`: the "
        "process dies at a random moment between that point and the next.\n\n"
        f"{table(['found', *KINDS], [('', *counted(found).values())])}\n\n"
        f"{table(['point', *map(_column, columns)], rows)}"
        f"{_listed((trial.name, trial.findings) for trial in done)}"
    )
    return Section(
        "Kill matrix",
        not found and bool(done),
        text,
        (
            "A power cut: SIGKILL ends a process, the kernel still writes what it was given.",
            "A Redshift or an S3 that dies itself; the stand-in's own limits are in `adr/0011`.",
            "Readers of `dashboard_data/latest/` who do not compare its files with its manifest: while it is written, "
            "and after a death in the middle until the next load, it holds files of two snapshots, which the manifest "
            "gives away. A snapshot's own folder is never mixed.",
        ),
    )


def _cell(trials: Sequence[Trial]) -> str:
    return f"{sum(not trial.findings for trial in trials)} / {len(trials)}" if trials else "-"


def _column(column: tuple[str, str]) -> str:
    target, way = column
    name = {"local": "DuckDB", "aws": "stand-in and S3 server"}[target]
    return f"{name}, sensor and graph" if way == "graph" else name


def _span(seeds: Iterable[int]) -> str:
    known = sorted(set(seeds))
    return f"{known[0]} to {known[-1]}"


def _listed(named: Iterable[tuple[str, list[Finding]]]) -> str:
    lines = [f"- {name}: {each.kind}: {each.text[:300]}" for name, found in named for each in found]
    return "\n\n" + "\n".join(lines) if lines else ""


def sight(size: Size) -> Section:
    """Whether the matrix convicts loaders that are wrong on purpose."""
    rows, seen = [], []
    for loader, points in CONVICTED_AT.items():
        trials = convictions(loader, points, range(size.first_seed, size.first_seed + min(3, size.seeds["local"])))
        found = Counter(finding.kind for trial in trials for finding in trial.findings)
        seen.append(any(found[kind] for kind in CONVICTION))
        tell(f"a loader with its {loader}: {dict(found)}")
        rows.append(
            (loader, len(trials), sum(bool(trial.findings) for trial in trials), *(found[kind] for kind in KINDS))
        )
    text = (
        "The same trials with loaders that are wrong on purpose (`walmart_bi_tests/proof/broken.py`): each must be "
        f"convicted.\n\n{table(['loader', 'kills', 'convicted', *KINDS], rows)}"
    )
    return Section("That the suite can see", all(seen), text)


# Where the two transactions of each broken loader leave a gap.
CONVICTED_AT: dict[str, tuple[str, ...]] = {
    "ledger first": ("rows.before_delete", "rows.after_insert"),
    "ledger last": ("ledger.before", "ledger.after"),
    "append": ("ledger.before", "ledger.after"),
}


# An error is none: a load that does not die where it should, or stops with a trace, says nothing of the data.
CONVICTION: tuple[Kind, ...] = ("lost", "doubled", "half visible")


def convictions(loader: str, points: Sequence[str], seeds: Sequence[int]) -> list[Trial]:
    """The trials of a broken loader."""
    with tempfile.TemporaryDirectory(prefix="proof_") as folder:
        scratch = Path(folder)
        with matrix.scene(TARGETS["local"](scratch), scratch / "files") as scene:
            return matrix.trials(scene, seeds, points, loader, lambda trial: None)


def all_races(size: Size) -> Section:
    """Every kind of race, on both targets."""
    chunks = [(name, size.loads // len(TARGETS)) for name in TARGETS]
    return races_section([race for done in _in_processes(size, _races_on, chunks) for race in done])


def _races_on(name: str, loads: int) -> list[Race]:
    with tempfile.TemporaryDirectory(prefix="proof_") as folder:
        scratch = Path(folder)
        course = races.course(TARGETS[name](scratch), scratch / "files")
        rounds = range(max(1, -(-loads // (races.RACERS * len(matrix.NEW_MONTHS)))))
        few = range(max(1, len(rounds) // 8))
        done = [
            races.loads_of_the_same_months(course, rounds, _progress),
            races.roll_back_against_loads(course, few, _progress),
            races.whole_loads_at_once(course.target, scratch / "files", "real", few, _progress),
            races.whole_loads_at_once(course.target, scratch / "files", "graph", few[:2], _progress),
        ]
        if name == "local":
            done.append(races.bi_tool_holds_the_file(course, few, _progress))
        return done


def _progress(race: Race) -> None:
    if race.findings or race.rounds % 5 == 0:
        tell(f"{race.target}, {race.name}: {race.rounds} rounds, {race.loads} loads, {len(race.findings)} findings")


def races_section(done: Sequence[Race]) -> Section:
    """The races as a table."""
    rows = [
        (
            *(race.name, race.target, race.rounds, race.loads, race.looks, race.refused.total()),
            *counted(race.findings).values(),
        )
        for race in done
    ]
    text = (
        f"{sum(race.loads for race in done)} loads raced, up to {races.RACERS} processes at a time, with a reader who "
        "looks all the while. `told why`: a load that ended with one line that names cause and next step, because "
        "another one had overtaken it; it was given again.\n\n"
        f"{table(['race', 'target', 'rounds', 'loads', 'looks', 'told why', *KINDS], rows)}"
        f"{_listed((f'{race.target}, {race.name}', race.findings) for race in done)}"
    )
    gap = "Two machines: the processes of a race share one."
    return Section("Races", not any(race.findings for race in done), text, (gap,))
