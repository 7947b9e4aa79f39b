"""How long after a file lands are the KPIs fresh, under plain `dagster dev`?

Starts `dagster dev` on loopback in a directory of its own, drops month files of 4,000 rows into the landing directory
at varying moments, and waits until the published snapshot was built from each. Prints every drop and the median.

    python -m benchmarks.sensor_latency [--drops 5] [--rows 4000]
"""

from __future__ import annotations

import argparse
import contextlib
import datetime as dt
import json
import random
import shutil
import statistics
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.measuring import positive
from walmart_bi.months import first_day, months_between, next_month
from walmart_bi.sales.sample import sample_file_name, write_sample
from walmart_bi_tests.dagster_dev import dagster_dev, new_place

LAND_SECONDS = 120


def main() -> int:
    """Run the measurement and print it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--drops", type=positive, default=5)
    parser.add_argument("--rows", type=positive, default=4_000)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="walmart_bi_latency_") as scratch:
        place = Path(scratch)
        with dagster_dev(new_place(place)) as dev:
            print(f"dagster dev answered after {dev.start_seconds:.1f} s")
            time.sleep(10)  # let the daemons take up their rhythm
            seconds = [
                drop(place, month, options.rows) for month in months_between("2025-01", "2030-01")[: options.drops]
            ]
    print(f"file lands -> KPIs fresh, {options.rows:,} rows: median {statistics.median(seconds):.1f} s, ", end="")
    print(f"{min(seconds):.1f} to {max(seconds):.1f} s over {len(seconds)} drops")
    return 0


def drop(place: Path, month: str, rows: int) -> float:
    """Land one month and return the seconds until the snapshot holds it."""
    time.sleep(random.Random(month).random() * 5)
    bucket = place / ".walmart_bi" / "bucket"
    last_day = first_day(next_month(month)) - dt.timedelta(days=1)
    made = place / sample_file_name(month, month)
    write_sample(made, rows=rows, first_day=first_day(month), last_day=last_day)
    landing = bucket / "raw_data"
    landing.mkdir(parents=True, exist_ok=True)
    shutil.copy(made, landing / made.name)
    landed = time.monotonic()
    manifest = bucket / "dashboard_data" / "latest" / "manifest.json"
    while time.monotonic() - landed < LAND_SECONDS:
        with contextlib.suppress(FileNotFoundError, ValueError):
            if any(load["month"] == month for load in json.loads(manifest.read_text())["loads"]):
                seconds = time.monotonic() - landed
                print(f"  {month}: {seconds:.1f} s")
                return seconds
        time.sleep(0.05)
    sys.exit(f"{month} was not loaded within {LAND_SECONDS} s; see {place}/dev.log")


if __name__ == "__main__":
    sys.exit(main())
