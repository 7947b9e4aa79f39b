"""The code location that Dagster loads."""

from walmart_bi.build import build_definitions

defs = build_definitions()
