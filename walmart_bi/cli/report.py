"""What the command line tells about the loaded state: summary of a load, KPIs, status, history."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

import dagster as dg

from walmart_bi.assets.common import CLEANED_SALES
from walmart_bi.cli.open import STORY
from walmart_bi.cli.output import by_unit, print_table
from walmart_bi.cli.project import Project, open_instance, require_project_directory
from walmart_bi.handover import Handover
from walmart_bi.kpis.catalog import Kpi, load_catalog
from walmart_bi.kpis.public.edition import published_reader
from walmart_bi.records import MonthlyObject
from walmart_bi.reporting.view_files import read_view
from walmart_bi.stores.base import DASHBOARD_DATA
from walmart_bi.warehouse.base import LedgerEntry, UnknownLoad

ROWS_SHOWN = 13
MONTH = "month"
ROWS_OF_LONG_VIEWS = 5


def print_load_summary(project: Project, months: Sequence[str]) -> None:
    """What became of the records of the files that supplied these months."""
    cleaned = [Handover(project.store).read(CLEANED_SALES, month, MonthlyObject) for month in months]
    for month in {each.source.sha256: each for each in cleaned}.values():
        counts = month.counts
        print(f"\n{month.source.key}: {counts.raw_records:,} records")
        print(f"  loaded       {counts.loaded:>12,}")
        print(f"  quarantined  {counts.quarantined:>12,}{_details(counts.quarantined_by_reason)}")
        print(f"  duplicates   {counts.duplicates_removed:>12,}  exact copies removed")
        print(f"  repaired     {sum(counts.repaired_by_kind.values()):>12,}{_details(counts.repaired_by_kind)}")
        if counts.unknown_values:
            unknown = sum(counts.unknown_values.values())
            print(f"  unknown      {unknown:>12,}{_details(counts.unknown_values)} (values kept as given)")
        if counts.other_months:
            print(f"  other months {counts.other_months:>12,}  not asked for")
        if month.quarantine_key:
            print(f"  rejected rows with their reasons: {project.store.uri(month.quarantine_key)}")


def print_kpis(project: Project) -> None:
    """Every KPI of the catalog, in the edition that the snapshot shows; the long ones cut. Raises SmallCell."""
    catalog = load_catalog()
    with project.warehouse.read() as reader:
        shown_to_all = published_reader(reader, catalog, project.settings.profile)
        for kpi in catalog:
            rows = read_view(shown_to_all, kpi).rows
            shown = _shown(kpi, rows)
            units = [column.unit for column in kpi.columns]
            print(f"\n{kpi.title} ({kpi.name})")
            print_table(kpi.column_names, [[by_unit(v, u) for v, u in zip(row, units, strict=True)] for row in shown])
            if len(shown) < len(rows):
                more = len(rows) - len(shown)
                print(f"  ... {more:,} more row{'s' * (more > 1)} in {DASHBOARD_DATA}latest/{kpi.name}.csv")


def _shown(kpi: Kpi, rows: list[tuple[Any, ...]]) -> list[tuple[Any, ...]]:
    """All rows of a short view; of a long one the latest months where it has months, else the first rows."""
    if len(rows) <= ROWS_SHOWN:
        return rows
    if MONTH not in kpi.grain:
        return rows[:ROWS_OF_LONG_VIEWS]
    at = kpi.column_names.index(MONTH)
    rows_by_month = Counter(row[at] for row in rows)
    latest = sorted(rows_by_month, reverse=True)
    fitting = [
        month for place, month in enumerate(latest, 1) if sum(rows_by_month[m] for m in latest[:place]) <= ROWS_SHOWN
    ]
    kept = set(fitting or latest[:1])
    return [row for row in rows if row[at] in kept]


def print_next(project: Project) -> None:
    """Where things are and what to look at next."""
    print(f"\nstory:     {project.store.uri(STORY)}")
    print(f"snapshot:  {project.store.uri(DASHBOARD_DATA + 'latest/manifest.json')}")
    print(f"warehouse: {project.settings.warehouse_place}")
    looking = "the Dagster UI of this instance" if project.settings.aws else "make dev and open http://127.0.0.1:3000"
    print(f"next:      walmart-bi open, walmart-bi status, or {looking}")


def print_status() -> int:
    """Print the months that are loaded, and the checks that did not pass."""
    project = Project.from_environment()
    require_project_directory()
    active = [entry for entry in project.warehouse.ledger() if entry.is_active]
    if not active:
        print(f"nothing is loaded yet in {project.settings.warehouse_place}")
        # `make run` without a file loads made-up sales, which have no place in a real warehouse.
        print("next: walmart-bi load FILE" + ("" if project.settings.aws else ", or make run"))
        return 0
    _print_entries(active)
    print(f"\n{len(active)} months, {sum(entry.loaded_rows for entry in active):,} rows; ", end="")
    print("quarantined and duplicates are those with a date of the month")
    with open_instance() as instance:
        return _print_checks(project, instance)


def print_history(month: str) -> int:
    """Print every load of the month. Raises UnknownLoad when there is none."""
    require_project_directory()
    entries = Project.from_environment().warehouse.ledger(month)
    if not entries:
        raise UnknownLoad(
            "This month was never loaded.", place=month, next_step="see walmart-bi status for the months that were."
        )
    _print_entries(entries)
    older = next((entry for entry in reversed(entries) if not entry.is_active), None)
    if older:
        print(f"next: walmart-bi rollback {month} {older.load_id} makes that load active again")
    return 0


def _print_entries(entries: Sequence[LedgerEntry]) -> None:
    print_table(
        ["month", "load", "active", "rows", "revenue", "quarantined", "duplicates", "source file", "committed (UTC)"],
        [
            (
                entry.month,
                entry.load_id,
                "yes" if entry.is_active else "no",
                f"{entry.loaded_rows:,}",
                f"${entry.total_cents // 100:,}.{entry.total_cents % 100:02d}",
                f"{entry.quarantined_rows:,}",
                f"{entry.duplicate_rows:,}",
                entry.source_key.rpartition("/")[2],
                f"{entry.committed_at:%Y-%m-%d %H:%M:%S}",
            )
            for entry in entries
        ],
    )


def _print_checks(project: Project, instance: dg.DagsterInstance) -> int:
    """Print the latest result of each check; the exit code is 1 when a blocking one failed."""
    outcomes: Counter[str] = Counter()
    failed = False
    for definition in project.definitions().asset_checks or ():
        for key in definition.check_keys:
            record = instance.get_latest_asset_check_evaluation_record(key)
            event = record.event.dagster_event if record and record.event else None
            if event is None or event.event_type != dg.DagsterEventType.ASSET_CHECK_EVALUATION:
                outcomes["not reached by the last run" if record else "never run"] += 1
                continue
            result = event.asset_check_evaluation_data
            outcome = "passed" if result.passed else result.severity.value.lower()
            outcomes[outcome] += 1
            failed = failed or outcome == "error"
            if not result.passed:
                print(f"{outcome}: {key.to_user_string()}: {result.description}")
    print("checks: " + ", ".join(f"{count} {outcome}" for outcome, count in sorted(outcomes.items())))
    return int(failed)


def _details(counts: dict[str, int]) -> str:
    return "  " + ", ".join(f"{name} {rows:,}" for name, rows in sorted(counts.items())) if counts else ""
