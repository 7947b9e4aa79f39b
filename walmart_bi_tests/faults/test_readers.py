"""Each query that checks, insights, snapshot, page and command line put to a warehouse: its error is one line."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any, NoReturn

import duckdb
import pytest

from walmart_bi.assets.common import explained
from walmart_bi.assets.kpis import _described
from walmart_bi.assets.warehouse import _count_rows, _month_preview
from walmart_bi.kpis.catalog import load_catalog
from walmart_bi.kpis.insights import agreement
from walmart_bi.kpis.insights.facts import read_facts
from walmart_bi.kpis.insights.model import Cities
from walmart_bi.kpis.insights.personas import build_insights
from walmart_bi.kpis.public.cells import public_facts
from walmart_bi.kpis.public.edition import published_reader
from walmart_bi.kpis.public.rows import PublicReader
from walmart_bi.kpis.validity import check_grain, check_totals
from walmart_bi.reporting.page.published import read_published
from walmart_bi.reporting.view_files import read_view
from walmart_bi.warehouse.base import Reader, WarehouseError
from walmart_bi.warehouse.duckdb_warehouse import _DuckDbReader
from walmart_bi.warehouse.integrity import read_loads
from walmart_bi.warehouse.rollup_agreement import check_cells, check_months
from walmart_bi.warehouse.rollups import require_rollups
from walmart_bi_tests.faults.injection import called
from walmart_bi_tests.faults.outcomes import NOTHING, outcome
from walmart_bi_tests.faults.sites import sites_of
from walmart_bi_tests.snapshots import Dashboard

CATALOG = load_catalog()
KPI = next(kpi for kpi in CATALOG if kpi.name == "kpi_revenue_by_category")
Work = Callable[[Dashboard], object]


@pytest.fixture(scope="module")
def dashboard(tmp_path_factory: pytest.TempPathFactory) -> Dashboard:
    return Dashboard(tmp_path_factory.mktemp("dashboard"), tuple(CATALOG))


@pytest.fixture(scope="module")
def right_of(dashboard: Dashboard) -> Callable[[str], object]:
    """What a case gives when nothing fails, asked once: no case changes the dashboard."""
    return functools.cache(lambda name: CASES[name](dashboard))


def asset(work: Callable[[Any, Dashboard], None]) -> Work:
    """A step of an asset, and the metadata that it adds apart from the time that it took."""

    def run(dashboard: Dashboard) -> object:
        added: list[dict[str, Any]] = []
        with explained():
            work(SimpleNamespace(add_asset_metadata=added.append), dashboard)
        return [{name: value for name, value in each.items() if "duration" not in name} for each in added]

    return run


def read(work: Callable[[Reader], object]) -> Work:
    def run(dashboard: Dashboard) -> object:
        with dashboard.warehouse.read() as reader:
            return work(reader)

    return run


def grain_of_a_view_with_copies(dashboard: Dashboard) -> object:
    dashboard.run_sql(f"CREATE OR REPLACE VIEW {KPI.name} AS ({KPI.select}) UNION ALL ({KPI.select})")
    try:
        return read(lambda reader: check_grain(reader, KPI))(dashboard)
    finally:
        dashboard.run_sql(f"CREATE OR REPLACE VIEW {KPI.name} AS {KPI.select}")


def public(work: Callable[[Reader], object]) -> Work:
    return read(lambda reader: work(published_reader(reader, [KPI], "public")))


def _groups_of_cities(reader: Reader) -> object:
    assert isinstance(reader, PublicReader)
    cities = Cities(30, 10, 0, 1_000, 5_000, 0.5, ())
    return public_facts(dataclasses.replace(read_facts(reader.raw), cube=()), cities, reader)


def of_a_view(reader: Reader) -> object:
    told = dict(_described(reader, KPI, {}).metadata or {})
    del told["duration (s)"]
    return told


def split_of(reader: Reader) -> object:
    facts = read_facts(reader)
    return agreement.check_sentences(reader, facts, build_insights(facts, ["executive"]))


def rollups_by_month(reader: Reader) -> object:
    return check_months(reader, read_loads(reader))


def rollups_by_cell(reader: Reader) -> object:
    return check_cells(reader, ["2025-01"])


CASES: dict[str, Work] = {
    "assets/kpis.py _described reader.query": read(of_a_view),
    "assets/kpis.py _described reader.query #2": read(of_a_view),
    "assets/warehouse.py _count_rows reader.query": asset(lambda context, at: _count_rows(context, at.warehouse)),
    "assets/warehouse.py _month_preview reader.query": asset(
        lambda context, at: context.add_asset_metadata(_month_preview(at.warehouse, "2025-01"))
    ),
    "kpis/insights/agreement.py check_totals reader.query": read(
        lambda reader: agreement.check_totals(reader, read_facts(reader))
    ),
    "kpis/insights/agreement.py check_totals reader.query #2": read(
        lambda reader: agreement.check_totals(reader, read_facts(reader))
    ),
    "kpis/insights/agreement.py _split_problems reader.query": read(split_of),
    "kpis/insights/facts.py _rows reader.query": read(read_facts),
    "kpis/validity.py check_grain reader.query": grain_of_a_view_with_copies,
    "kpis/validity.py _numbers reader.query": read(lambda reader: check_totals(reader, KPI)),
    "reporting/page/published.py _read reader.query": read(lambda reader: read_published(reader, [KPI])),
    "kpis/public/edition.py published_rows reader.query": read(lambda reader: read_view(reader, KPI)),
    "kpis/public/rows.py PublicReader.query self.raw.query": public(lambda reader: read_view(reader, KPI)),
    "kpis/public/rows.py _least_orders reader.query": public(lambda reader: read_view(reader, KPI)),
    "kpis/public/rows.py _least reader.query": public(lambda reader: read_view(reader, KPI)),
    "kpis/public/cells.py _grouped reader.raw.query": public(_groups_of_cities),
    "warehouse/integrity.py read_loads reader.query": read(read_loads),
    "warehouse/integrity.py read_loads reader.query #2": read(read_loads),
    "warehouse/integrity.py read_loads reader.query #3": read(read_loads),
    "warehouse/rollup_agreement.py _sum_problems reader.query": read(rollups_by_month),
    "warehouse/rollup_agreement.py _source_problems reader.query": read(rollups_by_month),
    "warehouse/rollup_agreement.py check_cells reader.query": read(rollups_by_cell),
    "warehouse/rollup_agreement.py check_cells reader.query #2": read(rollups_by_cell),
    "warehouse/rollups.py has_rollups reader.query": read(require_rollups),
    "warehouse/rollups.py require_rollups reader.query": read(require_rollups),
}
SITES = {site.name: site for site in sites_of("reader")}


def disk_full(_real: object, reader: _DuckDbReader, *_: object) -> NoReturn:
    raise reader._file.explained(duckdb.IOException("IO Error: Could not write file: No space left on device"))


def connection_lost(*_: object) -> NoReturn:
    raise WarehouseError("The connection broke.", place="workgroup/db", next_step="run it again: it is safe.")


@pytest.mark.parametrize("fault", [disk_full, connection_lost])
@pytest.mark.parametrize("name", CASES)
def test_given_a_query_fails_when_its_answer_is_needed_then_one_line_and_no_number(
    dashboard: Dashboard, right_of: Callable[[str], object], name: str, fault: Callable[..., NoReturn]
):
    work, right = CASES[name], right_of(name)
    with called(_DuckDbReader, "query", SITES[name], fault, times=1) as meeting:
        got, line = outcome(lambda: work(dashboard))

    assert meeting.met, "the fault never met its call"
    assert got is NOTHING and line
    assert work(dashboard) == right
