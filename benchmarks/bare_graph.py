"""The whole graph's work as a bare script, without Dagster: the same functions, called one after the other.

What the graph does besides is left out: events, metadata and previews for the UI, progress, printing; the checks too,
unless they are asked for.

    python -m benchmarks.bare_graph FILE HOME [--checked]
"""

from __future__ import annotations

import datetime as dt
import json
import sys
from collections.abc import Sequence
from pathlib import Path

from benchmarks.bare_checks import problems
from walmart_bi.kpis.catalog import Kpi, load_catalog
from walmart_bi.kpis.insights.facts import read_facts
from walmart_bi.kpis.insights.model import Insights
from walmart_bi.kpis.insights.personas import build_insights
from walmart_bi.kpis.lineage import column_origins
from walmart_bi.records import MonthlyObject
from walmart_bi.reporting.page.publish import publish_story
from walmart_bi.reporting.snapshot import build_snapshot
from walmart_bi.reporting.story_files import story_files
from walmart_bi.sales.coverage import declared_months
from walmart_bi.sales.publishing import clean_into_store, inspect_delivered, publish
from walmart_bi.stores.base import RAW_DATA
from walmart_bi.stores.directory import DirectoryStore
from walmart_bi.warehouse.duckdb_warehouse import DuckDbWarehouse


def main() -> int:
    """Take the file through every layer and print the rows loaded."""
    file, home = Path(sys.argv[1]), Path(sys.argv[2])
    print(json.dumps({"loaded": run(file, home, checked="--checked" in sys.argv[3:])}))
    return 0


def run(file: Path, home: Path, *, checked: bool) -> int:
    """Deliver the file and take it through every layer; how many rows were loaded."""
    store = DirectoryStore(home / "bucket")
    warehouse, catalog = DuckDbWarehouse(home / "warehouse.duckdb", store), load_catalog()
    months = published_months(store, file)
    for month in months.values():
        warehouse.replace_month(month, run_id="bare", code_version="bare")
    insights = show(warehouse, store, catalog)
    found = list(problems(warehouse, store, catalog, months, insights)) if checked else []
    if found:
        sys.exit("\n".join(found))
    return sum(month.totals.rows for month in months.values())


def published_months(store: DirectoryStore, file: Path) -> dict[str, MonthlyObject]:
    """From the file to one object a month."""
    delivered = store.put(f"{RAW_DATA}{file.name}", file)
    source = inspect_delivered(store, delivered)
    today = dt.datetime.now(dt.UTC).date()
    staged = clean_into_store(store, source, months=declared_months(file.name), today=today, policy="auto")
    return {month: publish(store, part) for month, part in staged.items()}


def show(warehouse: DuckDbWarehouse, store: DirectoryStore, catalog: Sequence[Kpi]) -> Insights:
    """From the table to what people read; the sentences of it."""
    for kpi in catalog:
        column_origins(kpi)
    warehouse.create_views({kpi.name: kpi.select for kpi in catalog})
    with warehouse.read() as reader:
        facts = read_facts(reader)
    insights = build_insights(facts, list(dict.fromkeys(kpi.persona for kpi in catalog)))
    now = dt.datetime.now(dt.UTC)
    build_snapshot(warehouse, store, catalog, created_at=now, code_version="bare", producers=[story_files(catalog)])
    publish_story(warehouse, store, catalog)
    return insights


if __name__ == "__main__":
    sys.exit(main())
