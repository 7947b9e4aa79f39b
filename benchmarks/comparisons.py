"""What is compared with what: the contenders of each table, and the files that they work on."""

from __future__ import annotations

import itertools
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from benchmarks.measuring import CHECKOUT, Comparison, Contender, python
from benchmarks.months import LAST_MONTH, month_names

# Above it a run takes so long that what the first one pays besides is lost in it, and two of it are enough.
LONG = 1_000_000
PEERS = {
    "DuckDB SQL": "duckdb_sql",
    "polars": "polars_script",
    "careful pandas": "pandas_script",
    "notebook pandas": "notebook",
}


def cleaning(scratch: Path, rows: int, rounds: int) -> Iterator[Comparison]:
    """The cleaning of one file beside its peers, for each kind of file."""
    for cities, dirty in itertools.product(("repeating", "distinct"), (0.0, 0.02)):
        file = scratch / f"sales_{rows}_{cities}_{dirty}.csv"
        made(file, rows, cities, dirty)
        contenders = [
            Contender(name, python(f"benchmarks.peers.{module}", file, scratch / module))
            for name, module in PEERS.items()
        ]
        contenders += [
            Contender("walmart_bi, cleaning", python("benchmarks.project_clean", file, scratch / "project")),
            Contender(
                "walmart_bi, inspection and cleaning",
                python("benchmarks.project_clean", file, scratch / "project", "--inspect"),
            ),
        ]
        what = f"{rows:,} rows, {cities} cities, {'2% dirty' if dirty else 'clean'}"
        work = (
            f"A CSV file of {file.stat().st_size / 2**20:,.1f} MiB with 12 months, ASCII, nothing quoted: cleaned, "
            "typed and written. The inspection is what the project does before: it reads the file once more, hashes it "
            "and counts the records by other code."
        )
        yield Comparison(f"Cleaning {what}", work, "DuckDB SQL", contenders, rounds, warm_up=rows <= LONG)
        file.unlink()


def definitions(rounds: int) -> Comparison:
    """Loading the definitions, against what they stand on."""
    contenders = [
        Contender("import dagster", [sys.executable, "-c", "import dagster"]),
        Contender("definitions", [sys.executable, "-c", "import walmart_bi.definitions"]),
    ]
    return Comparison(
        "Loading the definitions", "A fresh interpreter that imports.", "import dagster", contenders, rounds
    )


def overhead(scratch: Path, rows: int, rounds: int, months: int = 12) -> Comparison:
    """The whole graph through Dagster, against its functions called by a script."""
    file = scratch / f"sales_{month_names(months)[0]}_{LAST_MONTH}.csv"
    made(file, rows, months=months)
    bare = scratch / "bare"
    script = Contender(
        "script",
        python("benchmarks.bare_graph", file, bare, "--checked"),
        before=lambda: shutil.rmtree(bare, True),
        asked=python("benchmarks.loaded", bare / "warehouse.duckdb"),
    )
    place = scratch / "graph"
    load = replace(
        graph(place, "walmart-bi load", file),
        asked=python("benchmarks.loaded", place / ".walmart_bi" / "warehouse.duckdb"),
    )
    work = (
        f"{rows:,} rows in {months} months from the file to snapshot and page. The script calls the same functions "
        "without Dagster, those of the checks among them; the graph adds events, metadata, previews and progress. "
        "Before each run its bucket and warehouse are removed; Dagster's history stays."
    )
    return Comparison("Whole graph over the bare work", work, "script", [script, load], rounds)


def growth(scratch: Path, sizes: Sequence[int], rounds: int) -> Comparison:
    """One month of two sizes through the whole graph."""
    contenders = []
    for rows in sizes:
        file = scratch / f"{rows}" / f"sales_{LAST_MONTH}.csv"
        file.parent.mkdir()
        made(file, rows, months=1)
        contenders.append(graph(scratch / f"graph_{rows}", f"{rows:,} rows", file))
    work = "One month from the file to snapshot and page by `walmart-bi load`: does it follow the number of rows?"
    return Comparison("Whole graph by the size of a month", work, contenders[0].name, contenders, rounds, warm_up=False)


def made(file: Path, rows: int, cities: str = "repeating", dirty: float = 0.0, months: int = 12) -> None:
    """A sales file, made by another process: the memory of this one would be counted with each that it starts."""
    options = ("--rows", rows, "--cities", cities, "--dirty", dirty, "--months", months)
    subprocess.run(python("benchmarks.sales_file", file, *options), cwd=CHECKOUT, check=True)


def graph(place: Path, name: str, file: Path) -> Contender:
    """`walmart-bi load` in a directory of its own, which keeps Dagster's history only."""
    place.mkdir()
    shutil.copy(CHECKOUT / "dagster.yaml", place)
    command = python("walmart_bi.cli", "load", file)
    return Contender(name, command, place, before=lambda: shutil.rmtree(place / ".walmart_bi", ignore_errors=True))
