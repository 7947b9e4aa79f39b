"""What the rollups save and what they cost: KPI views, the story's facts and a month's load, with them and without.

Without: views and facts are the same SQL with each rollup replaced by the rows that it sums, and a load refreshes none.
Views are read as rows of Python objects, as the snapshot reads them, and as the columns that DuckDB answers with.
CPU seconds, in interleaved rounds; before them views and facts must be equal. A round of loads is as many as there
are from one that tidies the file to the next; median, mean and the dearest of all are told. The cities of
`--cities 0` are all different, so that `sales_by_city` is as long as the table.

    python -m benchmarks.rollups [--rows 50000 10000000] [--history 1 12 60] [--month-rows 50000] [--cities 26000]
"""

from __future__ import annotations

import argparse
import contextlib
import itertools
import re
import shutil
import statistics
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from unittest import mock

from benchmarks.measuring import positive
from benchmarks.page_build import CITIES, MONTHS, put_month
from walmart_bi.kpis.catalog import load_catalog
from walmart_bi.kpis.insights import facts
from walmart_bi.months import months_between
from walmart_bi.records import MonthlyObject
from walmart_bi.sql_files import read_story_query
from walmart_bi.stores.directory import DirectoryStore
from walmart_bi.warehouse import duckdb_warehouse
from walmart_bi.warehouse.duckdb_warehouse import DuckDbWarehouse

CATALOG = load_catalog()
HISTORY = months_between("2020-01", "2025-12")
OF_A_ROW = {
    "sales_by_month": "SELECT month, MIN(purchase_date) AS first_date, MAX(purchase_date) AS last_date,"
    " COUNT(customer_id) AS orders, SUM(purchase_amount) AS revenue FROM walmart_sales GROUP BY month",
    "sales_by_segment": "SELECT month, category, payment_method, discount_applied, repeat_customer, age_group,"
    " 1 AS orders, purchase_amount AS revenue, CAST(purchase_amount AS DECIMAL(19, 2))"
    " * CAST(purchase_amount AS DECIMAL(19, 2)) AS squares FROM walmart_sales",
    "sales_by_city": "SELECT month, city, 1 AS orders, purchase_amount AS revenue FROM walmart_sales",
}


OF_LOADS: dict[str, Callable[[Sequence[float]], float]] = {"median": statistics.median, "mean": statistics.mean}


def main() -> int:
    """Measure reading at each number of rows, then loading at each length of history."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=positive, nargs="*", default=[50_000, 1_000_000])
    parser.add_argument("--history", type=positive, nargs="*", default=[1, 12, 60])
    parser.add_argument("--month-rows", type=positive, nargs="+", default=[4_166, 50_000])
    parser.add_argument("--cities", type=int, default=CITIES)
    parser.add_argument("--rounds", type=positive, default=5)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="walmart_bi_rollups_") as scratch:
        measure_reading(Path(scratch), options.rows, options.cities, options.rounds)
        for rows in options.month_rows if options.history else []:
            measure_loading(Path(scratch) / f"loading {rows}", options.history, rows, options.cities, options.rounds)
    return 0


def measure_reading(scratch: Path, sizes: Sequence[int], cities: int, rounds: int) -> None:
    """All views, then all facts, of each size."""
    warehouses: dict[int, DuckDbWarehouse] = {}
    for rows in sizes:
        place = scratch / str(rows)
        parts = [(rows * number // len(MONTHS), rows * (number + 1) // len(MONTHS)) for number in range(len(MONTHS))]
        warehouses[rows] = filled(place, dict(zip(MONTHS, parts, strict=True)), cities)[0]
        with_views(warehouses[rows])
        for name, compare in (("views", views_in_any_order), ("facts", read_facts)):
            if compare(warehouses[rows], "without") != compare(warehouses[rows], "with"):
                sys.exit(f"{name} of {rows:,} rows: not the same with rollups as without")
    work: dict[str, Callable[[], object]] = {}
    for rows, warehouse in warehouses.items():
        for name, read in READINGS.items():
            for kind in ("without", "with"):
                work[f"{rows:,} rows, {name} {kind}"] = partial(read, warehouse, kind)
    seconds = interleaved(work, rounds)
    for rows, warehouse in warehouses.items():
        for name in READINGS:
            told = f"{rows:,} rows, {name}"
            print(f"{told:>40}: {compared(seconds[f'{told} without'], seconds[f'{told} with'])}")
        print(f"{'':>42}rows of the rollups: {lengths(warehouse)}")


def measure_loading(scratch: Path, histories: Sequence[int], rows: int, cities: int, rounds: int) -> None:
    """The last month, replaced by another version of as many rows, after histories of so many months."""
    work: dict[str, Callable[[], object]] = {}
    for months in histories:
        bounds = {month: (n * rows, (n + 1) * rows) for n, month in enumerate(HISTORY[-months:])}
        place = scratch / f"{months} with"
        _, versions = filled(place, bounds, cities)
        other = scratch / f"{months} without"
        shutil.copytree(place, other)
        work[f"{months} without"] = partial(load_next, other, itertools.cycle(versions), refresh=False)
        work[f"{months} with"] = partial(load_next, place, itertools.cycle(versions), refresh=True)
    seconds = interleaved(work, rounds * duckdb_warehouse._LOADS_TO_TIDY_AFTER)
    for months in histories:
        print(f"{rows:>9,} rows onto {months:>2} months: ", end="")
        print(compared(seconds[f"{months} without"], seconds[f"{months} with"]))
    for kind in ("without", "with"):
        last, first = (seconds[f"{months} {kind}"] for months in (histories[-1], histories[0]))
        print(f"{histories[-1]:>9} months over {histories[0]}, {kind}: ", end="")
        ratios = (f"{name} {of(last) / of(first):.3f} x" for name, of in OF_LOADS.items())
        print(", ".join(ratios) + f"; the dearest of {len(last)} took {max(last):.3f} and {max(first):.3f} s CPU")


def interleaved(work: dict[str, Callable[[], object]], rounds: int) -> dict[str, list[float]]:
    """CPU seconds of each piece of work in each round; a first round warms up."""
    seconds: dict[str, list[float]] = {name: [] for name in work}
    for _ in range(rounds + 1):
        for name, do in work.items():
            started = time.process_time()
            do()
            seconds[name].append(time.process_time() - started)
    return {name: each[1:] for name, each in seconds.items()}


def compared(without: Sequence[float], with_rollups: Sequence[float]) -> str:
    """Both, and the ratio of each round."""
    ratios = [second / first for first, second in zip(without, with_rollups, strict=True)]
    return (
        f"without {statistics.median(without):.3f} s CPU, with {statistics.median(with_rollups):.3f} s CPU: "
        f"{middle_and_range(ratios)} x"
    )


def middle_and_range(values: Sequence[float]) -> str:
    return f"{statistics.median(values):.3f} [{min(values):.3f}..{max(values):.3f}]"


def filled(
    place: Path, bounds: dict[str, tuple[int, int]], cities: int
) -> tuple[DuckDbWarehouse, tuple[MonthlyObject, MonthlyObject]]:
    """A warehouse with these months, and two more versions of the last one."""
    store = DirectoryStore(place / "bucket")
    warehouse = DuckDbWarehouse(place / "warehouse.duckdb", store)
    warehouse.create_tables()
    for month, (first, last) in bounds.items():
        warehouse.replace_month(put_month(store, place, month, first, last, cities), run_id="b", code_version="b")
    month, (first, last) = list(bounds.items())[-1]
    span = last - first
    versions = [put_month(store, place, month, last + n * span, last + (n + 1) * span, cities) for n in (0, 1)]
    return warehouse, (versions[0], versions[1])


def load_next(place: Path, versions: Iterator[MonthlyObject], *, refresh: bool) -> None:
    warehouse = DuckDbWarehouse(place / "warehouse.duckdb", DirectoryStore(place / "bucket"))
    with contextlib.ExitStack() as stack:
        if not refresh:
            stack.enter_context(mock.patch.object(duckdb_warehouse, "refresh_month"))
        outcome = warehouse.replace_month(next(versions), run_id="b", code_version="b", allow_superseded=True)
    assert outcome.action == "loaded"


def with_views(warehouse: DuckDbWarehouse) -> None:
    """Every view of the catalog, and the same on the rows."""
    on_rows = {f"{kpi.name}_without": without_rollups(kpi.select) for kpi in CATALOG}
    warehouse.create_views({kpi.name: kpi.select for kpi in CATALOG} | on_rows)


def without_rollups(select: str) -> str:
    """The SELECT on the rows themselves."""
    for name, rows in OF_A_ROW.items():
        select = re.sub(rf"\b(FROM|JOIN) {name}\b", rf"\1 ({rows}) AS {name}", select)
    return select


def read_views(warehouse: DuckDbWarehouse, kind: str) -> list[Sequence[tuple[object, ...]]]:
    """Every row of every view."""
    with warehouse.read() as reader:
        return [reader.query(f"SELECT * FROM {name}").rows for name in view_names(kind)]


def answer_views(warehouse: DuckDbWarehouse, kind: str) -> None:
    """Every column of every view, read as the warehouse reads, and left as DuckDB has it: no Python object a value."""
    with warehouse._file().reading() as connection:
        for name in view_names(kind):
            connection.sql(f"SELECT * FROM {name}").to_arrow_table()


def view_names(kind: str) -> list[str]:
    return [f"{kpi.name}{'' if kind == 'with' else '_without'}" for kpi in CATALOG]


def views_in_any_order(warehouse: DuckDbWarehouse, kind: str) -> list[Counter[tuple[object, ...]]]:
    """The same, to be compared: hashing tens of thousands of Decimals is not the views' work, and is not timed."""
    return [Counter(rows) for rows in read_views(warehouse, kind)]


def read_facts(warehouse: DuckDbWarehouse, kind: str) -> facts.Facts:
    """What the story asks the warehouse."""
    with contextlib.ExitStack() as stack:
        if kind == "without":
            on_rows = mock.patch.object(facts, "read_story_query", lambda name: without_rollups(read_story_query(name)))
            stack.enter_context(on_rows)
        return facts.read_facts(stack.enter_context(warehouse.read()))


READINGS: dict[str, Callable[[DuckDbWarehouse, str], object]] = {
    "views": read_views,
    "views as columns": answer_views,
    "facts": read_facts,
}


def lengths(warehouse: DuckDbWarehouse) -> str:
    with warehouse.read() as reader:
        counts = {name: reader.query(f"SELECT COUNT(*) FROM {name}").rows[0][0] for name in OF_A_ROW}
    return ", ".join(f"{name} {count:,}" for name, count in counts.items())


if __name__ == "__main__":
    sys.exit(main())
