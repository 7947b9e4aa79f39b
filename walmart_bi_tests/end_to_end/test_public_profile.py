"""A public snapshot as its readers get it, from the same graph on both targets: every file, and who it tells of."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import pytest

from walmart_bi.cli.project import Project
from walmart_bi.cli.report import ROWS_SHOWN, print_kpis
from walmart_bi.kpis.catalog import load_catalog
from walmart_bi.kpis.privacy import CUSTOMER_LEVEL_COLUMNS
from walmart_bi.reporting.manifest import read_manifest
from walmart_bi.reporting.page.publish import StoryRefused, publish_story
from walmart_bi.reporting.page.readback import read_page
from walmart_bi.reporting.snapshot import LATEST, build_snapshot
from walmart_bi.reporting.story_files import story_files
from walmart_bi.reporting.tableau.hyper import read_tables
from walmart_bi_tests.contents import contents
from walmart_bi_tests.project import TARGETS, TestProject, failed_checks, month_csv
from walmart_bi_tests.snapshots import NOON

MONTHS = ("2024-03", "2024-04")
RARE = {"city": "Lonely Hamlet", "category": "Antiques", "payment": "Barter"}


def delivery(directory: Path) -> str:
    """Two months of 700 orders, three of which have labels that nobody else has."""
    header, *lines = month_csv("2024-03", 700, directory=directory).splitlines()
    lines += month_csv("2024-04", 700, seed=2, directory=directory).splitlines()[1:]
    at = {name: header.split(",").index(column) for name, column in zip(RARE, COLUMNS, strict=True)}
    for number, (name, label) in enumerate(RARE.items()):
        fields = lines[number].split(",")
        fields[at[name]] = label
        lines[number] = ",".join(fields)
    return "\n".join([header, *lines]) + "\n"


COLUMNS = ("City", "Category", "Payment_Method")


@pytest.fixture(scope="module", params=TARGETS)
def project(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestProject]:
    directory = tmp_path_factory.mktemp(request.param)
    with TARGETS[request.param](directory, profile="public") as project:  # type: ignore[call-arg]
        project.deliver("sales_2024-03_2024-04.csv", delivery(directory))
        result = project.run(*MONTHS)
        assert result.success and failed_checks(result) == set()
        yield project


def published(project: TestProject) -> dict[str, bytes]:
    infos = list(project.store.list(LATEST))
    return {info.key.removeprefix(LATEST): project.store.read_bytes(info.key) for info in infos}


def test_the_page_of_latest_is_that_of_the_snapshots_folder_and_the_graph_says_where(project: TestProject):
    (story,) = project.instance.fetch_materializations(dg.AssetKey("story_dashboard"), limit=1).records
    manifest = read_manifest(project.store, LATEST)
    assert manifest is not None and story.asset_materialization is not None
    content = published(project)["story.html"]
    assert project.store.read_bytes(f"dashboard_data/{manifest.snapshot_id}/story.html") == content
    assert story.asset_materialization.metadata["page"].value == project.store.uri(f"{LATEST}story.html")
    assert story.asset_materialization.metadata["size (bytes)"].value == len(content)


def test_what_the_command_prints_is_what_the_files_show(project: TestProject, capsys: pytest.CaptureFixture[str]):
    print_kpis(Project(project.settings, project.store, project.warehouse))
    printed = capsys.readouterr().out
    assert "Total revenue (kpi_total_revenue)" in printed
    assert not [label for label in RARE.values() if label in printed]
    rows = len(published(project)["kpi_revenue_by_city.csv"].decode().splitlines()) - 1
    cities = printed.partition("(kpi_revenue_by_city)")[2].partition("(kpi_")[0]
    assert ("more row" in cities) == (rows > ROWS_SHOWN)


def test_no_row_of_any_file_is_about_fewer_than_ten_people(project: TestProject, tmp_path: Path):
    files = published(project)
    for kpi in load_catalog():
        rows = list(csv.DictReader(io.StringIO(files[f"{kpi.name}.csv"].decode())))
        assert rows and all(int(row["orders"]) >= 10 for row in rows)
        assert sum(int(row["orders"]) for row in rows) == 1_400
    extract = tmp_path / "walmart_bi.hyper"
    extract.write_bytes(files["walmart_bi.hyper"])
    for columns, rows_of_table in read_tables(extract).values():
        at = columns.index("orders")
        assert rows_of_table and all(row[at] >= 10 for row in rows_of_table)
        assert sum(row[at] for row in rows_of_table) == 1_400
    page = read_page(files["story.html"].decode())
    for name, packed in page.story["cubes"].items():
        cells = page.sums_by(name, *packed["dimensions"])
        assert all(orders >= 10 for orders, _ in cells.values())
        assert bool(cells) == (name != "city")  # the largest cities' cube has a handful of orders a cell


def test_no_customer_level_column_and_no_rare_label_is_in_any_file(project: TestProject):
    customers = [row[0] for row in project.query("SELECT customer_id FROM walmart_sales")]
    cities = [row[0] for row in project.query("SELECT city FROM walmart_sales GROUP BY city HAVING COUNT(*) < 10")]
    for name, content in contents(published(project)):
        assert not any(label.encode() in content for label in RARE.values()), name
        assert not any(f'"{city}"'.encode() in content or f"\n{city},".encode() in content for city in cities), name
        assert not any(customer.encode() in content for customer in customers if len(customer) >= 8), name
        if name.endswith(".csv"):
            assert not CUSTOMER_LEVEL_COLUMNS & set(content.decode().splitlines()[0].split(","))


@pytest.mark.parametrize("project", ["local"], indirect=True)
def test_the_internal_profile_shows_them_so_the_tests_above_can_see(project: TestProject):
    catalog, before = load_catalog(), published(project)
    build_snapshot(
        project.warehouse,
        project.store,
        catalog,
        created_at=NOON,
        code_version="1",
        producers=[story_files(catalog)],
    )
    try:
        files = published(project)
        assert all(label.encode() in files["kpi_revenue_by_city.csv"] for label in [RARE["city"]])
        assert RARE["category"].encode() in files["kpi_revenue_by_category.csv"]
        # A page of the other profile would show the sentences of this one.
        with pytest.raises(StoryRefused, match="another profile than public"):
            publish_story(project.warehouse, project.store, catalog, "public")
    finally:
        for name, content in before.items():
            project.store.write_bytes(LATEST + name, content)
