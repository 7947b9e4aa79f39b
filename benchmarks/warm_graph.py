"""The whole graph over the bare work, in one process that has paid its imports: CPU seconds, interleaved rounds.

The script calls the functions of every layer (`bare_graph.py`), and then, as the same work needs it, those of every
check (`bare_checks.py`); beside it stands a script that checks nothing. The graph is the job `monthly_load` run in the
same process on a persistent Dagster instance, with its events, metadata and previews. Each round starts with an empty
bucket and warehouse; the first is not counted.

    python -m benchmarks.warm_graph [--rows 50000] [--months 1] [--rounds 5]
"""

from __future__ import annotations

import argparse
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import dagster as dg

from benchmarks.bare_graph import run
from benchmarks.measuring import CHECKOUT, positive, spread
from benchmarks.months import month_names
from benchmarks.sales_file import write_sales
from walmart_bi.build import build_definitions, build_resources
from walmart_bi.partitions import range_tags
from walmart_bi.settings import Settings
from walmart_bi.stores.base import RAW_DATA

QUIET = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}


def main() -> int:
    """Run interleaved rounds and print medians and the ratio inside each round."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=positive, default=50_000)
    parser.add_argument("--months", type=positive, default=1)
    parser.add_argument("--rounds", type=positive, default=5)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="walmart_bi_warm_graph_") as scratch:
        place, months = Path(scratch), month_names(options.months)
        file = place / f"sales_{months[0]}_{months[-1]}.csv"
        write_sales(file, options.rows, cities="repeating", dirty=0.0, months=options.months)
        os.environ["WALMART_BI_HOME"] = str(place / "home")
        shutil.copy(CHECKOUT / "dagster.yaml", place)
        os.chdir(place)  # the paths of dagster.yaml are relative
        with dg.DagsterInstance.from_config(str(place)) as instance:
            works = {
                "script": lambda: run(file, place / "home", checked=True),
                "unchecked": lambda: run(file, place / "home", checked=False),
                "graph": lambda: run_graph(file, months, instance),
            }
            rounds = [
                {name: cpu_seconds(place / "home", work) for name, work in works.items()}
                for _ in range(options.rounds + 1)
            ][1:]
    print(f"{options.rows:,} rows in {options.months} month(s), imports paid")
    for name in works:
        print(f"{name:<10} {spread([each[name] for each in rounds], 2)} s CPU")
    for name in ("script", "unchecked"):
        print(f"graph over {name}: {spread([each['graph'] / each[name] for each in rounds], 2)}")
    return 0


def cpu_seconds(home: Path, work: Callable[[], None]) -> float:
    """CPU seconds of this process for the work on an empty bucket and warehouse."""
    shutil.rmtree(home, ignore_errors=True)
    started = time.process_time()
    work()
    return time.process_time() - started


def run_graph(file: Path, months: tuple[str, ...], instance: dg.DagsterInstance) -> None:
    """The job that a delivered file starts."""
    settings = Settings.from_environment()
    build_resources(settings)["store"].put(f"{RAW_DATA}{file.name}", file)
    job = build_definitions(settings).resolve_job_def("monthly_load")
    done = job.execute_in_process(run_config=QUIET, instance=instance, tags=range_tags(months))
    if not done.success:
        sys.exit("the run of the graph failed")


if __name__ == "__main__":
    sys.exit(main())
