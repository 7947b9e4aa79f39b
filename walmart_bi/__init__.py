"""walmart_bi: raw retail transaction files to trusted KPIs, as a Dagster asset graph.

This package root stays free of wiring and side effects: `build.py` is the only place where parts are put together.
"""

__version__ = "0.1.0"
