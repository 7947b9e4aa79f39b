"""A new KPI is one new SQL file: asset, checks, CSV and documentation follow, with no other change."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from walmart_bi_tests.command_line import in_directory, run
from walmart_bi_tests.project import month_csv

CHECKOUT = Path(__file__).parents[2]

NEW_KPI = """/* ---
title: Revenue by gender
question: Who buys, men or women?
grain: [gender]
columns:
  gender:
    type: VARCHAR
    unit: label
    description: Gender of the customer.
  revenue:
    type: DECIMAL(18, 2)
    unit: usd
    description: Sum of purchase_amount.
  orders:
    type: BIGINT
    unit: orders
    description: Number of orders.
show:
  chart: bar
  x: gender
  y: [revenue]
  sort: [revenue desc]
  caption: Longer bars bring more revenue.
--- */
SELECT
    gender,
    CAST(SUM(purchase_amount) AS DECIMAL(18, 2)) AS revenue,
    COUNT(customer_id) AS orders
FROM walmart_sales
GROUP BY gender
"""

DESCRIBE = """
import json
import dagster as dg
from walmart_bi.build import build_definitions
definitions = build_definitions()
specs = {spec.key.to_user_string(): spec for spec in definitions.resolve_all_asset_specs()}
checks = [spec for each in definitions.asset_checks for spec in each.check_specs]
print(json.dumps({
    "group": specs["kpi_revenue_by_gender"].group_name,
    "columns": [c.name for c in specs["kpi_revenue_by_gender"].metadata["dagster/column_schema"].columns],
    "feeds": [d.asset_key.to_user_string() for d in specs["tableau_snapshot"].deps],
    "checks": [c.name for c in checks if c.asset_key.to_user_string() == "kpi_revenue_by_gender" and c.blocking],
}))
"""


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the project with one more file in it."""
    directory = tmp_path_factory.mktemp("checkout")
    for name in ("walmart_bi", "sql"):
        shutil.copytree(CHECKOUT / name, directory / name, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(CHECKOUT / "dagster.yaml", directory)
    (directory / "sql" / "kpis" / "marketing" / "kpi_revenue_by_gender.sql").write_text(NEW_KPI)
    return directory


@pytest.fixture
def by_command(checkout: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The command in this process, at home in that copy: of the package, only its SQL files differ from those here."""
    monkeypatch.setattr("walmart_bi.kpis.catalog.sql_directory", lambda: checkout / "sql")
    with in_directory(checkout):
        yield


def python(checkout: Path, *arguments: str) -> str:
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": str(checkout)}
    done = subprocess.run(
        [sys.executable, *arguments], cwd=checkout, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_given_one_new_file_when_the_definitions_load_then_asset_lineage_and_blocking_checks(checkout: Path):
    described = json.loads(python(checkout, "-c", DESCRIBE))
    assert described["group"] == "marketing"
    assert described["columns"] == ["gender", "revenue", "orders"]
    assert "kpi_revenue_by_gender" in described["feeds"]
    assert described["checks"] == ["grain", "totals"]


def test_given_one_new_file_when_a_month_is_loaded_then_its_csv_is_in_the_snapshot(checkout: Path, by_command: None):
    (checkout / "sales_2024-05.csv").write_text(month_csv("2024-05", 40, directory=checkout))
    done = run("load", "sales_2024-05.csv")
    assert done.code == 0 and "Revenue by gender (kpi_revenue_by_gender)" in done.out
    latest = checkout / ".walmart_bi" / "bucket" / "dashboard_data" / "latest"
    lines = (latest / "kpi_revenue_by_gender.csv").read_text().splitlines()
    assert lines[0] == "gender,revenue,orders"
    assert sum(int(line.rsplit(",", 1)[1]) for line in lines[1:]) == 40
    assert "kpi_revenue_by_gender.csv" in (latest / "manifest.json").read_text()


def test_given_one_new_file_when_the_docs_are_made_then_the_dictionary_has_it(checkout: Path):
    (checkout / "docs").mkdir(exist_ok=True)
    python(checkout, "-m", "walmart_bi.kpis.docs")
    assert "Who buys, men or women?" in (checkout / "docs" / "kpis.md").read_text()


def test_given_a_new_file_with_wrong_numbers_when_a_month_is_loaded_then_its_rows_are_and_the_file_is_named(
    checkout: Path, by_command: None
):
    file = checkout / "sql" / "kpis" / "marketing" / "kpi_revenue_by_gender.sql"
    file.write_text(NEW_KPI.replace("COUNT(customer_id)", "COUNT(customer_id) + 1"))
    (checkout / "sales_2024-06.csv").write_text(month_csv("2024-06", 40, directory=checkout))
    done = run("load", "sales_2024-06.csv")
    assert done.code == 1
    (error,) = [line for line in done.err.splitlines() if line.startswith("error: ")]
    assert "kpi_revenue_by_gender: totals: sum of orders is " in error
    assert "Next step: correct sql/kpis/marketing/kpi_revenue_by_gender.sql" in error
    assert "\nloaded: 2024-06; what is made from the rows is not" in done.out
    assert "not loaded: " not in done.out and "(kpi_total_revenue)" not in done.out
