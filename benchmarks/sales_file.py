"""Raw sales files of any size, made from a seed, in bounded memory: the same arguments give the same bytes.

Of the dirty records an eighth each has: white space around a text, a known value in capitals, an impossible date, a
negative amount, no customer id, an amount that is none, an age that is none, or is an exact copy of an earlier record.
Every city repeats (16,000 of them), or each record has one of its own.

    python -m benchmarks.sales_file OUT --rows 1000000 [--cities distinct] [--dirty 0.02] [--months 12]
"""

from __future__ import annotations

import argparse
import datetime as dt
import hashlib
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from benchmarks.measuring import positive
from benchmarks.months import month_names
from walmart_bi.months import first_day, next_month
from walmart_bi.records import SourceFile
from walmart_bi.sales.contract import KNOWN_VALUES, RAW_NAMES

BLOCK = 250_000
CITIES = 16_000
KINDS = ("space", "capitals", "date", "negative", "no id", "no amount", "no age", "copy")


def main() -> int:
    """Write the file and, beside it, what the raw layer of the graph would say of it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=Path)
    parser.add_argument("--rows", type=positive, required=True)
    parser.add_argument("--cities", choices=["repeating", "distinct"], default="repeating")
    parser.add_argument("--dirty", type=float, default=0.0)
    parser.add_argument("--months", type=positive, default=12)
    options = parser.parse_args()
    write_sales(options.out, options.rows, cities=options.cities, dirty=options.dirty, months=options.months)
    return 0


def write_sales(path: Path, rows: int, *, cities: str, dirty: float, months: int = 12) -> None:
    """The file at `path`, and its `SourceFile` record at `path` with `.json` added."""
    names, digest = month_names(months), hashlib.sha256()
    first, days = first_day(names[0]), (first_day(next_month(names[-1])) - first_day(names[0])).days
    with path.open("wb") as file:
        for piece in (header(), *blocks(rows, first, days, cities, dirty)):
            file.write(piece)
            digest.update(piece)
    source = SourceFile(
        key=f"raw_data/{path.name}",
        etag="benchmark",
        size=path.stat().st_size,
        modified="2026-01-01T00:00:00+00:00",
        sha256=digest.hexdigest(),
        records=rows,
        columns=list(RAW_NAMES),
        extra_columns=[],
        declared_months=[],
    )
    path.with_name(f"{path.name}.json").write_text(source.to_json())


def header() -> bytes:
    """The first line."""
    return f"{','.join(RAW_NAMES)}\n".encode()


def blocks(rows: int, first: dt.date, days: int, cities: str, dirty: float) -> Any:
    """The records as text, block by block."""
    for number, start in enumerate(range(0, rows, BLOCK)):
        rng = np.random.default_rng([7, number])
        columns = spoiled(drawn(rng, start, min(BLOCK, rows - start), first, days, cities), rng, dirty)
        lines = pc.binary_join_element_wise(*columns.values(), ",")
        text = pc.binary_join_element_wise(lines, pa.scalar("\n"), "")
        offsets = np.frombuffer(text.buffers()[1], np.int32)
        yield memoryview(text.buffers()[2])[: int(offsets[len(text)])]


def drawn(rng: Any, start: int, rows: int, first: dt.date, days: int, cities: str) -> dict[str, Any]:
    """Clean records."""
    dates = [
        (first + dt.timedelta(days=day)).strftime(form) for form in ("%Y-%m-%d", "%Y/%-m/%-d") for day in range(days)
    ]
    city = rng.integers(0, CITIES, rows) if cities == "repeating" else np.arange(start, start + rows)
    names = pc.binary_join_element_wise(pa.scalar("New City"), pc.cast(pa.array(city), pa.string()), " ")
    return {
        "Customer_ID": uuids(rng, rows),
        "Age": pc.cast(pa.array(rng.integers(18, 70, rows)), pa.string()),
        "Gender": chosen(rng, KNOWN_VALUES["Gender"], rows),
        "City": names,
        "Category": chosen(rng, KNOWN_VALUES["Category"], rows),
        "Product_Name": chosen(rng, KNOWN_VALUES["Product_Name"], rows),
        "Purchase_Date": chosen(rng, dates, rows),
        "Purchase_Amount": pc.cast(pa.array(rng.integers(1000, 50000, rows) / 100), pa.string()),
        "Payment_Method": chosen(rng, KNOWN_VALUES["Payment_Method"], rows),
        "Discount_Applied": chosen(rng, ("Yes", "No"), rows),
        "Rating": pc.cast(pa.array(rng.integers(1, 6, rows)), pa.string()),
        "Repeat_Customer": chosen(rng, ("Yes", "No"), rows),
    }


def uuids(rng: Any, rows: int) -> Any:
    """Random ids of the form of a UUID."""
    digits = np.frombuffer(b"0123456789abcdef", np.uint8)[rng.integers(0, 16, (rows, 36), dtype=np.uint8)]
    digits[:, [8, 13, 18, 23]] = ord("-")
    offsets = np.arange(0, 36 * (rows + 1), 36, dtype=np.int32)
    return pa.Array.from_buffers(pa.string(), rows, [None, pa.py_buffer(offsets), pa.py_buffer(digits)])


def chosen(rng: Any, values: Any, rows: int) -> Any:
    """Values drawn evenly."""
    return pa.array(list(values)).take(pa.array(rng.integers(0, len(values), rows)))


def spoiled(columns: dict[str, Any], rng: Any, share: float) -> dict[str, Any]:
    """The columns with that share of records made dirty, each in one way."""
    rows = len(columns["Age"])
    bad = np.flatnonzero(rng.random(rows) < share)
    kind = rng.integers(0, len(KINDS), len(bad))
    of_kind = {name: bad[kind == number] for number, name in enumerate(KINDS)}
    city, category = columns["City"], columns["Category"]
    columns = columns | {
        "City": put(
            city, of_kind["space"], pc.binary_join_element_wise("  ", city, " ", "").take(pa.array(of_kind["space"]))
        ),
        "Category": put(category, of_kind["capitals"], pc.utf8_upper(category.take(pa.array(of_kind["capitals"])))),
        "Purchase_Date": put(columns["Purchase_Date"], of_kind["date"], "2024-13-45"),
        "Purchase_Amount": put(
            put(columns["Purchase_Amount"], of_kind["negative"], "-12.50"), of_kind["no amount"], "#REF!"
        ),
        "Customer_ID": put(columns["Customer_ID"], of_kind["no id"], ""),
        "Age": put(columns["Age"], of_kind["no age"], "abc"),
    }
    taken = np.arange(rows)
    taken[of_kind["copy"]] = (of_kind["copy"] * rng.random(len(of_kind["copy"]))).astype(np.int64)
    return {name: column.take(pa.array(taken)) for name, column in columns.items()} if share else columns


def put(column: Any, rows: Any, value: Any) -> Any:
    """The column with other values in these rows."""
    where = np.zeros(len(column), np.bool_)
    where[rows] = True
    values = pa.scalar(value) if isinstance(value, str) else value
    return pc.replace_with_mask(column, pa.array(where), values)


if __name__ == "__main__":
    sys.exit(main())
