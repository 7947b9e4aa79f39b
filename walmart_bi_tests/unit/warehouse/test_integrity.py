"""Each ledger rule holds after real loads, and exactly that rule fails when its own promise is broken."""

import calendar
import datetime as dt
import shutil
from pathlib import Path

import duckdb
import pytest

from walmart_bi.months import first_day
from walmart_bi.stores.directory import DirectoryStore
from walmart_bi.verdict import Verdict
from walmart_bi.warehouse.duckdb_warehouse import DuckDbWarehouse
from walmart_bi.warehouse.integrity import LEDGER_RULES, check_ledger, month_volume, read_loads
from walmart_bi_tests.builders import make_month, make_row

ANOTHER_LEDGER_ROW = (
    "INSERT INTO load_ledger"
    " SELECT * REPLACE ('2025-02-v9' AS load_id, 9 AS version, 0 AS loaded_rows, 0 AS total_cents)"
    " FROM load_ledger WHERE load_id = '2025-02-v1'"
)

# What breaks exactly one rule in a warehouse with the loads 2025-01-v1, 2025-02-v1 (40 rows each) and 2025-03-v2 (50),
# and the problem that the rule then names.
BREAKS = {
    "ledger_rows_agree": (
        "UPDATE load_ledger SET loaded_rows = loaded_rows + 1 WHERE load_id = '2025-02-v1'",
        "2025-02-v1: the ledger says 41 rows, the table has 40",
    ),
    "ledger_cents_agree": (
        "UPDATE walmart_sales SET purchase_amount = purchase_amount + 0.01"
        " WHERE load_id = '2025-02-v1' AND source_line = 2",
        "2025-02-v1: the ledger says 82820 cents, the table has 82821",
    ),
    "one_active_load": (ANOTHER_LEDGER_ROW, "2025-02 has 2 active loads"),
    "no_orphan_rows": (
        "INSERT INTO walmart_sales SELECT * REPLACE ('2025-03-v1' AS load_id) FROM walmart_sales"
        " WHERE load_id = '2025-03-v2' AND source_line <= 4",
        "3 rows of 2025-03 belong to 2025-03-v1, which is not active",
    ),
    "rows_carry_their_month": (
        "UPDATE walmart_sales SET month = DATE '2025-01-01' WHERE load_id = '2025-02-v1' AND source_line = 2",
        "2025-02-v1: 1 rows carry the month 2025-01",
    ),
    "source_lines_unique": (
        "UPDATE walmart_sales SET source_line = 2 WHERE load_id = '2025-02-v1' AND source_line <= 4",
        "2025-02-v1: 2 rows repeat a source line",
    ),
}


@pytest.fixture(scope="module")
def sound_database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three loaded months, the last one corrected, rolled back and restored."""
    folder = tmp_path_factory.mktemp("sound")
    store = DirectoryStore(folder / "bucket")
    warehouse = DuckDbWarehouse(folder / "warehouse.duckdb", store)
    for month, rows in (("2025-01", 40), ("2025-02", 40), ("2025-03", 45), ("2025-03", 50)):
        warehouse.replace_month(make_month(store, month, rows), run_id="run", code_version="1")
    warehouse.restore_load("2025-03", "2025-03-v1")
    warehouse.restore_load("2025-03", "2025-03-v2")
    return folder / "warehouse.duckdb"


@pytest.fixture
def database(sound_database: Path, tmp_path: Path) -> Path:
    """A copy to break."""
    return Path(shutil.copy(sound_database, tmp_path))


def broken(database: Path, *statements: str) -> None:
    with duckdb.connect(database) as connection:
        for statement in statements:
            connection.execute(statement)


def verdicts(database: Path) -> dict[str, Verdict]:
    with DuckDbWarehouse(database, DirectoryStore(database.parent)).read() as reader:
        return check_ledger(read_loads(reader))


def failures(database: Path) -> dict[str, tuple[str, ...]]:
    return {name: verdict.problems for name, verdict in verdicts(database).items() if not verdict.passed}


def test_given_real_loads_when_nothing_is_broken_then_every_rule_holds_and_counts_what_it_saw(database: Path) -> None:
    assert {name: dict(verdict.counts) for name, verdict in verdicts(database).items()} == {
        "ledger_rows_agree": {"ledger rows": 130, "table rows": 130},
        "ledger_cents_agree": {"ledger cents": 2 * 82820 + 128775, "table cents": 2 * 82820 + 128775},
        "one_active_load": {"months": 3, "active loads": 3},
        "no_orphan_rows": {"orphan rows": 0},
        "rows_carry_their_month": {"active loads": 3},
        "source_lines_unique": {"repeated lines": 0},
    }
    assert failures(database) == {}


def test_every_rule_has_a_test_that_breaks_it() -> None:
    assert [rule.name for rule in LEDGER_RULES] == list(BREAKS)
    assert all(rule.description for rule in LEDGER_RULES)


@pytest.mark.parametrize("rule", BREAKS)
def test_given_one_broken_promise_then_exactly_its_rule_fails(rule: str, database: Path) -> None:
    statement, problem = BREAKS[rule]
    broken(database, statement)

    assert failures(database) == {rule: (problem,)}


def test_given_a_month_without_an_active_load_then_that_is_said(database: Path) -> None:
    broken(
        database,
        "UPDATE load_ledger SET is_active = FALSE WHERE month = '2025-02'",
        "DELETE FROM walmart_sales WHERE load_id = '2025-02-v1'",
    )

    assert failures(database) == {"one_active_load": ("2025-02 has 0 active loads",)}


def test_given_rows_of_a_month_that_the_ledger_does_not_know_then_both_rules_say_so(database: Path) -> None:
    broken(database, "DELETE FROM load_ledger WHERE month = '2025-02'")

    assert failures(database) == {
        "one_active_load": ("2025-02 has 0 active loads",),
        "no_orphan_rows": ("40 rows of 2025-02 belong to 2025-02-v1, which is not active",),
    }


def test_given_a_purchase_outside_the_month_that_its_row_carries_then_the_month_rule_fails(database: Path) -> None:
    broken(
        database,
        "UPDATE walmart_sales SET purchase_date = DATE '2025-03-01' WHERE load_id = '2025-02-v1' AND source_line = 2",
    )

    assert failures(database) == {
        "rows_carry_their_month": ("2025-02-v1: rows were purchased from 2025-02-01 to 2025-03-01",)
    }


def test_given_a_lost_month_then_rows_and_cents_fail(database: Path) -> None:
    broken(database, "DELETE FROM walmart_sales WHERE load_id = '2025-02-v1'")

    assert failures(database) == {
        "ledger_rows_agree": ("2025-02-v1: the ledger says 40 rows, the table has 0",),
        "ledger_cents_agree": ("2025-02-v1: the ledger says 82820 cents, the table has 0",),
    }


class Shop:
    """A warehouse that is filled month by month with orders from one day to another."""

    def __init__(self, folder: Path) -> None:
        self.store = DirectoryStore(folder / "bucket")
        self.warehouse = DuckDbWarehouse(folder / "warehouse.duckdb", self.store)

    def sells(self, month: str, orders: int, *, first: int = 1, last: int | None = None) -> "Shop":
        year, number = map(int, month.split("-"))
        days = (last or calendar.monthrange(year, number)[1]) - first
        rows = [
            make_row(
                month,
                n + 1,
                purchase_date=first_day(month) + dt.timedelta(days=first - 1 + days * n // max(orders - 1, 1)),
            )
            for n in range(orders)
        ]
        self.warehouse.replace_month(make_month(self.store, month, rows), run_id="run", code_version="1")
        return self

    def volume(self, month: str) -> Verdict:
        with self.warehouse.read() as reader:
            return month_volume(read_loads(reader), month)


@pytest.fixture(scope="module")
def three_months(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("shop")
    Shop(folder).sells("2025-01", 90).sells("2025-02", 100).sells("2025-03", 110)
    return folder


@pytest.fixture
def shop(three_months: Path, tmp_path: Path) -> Shop:
    """A copy that a test sells more in."""
    shutil.copytree(three_months, tmp_path, dirs_exist_ok=True)
    return Shop(tmp_path)


@pytest.mark.parametrize("orders", [50, 100, 200])
def test_given_three_complete_months_then_half_to_twice_their_median_is_usual(orders: int, shop: Shop) -> None:
    verdict = shop.sells("2025-04", orders).volume("2025-04")

    assert verdict.passed
    assert verdict.counts == {"rows": orders, "complete months before": 3, "median rows before": 100}


@pytest.mark.parametrize("orders", [49, 201])
def test_given_three_complete_months_then_less_than_half_or_more_than_twice_is_unusual(orders: int, shop: Shop) -> None:
    verdict = shop.sells("2025-04", orders).volume("2025-04")

    assert verdict.problems == (
        f"2025-04 has {orders} rows, from 2025-04-01 to 2025-04-30; the median of 3 complete months before is 100",
    )


def test_given_a_month_that_was_never_loaded_then_its_volume_is_unusual(shop: Shop) -> None:
    assert shop.volume("2025-04").problems == ("2025-04 has 0 rows; the median of 3 complete months before is 100",)


def test_given_fewer_than_three_complete_months_before_then_there_is_no_verdict(shop: Shop) -> None:
    verdict = shop.sells("2025-03", 60, last=20).sells("2025-04", 1).volume("2025-04")

    assert verdict.passed
    assert verdict.counts == {"rows": 1, "complete months before": 2}


@pytest.mark.parametrize(("first", "last", "complete"), [(3, 29, 4), (4, 31, 3), (1, 28, 3)])
def test_a_month_is_complete_when_its_orders_reach_within_three_days_of_both_ends(
    first: int, last: int, complete: int, shop: Shop
) -> None:
    shop.sells("2024-12", 100, first=first, last=last)

    assert shop.volume("2025-04").counts["complete months before"] == complete


def test_only_the_last_six_complete_months_before_count(tmp_path: Path) -> None:
    shop = Shop(tmp_path)
    for month in ("2024-06", "2024-07", "2024-08", "2024-09"):
        shop.sells(month, 1000)
    for month in ("2024-10", "2024-11", "2024-12", "2025-01"):
        shop.sells(month, 60)
    shop.sells("2025-03", 5)

    assert shop.volume("2025-02").counts == {"rows": 0, "complete months before": 6, "median rows before": 60}
