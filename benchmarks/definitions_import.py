"""What loading the definitions costs, against `import dagster` alone: CPU seconds of fresh interpreters.

python -m benchmarks.definitions_import [--rounds 7]
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys

COMMANDS = {"import dagster": "import dagster", "definitions": "import walmart_bi.definitions"}
PROBE = "import resource; {}; u = resource.getrusage(resource.RUSAGE_SELF); print(u.ru_utime + u.ru_stime)"


def main() -> int:
    """Run interleaved rounds and print medians and the ratio inside each round."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=7)
    options = parser.parse_args()
    rounds = [{name: cpu_seconds(code) for name, code in COMMANDS.items()} for _ in range(options.rounds + 1)][1:]
    for name in COMMANDS:
        values = [each[name] for each in rounds]
        print(f"{name:<16} median {statistics.median(values):.2f} s CPU  [{min(values):.2f}..{max(values):.2f}]")
    ratios = [each["definitions"] / each["import dagster"] for each in rounds]
    print(f"ratio            median {statistics.median(ratios):.2f}  [{min(ratios):.2f}..{max(ratios):.2f}]")
    return 0


def cpu_seconds(code: str) -> float:
    """CPU seconds of one fresh interpreter that runs the code."""
    done = subprocess.run([sys.executable, "-c", PROBE.format(code)], capture_output=True, text=True, check=True)
    return float(done.stdout)


if __name__ == "__main__":
    sys.exit(main())
