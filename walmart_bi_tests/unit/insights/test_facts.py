"""The facts are those of the rows: against pandas on made data, in both engines' answers to the same text."""

from __future__ import annotations

import datetime as dt
import random
from collections.abc import Iterator, Sequence
from dataclasses import replace
from decimal import Decimal

import pandas as pd
import pytest

from walmart_bi.kpis.catalog import load_catalog
from walmart_bi.kpis.insights.agreement import check_totals
from walmart_bi.kpis.insights.facts import read_facts
from walmart_bi.kpis.insights.model import DIMENSIONS, Facts
from walmart_bi.kpis.insights.personas import build_insights
from walmart_bi.months import first_day, month_of, months_between, next_month
from walmart_bi.sql_files import read_story_query, sql_directory
from walmart_bi_tests.builders import Row, make_month, make_row, make_source
from walmart_bi_tests.contracts.warehouses import WAREHOUSES, Site
from walmart_bi_tests.sql_lint import problems
from walmart_bi_tests.unit.kpis.sales import SalesTable, sale

PERSONAS = [kpi.persona for kpi in load_catalog()]
QUERIES = sorted(path.stem for path in (sql_directory() / "story").glob("*.sql"))
# More months, categories, payment methods and cities than the cube keeps.
MONTHS = months_between("2022-11", "2024-12")
CITIES = [
    "Zürich",
    "zürich",
    "Zurich",
    "東京",
    "مكة",
    "\U0001f6d2",
    "O'Fallon; DROP",
    "NULL",
    *(f"City {number}" for number in range(39)),
]


def made_month(month: str, generator: random.Random) -> list[Row]:
    """Random rows with ties, equal names in other cases, skewed cities and amounts of every size."""
    days = (first_day(next_month(month)) - first_day(month)).days
    rows = []
    for number in range(1, generator.randint(20, 60)):
        cents = generator.choice([1, 2, 50, 10_000, 33_333, 33_333, 999_999_999_999, generator.randint(1, 10**6)])
        rows.append(
            make_row(
                month,
                number,
                purchase_date=first_day(month) + dt.timedelta(days=generator.randrange(days)),
                purchase_amount=Decimal(cents).scaleb(-2),
                customer_id=f"c{generator.randint(1, 10**6)}",
                city=CITIES[min(int(generator.expovariate(0.1)), len(CITIES) - 1)],
                category=f"Category {min(int(generator.expovariate(0.4)), 10)}",
                payment_method=generator.choice(["UPI", "upi", "Cash", *"ABCDEFGHI"]),
                discount_applied=generator.random() < 0.5,
                repeat_customer=generator.random() < 0.3,
                age_group=generator.choice(["<18", "25-34", "65+", "Unknown"]),
            )
        )
    return rows


ROWS = {month: made_month(month, random.Random(month)) for month in MONTHS}
SOURCE = {"quarantined": 3, "duplicates": 2}  # what make_month says of each file; one file a month


# All months where a load is quick; a few where each is a COPY.
CASES = {"duckdb": MONTHS, "duckdb, latest months": MONTHS[-4:], "redshift": MONTHS[-4:]}


def filled(site: Site, months: Sequence[str]) -> Facts:
    warehouse = site.warehouse()
    for month in months:
        load = make_month(site.store(), month, ROWS[month])
        warehouse.replace_month(load, run_id="run", code_version="1")
    with warehouse.read() as reader:
        return read_facts(reader)


@pytest.fixture(scope="module")
def facts_of(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Facts]]:
    found = {}
    for name, months in CASES.items():
        engine = name.partition(",")[0]
        with WAREHOUSES[engine](tmp_path_factory.mktemp(engine)) as site:
            found[name] = filled(site, months)
    yield found


def sales(case: str) -> pd.DataFrame:
    """The rows that a case loads."""
    frame = pd.DataFrame([row for month in CASES[case] for row in ROWS[month]])
    frame["cents"] = [int(amount * 100) for amount in frame["purchase_amount"]]
    frame["squares"] = pd.Series([cents**2 for cents in frame["cents"]], dtype=object)
    frame["month"] = [month_of(day) for day in frame["month"]]
    return frame


def largest(frame: pd.DataFrame, column: str, count: int) -> list[str]:
    sums = frame.groupby(column)["cents"].sum()
    return sorted(sums.index, key=lambda value: (-sums[value], value.encode()))[:count]


def labelled(rows: pd.DataFrame) -> pd.DataFrame:
    """The rows of the latest 25 months with the cube's labels."""
    frame = rows[rows["month"].isin(MONTHS[-25:])].copy()
    for column in ("category", "payment_method"):
        frame[column] = frame[column].where(frame[column].isin(largest(frame, column, 8)), "Other")
    frame["is_large"] = frame["city"].isin(largest(frame, "city", 10))
    frame["city_group"] = ["10 largest cities" if large else "Other cities" for large in frame["is_large"]]
    return frame


@pytest.mark.parametrize("case", CASES)
def test_the_cube_is_that_of_pandas_on_every_engine(facts_of: dict[str, Facts], case: str):
    groups = labelled(sales(case)).groupby(["month", *DIMENSIONS])
    expected = sorted((*key, len(rows), int(rows["cents"].sum()), sum(rows["squares"])) for key, rows in groups)
    assert [tuple(cell) for cell in facts_of[case].cube] == expected
    assert len({cell.month for cell in facts_of[case].cube}) == min(25, len(CASES[case]))
    assert len({cell.category for cell in facts_of[case].cube}) == 9


@pytest.mark.parametrize("case", CASES)
def test_the_largest_cities_are_those_of_pandas_on_every_engine(facts_of, case: str):
    frame = labelled(sales(case))
    keys = ["month", "category", "payment_method", "discount_applied", "repeat_customer", "city"]
    groups = frame[frame["is_large"]].groupby(keys)
    expected = sorted((*key, len(rows), int(rows["cents"].sum())) for key, rows in groups)
    assert [tuple(cell) for cell in facts_of[case].city_cube] == expected
    assert len({cell.city for cell in facts_of[case].city_cube}) == 10


@pytest.mark.parametrize("case", CASES)
def test_months_cities_and_customers_are_those_of_pandas_on_every_engine(facts_of, case: str):
    facts, rows_of_case = facts_of[case], sales(case)
    cities = rows_of_case.groupby("city")["cents"].agg(["sum", "size"]).sort_values("sum", ascending=False)
    total = int(rows_of_case["cents"].sum())

    found = {month.month: (month.orders, month.cents, month.first_date, month.last_date) for month in facts.months}
    assert found == {
        month: (len(rows), rows["cents"].sum(), str(rows["purchase_date"].min()), str(rows["purchase_date"].max()))
        for month, rows in rows_of_case.groupby("month")
    }
    assert (facts.cents, facts.orders, facts.customers) == (
        total,
        len(rows_of_case),
        rows_of_case["customer_id"].nunique(),
    )
    assert facts.cities.cities == len(cities)
    assert facts.cities.single_order_cities == (cities["size"] == 1).sum()
    assert facts.cities.cities_of_30_orders == (cities["size"] >= 30).sum()
    assert facts.cities.ten_largest_cents == cities["sum"].head(10).sum()
    assert facts.cities.hhi == pytest.approx(sum((int(cents) / total) ** 2 for cents in cities["sum"]), rel=1e-12)
    running = (cities["sum"].cumsum() / total).tolist()
    count = len(cities)
    ends = [sum(20 * place // count < twentieth for place in range(count)) for twentieth in range(1, 21)]
    assert count > 20 and len(facts.cities.curve) == 21
    for (share_of_cities, share_of_revenue), end in zip(facts.cities.curve[1:], ends, strict=True):
        assert share_of_cities == pytest.approx(end / count)
        assert share_of_revenue == pytest.approx(running[end - 1], rel=1e-12)


@pytest.mark.parametrize("case", CASES)
def test_the_ledger_line_counts_each_file_once(facts_of: dict[str, Facts], case: str):
    quality = facts_of[case].quality
    assert (quality.months, quality.rows) == (len(CASES[case]), len(sales(case)))
    assert quality.quarantined == SOURCE["quarantined"] * len(CASES[case])
    assert quality.duplicates == SOURCE["duplicates"] * len(CASES[case])
    assert quality.load_ids == tuple(f"{month}-v1" for month in CASES[case])


def test_both_engines_give_equal_facts_and_equal_insights(facts_of: dict[str, Facts]):
    duckdb, redshift = facts_of["duckdb, latest months"], facts_of["redshift"]
    # The two warehouses were filled at different times; everything else is equal.
    same_time = replace(redshift, quality=replace(redshift.quality, last_commit=duckdb.quality.last_commit))
    assert same_time == duckdb
    assert build_insights(same_time, PERSONAS).to_json() == build_insights(duckdb, PERSONAS).to_json()


def test_given_equal_loads_when_read_again_then_the_insights_are_equal_bytes_and_their_time_is_the_ledgers(tmp_path):
    with WAREHOUSES["duckdb"](tmp_path) as site:
        warehouse = site.warehouse()
        for month in MONTHS[-3:]:
            warehouse.replace_month(make_month(site.store(), month, ROWS[month]), run_id="run", code_version="1")
        documents = []
        for _ in range(2):
            with warehouse.read() as reader:
                facts = read_facts(reader)
            documents.append(build_insights(facts, PERSONAS).to_json())
        latest = max(entry.committed_at for entry in warehouse.ledger())
    assert documents[0] == documents[1]
    assert facts.quality.last_commit == f"{latest:%Y-%m-%dT%H:%M:%S}Z"


def test_given_a_file_of_two_months_then_its_quarantine_is_counted_once(tmp_path):
    source = make_source("history", 50)
    with WAREHOUSES["duckdb"](tmp_path) as site:
        warehouse = site.warehouse()
        for month in MONTHS[-2:]:
            load = make_month(site.store(), month, ROWS[month], source="history")
            assert load.source.sha256 == source.sha256
            warehouse.replace_month(load, run_id="run", code_version="1")
        with warehouse.read() as reader:
            quality = read_facts(reader).quality
    assert (quality.quarantined, quality.duplicates) == (SOURCE["quarantined"], SOURCE["duplicates"])


@pytest.mark.parametrize("name", QUERIES)
def test_a_query_keeps_to_the_portable_subset_and_the_layout(name: str):
    assert problems(read_story_query(name)) == []


# --- complete months --------------------------------------------------------------------------------------------------


@pytest.fixture
def table() -> Iterator[SalesTable]:
    made = SalesTable()
    made.connection.execute((sql_directory() / "tables" / "load_ledger.sql").read_text())
    yield made
    made.close()


def complete(table: SalesTable, days: dict[str, list[int]], orders: int = 1) -> dict[str, bool]:
    """Whether each month is complete, given the days with so many orders."""
    table.fill(sale(f"{month}-{day:02d}") for month, each in days.items() for day in each for _ in range(orders))
    return {month.month: month.is_complete for month in read_facts(table).months}


def test_given_a_first_and_a_last_month_that_begin_or_end_early_then_they_are_not_complete(table: SalesTable):
    found = complete(
        table,
        {"2024-01": list(range(10, 32)), "2024-02": list(range(1, 30)), "2024-03": list(range(1, 10))},
        orders=3,
    )
    assert found == {"2024-01": False, "2024-02": True, "2024-03": False}


def test_given_a_busy_shop_then_a_few_empty_days_at_the_edge_tell_and_for_a_quiet_one_they_do_not(table: SalesTable):
    days = list(range(1, 29))
    assert complete(table, {"2024-01": days}, orders=10) == {"2024-01": False}
    assert complete(table, {"2024-01": days[::4]}) == {"2024-01": True}


def test_given_an_empty_stretch_inside_what_is_loaded_then_the_month_is_complete(table: SalesTable):
    early, full = list(range(1, 15)), list(range(1, 31))
    assert complete(table, {"2024-03": full, "2024-04": early, "2024-05": [*full, 31]}, orders=5)["2024-04"]


def test_given_a_gap_in_the_months_then_both_sides_of_it_are_edges(table: SalesTable):
    full = list(range(1, 31))
    found = complete(table, {"2024-03": [*full, 31], "2024-04": full[:14], "2024-06": full}, orders=5)
    assert found == {"2024-03": True, "2024-04": False, "2024-06": True}


def test_given_an_empty_table_then_there_are_no_facts_and_they_agree(table: SalesTable):
    table.fill([])
    facts = read_facts(table)
    for kpi in load_catalog():
        table.create_view(kpi)
    assert (facts.months, facts.cube, facts.cents) == ((), (), 0)
    assert check_totals(table, facts).passed
