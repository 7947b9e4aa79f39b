"""The cleaning in careful pandas, each distinct value once.  python -m benchmarks.peers.pandas_script IN OUT"""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.csv as pa_csv
import pyarrow.parquet as pq

from benchmarks.peers import FLAGS, GROUPS, KNOWN, NO_GROUP, answer
from walmart_bi.sales.contract import RAW_NAMES


def read(source: str) -> pd.DataFrame:
    kinds = {name: pa.dictionary(pa.int32(), pa.string()) for name in RAW_NAMES} | {"Customer_ID": pa.string()}
    options = pa_csv.ConvertOptions(column_types=kinds, strings_can_be_null=False)
    table = pa_csv.read_csv(source, convert_options=options).unify_dictionaries().combine_chunks()
    types = {pa.string(): pd.ArrowDtype(pa.string())}
    frame: pd.DataFrame = table.to_pandas(types_mapper=types.get)
    return frame


def by_value(column: Any, convert: Callable[[Any], Any]) -> Any:
    """Convert the distinct values, take them for the rows."""
    values = pd.Series(column.cat.categories.astype("object"), dtype="str").str.strip()
    return pd.Series(np.asarray(convert(values))[column.cat.codes.to_numpy()])


def number(low: int, high: int) -> Callable[[Any], Any]:
    def convert(values: Any) -> Any:
        numbers = pd.to_numeric(values.where(values.str.fullmatch(r"\d+"), None), errors="coerce")
        return numbers.where(numbers.between(low, high))

    return convert


def known(name: str) -> Callable[[Any], Any]:
    return lambda values: values.str.lower().map(KNOWN[name]).fillna(values)


def cents(values: Any) -> Any:
    numbers = pd.to_numeric(values.where(values.str.fullmatch(r"-?\d+(\.\d+)?"), None), errors="coerce")
    return np.rint(numbers * 100)


def days(values: Any) -> Any:
    return pd.to_datetime(values.str.replace("/", "-"), format="%Y-%m-%d", errors="coerce").to_numpy("datetime64[D]")


def main() -> int:
    source, out = sys.argv[1], Path(sys.argv[2])
    out.mkdir(parents=True, exist_ok=True)
    raw = read(source)
    data = pd.DataFrame({"customer": raw["Customer_ID"].str.strip()})
    data["years"] = by_value(raw["Age"], number(0, 120))
    data["town"] = by_value(raw["City"], lambda values: values)
    for name in KNOWN:
        data[name.lower()] = by_value(raw[name], known(name)).astype("category")
    data["day"] = by_value(raw["Purchase_Date"], days)
    data["cents"] = by_value(raw["Purchase_Amount"], cents)
    data["stars"] = by_value(raw["Rating"], number(1, 5))
    for name in ("Discount_Applied", "Repeat_Customer"):
        data[name.lower()] = by_value(raw[name], lambda values: values.str.lower().map(FLAGS))
    reason = np.select(
        [
            data["customer"] == "",
            data["day"].isna(),
            data["cents"].isna(),
            data["cents"] <= 0,
            data["discount_applied"].isna() | data["repeat_customer"].isna(),
        ],
        ["missing_customer_id", "invalid_date", "invalid_amount", "non_positive_amount", "invalid_flag"],
        "",
    )
    bad = reason != ""
    copies = pd.Series(False, index=raw.index)
    again = raw[~bad & raw["Customer_ID"].duplicated(keep=False)]  # only these can be equal
    copies[again.index] = again.duplicated()
    good = data[~bad & ~copies].copy()
    good["month"] = good["day"].to_numpy("datetime64[M]").astype("datetime64[D]")
    bands = pd.cut(good["years"], bins=[-1, *(limit for _, limit in GROUPS)], labels=[name for name, _ in GROUPS])
    good["band"] = bands.cat.add_categories(NO_GROUP).fillna(NO_GROUP)
    pq.write_table(pa.Table.from_pandas(good, preserve_index=False), out / "clean.parquet", compression="snappy")
    raw[bad].assign(reason=reason[bad]).to_csv(out / "bad.csv")
    answer(len(good), int(bad.sum()), int(copies.sum()), int(good["cents"].sum()))
    return 0


if __name__ == "__main__":
    sys.exit(main())
