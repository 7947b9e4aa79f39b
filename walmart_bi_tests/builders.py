"""Small valid months for tests: rows, the Parquet object with them, and the record that describes it.

The totals are counted here in plain Python, independently of the code that the tests look at.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
import hashlib
import tempfile
from collections.abc import Mapping, Sequence
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq

from walmart_bi.months import first_day
from walmart_bi.records import ControlTotals, FileCounts, MonthlyObject, SourceFile
from walmart_bi.stores.base import ObjectStore

if TYPE_CHECKING:
    pass

Row = dict[str, Any]

SALES_SCHEMA = pa.schema(
    [
        pa.field("month", pa.date32(), nullable=False),
        pa.field("source_line", pa.int64(), nullable=False),
        pa.field("customer_id", pa.string(), nullable=False),
        pa.field("age", pa.int32()),
        pa.field("age_group", pa.string(), nullable=False),
        pa.field("gender", pa.string(), nullable=False),
        pa.field("city", pa.string(), nullable=False),
        pa.field("category", pa.string(), nullable=False),
        pa.field("product_name", pa.string(), nullable=False),
        pa.field("purchase_date", pa.date32(), nullable=False),
        pa.field("purchase_amount", pa.decimal128(12, 2), nullable=False),
        pa.field("payment_method", pa.string(), nullable=False),
        pa.field("discount_applied", pa.bool_(), nullable=False),
        pa.field("rating", pa.int32()),
        pa.field("repeat_customer", pa.bool_(), nullable=False),
    ]
)


def make_row(month: str, number: int = 1, **overrides: Any) -> Row:
    """The month's row with this number (from 1); equal numbers give equal rows."""
    row: Row = {
        "month": first_day(month),
        "source_line": number + 1,
        "customer_id": f"{number:08d}",
        "age": 18 + number % 50,
        "age_group": "25-34",
        "gender": ("Female", "Male", "Other")[number % 3],
        "city": f"City {number % 7}",
        "category": ("Electronics", "Clothing", "Home")[number % 3],
        "product_name": f"Product {number % 5}",
        "purchase_date": first_day(month) + dt.timedelta(days=number % 28),
        "purchase_amount": Decimal(100 * number + number % 97) / 100,
        "payment_method": ("UPI", "Credit Card")[number % 2],
        "discount_applied": number % 2 == 0,
        "rating": 1 + number % 5,
        "repeat_customer": number % 3 == 0,
    }
    return {**row, **overrides}


def make_rows(month: str, count: int, **overrides: Any) -> list[Row]:
    """The first `count` rows of a month, each with the overrides."""
    return [make_row(month, number, **overrides) for number in range(1, count + 1)]


def totals_of(rows: Sequence[Row]) -> ControlTotals:
    """The control totals of rows, without any of the code under test."""
    days = sorted(row["purchase_date"].isoformat() for row in rows) or [""]
    return ControlTotals(
        rows=len(rows),
        total_cents=int(sum(row["purchase_amount"] * 100 for row in rows)),
        age_sum=sum(row["age"] or 0 for row in rows),
        rating_sum=sum(row["rating"] or 0 for row in rows),
        discounted_rows=sum(row["discount_applied"] for row in rows),
        repeat_rows=sum(row["repeat_customer"] for row in rows),
        line_sum=sum(row["source_line"] for row in rows),
        first_date=days[0],
        last_date=days[-1],
    )


def make_source(name: str, records: int, **overrides: Any) -> SourceFile:
    """A delivered file that was never written anywhere; its hash follows from its name."""
    source = SourceFile(
        key=f"raw_data/{name}.csv",
        etag=hashlib.sha256(name.encode()).hexdigest()[:32],
        size=100 * records,
        modified="2025-04-01T00:00:00+00:00",
        sha256=hashlib.sha256(name.encode()).hexdigest(),
        records=records,
        columns=["Customer_ID", "Age", "Gender", "City", "Category", "Product_Name"],
        extra_columns=[],
        declared_months=[],
    )
    return dataclasses.replace(source, **overrides)


def make_month(
    store: ObjectStore,
    month: str = "2025-03",
    rows: int | Sequence[Mapping[str, Any]] = 3,
    *,
    source: str | None = None,
    schema: pa.Schema = SALES_SCHEMA,
    **overrides: Any,
) -> MonthlyObject:
    """Write a month's Parquet object into the store and describe it.

    `rows` is a number of `make_rows` rows, or the rows themselves; `source` names the delivered file (default: one
    that follows from the content); `overrides` replace fields of the record, for descriptions that do not fit.
    """
    content = make_rows(month, rows) if isinstance(rows, int) else [dict(row) for row in rows]
    with tempfile.TemporaryDirectory() as scratch:
        path = Path(scratch) / "month.parquet"
        pq.write_table(pa.Table.from_pylist(content, schema=schema), path)
        sha256 = hashlib.sha256(path.read_bytes()).hexdigest()
        key = f"monthly_data/{month}/walmart_sales_{month}_{sha256[:16]}.parquet"
        size = store.put_new(key, path).size
    described = MonthlyObject(
        month=month,
        key=key,
        sha256=sha256,
        size=size,
        totals=totals_of(content),
        quarantined=1,
        duplicates_removed=2,
        source=make_source(source or f"sales_{month}_{sha256[:8]}", len(content) + 5),
        counts=FileCounts(
            raw_records=len(content) + 5,
            loaded=len(content),
            quarantined=3,
            duplicates_removed=2,
            other_months=0,
            quarantined_by_reason={"invalid_date": 2, "missing_customer_id": 1},
            repaired_by_kind={"age": 4, "rating": 3},
        ),
        duplicate_policy="auto",
        distinct_customer_share=1.0,
        quarantine_key="quarantine/rows.csv",
        duplicates_key="quarantine/duplicates.csv",
        contract_version="1",
    )
    return dataclasses.replace(described, **overrides)
