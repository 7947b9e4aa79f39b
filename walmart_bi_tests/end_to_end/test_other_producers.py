"""Objects that other producers put under `monthly_data/`, on both targets: found, cleaned, checked and loaded.

The files are what pandas and pyarrow write by themselves from the cleaned columns, as the notebook before this project
did; the numbers that must come out are added up from the rows with decimals, not with the code under test. A file is
read in the same way wherever it lies, so each format lies on one of the targets.
"""

from __future__ import annotations

import datetime as dt
import io
from collections.abc import Callable, Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import dagster as dg
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from walmart_bi_tests.project import QUIET, TARGETS, TestProject, failed_checks, failure_of

MONTH = "2024-06"
LOCAL, AWS = TARGETS
Write = Callable[[pd.DataFrame], bytes]


@pytest.fixture
def project(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[TestProject]:
    """An empty project, on this machine unless the test names a target."""
    with TARGETS[getattr(request, "param", LOCAL)](tmp_path) as made:
        yield made


on_both_targets = pytest.mark.parametrize("project", TARGETS, indirect=True)


@pytest.fixture(scope="module", params=TARGETS)
def loaded(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestProject]:
    """A project that has loaded one object."""
    with TARGETS[request.param](tmp_path_factory.mktemp(request.param)) as made:
        assert deliver(made, f"{MONTH}/theirs.csv", pandas_csv(cleaned())).success
        yield made


def cleaned(rows: int = 60, *, month: str = MONTH, cents: int = 1999) -> pd.DataFrame:
    """The cleaned columns as the notebook had them: floats for amounts and ages, some of which are missing."""
    numbers = range(rows)
    return pd.DataFrame(
        {
            "customer_id": [f"{number:06d}" for number in numbers],
            "age": [float(18 + number) if number % 4 else None for number in numbers],
            "age_group": ["25-34"] * rows,
            "gender": pd.Categorical([("Male", "Female", "Other")[number % 3] for number in numbers]),
            "city": [("Port Wren", 'Sankt "Ölten", West', "None")[number % 3] for number in numbers],
            "category": [("Electronics", "Home")[number % 2] for number in numbers],
            "product_name": [("Phone", "Lamp")[number % 2] for number in numbers],
            "purchase_date": [pd.Timestamp(f"{month}-{1 + number % 28:02d}") for number in numbers],
            "purchase_amount": [(cents + 7 * number) / 100 for number in numbers],
            "payment_method": ["UPI", "Cash on Delivery"] * (rows // 2),
            "discount_applied": [number % 2 == 0 for number in numbers],
            "rating": [1 + number % 5 for number in numbers],
            "repeat_customer": [number % 3 == 0 for number in numbers],
        }
    )


def revenue(frame: pd.DataFrame) -> Decimal:
    return sum((Decimal(f"{amount:.2f}") for amount in frame["purchase_amount"]), Decimal(0))


def pandas_csv(frame: pd.DataFrame) -> bytes:
    return frame.to_csv(index=False).encode()


def pandas_csv_with_index(frame: pd.DataFrame) -> bytes:
    return frame.to_csv().encode()


def pandas_parquet(frame: pd.DataFrame) -> bytes:
    written = io.BytesIO()
    frame.to_parquet(written)
    return written.getvalue()


def pandas_parquet_in_utc(frame: pd.DataFrame) -> bytes:
    return pandas_parquet(frame.assign(purchase_date=frame["purchase_date"].dt.tz_localize("UTC")))


def pyarrow_parquet(frame: pd.DataFrame) -> bytes:
    """Dates, exact decimals and small numbers, as a careful producer types them."""
    table = pa.table(
        {
            "customer_id": pa.array(frame["customer_id"], pa.string()),
            "age": pa.array([None if pd.isna(age) else int(age) for age in frame["age"]], pa.int16()),
            "gender": pa.array(frame["gender"].astype(str)).dictionary_encode(),
            "city": pa.array(frame["city"], pa.string()),
            "category": pa.array(frame["category"], pa.string()),
            "product_name": pa.array(frame["product_name"], pa.string()),
            "purchase_date": pa.array(frame["purchase_date"].dt.date, pa.date32()),
            "purchase_amount": pa.array(
                [Decimal(f"{amount:.2f}") for amount in frame["purchase_amount"]], pa.decimal128(12, 2)
            ),
            "payment_method": pa.array(frame["payment_method"], pa.string()),
            "discount_applied": pa.array(frame["discount_applied"], pa.bool_()),
            "rating": pa.array(frame["rating"], pa.int8()),
            "repeat_customer": pa.array(frame["repeat_customer"], pa.bool_()),
        }
    )
    written = io.BytesIO()
    pq.write_table(table, written, compression="zstd")
    return written.getvalue()


def tick(project: TestProject, cursor: str | None = None) -> dg.SensorResult:
    definition = next(each for each in project.definitions.sensors or () if each.name == "monthly_data_sensor")
    context = dg.build_sensor_context(
        instance=project.instance, cursor=cursor, resources={"store": project.store}, definitions=project.definitions
    )
    result = definition(context)
    assert isinstance(result, dg.SensorResult)
    return result


def run(project: TestProject, request: dg.RunRequest, *, whole: bool = False) -> dg.ExecuteInProcessResult:
    """The run as the daemon would start it: whole, or as far as the sales table with its checks."""
    return project.definitions.resolve_job_def("load_monthly_object").execute_in_process(
        instance=project.instance,
        tags=request.tags,
        run_config={**QUIET, **request.run_config},
        asset_selection=None if whole else [dg.AssetKey("walmart_sales")],
        raise_on_error=False,
    )


def deliver(project: TestProject, name: str, content: bytes, *, whole: bool = False) -> dg.ExecuteInProcessResult:
    """Put the object there, and run what the sensor asks for."""
    project.store.write_bytes(f"monthly_data/{name}", content)
    (request,) = tick(project).run_requests or ()
    return run(project, request, whole=whole)


@pytest.fixture(scope="module", autouse=True)
def settled() -> Iterator[None]:
    # A file counts as settled a second after it was written, and a look lasts seconds; the tests do not wait for that.
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("walmart_bi.build.SETTLE", dt.timedelta(0))
        patch.setattr("walmart_bi.build.LINGER", dt.timedelta(0))
        yield


@pytest.mark.parametrize(
    ("project", "name", "write"),
    [
        (AWS, f"{MONTH}/walmart sales.csv", pandas_csv),
        (LOCAL, f"cleaned_{MONTH}.csv", pandas_csv_with_index),
        (LOCAL, f"{MONTH}/sales.parquet", pandas_parquet),
        (LOCAL, f"{MONTH}/sales_utc.parquet", pandas_parquet_in_utc),
        (AWS, f"{MONTH}/sales_typed.parquet", pyarrow_parquet),
    ],
    indirect=["project"],
)
def test_given_what_pandas_or_pyarrow_writes_when_put_there_then_each_row_is_loaded_to_the_cent(
    project: TestProject, name: str, write: Write
):
    frame = cleaned()
    result = deliver(project, name, write(frame))
    assert result.success and failed_checks(result) == set()
    assert project.query("SELECT COUNT(*), SUM(purchase_amount) FROM walmart_sales") == [(60, revenue(frame))]
    first = (
        "SELECT customer_id, age, age_group, gender, city, category, product_name, purchase_date, purchase_amount,"
        " payment_method, discount_applied, rating, repeat_customer FROM walmart_sales WHERE customer_id IN (?, ?)"
        " ORDER BY customer_id"
    )
    with project.warehouse.read() as reader:
        rows = reader.query(first, ("000001", "000004")).rows
    assert [tuple(row) for row in rows] == [
        (
            *("000001", 19, "18-24", "Female", 'Sankt "Ölten", West', "Home", "Lamp", dt.date(2024, 6, 2)),
            *(Decimal("20.06"), "Cash on Delivery", False, 2, False),
        ),
        (
            *("000004", None, "Unknown", "Female", 'Sankt "Ölten", West', "Electronics", "Phone", dt.date(2024, 6, 5)),
            *(Decimal("20.27"), "UPI", True, 5, False),
        ),
    ]
    (entry,) = project.warehouse.ledger()
    assert (entry.load_id, entry.source_key) == (f"{MONTH}-v1", f"monthly_data/{name}")
    assert (entry.source_records, entry.loaded_rows, entry.total_cents) == (60, 60, int(revenue(frame) * 100))
    assert entry.object_key.startswith(f"monthly_data/{MONTH}/walmart_sales_{MONTH}_")


def test_given_what_pandas_writes_when_put_there_then_the_run_goes_on_to_views_and_snapshot(project: TestProject):
    frame = cleaned()
    result = deliver(project, f"{MONTH}/walmart sales.csv", pandas_csv(frame), whole=True)
    assert result.success and failed_checks(result) == set()
    assert project.query("SELECT total_revenue, orders FROM kpi_total_revenue") == [(revenue(frame), 60)]
    assert project.store.read_bytes("dashboard_data/latest/kpi_total_revenue.csv").count(b"\n") == 2


def test_given_a_loaded_object_when_ticked_again_then_neither_it_nor_our_own_copy_is_requested(loaded: TestProject):
    result = tick(loaded)
    assert not result.run_requests
    assert "this version has a run already" in result.skip_reason.skip_message
    assert not tick(loaded, result.cursor).run_requests


def test_given_the_same_bytes_under_another_name_when_run_then_the_month_is_unchanged(loaded: TestProject):
    assert deliver(loaded, f"{MONTH}/theirs_again.csv", pandas_csv(cleaned())).success
    assert [(entry.load_id, entry.is_active) for entry in loaded.warehouse.ledger()] == [(f"{MONTH}-v1", True)]
    assert loaded.rows_by_month() == {MONTH: 60}


@on_both_targets
def test_given_a_correction_under_the_same_name_when_run_then_it_replaces_the_month(project: TestProject):
    assert deliver(project, f"{MONTH}/theirs.parquet", pandas_parquet(cleaned())).success
    corrected = cleaned(58, cents=2500)
    assert deliver(project, f"{MONTH}/theirs.parquet", pandas_parquet(corrected)).success
    assert [(entry.load_id, entry.is_active) for entry in project.warehouse.ledger()] == [
        (f"{MONTH}-v1", False),
        (f"{MONTH}-v2", True),
    ]
    assert project.query("SELECT COUNT(*), SUM(purchase_amount) FROM walmart_sales") == [(58, revenue(corrected))]


def rejected(project: TestProject, name: str, content: bytes) -> str:
    """What a person reads; nothing may have been loaded."""
    text = failure_of(deliver(project, name, content))
    assert project.warehouse.ledger() == []
    assert "\n" not in text
    return text


def test_given_rows_of_another_month_inside_when_run_then_the_object_is_rejected(project: TestProject):
    content = pandas_csv(pd.concat([cleaned(50), cleaned(10, month="2024-07")]))
    assert "outside" in rejected(project, f"{MONTH}/theirs.csv", content)


@on_both_targets
def test_given_too_many_bad_rows_when_run_then_the_month_is_not_loaded_and_the_rows_are_set_aside(project: TestProject):
    frame = cleaned(100)
    frame.loc[:8, "purchase_amount"] = -1.0
    text = rejected(project, f"{MONTH}/theirs.csv", pandas_csv(frame))
    assert "9 of 100 records" in text and "correct the file and deliver it again" in text
    (aside,) = project.store.list("quarantine/theirs.csv")
    assert project.store.read_bytes(aside.key).count(b"non_positive_amount") == 9


def test_given_a_few_bad_rows_when_run_then_the_rest_is_loaded_and_they_are_counted(project: TestProject):
    frame = cleaned(100)
    frame.loc[0, "purchase_amount"] = 0.1 + 0.2  # not an amount of cents, as sums of floats are
    frame.loc[1, "purchase_amount"] = float("nan")
    result = deliver(project, f"{MONTH}/theirs.parquet", pandas_parquet(frame))
    assert result.success
    (entry,) = project.warehouse.ledger()
    assert (entry.source_records, entry.loaded_rows, entry.source_quarantined) == (100, 98, 2)
    assert project.query("SELECT SUM(purchase_amount) FROM walmart_sales") == [(revenue(frame.iloc[2:]),)]


def nested(frame: pd.DataFrame) -> bytes:
    return pandas_parquet(frame.assign(city=[["Port", "Wren"]] * len(frame)))


def nanoseconds(frame: pd.DataFrame) -> bytes:
    return pandas_parquet(frame.assign(purchase_date=frame["purchase_date"].astype("int64")))


@pytest.mark.parametrize(
    ("project", "name", "write", "words"),
    [
        (LOCAL, "theirs.parquet", nested, "cannot be read as text columns"),
        (LOCAL, "theirs.parquet", nanoseconds, "60 of 60 records"),
        (AWS, "theirs.parquet", lambda frame: pandas_parquet(frame)[:-100], "cannot be read"),
        (LOCAL, "theirs.parquet", lambda frame: pandas_parquet(frame.iloc[:0]), "has no record"),
        (LOCAL, "theirs.parquet", lambda frame: pandas_parquet(frame.drop(columns="city")), "Missing columns: City"),
        (LOCAL, "theirs.csv", lambda frame: frame.to_csv(index=False, header=False).encode(), "Missing columns"),
        (LOCAL, "theirs.csv", lambda frame: frame.to_csv(index=False, sep="|").encode(), "Missing columns"),
        (AWS, "theirs.csv", lambda frame: frame.to_json(date_format="iso").encode(), "is a JSON document"),
    ],
    indirect=["project"],
    ids=["nested", "integer dates", "cut off", "empty", "column missing", "no header", "pipes", "JSON"],
)
def test_given_what_is_no_month_of_sales_when_run_then_one_clear_line_and_nothing_loaded(
    project: TestProject, name: str, write: Callable[[Any], bytes], words: str
):
    text = rejected(project, f"{MONTH}/{name}", write(cleaned()))
    assert words in text and f"monthly_data/{MONTH}/{name}" in text
