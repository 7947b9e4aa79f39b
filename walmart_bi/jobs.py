"""The jobs: which part of the graph one run materializes. What starts them is in `sensors.py` and the CLI."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import dagster as dg

from walmart_bi.assets.common import WALMART_SALES

MONTHLY_LOAD = "monthly_load"
LOAD_MONTHLY_OBJECT = "load_monthly_object"

# Dagster does not export the class that `define_asset_job` returns.
AssetJob = Any


@dataclass(frozen=True)
class Jobs:
    """The project's jobs."""

    monthly_load: AssetJob
    load_monthly_object: AssetJob


def build_jobs() -> Jobs:
    """Define the jobs on the graph."""
    return Jobs(
        monthly_load=dg.define_asset_job(
            MONTHLY_LOAD,
            selection=dg.AssetSelection.all(),
            description="A delivered file's months through the whole graph: raw file to KPIs and snapshot.",
        ),
        load_monthly_object=dg.define_asset_job(
            LOAD_MONTHLY_OBJECT,
            selection=dg.AssetSelection.assets(WALMART_SALES).downstream(),
            description="A month's object into the warehouse, the KPIs and the snapshot: another producer's object "
            "under `monthly_data/`, or an earlier load that is made active again.",
        ),
    )
