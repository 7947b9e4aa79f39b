"""The long form: `python -m walmart_bi_tests.proof`. Writes `docs/proof.md`; exit code 1 when anything did not hold."""

from __future__ import annotations

import argparse
import datetime as dt
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path

from walmart_bi_tests.proof.document import DOCUMENT, Section, document
from walmart_bi_tests.proof.parts import Size, all_races, kill_matrix, sight, tell

PARTS: dict[str, Callable[[Size], Section]] = {"matrix": kill_matrix, "sight": sight, "races": all_races}


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m walmart_bi_tests.proof", description=__doc__)
    parser.add_argument("--seeds", type=int, default=25, help="for each point, on DuckDB")
    parser.add_argument("--aws-seeds", type=int, default=10, help="for each point, on the stand-in")
    parser.add_argument("--graph-seeds", type=int, default=3, help="for each point, through sensor and graph")
    parser.add_argument("--loads", type=int, default=500, help="loads that race")
    parser.add_argument("--processes", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--first-seed", type=int, default=1)
    parser.add_argument("--parts", nargs="+", choices=PARTS, default=list(PARTS))
    parser.add_argument("--output", type=Path, default=DOCUMENT)
    asked = parser.parse_args()
    size = Size(
        seeds={"local": asked.seeds, "aws": asked.aws_seeds},
        graph_seeds=asked.graph_seeds,
        loads=asked.loads,
        processes=asked.processes,
        first_seed=asked.first_seed,
    )
    started, sections = time.monotonic(), []
    for name in asked.parts:
        sections.append(PARTS[name](size))
        tell(f"{name} {'held' if sections[-1].held else 'DID NOT HOLD'}")
        text = document(
            sections,
            seconds=time.monotonic() - started,
            command=" ".join(["python -m walmart_bi_tests.proof", *sys.argv[1:]]),
            now=dt.datetime.now(dt.UTC),
        )
        asked.output.write_text(text, encoding="utf-8")  # after each part: a run that is ended early leaves its start
    return 0 if all(section.held for section in sections) else 1


if __name__ == "__main__":
    sys.exit(main())
