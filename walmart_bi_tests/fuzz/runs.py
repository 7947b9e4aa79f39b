"""Many inputs in several processes: figures, progress, and what to keep of an input that violates the property.

Each process writes the number of its input before it begins it, so that one that dies, hangs or takes too much memory
is a finding with a number, and not an end of the run.
"""

from __future__ import annotations

import multiprocessing
import resource
import shutil
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from multiprocessing.connection import Connection, wait
from pathlib import Path
from typing import Any

from walmart_bi_tests.fuzz.mutations import make_input
from walmart_bi_tests.fuzz.trial import Ending, try_input

# The libraries take 200 MB before the first file. What comes on top is bounded by blocks of 8 MB, each parsed into
# columns, and by the bombs' eight megabytes of grace.
MEMORY_CAP = 700 * 2**20
# Far above the cap, to end a process that would take the machine with it.
ADDRESS_SPACE = 6 * 2**30
SECONDS_FOR_ONE_INPUT = 60
REPORT_EVERY = 250


@dataclass
class Figures:
    """What came of the inputs so far."""

    endings: Counter[str] = field(default_factory=Counter)
    reasons: Counter[str] = field(default_factory=Counter)
    records: int = 0
    peak_bytes: int = 0
    violations: dict[int, tuple[str, ...]] = field(default_factory=dict)

    def add(self, number: int, ending: Ending, peak: int) -> None:
        self.endings[ending.kind] += 1
        self.reasons[ending.reason] += 1
        self.records += ending.records
        self.peak_bytes = max(self.peak_bytes, peak)
        problems = list(ending.violations)
        if peak > MEMORY_CAP:
            problems.append(f"{peak / 2**20:,.0f} MB of memory were used, the cap is {MEMORY_CAP / 2**20:,.0f} MB")
        if problems:
            self.violations[number] = tuple(problems)

    def merge(self, other: Figures) -> None:
        self.endings += other.endings
        self.reasons += other.reasons
        self.records += other.records
        self.peak_bytes = max(self.peak_bytes, other.peak_bytes)
        self.violations |= other.violations

    @property
    def inputs(self) -> int:
        return self.endings.total()

    def line(self, seed: int, seconds: float) -> str:
        """All of it on one line."""
        kinds = ", ".join(f"{count:,} {kind}" for kind, count in sorted(self.endings.items()))
        return (
            f"{self.inputs:,} inputs of seed {seed} in {seconds:,.0f} s: {kinds}; {self.records:,} records accounted "
            f"for; peak memory {self.peak_bytes / 2**20:,.0f} MB; {len(self.violations)} violations"
        )


def run_here(seed: int, numbers: range, on_begin: Callable[[int], object] = lambda _: None) -> Iterator[Figures]:
    """Try the inputs in this process; yields the figures of every few hundred."""
    figures = Figures()
    for number in numbers:
        on_begin(number)
        scratch = Path(tempfile.mkdtemp(prefix="walmart_bi_fuzz_"))
        try:
            figures.add(number, try_input(make_input(seed, number), scratch), _peak_bytes())
        finally:
            shutil.rmtree(scratch)
        if figures.inputs >= REPORT_EVERY:
            yield figures
            figures = Figures()
    yield figures


def _peak_bytes() -> int:
    """Of this process; `ru_maxrss` begins with what the process that started this one had taken."""
    status = Path("/proc/self/status")
    if not status.exists():
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)
    return next(int(line.split()[1]) for line in status.read_text().splitlines() if line.startswith("VmHWM")) * 1024


def run_in_processes(
    seed: int, inputs: int, processes: int, report: Callable[[Figures], object], *, first: int = 0
) -> Figures:
    """Try so many inputs from number `first`, each process every so-manieth; `report` gets the figures as they grow."""
    total = Figures()
    context = multiprocessing.get_context("spawn")
    end = first + inputs
    remaining = [range(first + share, end, processes) for share in range(min(processes, inputs))]
    running: dict[Connection, tuple[Any, Any, range]] = {}
    while remaining or running:
        while remaining and len(running) < processes:
            numbers = remaining.pop()
            ours, theirs = context.Pipe(duplex=False)
            begun = context.Value("q", numbers.start)
            process = context.Process(target=_work, args=(seed, numbers, begun, theirs), daemon=True)
            process.start()
            theirs.close()
            running[ours] = (process, begun, numbers)
        for ready in wait(list(running)):
            assert isinstance(ready, Connection)
            try:
                total.merge(ready.recv())
                report(total)
            except EOFError:
                process, begun, numbers = running.pop(ready)
                process.join()
                if process.exitcode:
                    total.endings["died"] += 1
                    total.violations[begun.value] = (f"the process ended with {process.exitcode}",)
                    left = range(begun.value + numbers.step, end, numbers.step)
                    remaining += [left] if left else []
    return total


def _work(seed: int, numbers: range, begun: Any, results: Connection) -> None:
    resource.setrlimit(resource.RLIMIT_AS, (ADDRESS_SPACE, ADDRESS_SPACE))
    signal.signal(signal.SIGALRM, signal.SIG_DFL)  # an input that hangs ends the process, also inside a C library

    def begin(number: int) -> None:
        begun.value = number
        signal.alarm(SECONDS_FOR_ONE_INPUT)

    for figures in run_here(seed, numbers, begin):
        results.send(figures)


def save(seed: int, number: int, problems: tuple[str, ...], folder: Path) -> Path:
    """Keep the input and what is wrong with it, for a person and for the test that it becomes."""
    made = make_input(seed, number)
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"seed{seed}_input{number}.bin"
    path.write_bytes(made.content)
    told = [f"{made.name}: {made.made_from} with {', '.join(made.mutations)}", *problems]
    path.with_suffix(".txt").write_text("\n".join(told) + "\n", encoding="utf-8", errors="backslashreplace")
    return path


def now() -> float:
    """Seconds for durations."""
    return time.monotonic()
