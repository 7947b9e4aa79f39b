"""A month's write-once object on its way into a warehouse: fetched, held to its hash, and refused where it is wrong.

What an engine finds in the object is counted by the engine; the words for what it must not find are here.
"""

from __future__ import annotations

import contextlib
import hashlib
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from walmart_bi.sql_files import read_table_ddl
from walmart_bi.stores.base import ObjectStore
from walmart_bi.stores.local_files import file_errors, opened
from walmart_bi.warehouse.base import SALES_TABLE, LedgerEntry, WarehouseError

_COLUMN = re.compile(
    r"^ +(?P<name>\w+) (?:VARCHAR\((?P<width>\d+)\)|\w+(?:\([\d, ]+\))?)(?P<needed> NOT NULL)?,?$", re.M
)


@contextlib.contextmanager
def month_object(store: ObjectStore, entry: LedgerEntry) -> Iterator[Path]:
    """The entry's object as a local file, checked to be the bytes that the ledger row names."""
    with store.fetch(entry.object_key) as path:
        with opened(path) as file, file_errors(path):
            found = hashlib.file_digest(file, "sha256").hexdigest()  # type: ignore[arg-type]
        if found != entry.object_sha256:
            raise WarehouseError(
                f"The object's content has the hash {found[:16]}... instead of {entry.object_sha256[:16]}...:"
                " it was replaced or damaged after it was written. Nothing was changed.",
                place=entry.object_key,
                next_step="load the month again from its raw file.",
            )
        yield path


def require_table_columns(entry: LedgerEntry, expected: Sequence[tuple[str, str]], path: Path) -> None:
    """Refuse other columns, types or another order. DuckDB would convert them; Redshift's COPY goes by position.

    `expected` are names and types of the table's columns, as a Parquet file of the table has them.
    """
    found = _parquet_columns(path)
    if list(found) != list(expected):
        unlike = sorted({f"{name} {kind}" for name, kind in set(expected) ^ set(found)}) or ["their order"]
        raise WarehouseError(
            f"The object's columns are not those of walmart_sales: {', '.join(unlike)} differ. Nothing was changed.",
            place=entry.object_key,
            next_step="write the object again with the columns of the cleaning contract.",
        )


def _parquet_columns(path: Path) -> list[tuple[str, str]]:
    """Names and types of the file's columns; a file that is no Parquet file has none."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        return [(field.name, str(field.type)) for field in pq.read_schema(path)]
    except pa.ArrowInvalid:
        return []


def require_limits(entry: LedgerEntry, path: Path) -> None:
    """Refuse a text of more bytes than its column holds, and a missing value where the table needs one.

    Redshift would refuse both, in words of its own; DuckDB holds no text to its width. Columns were checked before.
    """
    import pyarrow.parquet as pq

    limits = [match.groupdict() for match in _COLUMN.finditer(read_table_ddl(SALES_TABLE))]
    with pq.ParquetFile(path) as file:
        for limit in limits:
            if limit["name"] not in file.schema_arrow.names:
                continue  # the load's id, which no object has
            for group in range(file.num_row_groups):
                values = file.read_row_group(group, columns=[limit["name"]]).column(0)
                problem = _over_limit(values, int(limit["width"] or 0), needed=bool(limit["needed"]))
                if problem:
                    raise WarehouseError(
                        f"The object's column {limit['name']} {problem}. Nothing was changed.",
                        place=entry.object_key,
                        next_step="write the object again by the cleaning contract (docs/cleaning.md).",
                    )


def _over_limit(values: Any, width: int, *, needed: bool) -> str | None:
    """What is wrong with a column's values; a width of 0 is none."""
    import pyarrow.compute as pc

    if needed and values.null_count:
        return f"has {values.null_count} rows without a value, which the table needs"
    longest = (pc.max(pc.binary_length(values)).as_py() or 0) if width else 0
    return f"has a text of {longest} bytes, and the table holds {width}" if longest > width else None


def require_rows_of_month(entry: LedgerEntry, foreign: int) -> None:
    """Refuse rows of another month: they would stay behind when this month is replaced next time."""
    if foreign:
        raise WarehouseError(
            f"{foreign} rows of the object are not in {entry.month}. Nothing was changed.",
            place=entry.object_key,
            next_step="load the month again from its raw file.",
        )
