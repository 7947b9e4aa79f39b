"""Does building snapshot and story page follow the number of rows? CPU seconds at several sizes.

Each size is 13 months of flat data in a warehouse file of its own. The snapshot, with its CSV, Hyper and workbook, is
built into an empty store each time, for one that is there already is not built again. The asset `story_dashboard` is
materialized as a run does it, on a Dagster instance on disk. The queries of either are counted apart from everything
else; what is left of the page is given whole, and without Dagster: `publish_story` alone, which verifies, packs and
writes. Rounds are interleaved.

    python -m benchmarks.page_build [--rows 50000 1000000] [--rounds 7]
"""

from __future__ import annotations

import argparse
import contextlib
import dataclasses
import datetime as dt
import hashlib
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import dagster as dg
import duckdb

from benchmarks.measuring import positive
from walmart_bi.assets.common import Site
from walmart_bi.assets.story import build_story_assets
from walmart_bi.kpis.catalog import Kpi, load_catalog
from walmart_bi.months import first_day, months_between
from walmart_bi.partitions import monthly_partitions
from walmart_bi.records import ControlTotals, MonthlyObject
from walmart_bi.reporting.page.publish import publish_story
from walmart_bi.reporting.snapshot import build_snapshot
from walmart_bi.reporting.story_files import story_files
from walmart_bi.stores.base import ObjectStore
from walmart_bi.stores.directory import DirectoryStore
from walmart_bi.warehouse.base import LedgerEntry, QueryResult, Reader
from walmart_bi.warehouse.duckdb_warehouse import DuckDbWarehouse
from walmart_bi_tests.builders import make_month

MONTHS = months_between("2024-02", "2025-02")
CITIES = 26_000
# Flat, as the public file is: amounts from 10 to 500, four categories and payment methods, 26,000 cities.
# Number and name are hashed as one text: DuckDB's hash of two values keeps their low bits in step.
DRAW = "CREATE MACRO draw(n, name, values_) AS CAST(hash(CONCAT(n, name)) % values_ AS INTEGER)"
MONTH_OF_ROWS = """
COPY (
    SELECT
        DATE '{day}' AS month,
        n + 2 AS source_line,
        printf('%08d', n) AS customer_id,
        18 + draw(n, 'age', 50) AS age,
        ['18-24', '25-34', '35-44', '45-54', '55-64', '65+', 'Unknown'][1 + draw(n, 'band', 7)] AS age_group,
        'Other' AS gender,
        'City ' || {city} AS city,
        ['Beauty', 'Clothing', 'Electronics', 'Home'][1 + draw(n, 'category', 4)] AS category,
        'Lamp' AS product_name,
        DATE '{day}' + draw(n, 'day', 28) AS purchase_date,
        CAST((1000 + draw(n, 'amount', 49001)) / 100 AS DECIMAL(12, 2)) AS purchase_amount,
        ['Cash on Delivery', 'Credit Card', 'Debit Card', 'UPI'][1 + draw(n, 'payment', 4)] AS payment_method,
        draw(n, 'discount', 2) = 0 AS discount_applied,
        1 + draw(n, 'rating', 5) AS rating,
        draw(n, 'repeat', 2) = 0 AS repeat_customer
    FROM (SELECT range AS n FROM range({first}, {last}))
)
TO '{path}' (FORMAT parquet)
"""
TOTALS = """
SELECT
    COUNT(*),
    CAST(SUM(purchase_amount) * 100 AS BIGINT),
    CAST(SUM(age) AS BIGINT),
    CAST(SUM(rating) AS BIGINT),
    CAST(SUM(CASE WHEN discount_applied THEN 1 ELSE 0 END) AS BIGINT),
    CAST(SUM(CASE WHEN repeat_customer THEN 1 ELSE 0 END) AS BIGINT),
    CAST(SUM(source_line) AS BIGINT),
    CAST(MIN(purchase_date) AS VARCHAR),
    CAST(MAX(purchase_date) AS VARCHAR)
FROM '{path}'
"""


class TimedWarehouse(DuckDbWarehouse):
    """A warehouse that counts the CPU seconds of its queries, with opening, closing, and the rows handed over."""

    sql = 0.0

    @contextlib.contextmanager
    def read(self) -> Iterator[Reader]:
        """A reader whose queries are counted."""
        started = time.process_time()
        with super().read() as reader:
            self.sql += time.process_time() - started
            yield TimedReader(self, reader)
            started = time.process_time()
        self.sql += time.process_time() - started

    def ledger(self, month: str | None = None) -> list[LedgerEntry]:
        """The ledger's rows, counted too."""
        started = time.process_time()
        entries = super().ledger(month)
        self.sql += time.process_time() - started
        return entries


@dataclasses.dataclass
class TimedReader:
    """The reader of such a warehouse."""

    warehouse: TimedWarehouse
    reader: Reader

    def query(self, sql: str, parameters: Sequence[Any] = ()) -> QueryResult:
        """The reader's query."""
        started = time.process_time()
        result = self.reader.query(sql, parameters)
        self.warehouse.sql += time.process_time() - started
        return result


@dataclasses.dataclass
class Size:
    """A published snapshot of so many rows, and what each round of snapshot and page took in CPU seconds."""

    rows: int
    warehouse: TimedWarehouse
    store: ObjectStore
    snapshot_sql: list[float] = dataclasses.field(default_factory=list)
    snapshot: list[float] = dataclasses.field(default_factory=list)
    sql: list[float] = dataclasses.field(default_factory=list)
    asset: list[float] = dataclasses.field(default_factory=list)
    build: list[float] = dataclasses.field(default_factory=list)
    bytes: int = 0

    def measure(
        self, catalog: Sequence[Kpi], assets: Sequence[dg.AssetsDefinition], instance: dg.DagsterInstance
    ) -> None:
        """One round: the snapshot, the page by itself, then the asset."""
        with (
            tempfile.TemporaryDirectory(prefix="walmart_bi_snapshot_") as scratch,
            self.timed(self.snapshot, self.snapshot_sql),
        ):
            snapshot(self.warehouse, DirectoryStore(Path(scratch)), catalog)
        with self.timed(self.build):
            self.bytes = publish_story(self.warehouse, self.store, catalog).size
        with self.timed(self.asset, self.sql):
            dg.materialize(assets, instance=instance, resources={"store": self.store, "warehouse": self.warehouse})

    @contextlib.contextmanager
    def timed(self, beside: list[float], sql: list[float] | None = None) -> Iterator[None]:
        """Add the CPU seconds of the warehouse's queries in the block to one list, those of all else to the other."""
        self.warehouse.sql, started = 0.0, time.process_time()
        yield
        beside.append(time.process_time() - started - self.warehouse.sql)
        if sql is not None:
            sql.append(self.warehouse.sql)


def main() -> int:
    """Fill the warehouses, run interleaved rounds, and print medians and the ratio to the smallest."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=positive, nargs="+", default=[50_000, 1_000_000])
    parser.add_argument("--rounds", type=positive, default=7)
    options = parser.parse_args()
    catalog = load_catalog()
    site = Site(monthly_partitions(MONTHS[0]), "file", "duckdb", lambda key: key, lambda name: name)
    assets = build_story_assets(site, catalog, "internal")
    with (
        tempfile.TemporaryDirectory(prefix="walmart_bi_page_build_") as scratch,
        dg.DagsterInstance.local_temp(scratch) as instance,
    ):
        sizes = [filled(Path(scratch) / str(rows), rows, catalog) for rows in options.rows]
        for _ in range(options.rounds + 1):  # the first of each warms up
            for size in sizes:
                size.measure(catalog, assets, instance)
    for size in sizes:
        print(f"{size.rows:>10,} rows, snapshot: SQL {statistics.median(size.snapshot_sql[1:]):6.2f} s CPU; ", end="")
        print(f"beside it {described(size.snapshot, sizes[0].snapshot)}")
        print(f"{size.rows:>10,} rows, page:     SQL {statistics.median(size.sql[1:]):6.2f} s CPU; beside it ", end="")
        print(f"the asset {described(size.asset, sizes[0].asset)}, ", end="")
        print(f"the page alone {described(size.build, sizes[0].build)}; {size.bytes:,} bytes")
    return 0


def described(seconds: Sequence[float], first: Sequence[float]) -> str:
    """Median and range without the warm-up, and the ratio of the medians."""
    middle = statistics.median(seconds[1:])
    ratio = middle / statistics.median(first[1:])
    return f"{middle:.3f} s CPU [{min(seconds[1:]):.3f}..{max(seconds[1:]):.3f}], {ratio:.2f} times the first"


def put_month(
    store: ObjectStore, place: Path, month: str, first: int, last: int, cities: int = CITIES
) -> MonthlyObject:
    """The month's object with the rows of these numbers; of 0 cities each row has its own."""
    path = place / "month.parquet"
    city = f"draw(n, 'city', {cities})" if cities else "n"
    with duckdb.connect() as made:
        made.execute(DRAW)
        made.execute(MONTH_OF_ROWS.format(day=first_day(month), path=path, first=first, last=last, city=city))
        totals = made.execute(TOTALS.format(path=path)).fetchone()
    assert totals is not None
    sha256 = hashlib.sha256(path.read_bytes()).hexdigest()
    key = f"monthly_data/{month}/walmart_sales_{month}_{sha256[:16]}.parquet"
    size = store.put_new(key, path).size
    return make_month(store, month, 1, key=key, sha256=sha256, size=size, totals=ControlTotals(*totals))


def filled(place: Path, rows: int, catalog: Sequence[Kpi]) -> Size:
    """A warehouse with that many rows in 13 months, the KPI views, and the snapshot that a page stands beside."""
    store = DirectoryStore(place / "bucket")
    warehouse = TimedWarehouse(place / "warehouse.duckdb", store)
    warehouse.create_tables()
    for number, month in enumerate(MONTHS):
        first, last = rows * number // len(MONTHS), rows * (number + 1) // len(MONTHS)
        made = put_month(store, place, month, first, last)
        warehouse.replace_month(made, run_id="benchmark", code_version="benchmark")
    warehouse.create_views({kpi.name: kpi.select for kpi in catalog})
    snapshot(warehouse, store, catalog)
    return Size(rows, warehouse, store)


def snapshot(warehouse: DuckDbWarehouse, store: ObjectStore, catalog: Sequence[Kpi]) -> None:
    """All files of a snapshot, into this store."""
    now = dt.datetime.now(dt.UTC)
    build_snapshot(warehouse, store, catalog, created_at=now, code_version="0", producers=[story_files(catalog)])


if __name__ == "__main__":
    sys.exit(main())
