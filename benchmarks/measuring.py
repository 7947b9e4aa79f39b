"""Commands measured side by side: CPU seconds, wall time and peak memory of each, in interleaved rounds.

A machine's speed drifts, so every round runs each command once and ratios are taken inside a round. CPU seconds are
those of the command and of all children that it waited for; peak memory is that of the largest single process. Linux
counts what this process held when it started the command, so this one loads nothing large.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parent.parent
MEASURES = ("cpu", "wall", "memory")


@dataclass(frozen=True)
class Sample:
    """What one run of a command took: CPU seconds, wall seconds, MiB."""

    cpu: float
    wall: float
    memory: float


@dataclass
class Contender:
    """A command and what its runs took.

    `answer` is the JSON of its last line, or of that of the command `asked` after it, whose cost is not counted.
    Contenders must agree about it.
    """

    name: str
    command: Sequence[str]
    cwd: Path | None = None
    before: Callable[[], None] | None = None
    asked: Sequence[str] = ()
    samples: list[Sample] = field(default_factory=list)
    answer: str = ""


@dataclass
class Comparison:
    """Contenders on the same work; ratios are to the first of them that is named `base`."""

    title: str
    work: str
    base: str
    contenders: list[Contender]
    rounds: int
    warm_up: bool = True

    def run(self, after_each_round: Callable[[], None]) -> None:
        """All rounds, after one that is not counted when there is a warm-up."""
        # One round alone shows that all of it runs; it is no figure that a warm-up would help.
        for number in range(0 if self.warm_up and self.rounds > 1 else 1, self.rounds + 1):
            # Whoever comes first finds the disk and the caches as the round before left them.
            first = number % len(self.contenders)
            for contender in [*self.contenders[first:], *self.contenders[:first]]:
                sample = measured(contender)
                say(
                    f"{self.title}: {contender.name}: {sample.cpu:.2f} s CPU, {sample.wall:.2f} s wall, "
                    f"{sample.memory:.0f} MiB"
                )
                if number:
                    contender.samples.append(sample)
            after_each_round()

    def ratios(self, contender: Contender, measure: str, base: str = "") -> list[float]:
        """The contender's measure over that of another one, or of the base, round by round."""
        other = next(each for each in self.contenders if each.name == (base or self.base))
        pairs = zip(contender.samples, other.samples, strict=False)
        return [getattr(sample, measure) / getattr(of_base, measure) for sample, of_base in pairs]

    def disagreement(self) -> str:
        """What the contenders answered, when they did not answer the same."""
        ran = [each for each in self.contenders if each.samples]
        named = "; ".join(f"{each.name}: {each.answer or 'nothing'}" for each in ran)
        return named if len({each.answer for each in ran}) > 1 else ""


def positive(text: str) -> int:
    """A number on the command line of which at least one is needed."""
    if not text.isdecimal() or int(text) == 0:
        raise argparse.ArgumentTypeError(f"{text!r} is not a positive number")
    return int(text)


def python(module: str, *arguments: object) -> list[str]:
    """The command that runs a module of this checkout."""
    return [sys.executable, "-m", module, *map(str, arguments)]


def measured(contender: Contender) -> Sample:
    """One run. A command that fails ends the benchmark with what it said."""
    if contender.before is not None:
        contender.before()
    environment = {name: text for name, text in os.environ.items() if not name.startswith(("DAGSTER", "WALMART_BI"))}
    environment["PYTHONPATH"] = str(CHECKOUT)
    started = time.monotonic()
    process = subprocess.Popen(
        contender.command,
        cwd=contender.cwd,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert process.stdout is not None
    said = process.stdout.read()
    _, status, usage = os.wait4(process.pid, 0)
    wall = time.monotonic() - started
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        sys.exit(f"{contender.name} ended with {process.returncode}:\n{said[-2000:]}")
    if contender.asked:
        said = subprocess.run(contender.asked, env=environment, stdout=subprocess.PIPE, text=True, check=True).stdout
    contender.answer = next((line for line in reversed(said.splitlines()) if is_json(line)), "")
    return Sample(usage.ru_utime + usage.ru_stime, wall, usage.ru_maxrss / 1024)


def is_json(line: str) -> bool:
    """Whether the line is a JSON object."""
    try:
        return isinstance(json.loads(line), dict)
    except ValueError:
        return False


def spread(values: Sequence[float], digits: int) -> str:
    """Median and range."""
    if not values:
        return "-"
    middle = f"{statistics.median(values):.{digits}f}"
    return f"{middle} [{min(values):.{digits}f}..{max(values):.{digits}f}]" if len(values) > 1 else middle


def say(text: str) -> None:
    """Progress, where it does not mix with results."""
    print(text, file=sys.stderr, flush=True)
