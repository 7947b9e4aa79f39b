"""A table's columns, and whether a Parquet file fits them: by position, with equal types, in bytes of UTF-8."""

from __future__ import annotations

from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc

from walmart_bi_tests.redshift_standin.backend import Backend
from walmart_bi_tests.redshift_standin.messages import SqlError

_COLUMNS = """
SELECT attname, atttypid::regtype::text, atttypmod
FROM pg_attribute
WHERE attrelid = to_regclass('{table}') AND attnum > 0 AND NOT attisdropped
ORDER BY attnum
"""
_ARROW = {
    "bigint": pa.int64(),
    "integer": pa.int32(),
    "smallint": pa.int16(),
    "boolean": pa.bool_(),
    "date": pa.date32(),
    "character varying": pa.string(),
    "double precision": pa.float64(),
    "real": pa.float32(),
    "timestamp without time zone": pa.timestamp("us"),
}


@dataclass(frozen=True)
class Column:
    """One column: its name, its type without a length, and the type's modifier as PostgreSQL keeps it."""

    name: str
    kind: str
    modifier: int

    @property
    def bytes_at_most(self) -> int | None:
        """The width of a VARCHAR in bytes, which PostgreSQL would count in characters."""
        return self.modifier - 4 if self.kind == "character varying" and self.modifier > 0 else None

    @property
    def arrow_type(self) -> pa.DataType | None:
        """The only Parquet type that fits; None for a kind of column that the stand-in does not load."""
        if self.kind == "numeric":
            return pa.decimal128((self.modifier - 4) >> 16, (self.modifier - 4) & 0xFFFF)
        return _ARROW.get(self.kind)


def table_columns(backend: Backend, table: str, names: list[str] | None) -> list[Column]:
    """The table's columns, or those named, in that order. Raises SqlError."""
    rows = backend.query(_COLUMNS.format(table=table.replace("'", "''")))
    if not rows:
        raise SqlError("42P01", f"Cannot COPY into nonexistent table {table}")
    known = {name: Column(str(name), str(kind), int(modifier or -1)) for name, kind, modifier in rows}
    missing = [name for name in names or [] if name not in known]
    if missing:
        raise SqlError("42703", f'column "{missing[0]}" of relation "{table}" does not exist')
    return [known[name] for name in names] if names else list(known.values())


class Misfit(Exception):
    """A file's column does not fit the table's: which, and why. `line` is 0 when the whole file is meant."""

    def __init__(self, column: str, reason: str, line: int = 0) -> None:
        super().__init__(reason)
        self.column, self.reason, self.line = column, reason, line


def require_fit(columns: list[Column], uri: str, table: pa.Table) -> None:
    """Raise Misfit for the first difference. The words follow Amazon's documentation where it shows them."""
    if len(columns) != table.num_columns:
        raise Misfit(
            "",
            "Unmatched number of columns between table and file. "
            f"Table columns: {len(columns)}, Data columns: {table.num_columns}, File: {uri}",
        )
    for column, field, values in zip(columns, table.schema, table.columns, strict=True):
        if field.type != column.arrow_type:
            raise Misfit(
                column.name,
                f"File '{uri}' has an incompatible Parquet schema for column '{uri}.{field.name}'. "
                f"Column type: {column.kind.upper()}, Parquet schema: {field.type}",
            )
        if column.bytes_at_most is not None:
            _require_width(column, uri, values, column.bytes_at_most)


def _require_width(column: Column, uri: str, values: pa.ChunkedArray, at_most: int) -> None:
    lengths = pc.binary_length(values)
    longest = pc.max(lengths).as_py() or 0
    if longest > at_most:
        line = pc.index(pc.greater(lengths, at_most), True).as_py() + 1
        reason = (
            f"The length of the data column {column.name} is longer than the length defined in the table. "
            f"Table: {at_most}, Data: {longest}, File: {uri}"
        )
        raise Misfit(column.name, reason, line)
