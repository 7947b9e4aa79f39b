"""The cleaning as DuckDB SQL: one staged table, two COPYs.  python -m benchmarks.peers.duckdb_sql IN OUT"""

from __future__ import annotations

import sys
from pathlib import Path

import duckdb

from benchmarks.peers import GROUPS, KNOWN, NO_GROUP, answer
from walmart_bi.sales.contract import RAW_NAMES

RAW = ", ".join(RAW_NAMES)
REASONS = {
    "missing_customer_id": "coalesce(customer, '') = ''",
    "invalid_date": "day IS NULL",
    "invalid_amount": "amount IS NULL",
    "non_positive_amount": "amount <= 0",
    "invalid_flag": "discount IS NULL OR repeated IS NULL",
}


def known(name: str) -> str:
    """The canonical spelling of a known value, any other as it is."""
    cases = " ".join(f"WHEN '{low}' THEN '{value}'" for low, value in KNOWN[name].items())
    return f"CASE lower(trim({name})) {cases} ELSE trim({name}) END"


def flag(name: str) -> str:
    return f"CASE lower(trim({name})) WHEN 'yes' THEN true WHEN 'no' THEN false END"


def number(name: str, low: int, high: int) -> str:
    value = f"try_cast(trim({name}) AS INTEGER)"
    return f"CASE WHEN {value} BETWEEN {low} AND {high} THEN {value} END"


def staged(source: str) -> str:
    """A row's `rowid` is its place in the file; numbering by a window would keep all of it on one core."""
    columns = ", ".join(f"'{name}': 'VARCHAR'" for name in RAW_NAMES)
    reasons = " ".join(f"WHEN {test} THEN '{reason}'" for reason, test in REASONS.items())
    return f"""
    CREATE TEMP TABLE staged AS
    SELECT *, CASE {reasons} END AS reason
    FROM (
        SELECT {RAW}, trim(Customer_ID) AS customer, {number("Age", 0, 120)} AS years,
            {known("Gender")} AS sex, trim(City) AS town, {known("Category")} AS kind,
            {known("Product_Name")} AS product,
            try_cast(replace(trim(Purchase_Date), '/', '-') AS DATE) AS day,
            try_cast(trim(Purchase_Amount) AS DECIMAL(12, 2)) AS amount, {known("Payment_Method")} AS payment,
            {flag("Discount_Applied")} AS discount, {number("Rating", 1, 5)} AS stars,
            {flag("Repeat_Customer")} AS repeated
        FROM read_csv('{source}', header = true, columns = {{{columns}}}, auto_detect = false, quote = '"', delim = ',')
    )
    """


# Only records with the same id can be equal, so only those are compared.
COPIES = f"""
CREATE TEMP TABLE copies AS
SELECT nr
FROM (
    SELECT rowid AS nr, row_number() OVER (PARTITION BY {RAW} ORDER BY rowid) AS copy
    FROM staged
    WHERE reason IS NULL
        AND customer IN (SELECT customer FROM staged WHERE reason IS NULL GROUP BY customer HAVING count(*) > 1)
)
WHERE copy > 1
"""


def main() -> int:
    source, out = sys.argv[1], Path(sys.argv[2])
    out.mkdir(parents=True, exist_ok=True)
    groups = " ".join(f"WHEN years <= {limit} THEN '{name}'" for name, limit in GROUPS)
    with duckdb.connect() as database:
        database.execute(f"SET temp_directory = '{out}/spill'")
        database.execute(staged(source))
        database.execute(COPIES)
        database.execute(f"""
            COPY (
                SELECT date_trunc('month', day)::DATE AS month, customer, years,
                    CASE {groups} ELSE '{NO_GROUP}' END AS band,
                    sex, town, kind, product, day, amount, payment, discount, stars, repeated
                FROM staged
                WHERE reason IS NULL AND rowid NOT IN (SELECT nr FROM copies)
            ) TO '{out}/clean.parquet' (FORMAT parquet, COMPRESSION snappy)""")
        database.execute(
            f"COPY (SELECT rowid AS nr, reason, {RAW} FROM staged WHERE reason IS NOT NULL) TO '{out}/bad.csv'"
        )
        bad, copies = (
            count(database, f"SELECT count(*) FROM {what}") for what in ("staged WHERE reason IS NOT NULL", "copies")
        )
        loaded = count(database, f"SELECT count(*) FROM '{out}/clean.parquet'")
        cents = count(database, f"SELECT CAST(sum(amount) * 100 AS BIGINT) FROM '{out}/clean.parquet'")
    answer(loaded, bad, copies, cents)
    return 0


def count(database: duckdb.DuckDBPyConnection, sql: str) -> int:
    row = database.execute(sql).fetchone()
    assert row is not None
    return int(row[0])


if __name__ == "__main__":
    sys.exit(main())
