"""The long form: `python -m walmart_bi_tests.histories --histories 1000`. Exit code 1 on a finding."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

from walmart_bi_tests.histories.runs import run_in_processes


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m walmart_bi_tests.histories", description=__doc__)
    parser.add_argument("--histories", type=int, default=1000)
    parser.add_argument("--steps", type=int, default=30)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--target", choices=["local", "aws"], default="local")
    parser.add_argument("--processes", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--keep", type=Path, default=Path("build/histories"), help="where a failing history is kept")
    asked = parser.parse_args()

    def say(line: str) -> None:
        sys.stdout.write(f"histories: {line}\n")
        sys.stdout.flush()

    return run_in_processes(
        asked.target, asked.histories, asked.steps, asked.seed, asked.processes, keep=asked.keep, say=say
    )


if __name__ == "__main__":
    sys.exit(main())
