"""Every measurement, one after the other, written to `docs/benchmarks.md`: `make bench`.

What was measured is on the page after every round, so a run that is interrupted keeps it. The whole takes an hour
and a half to two on two processors; `python -m benchmarks --rows 50000 --rounds 2` is the quick form, and `--only`
takes one section. The page in `docs/` gives way only to a finished run of every section, size and round, in which all
gave the same answer; any other is `build/benchmarks.md`.

    python -m benchmarks [--rows 50000 1000000 10000000] [--rounds 5] [--only cleaning] [--output FILE]
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.comparisons import LONG, cleaning, definitions, growth, overhead
from benchmarks.measuring import CHECKOUT, Comparison, positive, python, say
from benchmarks.report import Printed, Section, has_results, write_report

PAGE = CHECKOUT / "docs" / "benchmarks.md"
PART = CHECKOUT / "build" / "benchmarks.md"
SIZES, ROUNDS = [50_000, LONG, 10 * LONG], 5
Measurement = Callable[[Path, Sequence[int], int], Iterator[Section]]


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, and write the page."""
    parser = argparse.ArgumentParser(
        "python -m benchmarks", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rows", type=positive, nargs="+", default=SIZES)
    parser.add_argument("--rounds", type=positive, default=ROUNDS, help="for more than a million rows it is at most 2")
    parser.add_argument("--only", choices=sorted(SECTIONS), nargs="+", default=sorted(SECTIONS))
    parser.add_argument("--output", type=Path, help="another place for the page")
    options = parser.parse_args(arguments)
    page = options.output or PART
    page.parent.mkdir(parents=True, exist_ok=True)
    given = " ".join(["", *(sys.argv[1:] if arguments is None else arguments)])
    done: list[Section] = []
    finished = False
    try:
        with tempfile.TemporaryDirectory(prefix="walmart_bi_benchmarks_") as scratch:
            for name in (name for name in SECTIONS if name in options.only):
                for section in SECTIONS[name](Path(scratch), options.rows, options.rounds):
                    done.append(section)
                    run(section, lambda: write_report(page, done, arguments=given, finished=False))
        finished = True
    except KeyboardInterrupt:
        say("stopped")
    differing = [each.title for each in done if isinstance(each, Comparison) and each.disagreement()]
    whole = finished and not differing and is_whole(options.only, options.rows, options.rounds)
    if whole and not options.output:
        page = PAGE
    if not any(has_results(each) for each in done):
        say("nothing was measured, and no page is written")
    else:
        write_report(page, done, arguments=given, finished=finished)
        print(page.read_text())
        say(f"{page} is written")
    if differing:
        say(f"not the same answer, so no figures: {'; '.join(differing)}")
    return 130 if not finished else 1 if differing else 0


def is_whole(sections: Sequence[str], rows: Sequence[int], rounds: int) -> bool:
    """Whether these are every section and every size, as often as figures with a range need."""
    return set(sections) == set(SECTIONS) and set(rows) >= set(SIZES) and rounds >= ROUNDS


def run(section: Section, keep: Callable[[], None]) -> None:
    """Run one section, keeping each round."""
    if isinstance(section, Comparison):
        section.run(keep)
        return
    say(f"{section.title}: {section.command}")
    command = python(section.module, *section.options.split())
    with subprocess.Popen(command, cwd=CHECKOUT, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            for line in process.stdout:
                section.lines += line
                keep()
        except KeyboardInterrupt:
            process.terminate()  # it does not hear of an interrupt that is sent to this process alone
            raise
    if process.returncode:
        sys.exit(f"{section.command} ended with {process.returncode}")


def _cleaning(scratch: Path, rows: Sequence[int], rounds: int) -> Iterator[Section]:
    for count in rows:
        yield from cleaning(scratch, count, rounds if count <= LONG else min(rounds, 2))


def _graph(scratch: Path, rows: Sequence[int], rounds: int) -> Iterator[Section]:
    yield overhead(scratch, min(rows), rounds)
    if len(rows) > 1:
        yield growth(scratch, sorted(rows)[-2:], min(rounds, 2))


def _definitions(_scratch: Path, _rows: Sequence[int], rounds: int) -> Iterator[Section]:
    yield definitions(rounds)


@dataclass(frozen=True)
class _Script:
    """A measurement that prints its own lines. In its options `{rounds}` and `{rows}` stand for those of the run."""

    title: str
    module: str
    options: str
    work: str

    def __call__(self, _scratch: Path, rows: Sequence[int], rounds: int) -> Iterator[Section]:
        options = self.options.format(rounds=rounds, rows=" ".join(str(count) for count in rows))
        yield Printed(self.title, self.module, options, self.work)


SECTIONS: dict[str, Measurement] = {
    "definitions": _definitions,
    "graph": _graph,
    "warm": _Script(
        "Whole graph over the bare work, warm",
        "benchmarks.warm_graph",
        "--rounds {rounds}",
        "Script and graph as above, but of a single month, in one process that has paid its imports. `unchecked` is "
        "the script without the functions of the checks: what loads and shows, and looks at nothing.",
    ),
    "page": _Script(
        "Snapshot and story page by rows",
        "benchmarks.page_build",
        "--rows {rows} --rounds {rounds}",
        "The snapshot is its files, CSV, Hyper and workbook. SQL is what the warehouse answers, for the snapshot and "
        "for the page; what is done with it is counted beside it: the asset of the page, and that part of it which "
        "makes the HTML.",
    ),
    "rollups": _Script(
        "KPI views, and month load as history grows",
        "benchmarks.rollups",
        "--rows {rows} --rounds {rounds}",
        "With the rollups, and without: the same SQL on the rows. Views are read as rows of Python objects, as the "
        "snapshot reads them, and as the columns that DuckDB answers with. Facts are what the story asks the "
        "warehouse. Every twenty-fourth load tidies the file, so a round is as many loads.",
    ),
    "latency": _Script(
        "File lands, KPIs fresh, under `dagster dev`",
        "benchmarks.sensor_latency",
        "--drops 10",
        "A month of 4,000 rows is copied to the landing; it is fresh when the KPIs of that month are in the snapshot.",
    ),
    "cleaning": _cleaning,  # takes longest
}


if __name__ == "__main__":
    sys.exit(main())
