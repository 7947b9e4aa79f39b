"""Every measurement, one after the other: `make bench`."""

from __future__ import annotations

import sys

from benchmarks import definitions_import, page_build, rollups, sensor_latency, whole_graph

if __name__ == "__main__":
    sys.argv[1:] = []
    for measurement in (definitions_import, whole_graph, page_build, rollups, sensor_latency):
        print(f"# {measurement.__name__}", flush=True)
        if code := measurement.main():
            sys.exit(code)
