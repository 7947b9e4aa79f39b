"""The map that cleans in parts, on each engine that was weighed for it (docs/adr/0022): what all its processes cost.

Each measurement is a process of its own. Engines leave processes that nobody waits for, so CPU seconds and memory of
all of them are polled; what a process did after its last look is missed. Ray and Spark are no part of the project:
install them (`pip install ray pyspark`, and a Java runtime) into an environment beside it; those that are not
there are left out, and that is said.

    python -m benchmarks.engines [--engines dask ray spark] [--rows 200000] [--parts 4] [--workers 2] [--rounds 3]
"""

from __future__ import annotations

import argparse
import contextlib
import importlib
import importlib.metadata
import json
import os
import pickle
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from benchmarks.measuring import CHECKOUT, is_json, positive, python, say, spread
from benchmarks.scale import KEY, cleaned, make_file

PACKAGES = {"dask": "distributed", "ray": "ray", "spark": "pyspark"}
WORKS = ("import", "start, four empty calls, stop", "clean")
POLL_SECONDS = 0.1


@dataclass(frozen=True)
class Taken:
    """What one measurement took: CPU and wall seconds, most processes at a time, most MiB of all of them together."""

    cpu: float
    wall: float
    processes: int
    mib: float


class Here:
    """Calls in this process, one after the other: the parts without an engine."""

    def map(self, function: Callable[[Any], Any], items: Sequence[Any]) -> Iterator[Any]:
        """The result for each item."""
        return map(function, items)


class Ray:
    """Ray's tasks."""

    def map(self, function: Callable[[Any], Any], items: Sequence[Any]) -> Iterator[Any]:
        """The result for each item."""
        import ray

        call = ray.remote(lambda item: function(item))
        results = [call.remote(item) for item in items]
        return (ray.get(result) for result in results)


class Spark:
    """Spark's `mapInPandas` over a frame with a partition for each item; items and results are bytes in it."""

    def __init__(self, session: Any) -> None:
        self._session = session

    def map(self, function: Callable[[Any], Any], items: Sequence[Any]) -> Iterator[Any]:
        """The result for each item."""

        def work(frames: Iterator[Any]) -> Iterator[Any]:
            for frame in frames:
                frame["bytes"] = [pickle.dumps(function(pickle.loads(item))) for item in frame["bytes"]]
                yield frame

        rows = [(number, bytearray(pickle.dumps(item))) for number, item in enumerate(items)]
        schema = "number int, bytes binary"
        frame = self._session.createDataFrame(self._session.sparkContext.parallelize(rows, len(rows)), schema)
        done = sorted(frame.mapInPandas(work, schema).collect())
        return (pickle.loads(row["bytes"]) for row in done)


@contextlib.contextmanager
def open_ray(workers: int) -> Iterator[Ray]:
    """Ray on this machine."""
    import ray

    ray.init(num_cpus=workers, include_dashboard=False, log_to_driver=False, _node_ip_address="127.0.0.1")
    try:
        yield Ray()
    finally:
        ray.shutdown()


@contextlib.contextmanager
def open_spark(workers: int) -> Iterator[Spark]:
    """Spark on this machine, in its local mode."""
    from pyspark.sql import SparkSession

    os.environ["PYSPARK_PYTHON"] = sys.executable  # else the first `python3` of the path
    address = {"spark.driver.host": "127.0.0.1", "spark.driver.bindAddress": "127.0.0.1", "spark.ui.enabled": "false"}
    session = SparkSession.builder.master(f"local[{workers}]").config(map=address).getOrCreate()
    try:
        yield Spark(session)
    finally:
        session.stop()


def opened(engine: str, workers: int) -> Any:
    """The engine's cluster, as the cleaning opens one."""
    if engine == "dask":
        from walmart_bi.dask_cluster import open_dask_cluster

        return open_dask_cluster("local", workers=workers)
    return {"none": lambda _: contextlib.nullcontext(Here()), "ray": open_ray, "spark": open_spark}[engine](workers)


def main() -> int:
    """Measure, and print a table; or with `--one` do one piece of work."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--engines", nargs="+", choices=sorted(PACKAGES), default=list(PACKAGES))
    parser.add_argument("--rows", type=positive, default=200_000)
    parser.add_argument("--parts", type=positive, default=4)
    parser.add_argument("--workers", type=positive, default=2)
    parser.add_argument("--rounds", type=positive, default=3)
    parser.add_argument("--one", nargs=2, metavar=("ENGINE", "WORK"), help=argparse.SUPPRESS)
    parser.add_argument("--place", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.one:
        print(json.dumps(done(*options.one, options)))
        return 0
    with tempfile.TemporaryDirectory(prefix="walmart_bi_engines_") as scratch:
        place = Path(scratch)
        make_file(place, options.rows)
        found = measure(place, options)
    print(f"{options.rows:,} rows, {options.parts} parts, {options.workers} workers, {options.rounds} rounds")
    print("| engine | work | CPU s | wall s | processes | MiB of all |\n| --- | --- | --- | --- | --- | --- |")
    for (engine, work), taken in found.items():
        columns = [([each.cpu for each in taken], 1), ([each.wall for each in taken], 1)]
        columns += [([each.processes for each in taken], 0), ([each.mib for each in taken], 0)]
        print(f"| {engine} | {work} | {' | '.join(spread(values, digits) for values, digits in columns)} |")
    return 0


def measure(place: Path, options: argparse.Namespace) -> dict[tuple[str, str], list[Taken]]:
    """All work of all engines that are there, in interleaved rounds; they have to give the same answer."""
    engines = {}
    for engine in options.engines:
        try:
            engines[engine] = f"{engine} {importlib.metadata.version(PACKAGES[engine])}"
        except importlib.metadata.PackageNotFoundError:
            say(f"{engine} is left out: {PACKAGES[engine]} is not installed; put it into an environment of its own")
    contenders = [
        ("one process", "clean"),
        ("none", "clean"),
        *((engine, work) for engine in engines for work in WORKS),
    ]
    found: dict[tuple[str, str], list[Taken]] = {}
    answers = {}
    for _ in range(options.rounds):
        for engine, work in contenders:
            given = ["--one", engine, work, "--place", place, "--workers", options.workers, "--parts", options.parts]
            taken, answer = watched(python("benchmarks.engines", *given))
            say(f"{engine}, {work}: {taken.cpu:.1f} s CPU, {taken.wall:.1f} s wall; {answer}")
            found.setdefault((engines.get(engine, engine), work), []).append(taken)
            if work == "clean":
                answers[engine] = answer
    if len(set(answers.values())) > 1:
        sys.exit(f"they did not give the same answer: {answers}")
    return found


def watched(command: Sequence[str]) -> tuple[Taken, str]:
    """Run a command and look at all its processes until it ends: what they took, and its answer."""
    import psutil

    environment = os.environ | {"PYTHONPATH": str(CHECKOUT)}
    started, most, mib = time.monotonic(), 1, 0.0
    cpu: dict[tuple[int, float], float] = {}
    with (
        tempfile.TemporaryFile("w+") as said,
        psutil.Popen(command, env=environment, stdout=said, stderr=subprocess.STDOUT) as process,
    ):
        while process.poll() is None:
            running = [process, *process.children(recursive=True)]
            memory = 0.0
            for each in running:
                with contextlib.suppress(psutil.NoSuchProcess), each.oneshot():
                    cpu[each.pid, each.create_time()] = sum(each.cpu_times()[:2])
                    memory += each.memory_info().rss / 2**20
            most, mib = max(most, len(running)), max(mib, memory)
            time.sleep(POLL_SECONDS)
        wall = time.monotonic() - started
        said.seek(0)
        lines = said.read().splitlines()
    if process.returncode:
        sys.exit("\n".join([f"{' '.join(command)} ended with {process.returncode}:", *lines[-20:]]))
    return Taken(sum(cpu.values()), wall, most, mib), next(line for line in reversed(lines) if is_json(line))


def done(engine: str, work: str, options: argparse.Namespace) -> dict[str, Any]:
    """One piece of work, and its answer."""
    if work == "import":
        importlib.import_module("pyspark.sql" if engine == "spark" else PACKAGES[engine])
        return {}
    cluster = partial(opened, engine, options.workers)
    if work == "clean":
        size = (options.place / "bucket" / KEY).stat().st_size
        return cleaned(options.place, None if engine == "one process" else cluster, size // options.parts + 1)
    with cluster() as started:
        return {"sum": sum(started.map(abs, range(4)))}


if __name__ == "__main__":
    sys.exit(main())
