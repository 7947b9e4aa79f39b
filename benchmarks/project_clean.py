"""The project's own cleaning of one file, in a process of its own. `--inspect` adds what the raw layer does before it.

python -m benchmarks.project_clean IN OUT --months 12 [--inspect]
"""

from __future__ import annotations

import argparse
import datetime as dt
import json
import sys
from pathlib import Path

from benchmarks.measuring import positive
from benchmarks.months import month_names
from walmart_bi.records import SourceFile
from walmart_bi.sales.cleaned_file import clean_file


def main() -> int:
    """Clean the file and print the answer that every peer prints."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("file", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--months", type=positive, default=12)
    parser.add_argument("--inspect", action="store_true")
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    cleaned = clean_file(
        options.file,
        inspected(options.file) if options.inspect else known(options.file),
        months=month_names(options.months),
        today=dt.date(2026, 1, 1),
        policy="auto",
        workdir=options.out,
    )
    counts = cleaned.counts
    cents = sum(month.totals.total_cents for month in cleaned.months.values())
    answer = {"loaded": counts.loaded, "quarantined": counts.quarantined, "copies": counts.duplicates_removed}
    print(json.dumps({**answer, "cents": cents}))
    return 0


def known(file: Path) -> SourceFile:
    """What the raw layer would have handed over: it was written together with the file."""
    return SourceFile.from_json(file.with_name(f"{file.name}.json").read_text())


def inspected(file: Path) -> SourceFile:
    """The raw layer's reading of the file: its hash, and its records counted by independent code."""
    from walmart_bi.sales.inspection import inspect_source

    return inspect_source(file, key=f"raw_data/{file.name}", etag="benchmark", modified=dt.datetime.now(dt.UTC))


if __name__ == "__main__":
    sys.exit(main())
