"""Each statement and opening of DuckDB: the old month or the new one, whatever fails, and one line that says so.

A short run lets each meet a conflict, which is run again, and one of the other faults, which end it alike
(`choice.py`); `WALMART_BI_ALL_FAULTS=1`, as `make proof` sets it, lets each meet all of them.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import duckdb
import pytest

from walmart_bi.records import MonthlyObject
from walmart_bi_tests.builders import make_month, make_rows
from walmart_bi_tests.contracts.warehouses import DuckDbSite
from walmart_bi_tests.faults.choice import chosen
from walmart_bi_tests.faults.injection import raised_at
from walmart_bi_tests.faults.outcomes import outcome
from walmart_bi_tests.faults.sites import sites_of

MONTH = "2025-03"
RIGHT = [("2025-03-v2", "new", 4)]
OLD = [("2025-03-v1", "old", 3)]


@dataclass
class Place:
    """A database with one month, and an object that corrects it."""

    site: DuckDbSite
    old: MonthlyObject
    new: MonthlyObject

    def load(self, month: MonthlyObject) -> None:
        self.site.warehouse(busy_timeout=2.0).replace_month(month, run_id="run", code_version="1")

    def rows(self) -> list[tuple[object, ...]]:
        with self.site.warehouse().read() as reader:
            return reader.query("SELECT load_id, city, COUNT(*) FROM walmart_sales GROUP BY ALL").rows


@pytest.fixture(scope="module")
def loaded(tmp_path_factory: pytest.TempPathFactory) -> Place:
    site = DuckDbSite(tmp_path_factory.mktemp("loaded"))
    old = make_month(site.store(), MONTH, make_rows(MONTH, 3, city="old"))
    new = make_month(site.store(), MONTH, make_rows(MONTH, 4, city="new"))
    place = Place(site, old, new)
    place.load(old)
    return place


@pytest.fixture
def place(loaded: Place, tmp_path: Path) -> Place:
    """A copy: making one anew takes five times as long. Nobody has the file open."""
    shutil.copytree(loaded.site.folder, tmp_path / "copy")
    return Place(DuckDbSite(tmp_path / "copy"), loaded.old, loaded.new)


def correct(place: Place) -> None:
    place.load(place.new)


def restore(place: Place) -> None:
    """Back to the first load, by way of the second."""
    place.site.warehouse().restore_load(MONTH, f"{MONTH}-v1")


def begin(place: Place) -> None:
    """The first load into a file that is not there yet."""
    place.site.database.unlink(missing_ok=True)
    place.load(place.old)


def define(place: Place) -> None:
    place.site.warehouse().create_views({"kpi_rows": "SELECT COUNT(*) AS orders FROM walmart_sales"})


def read(place: Place) -> None:
    assert place.rows() == OLD


def ask_the_ledger(place: Place) -> None:
    assert [entry.load_id for entry in place.site.warehouse().ledger()] == [f"{MONTH}-v1"]


CASES: dict[str, Callable[[Place], None]] = {
    "warehouse/duckdb_file.py DuckDbFile.reading connection.execute": read,
    "warehouse/duckdb_file.py DuckDbFile._transaction connection.execute": correct,
    "warehouse/duckdb_file.py DuckDbFile._transaction connection.execute #2": correct,
    "warehouse/duckdb_file.py DuckDbFile._connect duckdb.connect": correct,
    "warehouse/duckdb_file.py DuckDbFile._create_file duckdb.connect": begin,
    "warehouse/duckdb_warehouse.py DuckDbWarehouse.ledger reader.query": ask_the_ledger,
    "warehouse/duckdb_warehouse.py DuckDbWarehouse.create_views.change connection.execute": define,
    "warehouse/duckdb_warehouse.py DuckDbWarehouse._replace_rows connection.execute": correct,
    "warehouse/duckdb_warehouse.py DuckDbWarehouse._replace_rows connection.execute #2": correct,
    "warehouse/duckdb_warehouse.py _DuckDbReader.query self._connection.execute": read,
    "warehouse/duckdb_warehouse.py _DuckDbReader.query result.fetchall": read,
    "warehouse/duckdb_warehouse.py _create_tables connection.execute": correct,
    "warehouse/duckdb_warehouse.py _create_tables connection.execute #2": correct,
    "warehouse/duckdb_warehouse.py _has_tables connection.execute": read,
    "warehouse/duckdb_warehouse.py _entries connection.execute": correct,
    "warehouse/duckdb_warehouse.py _insert_entry connection.execute": correct,
    "warehouse/duckdb_warehouse.py _tidy_seldom connection.execute": correct,
    "warehouse/duckdb_warehouse.py _tidy_seldom connection.execute #2": correct,
    "warehouse/duckdb_warehouse.py _deactivate connection.execute": correct,
    "warehouse/duckdb_warehouse.py _activate connection.execute": restore,
    "warehouse/duckdb_warehouse.py _totals connection.execute": correct,
    "warehouse/duckdb_warehouse.py _sales_columns connection.execute": correct,
    "warehouse/duckdb_warehouse.py _rows_of_other_months connection.execute": correct,
}
SITES = {site.name: site for site in sites_of("duckdb")}
CONFLICT = "a conflict with another transaction"
FAULTS: dict[str, duckdb.Error] = {
    "disk full": duckdb.IOException("IO Error: Could not write file: No space left on device"),
    "no memory": duckdb.OutOfMemoryException("Out of Memory Error: failed to allocate data of size 1.0 GiB"),
    "read error": duckdb.FatalException("FATAL Error: Corrupt database file: computed checksum does not match"),
    CONFLICT: duckdb.TransactionException("TransactionContext Error: Conflict on tuple deletion!"),
}


@pytest.mark.parametrize(
    ("name", "fault"),
    [(name, fault) for name in CASES for fault in chosen(SITES[name], list(FAULTS), each=[CONFLICT])],
)
def test_given_a_fault_at_a_statement_when_it_runs_then_the_old_state_or_the_new_one(
    place: Place, name: str, fault: str
):
    work = CASES[name]
    if work is restore:
        correct(place)
    before = place.rows()
    with raised_at(SITES[name], FAULTS[fault]) as meeting:
        _, line = outcome(lambda: work(place))

    assert meeting.met, "the fault never met its call"
    if line and work is not begin:
        assert place.rows() == before, "something was changed"
    if fault == CONFLICT and work in (correct, restore, define) and "connect" not in name:
        assert not line, "a conflict is run again"
    if work is not restore or line:  # a load that was restored already stays so
        work(place)
    assert place.rows() == (RIGHT if work is correct else OLD)
