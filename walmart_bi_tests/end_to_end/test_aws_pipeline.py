"""The load on S3 and the stand-in for Redshift: the same runs, checks and results as on one machine.

That the files made of the views are the same too is in `test_aws_load.py`.
"""

from __future__ import annotations

import pytest

from walmart_bi.kpis.catalog import load_catalog
from walmart_bi_tests.project import TARGETS, TestProject, failed_checks, month_csv


def kpis_of(project: TestProject) -> dict[str, list[str]]:
    """What each view says."""
    project.warehouse.create_views({kpi.name: kpi.select for kpi in load_catalog()})
    return {kpi.name: sorted(repr(row) for row in project.query(f"SELECT * FROM {kpi.name}")) for kpi in load_catalog()}


@pytest.fixture(scope="module")
def loaded(tmp_path_factory: pytest.TempPathFactory):
    """Two months, one of them with bad rows and then corrected, loaded on both targets; what is in the warehouse."""
    found = {}
    for name, opened in TARGETS.items():
        directory = tmp_path_factory.mktemp(name)
        with opened(directory) as project:
            project.deliver("sales_2024-03.csv", month_csv("2024-03", 400, bad=3, directory=directory))
            project.deliver("sales_2024-04.csv", month_csv("2024-04", 300, seed=2, directory=directory))
            assert project.load("2024-03", "2024-04").success
            project.deliver("sales_2024-03.csv", month_csv("2024-03", 390, seed=3, directory=directory))
            corrected = project.load("2024-03")
            assert corrected.success and failed_checks(corrected) == set()
            rows = project.query("SELECT month, COUNT(*), SUM(purchase_amount) FROM walmart_sales GROUP BY month")
            ledger = [
                (entry.load_id, entry.loaded_rows, entry.total_cents, entry.is_active)
                for entry in project.warehouse.ledger()
            ]
            found[name] = (
                kpis_of(project),
                sorted(rows),
                ledger,
                [info.key for info in project.store.list("monthly_data/")],
            )
    return found


def test_given_equal_deliveries_when_loaded_on_both_targets_then_all_kpis_rows_and_ledgers_are_equal(loaded):
    assert loaded["aws"] == loaded["local"]
    kpis, rows, ledger, objects = loaded["aws"]
    assert len(kpis) == len(load_catalog()) and all(kpis.values())
    assert [row[1] for row in rows] == [390, 300]
    assert [(load, active) for load, _, _, active in ledger] == [
        ("2024-03-v1", False),
        ("2024-03-v2", True),
        ("2024-04-v1", True),
    ]
    assert len(objects) == 3
