"""A large file through the whole graph: seconds and peak memory of one `walmart-bi load` in a process of its own.

python -m benchmarks.whole_graph [--rows 1000000]
"""

from __future__ import annotations

import argparse
import datetime as dt
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from walmart_bi.sales.sample import write_sample

CHECKOUT = Path(__file__).resolve().parent.parent


def main() -> int:
    """Make the file, load it, and print what it took."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=1_000_000)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="walmart_bi_whole_graph_") as scratch:
        place = Path(scratch)
        shutil.copy(CHECKOUT / "dagster.yaml", place)
        file = place / "sales_2024-02_2025-02.csv"
        write_sample(file, rows=options.rows, first_day=dt.date(2024, 2, 10), last_day=dt.date(2025, 2, 9))
        environment = {
            name: text for name, text in os.environ.items() if not name.startswith(("DAGSTER", "WALMART_BI"))
        }
        environment["PYTHONPATH"] = str(CHECKOUT)
        started = time.monotonic()
        process = subprocess.Popen(
            [sys.executable, "-m", "walmart_bi.cli", "load", str(file)],
            cwd=place,
            env=environment,
            stdout=subprocess.DEVNULL,
        )
        _, status, usage = os.wait4(process.pid, 0)
        wall = time.monotonic() - started
        process.returncode = os.waitstatus_to_exitcode(status)
        size = file.stat().st_size
    if process.returncode:
        return process.returncode
    print(f"{options.rows:,} rows, {size / 2**20:.0f} MiB: {wall:.1f} s wall, ", end="")
    print(f"{usage.ru_utime + usage.ru_stime:.1f} s CPU, {usage.ru_maxrss / 1024:.0f} MiB peak resident memory")
    return 0


if __name__ == "__main__":
    sys.exit(main())
