"""What the graph's checks compute, without Dagster: the same rules, called one after the other.

A script that publishes numbers unchecked does less than the graph; one that calls this does the same work.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from walmart_bi.kpis.catalog import Kpi
from walmart_bi.kpis.insights.agreement import check_sentences, check_totals
from walmart_bi.kpis.insights.facts import read_facts
from walmart_bi.kpis.insights.model import Insights
from walmart_bi.kpis.validity import rule_sets
from walmart_bi.records import MonthlyObject
from walmart_bi.reporting.manifest import read_manifest, verify_snapshot
from walmart_bi.reporting.page.agreement import disagreements, outside_requests
from walmart_bi.reporting.page.publish import STORY
from walmart_bi.reporting.page.published import read_published
from walmart_bi.reporting.page.readback import read_page
from walmart_bi.reporting.snapshot import LATEST
from walmart_bi.reporting.story_files import prepare_story, read_story
from walmart_bi.reporting.tableau.checking import PACKAGES, package_problems, reading_once
from walmart_bi.reporting.view_files import differences, read_view
from walmart_bi.sales import gates
from walmart_bi.stores.base import DASHBOARD_DATA
from walmart_bi.stores.directory import DirectoryStore
from walmart_bi.warehouse.base import Reader
from walmart_bi.warehouse.duckdb_warehouse import DuckDbWarehouse
from walmart_bi.warehouse.integrity import LEDGER_RULES, month_volume, read_loads
from walmart_bi.warehouse.rollup_agreement import check_cells, check_months


def problems(
    warehouse: DuckDbWarehouse,
    store: DirectoryStore,
    catalog: Sequence[Kpi],
    months: Mapping[str, MonthlyObject],
    insights: Insights,
) -> Iterator[str]:
    """What the checks of every layer would object to."""
    for month in months.values():
        yield from gates.conservation_problems(month)
        yield from gates.quarantine_problems(month)
    with warehouse.read() as reader:
        yield from _of_the_table(reader, sorted(months))
    with warehouse.read() as reader:
        for kpi in catalog:
            for rule in rule_sets(kpi):
                yield from rule.check(reader, kpi).problems
    with warehouse.read() as reader:
        facts = read_facts(reader)
        yield from check_totals(reader, facts).problems
        yield from check_sentences(reader, facts, insights).problems
    yield from _of_the_snapshot(warehouse, store, catalog)
    yield from _of_the_page(warehouse, store, catalog)


def _of_the_table(reader: Reader, months: Sequence[str]) -> Iterator[str]:
    loads = read_loads(reader)
    for rule in LEDGER_RULES:
        yield from rule.check(loads).problems
    yield from check_months(reader, loads).problems
    yield from check_cells(reader, months).problems
    for month in months:
        yield from month_volume(loads, month).problems


def _of_the_snapshot(warehouse: DuckDbWarehouse, store: DirectoryStore, catalog: Sequence[Kpi]) -> Iterator[str]:
    yield from verify_snapshot(store, LATEST)
    with warehouse.read() as reader:
        loads = read_loads(reader)
        views = {kpi.name: read_view(reader, kpi) for kpi in catalog}
        insights, contents = read_story(reader, views, catalog)
    manifest = read_manifest(store, LATEST)
    if manifest is None:
        yield "there is no manifest"
        return
    with tempfile.TemporaryDirectory(prefix="walmart_bi_check_") as folder:
        yield from differences(manifest, loads, views, prepare_story(insights, contents), catalog, Path(folder))
    read = reading_once()
    for name in PACKAGES:
        with store.fetch(LATEST + name) as package:
            yield from package_problems(package, name, contents.tables, read)


def _of_the_page(warehouse: DuckDbWarehouse, store: DirectoryStore, catalog: Sequence[Kpi]) -> Iterator[str]:
    content = store.read_bytes(LATEST + STORY)
    page = read_page(content.decode())
    with warehouse.read() as reader:
        yield from disagreements(page, read_published(reader, catalog), catalog)
    yield from outside_requests(page)
    manifest = read_manifest(store, LATEST)
    if manifest is None or store.read_bytes(f"{DASHBOARD_DATA}{manifest.snapshot_id}/{STORY}") != content:
        yield "the snapshot's folder has another page"
