"""A snapshot is verified views as files, the same for the same state, and never half there without being found out."""

import csv
import dataclasses
import datetime as dt
import hashlib
import json
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from walmart_bi.errors import WalmartBiError
from walmart_bi.kpis.catalog import Kpi, load_catalog
from walmart_bi.kpis.model import KpiColumn
from walmart_bi.kpis.privacy import CustomerColumn
from walmart_bi.reporting.manifest import verify_snapshot
from walmart_bi.reporting.snapshot import (
    LATEST,
    SnapshotDamaged,
    SnapshotOvertaken,
    SnapshotRefused,
    build_snapshot,
)
from walmart_bi.stores.directory import DirectoryStore
from walmart_bi.warehouse.duckdb_warehouse import DuckDbWarehouse
from walmart_bi_tests.builders import make_month, make_rows
from walmart_bi_tests.snapshots import LATER, NOON, Dashboard, DyingStore, Interrupted

# One view of each kind: one row, a month, a label, and a label that people type.
VIEWS = ("kpi_total_revenue", "kpi_revenue_by_month", "kpi_revenue_by_category", "kpi_revenue_by_city")
CATALOG = load_catalog()


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Dashboard:
    return Dashboard(tmp_path_factory.mktemp("made"), tuple(kpi for kpi in CATALOG if kpi.name in VIEWS))


@pytest.fixture
def dashboard(made: Dashboard, tmp_path: Path) -> Dashboard:
    return made.copied(tmp_path)


# --- what is written --------------------------------------------------------------------------------------------------


def test_every_view_is_a_file_with_the_rows_of_the_view_in_its_total_order(tmp_path: Path) -> None:
    dashboard = Dashboard(tmp_path, CATALOG)
    snapshot = dashboard.build()

    assert [file.name for file in snapshot.files] == sorted(f"{kpi.name}.csv" for kpi in dashboard.catalog)
    for kpi in dashboard.catalog:
        with (dashboard.bucket / snapshot.prefix / f"{kpi.name}.csv").open(newline="", encoding="utf-8") as file:
            header, *rows = csv.reader(file)
        with dashboard.warehouse.read() as reader:
            expected = reader.query(f"SELECT * FROM {kpi.name} {'ORDER BY ' if kpi.order_by else ''}{kpi.order_by}")
        assert tuple(header) == kpi.column_names == expected.columns
        assert rows == [["" if value is None else str(value) for value in row] for row in expected.rows]


def test_the_manifest_says_what_the_snapshot_was_made_from(dashboard: Dashboard) -> None:
    snapshot = dashboard.build(created_at=NOON.astimezone(dt.timezone(dt.timedelta(hours=5))))

    manifest = dashboard.manifest(snapshot.prefix)
    ledger = {entry.month: entry for entry in dashboard.warehouse.ledger()}
    cents = sum(entry.total_cents for entry in ledger.values())
    assert manifest["snapshot_id"] == snapshot.id
    assert snapshot.id.startswith("2025-02-") and len(snapshot.id) == len("2025-02-") + 12
    assert manifest["created_at"] == "2025-04-01T12:00:00+00:00"
    assert (manifest["format_version"], manifest["code_version"]) == (2, "1.0")
    assert (manifest["revenue"], manifest["orders"]) == (f"{cents // 100}.{cents % 100:02d}", 90)
    assert (snapshot.revenue, snapshot.orders) == (Decimal(cents) / 100, 90)
    assert manifest["loads"] == [
        {
            "month": month,
            "load_id": f"{month}-v1",
            "rows": rows,
            "source_file": ledger[month].source_key,
            "source_sha256": ledger[month].source_sha256,
        }
        for month, rows in (("2025-01", 40), ("2025-02", 50))
    ]
    for file, kpi in zip(manifest["files"], sorted(dashboard.catalog, key=lambda kpi: kpi.name), strict=True):
        content = dashboard.store.read_bytes(snapshot.prefix + file["name"])
        assert file == {
            "name": f"{kpi.name}.csv",
            "view": kpi.name,
            "sql_sha256": kpi.sql_sha256,
            "rows": content.count(b"\r\n") - 1,
            "bytes": len(content),
            "sha256": hashlib.sha256(content).hexdigest(),
        }


def test_latest_holds_the_same_files_as_the_snapshot(dashboard: Dashboard) -> None:
    snapshot = dashboard.build()

    assert dashboard.files(LATEST) == dashboard.files(snapshot.prefix)
    assert verify_snapshot(dashboard.store, LATEST) == verify_snapshot(dashboard.store, snapshot.prefix) == []


def test_a_hostile_city_does_no_harm_in_a_file(dashboard: Dashboard) -> None:
    rows = make_rows("2025-02", 50)
    rows[0]["city"] = '=HYPERLINK("http://evil.example")'
    dashboard.load("2025-02", rows)
    snapshot = dashboard.build()

    content = dashboard.store.read_bytes(f"{snapshot.prefix}kpi_revenue_by_city.csv").decode()
    assert '"\'=HYPERLINK(""http://evil.example"")"' in content


# --- identity ---------------------------------------------------------------------------------------------------------


def test_an_unchanged_state_gives_the_same_snapshot_and_writes_nothing(dashboard: Dashboard) -> None:
    first = dashboard.build()
    before = dashboard.files()
    again = dashboard.build(created_at=LATER, store=DyingStore(dashboard.bucket, changes=0))

    assert first.changed and not again.changed
    assert dataclasses.replace(again, changed=True) == first
    assert dashboard.files() == before


def corrected_month(dashboard: Dashboard) -> None:
    dashboard.load("2025-02", make_rows("2025-02", 51))


def same_rows_from_another_file(dashboard: Dashboard) -> None:
    described = make_month(dashboard.store, "2025-02", 50, source="delivered_again")
    dashboard.warehouse.replace_month(described, run_id="run", code_version="1")


def other_text_of_a_view(dashboard: Dashboard) -> None:
    kpi = dashboard.catalog[0]
    dashboard.catalog = (dataclasses.replace(kpi, select=f"{kpi.select} LIMIT 1000"), *dashboard.catalog[1:])


def one_view_less(dashboard: Dashboard) -> None:
    dashboard.catalog = dashboard.catalog[1:]


@pytest.mark.parametrize("change", [corrected_month, same_rows_from_another_file, other_text_of_a_view, one_view_less])
def test_another_state_is_another_snapshot_and_the_first_one_stays(
    change: Callable[[Dashboard], None], dashboard: Dashboard
) -> None:
    first = dashboard.build()
    before = dashboard.files(first.prefix)
    change(dashboard)
    second = dashboard.build(created_at=LATER)

    assert second.changed and second.id != first.id
    assert dashboard.files(first.prefix) == before
    assert dashboard.files(LATEST) == dashboard.files(second.prefix)


def test_another_version_of_the_code_is_another_snapshot(dashboard: Dashboard) -> None:
    assert dashboard.build(code_version="1.0").id != dashboard.build(code_version="1.1").id


def test_a_rolled_back_month_gives_the_earlier_snapshot_again_with_its_own_time(dashboard: Dashboard) -> None:
    first = dashboard.build()
    dashboard.load("2025-02", make_rows("2025-02", 51))
    dashboard.build(created_at=LATER)
    dashboard.warehouse.restore_load("2025-02", "2025-02-v1")
    rolled_back = dashboard.build(created_at=LATER)

    assert (rolled_back.id, rolled_back.changed) == (first.id, True)
    assert dashboard.manifest() == dashboard.manifest(first.prefix)
    assert dashboard.manifest()["created_at"] == NOON.isoformat()


def test_files_that_are_no_longer_part_leave_latest_and_a_persons_own_file_stays(dashboard: Dashboard) -> None:
    dashboard.build()
    gone = f"{dashboard.catalog[0].name}.csv"
    dashboard.store.write_bytes(f"{LATEST}my workbook.twb", b"mine")
    dashboard.store.write_bytes(f"{LATEST}kpi_of_an_interrupted_build.csv", b"")
    dashboard.catalog = dashboard.catalog[1:]
    dashboard.build()

    left = dashboard.files(LATEST).keys()
    assert left == {file["name"] for file in dashboard.manifest()["files"]} | {"manifest.json", "my workbook.twb"}
    assert gone not in left


# --- what is refused --------------------------------------------------------------------------------------------------


def refusal(dashboard: Dashboard) -> str:
    """Why nothing is published; nothing in the store may have changed."""
    before = dashboard.files()
    with pytest.raises(SnapshotRefused) as refused:
        dashboard.build(created_at=LATER)
    assert dashboard.files() == before
    return str(refused.value)


def test_a_broken_ledger_stops_the_snapshot_with_the_reason(dashboard: Dashboard) -> None:
    dashboard.build()
    dashboard.run_sql("UPDATE load_ledger SET loaded_rows = 41 WHERE load_id = '2025-01-v1'")

    message = refusal(dashboard)
    assert "ledger_rows_agree: 2025-01-v1: the ledger says 41 rows, the table has 40." in message
    assert "the last snapshot is still in place" in message


def test_a_view_that_does_not_add_up_stops_the_snapshot_with_the_reason(dashboard: Dashboard) -> None:
    dashboard.build()
    kpi = next(kpi for kpi in dashboard.catalog if kpi.name == "kpi_revenue_by_category")
    dashboard.warehouse.create_views({kpi.name: f"SELECT * FROM ({kpi.select}) AS part WHERE category <> 'Home'"})

    message = refusal(dashboard)
    assert "kpi_revenue_by_category: sum of revenue is" in message
    assert "kpi_revenue_by_category: sum of orders is" in message
    assert "kpi_revenue_by_month:" not in message


def test_a_view_that_was_never_made_stops_the_snapshot_and_is_named(dashboard: Dashboard) -> None:
    dashboard.run_sql("DROP VIEW kpi_revenue_by_month")

    message = refusal(dashboard)
    assert "kpi_revenue_by_month cannot be read" in message
    assert "materialize the KPI views" in message


def test_many_problems_are_cut_to_ten_and_counted(dashboard: Dashboard) -> None:
    for month in range(1, 10):
        dashboard.load(f"2024-0{month}", make_rows(f"2024-0{month}", 3))
    dashboard.run_sql("UPDATE load_ledger SET loaded_rows = 0")

    message = refusal(dashboard)
    assert message.count("the ledger says") == 10
    assert "; and 1 more." in message


def test_an_empty_warehouse_has_nothing_to_publish(tmp_path: Path) -> None:
    store = DirectoryStore(tmp_path / "bucket")
    warehouse = DuckDbWarehouse(tmp_path / "warehouse.duckdb", store)

    with pytest.raises(WalmartBiError, match="walmart-bi load FILE"):
        build_snapshot(warehouse, store, CATALOG, created_at=NOON, code_version="1.0")
    warehouse.create_tables()
    with pytest.raises(SnapshotRefused, match="walmart-bi load FILE"):
        build_snapshot(warehouse, store, CATALOG, created_at=NOON, code_version="1.0")
    assert list(store.list("")) == []


def test_a_view_with_a_customer_level_column_never_leaves_the_warehouse(dashboard: Dashboard) -> None:
    kpi = leaking(dashboard.catalog[0])
    dashboard.warehouse.create_views({kpi.name: kpi.select})
    dashboard.catalog = (*dashboard.catalog, kpi)

    with pytest.raises(CustomerColumn, match="kpi_leak: The view has customer_id"):
        dashboard.build()
    assert dashboard.files() == {}


def leaking(kpi: Kpi) -> Kpi:
    return dataclasses.replace(
        kpi,
        name="kpi_leak",
        grain=("customer_id",),
        columns=(KpiColumn("customer_id", "VARCHAR", "label", "Who bought."),),
        show=dataclasses.replace(kpi.show, sort=()),
        select="SELECT customer_id FROM walmart_sales GROUP BY customer_id",
    )


# --- interruption and damage ------------------------------------------------------------------------------------------


def test_a_build_that_dies_anywhere_leaves_latest_readable_and_found_out_and_is_completed_by_the_next(
    dashboard: Dashboard,
) -> None:
    first = dashboard.build()
    dashboard.load("2025-02", make_rows("2025-02", 51))
    before = dashboard.files(LATEST)
    files = len(dashboard.catalog)
    # First within the snapshot's own files and manifest; then, with those in place, within `latest`.
    for changes in [*range(files + 2), *range(1, files + 1)]:
        with pytest.raises(Interrupted):
            dashboard.build(created_at=LATER, store=DyingStore(dashboard.bucket, changes))
        assert dashboard.manifest()["snapshot_id"] == first.id
        changed = {name for name, content in dashboard.files(LATEST).items() if content != before.get(name)}
        assert verify_snapshot(dashboard.store, LATEST) == [
            f"{name} is not the file that the manifest names" for name in sorted(changed)
        ]
        assert verify_snapshot(dashboard.store, first.prefix) == []
    second = dashboard.build(created_at=LATER)

    assert second.changed
    assert dashboard.files(LATEST) == dashboard.files(second.prefix)
    assert verify_snapshot(dashboard.store, LATEST) == []


def test_verify_names_each_file_that_is_not_the_manifests(dashboard: Dashboard) -> None:
    dashboard.build()
    names = [file.name for file in dashboard.build().files]
    dashboard.store.write_bytes(LATEST + names[1], b"edited")
    dashboard.store.delete(LATEST + names[2])

    assert verify_snapshot(dashboard.store, LATEST) == [
        f"{names[1]} is not the file that the manifest names",
        f"{names[2]} is missing",
    ]


@pytest.mark.parametrize("content", [None, b"{", b"[]", b'{"snapshot_id": "x"}', b"\xff"])
def test_verify_says_when_there_is_no_manifest(content: bytes | None, dashboard: Dashboard) -> None:
    if content is not None:
        dashboard.store.write_bytes(f"{LATEST}manifest.json", content)

    assert verify_snapshot(dashboard.store, LATEST) == ["manifest.json is missing or cannot be read"]


@pytest.mark.parametrize(("field", "value"), [("revenue", "1000000.00"), ("loads", [])])
def test_verify_says_when_the_manifest_itself_was_changed(field: str, value: Any, dashboard: Dashboard) -> None:
    snapshot = dashboard.build()
    edited = {**dashboard.manifest(), field: value}
    dashboard.store.write_bytes(f"{LATEST}manifest.json", json.dumps(edited).encode())

    assert verify_snapshot(dashboard.store, LATEST) == [
        f"manifest.json was changed: its content is not that of snapshot {snapshot.id}"
    ]


def test_a_damaged_latest_is_repaired_by_the_next_build(dashboard: Dashboard) -> None:
    snapshot = dashboard.build()
    name = snapshot.files[0].name
    dashboard.store.write_bytes(LATEST + name, b"opened and saved by a spreadsheet")

    assert dashboard.build(created_at=LATER).changed
    assert dashboard.files(LATEST) == dashboard.files(snapshot.prefix)


def test_a_damaged_snapshot_is_not_taken_for_the_published_one(dashboard: Dashboard) -> None:
    snapshot = dashboard.build()
    name = snapshot.files[0].name
    dashboard.store.write_bytes(snapshot.prefix + name, b"edited")

    with pytest.raises(SnapshotDamaged, match=f"{name} is not the file.* delete the folder of this snapshot"):
        dashboard.build()


def test_two_builds_of_the_same_state_at_the_same_time_agree_on_one_manifest(dashboard: Dashboard) -> None:
    class RacingStore(DirectoryStore):
        """Another run publishes the same snapshot just before our manifest is written."""

        def put_new(self, key: str, source: Path) -> Any:
            if key.endswith("manifest.json"):
                dashboard.build(created_at=NOON)
            return super().put_new(key, source)

    snapshot = dashboard.build(created_at=LATER, store=RacingStore(dashboard.bucket))

    assert not snapshot.changed
    assert dashboard.manifest(snapshot.prefix)["created_at"] == NOON.isoformat()
    assert dashboard.files(LATEST) == dashboard.files(snapshot.prefix)


class OvertakenStore(DirectoryStore):
    """A real store in which other runs act just before our build writes `latest`, for the first `times` builds."""

    def __init__(self, root: Path, others: Callable[[], None], times: int) -> None:
        super().__init__(root)
        self._others = others
        self._times = times

    def put(self, key: str, source: Path) -> Any:
        if key.startswith(LATEST) and self._times:
            self._times -= 1
            self._others()
        return super().put(key, source)


def test_given_a_build_overtaken_by_a_load_and_its_snapshot_then_latest_does_not_go_back(dashboard: Dashboard) -> None:
    newer = []

    def load_and_publish() -> None:
        dashboard.load("2025-02", make_rows("2025-02", 51))
        newer.append(dashboard.build(created_at=NOON))

    overtaken = dashboard.build(created_at=LATER, store=OvertakenStore(dashboard.bucket, load_and_publish, times=1))

    assert overtaken.id == newer[0].id
    assert [load["load_id"] for load in dashboard.manifest()["loads"]] == ["2025-01-v1", "2025-02-v2"]
    assert dashboard.files(LATEST) == dashboard.files(newer[0].prefix)
    assert verify_snapshot(dashboard.store, LATEST) == []


def test_given_loads_that_never_stop_when_a_snapshot_is_built_then_it_gives_up_and_says_so(
    dashboard: Dashboard,
) -> None:
    rows = iter(range(51, 99))
    others = OvertakenStore(
        dashboard.bucket, lambda: dashboard.load("2025-02", make_rows("2025-02", next(rows))), times=99
    )
    with pytest.raises(SnapshotOvertaken, match=r"2025-02-v\d+.*materialize the snapshot again"):
        dashboard.build(store=others)
