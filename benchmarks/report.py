"""The page of results: one table a comparison, and what was measured where. Nothing is measured here."""

from __future__ import annotations

import datetime as dt
import os
import platform
import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

from benchmarks.measuring import Comparison, Contender, spread
from benchmarks.peers import LEFT_OUT
from walmart_bi_tests.proof.document import commit

PACKAGES = ("dagster", "pandas", "numpy", "pyarrow", "duckdb", "polars")
HEAD = """| {0} | CPU s | CPU / {1} | wall s | wall / {1} | peak MiB | rounds |
| --- | --- | --- | --- | --- | --- | --- |"""


@dataclass
class Printed:
    """A measurement that prints its own lines."""

    title: str
    module: str
    options: str
    work: str
    lines: str = ""

    @property
    def command(self) -> str:
        """What a person would type for this measurement alone."""
        return f"python -m {self.module} {self.options}"


Section = Comparison | Printed


def write_report(path: Path, sections: Sequence[Section], *, arguments: str, finished: bool) -> None:
    """The page, replaced as a whole, so that an interrupted run leaves what it has."""
    measured = [section for section in sections if has_results(section)]
    text = (
        "\n\n".join(
            [
                introduction(arguments, finished),
                in_short(measured),
                *(shown(section) for section in measured),
                left_out(),
            ]
        )
        + "\n"
    )
    new = path.with_name(f"{path.name}.new")
    new.write_text(text, encoding="utf-8")
    new.replace(path)


def has_results(section: Section) -> bool:
    if isinstance(section, Printed):
        return bool(section.lines)
    return any(contender.samples for contender in section.contenders)


def introduction(arguments: str, finished: bool) -> str:
    """What was run, where, on what."""
    versions = ", ".join(f"{name} {metadata.version(name)}" for name in PACKAGES)
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    state = "" if finished else " **The run was stopped before its end; this is what it had measured.**"
    return f"""# Benchmarks

Written by `python -m benchmarks{arguments}` on {dt.datetime.now(dt.UTC):%Y-%m-%d}, commit `{commit()}`.{state}

Machine: {os.cpu_count()} processors ({processor()}), {memory:.0f} GiB, {platform.system()} {platform.release()};
load average when this was written, that of the run included, {os.getloadavg()[0]:.1f}.
Python {platform.python_version()}, {versions}.

How to read it: every round runs each command once, so a ratio compares runs of the same minute; figures are
`median [smallest..largest]`. CPU counts a command with the children that it waited for. Wall times of a machine that
does other work at the same time are longer than they need be; their ratios can still be read. The memory is that of
the largest process. In the tables every command is a process of its own, start and imports included, and above a
million rows it is run at most twice. Sections without a table say what they measure.

The cleaning stands beside what a user would write instead (`benchmarks/peers/`): *DuckDB SQL*, *polars*, *careful
pandas*, which looks at each distinct value once, and *notebook pandas*, which does what a notebook does. What they
leave out is [below](#what-the-peers-leave-out)."""


def processor() -> str:
    """The processor's name, where the system tells it."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.machine()
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), platform.machine())


def in_short(sections: Sequence[Section]) -> str:
    """A line for each of the project's rows in each table: what it took, and its ratios to each other."""
    rows = [
        row_in_short(section, ours)
        for section in sections
        if isinstance(section, Comparison)
        for ours in of_the_project(section)
    ]
    head = """| work | the project's | CPU s | wall s | peak MiB | CPU, median ratio | wall, median ratio |
| --- | --- | --- | --- | --- | --- | --- |"""
    return "\n".join(["## In short", "", head, *rows, "", "The sections that print lines of their own are not in it."])


def of_the_project(section: Comparison) -> list[Contender]:
    """Those of the contenders that are the project; where all are, the last."""
    measured = [each for each in section.contenders if each.samples]
    return [each for each in measured if each.name.startswith("walmart")] or measured[-1:]


def row_in_short(section: Comparison, ours: Contender) -> str:
    """Medians, and the ratios to all that are not the project's."""
    others = [
        each for each in section.contenders if each.samples and each is not ours and not each.name.startswith("walmart")
    ]
    took = (statistics.median(getattr(sample, what) for sample in ours.samples) for what in ("cpu", "wall"))
    peak = statistics.median(sample.memory for sample in ours.samples)
    cells = [section.title, ours.name, *(f"{each:.2f}" for each in took), f"{peak:.0f}"]
    for measure in ("cpu", "wall"):
        ratios = ((statistics.median(section.ratios(ours, measure, each.name)), each.name) for each in others)
        cells.append(", ".join(f"{ratio:.2f} x {name}" for ratio, name in ratios))
    return f"| {' | '.join(cells)} |"


def shown(section: Section) -> str:
    """One section of the page."""
    if isinstance(section, Printed):
        return f"## {section.title}\n\n{section.work}\n\n`{section.command}`\n\n```\n{section.lines.rstrip()}\n```"
    rows = [row(section, contender) for contender in section.contenders if contender.samples]
    table = "\n".join([HEAD.format("what", section.base), *rows])
    differs = section.disagreement()
    warning = f"\n\n**They did not give the same answer:** {differs}" if differs else ""
    return f"## {section.title}\n\n{section.work}\n\n{table}{warning}"


def row(comparison: Comparison, contender: Contender) -> str:
    """One line of a table."""
    cells = [contender.name]
    for measure in ("cpu", "wall"):
        cells.append(spread([getattr(sample, measure) for sample in contender.samples], 2))
        cells.append(spread(comparison.ratios(contender, measure), 2))
    cells.append(spread([sample.memory for sample in contender.samples], 0))
    return f"| {' | '.join([*cells, str(len(contender.samples))])} |"


def left_out() -> str:
    """What the peers do not do, openly."""
    rules = "\n".join(f"- {rule}" for rule in LEFT_OUT)
    return f"""## What the peers leave out

Every command prints how many rows it loaded, set aside and left out as copies, and the cents of what it loaded. These
are compared, and a difference fails the run. Of the cleaning contract the peers leave out:

{rules}"""
