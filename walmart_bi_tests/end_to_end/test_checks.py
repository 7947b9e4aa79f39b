"""Every asset check sees what it is there to see: the data is broken, and exactly that check fails."""

import json
import shutil
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import dagster as dg
import duckdb
import pytest

from walmart_bi.handover import Handover
from walmart_bi.records import MonthlyObject, SourceFile
from walmart_bi.warehouse import duckdb_warehouse
from walmart_bi.warehouse.rollups import Execute, refresh_month
from walmart_bi_tests.project import TestProject, failed_checks, month_csv, new_project

MONTH = "2024-05"
FILE = "raw_data/2024-05.csv"


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestProject]:
    """A loaded project whose checks all pass."""
    directory = tmp_path_factory.mktemp("sound")
    with new_project(directory) as project:
        project.deliver("2024-05.csv", month_csv(MONTH, 60, directory=directory))
        result = project.run(MONTH)
        assert result.success and failed_checks(result) == set()
        assert run_checks(project) == set()
        shutil.copytree(project.settings.home, directory / "kept")
        yield project


@pytest.fixture
def loaded(sound: TestProject) -> TestProject:
    """The sound project, as it was before any test broke it."""
    shutil.rmtree(sound.settings.home)
    shutil.copytree(sound.directory / "kept", sound.settings.home)
    source(etag=sound.store.head(FILE).etag)(sound)  # a copied file is another version of it
    return sound


def evaluate_checks(project: TestProject) -> list[dg.AssetCheckEvaluation]:
    """All checks and nothing else, as a person would run them from the UI."""
    job = dg.define_asset_job("checks_only", selection=dg.AssetSelection.all_asset_checks())
    definitions = dg.Definitions.merge(project.definitions, dg.Definitions(jobs=[job]))
    result = definitions.resolve_job_def("checks_only").execute_in_process(
        instance=project.instance,
        run_config={"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}},
        raise_on_error=False,
    )
    return result.get_asset_check_evaluations()


def run_checks(project: TestProject) -> set[str]:
    """Names of the checks that do not pass."""
    return {evaluation.check_name for evaluation in evaluate_checks(project) if not evaluation.passed}


def sql(*statements: str) -> Callable[[TestProject], None]:
    def spoil(project: TestProject) -> None:
        with duckdb.connect(str(project.settings.warehouse_file)) as connection:
            for statement in statements:
                connection.execute(statement)

    return spoil


def with_rollups(*statements: str) -> Callable[[TestProject], None]:
    """The same for rollups that are made again from the rows, as if the project had loaded them."""

    def spoil(project: TestProject) -> None:
        sql(*statements, "DELETE FROM sales_by_month")(project)
        project.warehouse.create_tables()

    return spoil


def source(**changes: object) -> Callable[[TestProject], None]:
    def spoil(project: TestProject) -> None:
        handover = Handover(project.store)
        handover.write("raw_sales_file", MONTH, replace(handover.read("raw_sales_file", MONTH, SourceFile), **changes))

    return spoil


def cleaned(**changes: int) -> Callable[[TestProject], None]:
    def spoil(project: TestProject) -> None:
        handover = Handover(project.store)
        month = handover.read("cleaned_sales", MONTH, MonthlyObject)
        handover.write("cleaned_sales", MONTH, replace(month, counts=replace(month.counts, **changes)))

    return spoil


def quarantined(rows: int) -> Callable[[TestProject], None]:
    """So many more records in the file, all of them in quarantine."""

    def spoil(project: TestProject) -> None:
        handover = Handover(project.store)
        month = handover.read("cleaned_sales", MONTH, MonthlyObject)
        records = 60 + rows
        counts = replace(month.counts, raw_records=records, quarantined=rows)
        handover.write(
            "cleaned_sales", MONTH, replace(month, counts=counts, source=replace(month.source, records=records))
        )

    return spoil


def overwrite_file(project: TestProject) -> None:
    project.store.write_bytes(FILE, b"something else\n")


def remove_file(project: TestProject) -> None:
    project.store.delete(FILE)


def change_object(project: TestProject) -> None:
    project.store.write_bytes(project.warehouse.ledger(MONTH)[0].object_key, b"other bytes")


def remove_object(project: TestProject) -> None:
    project.store.delete(project.warehouse.ledger(MONTH)[0].object_key)


def change_snapshot(project: TestProject) -> None:
    project.store.write_bytes("dashboard_data/latest/kpi_revenue_by_city.csv", b"city,revenue\n")


def change_a_sentence(project: TestProject) -> None:
    insights = project.store.read_bytes(INSIGHTS).decode()
    assert "no change to explain" in insights
    project.store.write_bytes(INSIGHTS, insights.replace("no change to explain", "a reason").encode())


def change_a_number(project: TestProject) -> None:
    insights = json.loads(project.store.read_bytes(INSIGHTS))
    insights["numbers"]["now"][1] += 1
    project.store.write_bytes(INSIGHTS, json.dumps(insights).encode())


INSIGHTS = "staging/handover/kpi_insights/all.json"


def change_workbook(project: TestProject) -> None:
    project.store.write_bytes("dashboard_data/latest/walmart_bi.twbx", b"saved over")


VIEW = "CREATE OR REPLACE VIEW kpi_revenue_by_payment_method AS "

Case = tuple[Callable[[TestProject], None], set[str]]

CASES: dict[str, Case] = {
    "view of the months a cent off": (
        sql(
            "CREATE OR REPLACE VIEW kpi_revenue_by_month AS SELECT CAST(month AS DATE) AS month, "
            "CAST(SUM(purchase_amount) + 0.01 AS DECIMAL(18, 2)) AS revenue, COUNT(*) AS orders, "
            "CAST((SUM(purchase_amount) + 0.01) / COUNT(*) AS DECIMAL(18, 2)) AS aov FROM walmart_sales GROUP BY month"
        ),
        {
            "totals",
            "insights_add_up",
            "snapshot_equals_the_views",
            "tableau_files_equal_the_views",
            "page_equals_the_views",
        },
    ),
    "ledger count wrong": (
        sql("UPDATE load_ledger SET loaded_rows = 61"),
        {"ledger_rows_agree", "snapshot_equals_the_views"},
    ),
    "no active load": (
        sql("UPDATE load_ledger SET is_active = FALSE"),
        {"one_active_load", "no_orphan_rows", "snapshot_equals_the_views"},
    ),
    "rows of an unknown load": (
        sql(
            "UPDATE walmart_sales SET load_id = 'nobody' "
            "WHERE source_line = (SELECT MIN(source_line) FROM walmart_sales)"
        ),
        {"no_orphan_rows", "ledger_rows_agree", "ledger_cents_agree", "rollups_agree"},
    ),
    "view with a doubled grain": (
        sql(
            VIEW + "SELECT 'all' AS payment_method, purchase_amount AS revenue, 1 AS orders, purchase_amount AS aov, "
            "purchase_amount / SUM(purchase_amount) OVER () AS revenue_share FROM walmart_sales"
        ),
        {"grain", "snapshot_equals_the_views", "tableau_files_equal_the_views", "page_equals_the_views"},
    ),
    "view that forgets orders": (
        sql(
            VIEW + "SELECT payment_method, CAST(SUM(purchase_amount) AS DECIMAL(18, 2)) AS revenue, "
            "COUNT(*) + 1 AS orders, CAST(SUM(purchase_amount) / (COUNT(*) + 1) AS DECIMAL(18, 2)) AS aov, "
            "SUM(purchase_amount) / SUM(SUM(purchase_amount)) OVER () AS revenue_share "
            "FROM walmart_sales GROUP BY payment_method"
        ),
        {"totals", "snapshot_equals_the_views", "tableau_files_equal_the_views", "page_equals_the_views"},
    ),
    "rollup a cent off": (
        sql("UPDATE sales_by_month SET revenue = revenue + 0.01"),
        {
            "rollups_agree",
            "totals",
            "insights_add_up",
            "snapshot_equals_the_views",
            "tableau_files_equal_the_views",
            "page_equals_the_views",
        },
    ),
    "rollup with one cell for another": (
        sql("UPDATE sales_by_segment SET squares = squares + CASE WHEN discount_applied THEN 1 ELSE -1 END"),
        {"rollups_agree", "insights_say_what_the_facts_say", "snapshot_equals_the_views"},
    ),
    "sales changed behind the rollups": (
        sql("UPDATE walmart_sales SET age_group = '65+'"),
        {
            "rollups_agree",
            "insights_say_what_the_facts_say",
            "snapshot_equals_the_views",
            "tableau_files_equal_the_views",
        },
    ),
    "values changed behind the snapshot": (
        with_rollups("UPDATE walmart_sales SET payment_method = 'Bitcoin'"),
        {
            "snapshot_equals_the_views",
            "insights_say_what_the_facts_say",
            "tableau_files_equal_the_views",
            "page_equals_the_views",
        },
    ),
    "another load behind the snapshot": (
        with_rollups(
            "UPDATE load_ledger SET load_id = '2024-05-v2', version = 2",
            "UPDATE walmart_sales SET load_id = '2024-05-v2'",
        ),
        {"snapshot_equals_the_views"},
    ),
}


# What is broken in a round is seen by different checks, most of them of different assets, so one look at all shows it.
ROUNDS: list[dict[str, Case]] = [
    {
        "file overwritten": (overwrite_file, {"delivered_file_is_the_recorded_one"}),
        "extra column": (source(extra_columns=["Loyalty"]), {"no_extra_columns"}),
        "record lost": (cleaned(loaded=59), {"records_are_conserved"}),
        "object changed": (change_object, {"object_is_what_was_written"}),
        "snapshot file changed": (change_snapshot, {"snapshot_is_whole"}),
        "sentence changed": (change_a_sentence, {"insights_say_what_the_facts_say"}),
        "ledger cents wrong": (
            sql("UPDATE load_ledger SET total_cents = total_cents + 1"),
            {"ledger_cents_agree"},
        ),
    },
    {
        "file removed": (remove_file, {"delivered_file_is_the_recorded_one"}),
        "column missing": (source(columns=["Customer_ID"]), {"columns_match_the_contract"}),
        "object removed": (remove_object, {"object_is_what_was_written"}),
        "workbook replaced": (change_workbook, {"snapshot_is_whole", "tableau_files_equal_the_views"}),
        "number of a sentence changed": (change_a_number, {"insights_say_what_the_facts_say"}),
        "source line twice": (
            sql("UPDATE walmart_sales SET source_line = 5 WHERE source_line IN (5, 6)"),
            {"source_lines_unique"},
        ),
    },
    {
        "file without records": (source(records=0), {"delivered_file_is_the_recorded_one"}),
        "rows of another month": (
            sql("UPDATE walmart_sales SET purchase_date = purchase_date + 31"),
            {"rows_carry_their_month", "rollups_agree"},
        ),
    },
]


@pytest.mark.parametrize("broken", ROUNDS, ids=lambda broken: ", ".join(broken))
def test_given_sound_data_when_several_rules_are_broken_then_exactly_their_checks_fail(
    loaded: TestProject, broken: dict[str, Case]
):
    for spoil, _ in broken.values():
        spoil(loaded)
    seen_by = sorted(name for _, names in broken.values() for name in names)
    assert sorted(run_checks(loaded)) == seen_by


@pytest.mark.parametrize(("spoil", "expected"), CASES.values(), ids=CASES.keys())
def test_given_sound_data_when_broken_then_exactly_the_checks_of_that_rule_fail(
    loaded: TestProject, spoil: Callable[[TestProject], None], expected: set[str]
):
    spoil(loaded)
    assert run_checks(loaded) == expected


@pytest.mark.parametrize(
    ("rows", "severity", "words"),
    [(1, dg.AssetCheckSeverity.WARN, "more than 0.5%"), (4, dg.AssetCheckSeverity.ERROR, "Next step: correct")],
)
def test_given_rows_in_quarantine_when_checked_then_few_warn_and_many_stop_with_the_next_step(
    loaded: TestProject, rows: int, severity: dg.AssetCheckSeverity, words: str
):
    quarantined(rows)(loaded)
    (found,) = [each for each in evaluate_checks(loaded) if not each.passed]
    assert (found.check_name, found.severity) == ("quarantine_share", severity)
    assert found.description and words in found.description


def test_given_an_unusual_volume_when_loaded_then_only_the_warning_fails(loaded: TestProject, tmp_path: Path):
    usual = ("2024-02", "2024-03", "2024-04")
    for month in usual:
        loaded.deliver(f"{month}.csv", month_csv(month, 400, directory=tmp_path))
    result = loaded.load(*usual, MONTH)
    assert result.success
    (found,) = [each for each in result.get_asset_check_evaluations() if not each.passed]
    assert (found.check_name, found.severity) == ("month_volume", dg.AssetCheckSeverity.WARN)


def test_given_a_snapshot_of_an_older_state_when_checked_then_it_differs_from_the_views(
    loaded: TestProject, tmp_path: Path
):
    loaded.deliver("2024-05.csv", month_csv(MONTH, 70, seed=2, directory=tmp_path))
    assert loaded.load(MONTH).success
    assert run_checks(loaded) == {
        "snapshot_equals_the_views",
        "insights_say_what_the_facts_say",
        "tableau_files_equal_the_views",
        "page_equals_the_views",
    }


@pytest.mark.parametrize(
    ("asset", "statement"),
    [
        ("tableau_snapshot", "UPDATE load_ledger SET loaded_rows = 61"),
        ("tableau_snapshot", "UPDATE sales_by_city SET orders = orders + 1"),
        ("tableau_snapshot", "DELETE FROM sales_by_segment"),
        ("tableau_snapshot", "UPDATE sales_by_month SET load_id = '2024-05-v9'"),
        ("tableau_snapshot", "UPDATE walmart_sales SET purchase_amount = purchase_amount + 0.01"),
        # It asks the same question; that a wrong ledger stops it is tested with its message, in test_story.py.
        ("story_dashboard", "UPDATE sales_by_city SET orders = orders + 1"),
        ("story_dashboard", "UPDATE walmart_sales SET purchase_amount = purchase_amount + 0.01"),
    ],
)
def test_given_ledger_rollups_or_rows_that_differ_when_publishing_is_asked_for_then_it_is_refused_and_the_last_stays(
    loaded: TestProject, asset: str, statement: str
):
    latest = [info.key for info in loaded.store.list("dashboard_data/latest/")]
    before = {key: loaded.store.read_bytes(key) for key in latest}
    sql(statement)(loaded)
    result = loaded.run(assets=[asset])
    assert not result.success
    assert {key: loaded.store.read_bytes(key) for key in latest} == before


def test_given_a_load_whose_rollups_come_out_wrong_when_it_runs_then_no_view_or_file_is_made_of_it(
    loaded: TestProject, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    def wrong(execute: Execute, month: str) -> None:
        refresh_month(execute, month)
        # Right in every sum of the month, so only a look at the cells can tell.
        execute("UPDATE sales_by_segment SET category = category || '?'", [])

    before = loaded.store.read_bytes("dashboard_data/latest/manifest.json")
    monkeypatch.setattr(duckdb_warehouse, "refresh_month", wrong)
    loaded.deliver("2024-05.csv", month_csv(MONTH, 70, seed=2, directory=tmp_path))
    result = loaded.run(MONTH)

    assert not result.success
    assert "rollups_agree" in failed_checks(result)
    assert {event.asset_key.to_user_string() for event in result.get_asset_materialization_events()} == {
        *("raw_sales_file", "cleaned_sales", "monthly_sales_object", "walmart_sales")
    }
    assert loaded.store.read_bytes("dashboard_data/latest/manifest.json") == before
