"""The cleaning in polars: one streaming pass into memory, then copies.  python -m benchmarks.peers.polars_script IN OUT

Sinks over the lazy scan were dearer: `unique` then compares the texts of all rows, and asking for repeated ids first
reads the file again.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import polars as pl

from benchmarks.peers import FLAGS, GROUPS, KNOWN, NO_GROUP, answer
from walmart_bi.sales.contract import RAW_NAMES


def text(name: str) -> Any:
    return pl.col(name).str.strip_chars()


def known(name: str) -> Any:
    return text(name).str.to_lowercase().replace_strict(KNOWN[name], default=text(name))


def flag(name: str) -> Any:
    return text(name).str.to_lowercase().replace_strict(FLAGS, default=None, return_dtype=pl.Boolean)


def number(name: str, low: int, high: int) -> Any:
    value = text(name).cast(pl.Int32, strict=False)
    return pl.when(value.is_between(low, high)).then(value)


def cleaned(source: str) -> Any:
    rows = pl.scan_csv(source, infer_schema=False).with_row_index("nr")
    rows = rows.with_columns(
        customer=text("Customer_ID").fill_null(""),
        years=number("Age", 0, 120),
        sex=known("Gender"),
        town=text("City"),
        kind=known("Category"),
        product=known("Product_Name"),
        day=text("Purchase_Date").str.replace_all("/", "-", literal=True).str.to_date("%Y-%m-%d", strict=False),
        amount=text("Purchase_Amount").cast(pl.Decimal(12, 2), strict=False),
        payment=known("Payment_Method"),
        discount=flag("Discount_Applied"),
        stars=number("Rating", 1, 5),
        repeated=flag("Repeat_Customer"),
    )
    reason = (
        pl.when(pl.col("customer") == "")
        .then(pl.lit("missing_customer_id"))
        .when(pl.col("day").is_null())
        .then(pl.lit("invalid_date"))
        .when(pl.col("amount").is_null())
        .then(pl.lit("invalid_amount"))
        .when(pl.col("amount") <= 0)
        .then(pl.lit("non_positive_amount"))
        .when(pl.col("discount").is_null() | pl.col("repeated").is_null())
        .then(pl.lit("invalid_flag"))
    )
    return rows.with_columns(reason=reason)


def main() -> int:
    source, out = sys.argv[1], Path(sys.argv[2])
    out.mkdir(parents=True, exist_ok=True)
    rows = cleaned(source).collect(engine="streaming")
    band = pl.lit(NO_GROUP)
    for name, limit in reversed(GROUPS):
        band = pl.when(pl.col("years") <= limit).then(pl.lit(name)).otherwise(band)
    good = rows.filter(pl.col("reason").is_null())
    # Only records with the same id can be equal, so only those are compared.
    same_id = good.filter(pl.col("customer").is_duplicated()).select("nr", *RAW_NAMES)
    copies = same_id.filter(~pl.struct(RAW_NAMES).is_first_distinct()).select("nr")
    if copies.height:
        good = good.join(copies, on="nr", how="anti", maintain_order="left")
    good = good.with_columns(month=pl.col("day").dt.truncate("1mo"), band=band).drop("nr", "reason", *RAW_NAMES)
    bad = rows.filter(pl.col("reason").is_not_null()).select("nr", "reason", *RAW_NAMES)
    good.write_parquet(out / "clean.parquet", compression="snappy")
    bad.write_csv(out / "bad.csv")
    answer(good.height, bad.height, copies.height, int(good["amount"].sum() * 100))
    return 0


if __name__ == "__main__":
    sys.exit(main())
