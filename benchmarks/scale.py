"""Cleaning in one process beside cleaning in parts by some workers, as the file grows: CPU, wall time and memory.

Each measurement is a process of its own. Its CPU seconds are told apart: the driver's, which no worker can take over,
and those of the workers, with their start. Peak memory is that of the largest process on either side.

    python -m benchmarks.scale [--rows 1000000 5000000] [--workers 2] [--rounds 2]
"""

from __future__ import annotations

import argparse
import dataclasses
import datetime as dt
import json
import resource
import sys
import tempfile
import time
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.measuring import Contender, measured, positive, python, say, spread

if TYPE_CHECKING:
    from walmart_bi.sales.cluster import OpenCluster

MONTHS = 12
KEY = "raw_data/sales.csv"


def main() -> int:
    """Measure, and print a table; or with `--one` do one piece of work and print what it took."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=positive, nargs="+", default=[1_000_000, 5_000_000])
    parser.add_argument("--workers", type=positive, default=2)
    parser.add_argument("--part-bytes", type=positive, default=None)
    parser.add_argument("--rounds", type=positive, default=2)
    parser.add_argument("--one", choices=sorted(WORK), help=argparse.SUPPRESS)
    parser.add_argument("--place", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.one:
        print(json.dumps(taken(options)))
        return 0
    print("| rows | work | CPU s, driver | CPU s, workers | wall s | MiB, driver | MiB, worker |")
    print("| --- | --- | --- | --- | --- | --- | --- |")
    for rows in options.rows:
        with tempfile.TemporaryDirectory(prefix="walmart_bi_scale_") as scratch:
            compare(Path(scratch), rows, options)
    return 0


def compare(place: Path, rows: int, options: argparse.Namespace) -> None:
    """All work on one file, in interleaved rounds."""
    make_file(place, rows)
    results: dict[str, list[dict[str, Any]]] = {name: [] for name in WORK}
    for _ in range(options.rounds):
        for name, found in results.items():
            given = ["--one", name, "--place", place, "--workers", options.workers]
            given += ["--part-bytes", options.part_bytes] if options.part_bytes is not None else []
            contender = Contender(name, python("benchmarks.scale", *given))
            measured(contender)
            say(f"{rows:,} rows: {contender.answer}")
            found.append(json.loads(contender.answer))
    if len({json.dumps(each["counts"]) for name in ("one process", "in parts") for each in results[name]}) > 1:
        sys.exit("one process and the workers did not give the same answer")
    for name, found in results.items():
        columns = ("driver", "workers", "wall", "driver_mib", "worker_mib")
        cells = [spread([each[column] for each in found], 0 if "mib" in column else 1) for column in columns]
        print(f"| {rows:,} | {name} | {' | '.join(cells)} |", flush=True)


def make_file(place: Path, rows: int) -> None:
    """A file with 2% dirty records in the directory store of a place, and what the raw layer says of it."""
    file = place / "bucket" / KEY
    file.parent.mkdir(parents=True)
    measured(Contender("the file", python("benchmarks.sales_file", file, "--rows", rows, "--dirty", 0.02)))


def taken(options: argparse.Namespace) -> dict[str, Any]:
    """What one piece of work took, in this process and in those that it waited for."""
    started = time.monotonic()
    counts = WORK[options.one](options)
    own, children = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return {
        "driver": own.ru_utime + own.ru_stime,
        "workers": children.ru_utime + children.ru_stime,
        "wall": time.monotonic() - started,
        "driver_mib": own.ru_maxrss / 1024,
        "worker_mib": children.ru_maxrss / 1024,
        "counts": counts,
    }


def inspect(options: argparse.Namespace) -> dict[str, Any]:
    """The raw layer's reading: hash and independent count."""
    from benchmarks.project_clean import inspected

    return {"records": inspected(options.place / "bucket" / KEY).records}


def cut_only(options: argparse.Namespace) -> dict[str, Any]:
    """The driver's first pass: hash and parts."""
    import hashlib

    from walmart_bi.sales.parts import cut

    file, digest = options.place / "bucket" / KEY, hashlib.sha256()
    outline = cut(file, file.name, digest.update, part_bytes=options.part_bytes)
    return {"parts": len(outline.parts) if outline else 0}


def start_only(options: argparse.Namespace) -> dict[str, Any]:
    """Workers that do nothing."""
    from walmart_bi.dask_cluster import open_dask_cluster

    with open_dask_cluster("local", workers=options.workers) as cluster:
        return {"workers": len(list(cluster.map(abs, range(options.workers))))}


def clean(options: argparse.Namespace, *, in_parts: bool) -> dict[str, Any]:
    """The cleaning itself."""
    from walmart_bi.dask_cluster import open_dask_cluster

    cluster = partial(open_dask_cluster, "local", workers=options.workers) if in_parts else None
    return cleaned(options.place, cluster, options.part_bytes)


def cleaned(place: Path, cluster: OpenCluster | None, part_bytes: int | None) -> dict[str, Any]:
    """Clean the file in a place's directory store, by a cluster or in this process: its counts and cents."""
    from benchmarks.months import month_names
    from walmart_bi.records import SourceFile
    from walmart_bi.sales.cleaned_file import clean_file
    from walmart_bi.sales.cleaned_in_parts import Elsewhere, clean_in_parts
    from walmart_bi.stores.directory import DirectoryStore

    store = DirectoryStore(place / "bucket")
    info = store.head(KEY)
    known = SourceFile.from_json(store.read_bytes(f"{KEY}.json"))
    source = dataclasses.replace(known, key=info.key, etag=info.etag)
    work = clean_file
    if cluster is not None:
        work = partial(clean_in_parts, elsewhere=Elsewhere(cluster, store, say, part_bytes))
    with store.fetch(info.key) as path, tempfile.TemporaryDirectory() as workdir:
        done = work(
            path, source, months=month_names(MONTHS), today=dt.date(2026, 1, 1), policy="auto", workdir=Path(workdir)
        )
    cents = sum(month.totals.total_cents for month in done.months.values())
    return {**dataclasses.asdict(done.counts), "cents": cents}


WORK = {
    "hash and count": inspect,
    "cut": cut_only,
    "start of workers": start_only,
    "one process": partial(clean, in_parts=False),
    "in parts": partial(clean, in_parts=True),
}


if __name__ == "__main__":
    sys.exit(main())
