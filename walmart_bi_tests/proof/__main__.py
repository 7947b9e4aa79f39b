"""The long form: `python -m walmart_bi_tests.proof`. Writes `docs/proof.md`; exit code 1 when anything did not hold.

A run that is stopped writes what it came to, and goes on where it was when it is started again with the same product.
The document in `docs/` gives way only to one of all that the proof asks for; until then it is `build/proof/proof.md`.
With it the journal goes into `records/`, from which a run in another clone goes on too.
"""

from __future__ import annotations

import argparse
import dataclasses
import datetime as dt
import os
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from unittest import mock

from walmart_bi_tests.proof import faults, others, parts, sections
from walmart_bi_tests.proof.document import DOCUMENT, Run, Section, commit, document
from walmart_bi_tests.proof.journal import FOLDER, Journal, keep, open_journal
from walmart_bi_tests.proof.parts import ASKED, Size, tell

PARTS: dict[str, tuple[Callable[[Size, Journal], None], Callable[[Size, Journal], Section]]] = {
    "matrix": (parts.kill_matrix, sections.matrix_section),
    "sight": (parts.sight, sections.sight_section),
    "races": (parts.all_races, sections.races_section),
    "histories": (others.histories, sections.histories_section),
    "fuzz": (others.fuzzing, sections.fuzz_section),
    "faults": (faults.every_fault, faults.faults_section),
}
SIZES = (
    *("seeds", "aws_seeds", "graph_seeds", "loads", "histories", "aws_histories", "steps", "inputs"),
    *("first_seed", "processes"),
)


def main() -> int:
    asked = _arguments()
    size = Size(
        seeds={"local": asked.seeds, "aws": asked.aws_seeds},
        graph_seeds=asked.graph_seeds,
        loads=asked.loads,
        histories=asked.histories,
        steps=asked.steps,
        inputs=asked.inputs,
        processes=asked.processes,
        first_seed=asked.first_seed,
        aws_histories=asked.aws_histories,
    )
    # A command that asks for less has done what it was to do; the document says that the proof is more.
    whole = dataclasses.replace(ASKED, first_seed=asked.first_seed)
    now = dt.datetime.now(dt.UTC)
    journal = open_journal(f"{now:%Y-%m-%d %H:%M:%S}", anew=asked.anew)
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # ends in order, as Ctrl-C does
    started = time.monotonic()

    def write() -> Path:
        """Note how long this run has taken, and write down what all runs of this product have come to."""
        if asked.parts:
            journal.add("run", command=_command(asked), minutes=(time.monotonic() - started) / 60, commit=commit())
        written = sections_of(whole, journal)
        last = {  # two parts may have been started in the same second, as processes of their own
            (each["run"], each["command"]): Run(each["run"], each["command"], each["minutes"], each["commit"])
            for each in journal.results("run")
        }
        path = asked.output or place_of(written)
        path.write_text(document(written, list(last.values())), encoding="utf-8")
        if path == DOCUMENT:
            keep(journal)
        return path

    write()
    # A worker that is ended leaves its places; they go with this folder.
    scratch = tempfile.TemporaryDirectory(prefix="proof_", ignore_cleanup_errors=True)
    try:
        with scratch as folder, mock.patch.dict(os.environ, {"TMPDIR": folder}):
            for name in asked.parts:
                PARTS[name][0](size, journal)
                write()  # after each part: a run that is killed leaves what it came to
                tell(f"{name} {'held' if PARTS[name][1](size, journal).held else 'DID NOT HOLD'}")
    except KeyboardInterrupt:
        tell("stopped; `make proof` goes on from here")
    finally:
        tell(f"{write()} is written")
    return 0 if all(section.held and section.complete for section in sections_of(size, journal)) else 1


def sections_of(size: Size, journal: Journal) -> list[Section]:
    """What each part came to, measured by the size."""
    return [section(size, journal) for _, section in PARTS.values()]


def place_of(written: Sequence[Section]) -> Path:
    """Where a document of these sections belongs."""
    return DOCUMENT if all(section.complete for section in written) else FOLDER / DOCUMENT.name


def _command(asked: argparse.Namespace) -> str:
    """The command, with every size that it had."""
    told = [f"--{name.replace('_', '-')} {getattr(asked, name)}" for name in SIZES]
    return " ".join(["python -m walmart_bi_tests.proof", *told, "--parts", *asked.parts])


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m walmart_bi_tests.proof", description=__doc__)
    parser.add_argument("--seeds", type=int, default=ASKED.seeds["local"], help="for each point, on DuckDB")
    parser.add_argument("--aws-seeds", type=int, default=ASKED.seeds["aws"], help="for each point, on the stand-in")
    parser.add_argument(
        "--graph-seeds", type=int, default=ASKED.graph_seeds, help="for each point, through sensor and graph"
    )
    parser.add_argument("--loads", type=int, default=ASKED.loads, help="loads that race")
    parser.add_argument("--histories", type=int, default=ASKED.histories, help="on DuckDB")
    parser.add_argument("--aws-histories", type=int, default=ASKED.aws_histories, help="on the stand-in")
    parser.add_argument("--steps", type=int, default=ASKED.steps, help="of a history")
    parser.add_argument("--inputs", type=int, default=ASKED.inputs, help="mutated files")
    parser.add_argument("--first-seed", type=int, default=ASKED.first_seed)
    parser.add_argument("--processes", type=int, default=ASKED.processes)
    parser.add_argument("--parts", nargs="*", choices=PARTS, default=list(PARTS), help="none: only write the document")
    parser.add_argument("--anew", action="store_true", help="forget what earlier runs of this product came to")
    parser.add_argument("--output", type=Path, help="another place for the document")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
