"""From a delivered file to the snapshot, through the real graph, against an independent computation."""

import base64
import csv
import datetime as dt
import hashlib
import io
import json
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from walmart_bi.kpis.catalog import load_catalog
from walmart_bi.months import months_between
from walmart_bi.sales.sample import write_sample
from walmart_bi_tests import oracle
from walmart_bi_tests.project import TestProject, failed_checks, new_project

MONTHS = months_between("2024-02", "2025-02")
FILE = "sales_2024-02_2025-02.csv"
ROWS = 6_000


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("delivery") / FILE
    write_sample(path, rows=ROWS, first_day=dt.date(2024, 2, 10), last_day=dt.date(2025, 2, 9), dirty_share=0.02)
    return path


@pytest.fixture(scope="module")
def expected(file: Path) -> oracle.Cleaned:
    return oracle.clean(file, today=dt.date(2026, 1, 1), declared_months=MONTHS)


@pytest.fixture(scope="module")
def expected_kpis(expected: oracle.Cleaned) -> dict[str, list[dict[str, Any]]]:
    return oracle.kpis(expected.rows)


@pytest.fixture(scope="module")
def loaded(file: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[TestProject, Any]]:
    with new_project(tmp_path_factory.mktemp("project")) as project:
        project.deliver(FILE, file.read_bytes())
        yield project, project.run(*MONTHS)


def materializations(project: TestProject, asset: str) -> list[dg.AssetMaterialization]:
    records = project.instance.fetch_materializations(dg.AssetKey(asset), limit=100).records
    return [record.asset_materialization for record in records if record.asset_materialization]


def test_given_a_history_file_when_loaded_then_the_run_succeeds_and_only_the_quarantine_warns(loaded):
    _, result = loaded
    assert result.success
    assert failed_checks(result) <= {"quarantine_share", "month_volume"}


def test_given_a_history_file_when_loaded_then_each_month_has_the_rows_of_the_oracle(loaded, expected):
    project, _ = loaded
    assert project.rows_by_month() == expected.rows_by_month


@pytest.mark.parametrize("kpi", load_catalog(), ids=lambda kpi: kpi.name)
def test_given_a_history_file_when_loaded_then_the_kpi_equals_the_oracle_to_the_cent(loaded, expected_kpis, kpi):
    project, _ = loaded
    wanted = expected_kpis[kpi.name]
    columns = list(wanted[0])
    found = project.query(f"SELECT {', '.join(columns)} FROM {kpi.name}")

    def comparable(row: tuple[Any, ...]) -> tuple[Any, ...]:
        return tuple(round(float(v), 9) if c.endswith("share") else v for c, v in zip(columns, row, strict=True))

    assert sorted(map(str, map(comparable, found))) == sorted(map(str, (comparable(tuple(r.values())) for r in wanted)))


def test_given_a_loaded_file_when_counted_then_every_record_has_one_fate(loaded, expected):
    project, _ = loaded
    entries = project.warehouse.ledger()
    assert {entry.source_records for entry in entries} == {ROWS}
    assert sum(entry.loaded_rows for entry in entries) == len(expected.rows)
    assert {entry.source_quarantined for entry in entries} == {sum(expected.quarantined.values())}
    assert {entry.source_duplicates for entry in entries} == {expected.duplicates}
    assert len(expected.rows) + sum(expected.quarantined.values()) + expected.duplicates == ROWS


def test_given_a_loaded_file_when_quarantined_rows_are_read_then_each_has_line_reason_and_raw_text(
    loaded, expected, file
):
    project, _ = loaded
    (quarantine,) = [info for info in project.store.list("quarantine/") if info.key.endswith("rows.csv")]
    rows = list(csv.DictReader(io.StringIO(project.store.read_bytes(quarantine.key).decode())))
    assert len(rows) == sum(expected.quarantined.values()) > 0
    lines = file.read_text().split("\n")
    for row in rows:
        assert row["reasons"] and row["file"].endswith(FILE)
        assert row["raw_text"].lstrip("'") == lines[int(row["line"]) - 1]


def test_given_a_loaded_file_when_the_snapshot_is_read_then_it_equals_the_views_and_its_manifest(
    loaded, expected, expected_kpis
):
    project, _ = loaded
    manifest = json.loads(project.store.read_bytes("dashboard_data/latest/manifest.json"))
    assert Decimal(manifest["revenue"]) == expected_kpis["kpi_total_revenue"][0]["total_revenue"]
    assert manifest["orders"] == len(expected.rows)
    for kpi in load_catalog():
        content = project.store.read_bytes(f"dashboard_data/latest/{kpi.name}.csv")
        entry = next(entry for entry in manifest["files"] if entry["name"] == f"{kpi.name}.csv")
        assert entry["sha256"] == hashlib.sha256(content).hexdigest()
        rows = list(csv.reader(io.StringIO(content.decode("utf-8"))))
        assert tuple(rows[0]) == kpi.column_names
        assert len(rows) - 1 == project.query(f"SELECT COUNT(*) FROM {kpi.name}")[0][0] == entry["rows"]


def test_given_a_run_when_its_tags_are_read_then_they_name_months_and_file(loaded):
    project, result = loaded
    tags = project.instance.get_run_by_id(result.run_id).tags
    assert tags["month"] == "2024-02..2025-02"
    assert tags["file"] == f"raw_data/{FILE}"


@pytest.mark.parametrize("asset", ["raw_sales_file", "cleaned_sales", "monthly_sales_object", "walmart_sales"])
def test_given_a_monthly_asset_when_looked_at_then_each_month_tells_rows_source_hash_and_duration(
    loaded, expected, file, asset
):
    project, _ = loaded
    by_month = {each.partition: each.metadata for each in materializations(project, asset)}
    assert set(by_month) == set(MONTHS)
    digest = hashlib.sha256(file.read_bytes()).hexdigest()
    for month, metadata in by_month.items():
        rows = ROWS if asset == "raw_sales_file" else expected.rows_by_month[month]
        assert metadata["dagster/partition_row_count"].value == rows
        assert digest in [value.value for value in metadata.values()]
        assert metadata["source file"].value == f"raw_data/{FILE}"
        assert "preview" in metadata
        assert metadata["duration (s)"].value >= 0


@pytest.mark.parametrize(
    "asset", [*(kpi.name for kpi in load_catalog()), "kpi_insights", "tableau_snapshot", "walmart_sales"]
)
def test_given_a_warehouse_asset_when_looked_at_then_it_has_rows_preview_and_duration(loaded, asset):
    project, _ = loaded
    metadata = materializations(project, asset)[0].metadata
    assert metadata["dagster/row_count"].value > 0
    assert "|" in metadata["preview"].value
    assert metadata["duration (s)"].value >= 0


@pytest.mark.parametrize(
    "asset",
    ["cleaned_sales", "monthly_sales_object", "walmart_sales", *(k.name for k in load_catalog()), "tableau_snapshot"],
)
def test_given_an_asset_with_an_upstream_when_looked_at_then_its_column_lineage_leads_to_real_columns(loaded, asset):
    project, _ = loaded
    schemas = {
        spec.key.to_user_string(): {column.name for column in spec.metadata["dagster/column_schema"].columns}
        for spec in project.definitions.resolve_all_asset_specs()
    }
    lineage = materializations(project, asset)[0].metadata["dagster/column_lineage"].value
    assert set(lineage.deps_by_column) <= schemas[asset]
    assert any(lineage.deps_by_column.values())
    for dependencies in lineage.deps_by_column.values():
        for dependency in dependencies:
            assert dependency.column_name in schemas[dependency.asset_key.to_user_string()]


@pytest.mark.parametrize(
    ("asset", "picture", "entry", "name", "sentences"),
    [
        ("tableau_snapshot", "revenue by month", "workbook", "walmart_bi.twbx", ["insights"]),
        ("story_dashboard", "revenue a day", "page", "story.html", ["Executive", "Sales manager", "Finance"]),
    ],
)
def test_given_an_asset_for_readers_when_looked_at_then_it_shows_a_picture_the_sentences_and_where_the_file_is(
    loaded, asset, picture, entry, name, sentences
):
    project, _ = loaded
    metadata = materializations(project, asset)[0].metadata
    head, _, data = metadata[picture].value.partition("(data:image/svg+xml;base64,")
    assert head.startswith("![Revenue") and b"<svg" in base64.b64decode(data.rstrip(")"))
    assert metadata[entry].value == project.store.uri(f"dashboard_data/latest/{name}")
    insights = json.loads(project.store.read_bytes("dashboard_data/latest/insights.json"))
    shown = "".join(metadata[each].value for each in sentences).replace("\\", "")
    captions = {box["title"]: box["headline"][0]["text"] for box in insights["boxes"]}
    for title in captions if sentences == ["insights"] else sentences:
        assert captions[title] in shown, title


def test_given_the_metadata_when_searched_then_no_customer_id_is_in_it(loaded, expected):
    project, _result = loaded
    ids = {row["customer_id"] for row in expected.rows}
    for asset in ["raw_sales_file", "cleaned_sales", "monthly_sales_object", "walmart_sales"]:
        for each in materializations(project, asset)[:2]:
            text = str(each.metadata)
            assert not any(customer in text for customer in list(ids)[:500])
