"""The long form: `python -m walmart_bi_tests.fuzz --inputs 100000 --seed 1`. Exit code 1 when an input violates."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

from walmart_bi_tests.fuzz.runs import Figures, now, run_in_processes, save

PROGRESS_SECONDS = 10


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m walmart_bi_tests.fuzz", description=__doc__)
    parser.add_argument("--inputs", type=int, default=100_000)
    parser.add_argument("--first", type=int, default=0, help="the number of the first input, to go on after a stop")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--processes", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--keep", type=Path, default=Path("build/fuzz"), help="where inputs that violate are kept")
    asked = parser.parse_args()
    started = told = now()
    kept: set[int] = set()

    def report(figures: Figures) -> None:
        nonlocal told
        for number in figures.violations.keys() - kept:
            kept.add(number)
            problems = figures.violations[number]
            path = save(asked.seed, number, problems, asked.keep)
            sys.stdout.write(f"fuzz: seed {asked.seed} input {number} violates: {problems[0][:300]} Kept: {path}\n")
        if now() - told >= PROGRESS_SECONDS:
            told = now()
            sys.stdout.write(f"fuzz: {figures.line(asked.seed, told - started)}\n")
            sys.stdout.flush()

    figures = run_in_processes(asked.seed, asked.inputs, asked.processes, report, first=asked.first)
    report(figures)
    for reason, count in figures.reasons.most_common():
        sys.stdout.write(f"fuzz: {count:>9,} {reason or '(accepted)'}\n")
    sys.stdout.write(f"fuzz: {figures.line(asked.seed, now() - started)}\n")
    return 1 if figures.violations else 0


if __name__ == "__main__":
    sys.exit(main())
