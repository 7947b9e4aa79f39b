"""UNLOAD of a query to S3 as one file, CSV or Parquet. A target that has objects is refused, as on Redshift."""

from __future__ import annotations

import io
import re
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq

from walmart_bi_tests.redshift_standin.backend import Backend
from walmart_bi_tests.redshift_standin.columns import table_columns
from walmart_bi_tests.redshift_standin.messages import SqlError
from walmart_bi_tests.redshift_standin.s3_objects import split_uri

_UNLOAD = re.compile(
    r"""\s*UNLOAD\s*\(\s*'(?P<query>(?:[^']|'')*)'\s*\)\s*TO\s+'(?P<target>[^']*)'
    \s+IAM_ROLE\s+'(?P<role>[^']*)'\s+(?:FORMAT\s+(?:AS\s+)?)?
    (?:CSV(?P<header>\s+HEADER)?|(?P<parquet>PARQUET))(?P<overwrite>\s+ALLOWOVERWRITE)?\s*;?\s*""",
    re.IGNORECASE | re.VERBOSE,
)


@dataclass(frozen=True)
class UnloadStatement:
    """A parsed UNLOAD."""

    query: str
    target: str
    role: str
    is_parquet: bool
    has_header: bool
    may_overwrite: bool


def parse_unload(sql: str) -> UnloadStatement:
    """The statement's parts: CSV or Parquet, options in one order. Raises SqlError as a syntax error."""
    match = _UNLOAD.fullmatch(sql)
    if match is None:
        raise SqlError("42601", 'syntax error at or near "UNLOAD"')
    return UnloadStatement(
        query=match["query"].replace("''", "'"),
        target=match["target"],
        role=match["role"],
        is_parquet=bool(match["parquet"]),
        has_header=bool(match["header"]),
        may_overwrite=bool(match["overwrite"]),
    )


def run_unload(statement: UnloadStatement, *, s3: Any, roles: set[str], backend: Backend) -> None:
    """Write the query's rows. Raises SqlError."""
    if statement.role not in roles:
        raise SqlError("XX000", f"User is not authorized to assume IAM Role {statement.role}")
    bucket, prefix = split_uri(statement.target)
    if s3.list_objects_v2(Bucket=bucket, Prefix=prefix)["KeyCount"] and not statement.may_overwrite:
        raise SqlError("XX000", "Specified unload destination on S3 is not empty. Consider using a different location")
    if statement.is_parquet:
        s3.put_object(Bucket=bucket, Key=f"{prefix}000.parquet", Body=_parquet(statement.query, backend))
    else:
        s3.put_object(Bucket=bucket, Key=f"{prefix}000", Body=_csv(statement.query, backend, statement.has_header))


def _csv(query: str, backend: Backend, has_header: bool) -> bytes:
    header = "TRUE" if has_header else "FALSE"
    return backend.copy_out(f"COPY ({query}) TO STDOUT WITH (FORMAT csv, HEADER {header})")


def _parquet(query: str, backend: Backend) -> bytes:
    backend.query(f"CREATE TEMP TABLE standin_unload AS SELECT * FROM ({query}) AS unloaded LIMIT 0")
    columns = table_columns(backend, "standin_unload", None)
    backend.query("DROP TABLE standin_unload")
    types = {column.name: column.arrow_type for column in columns}
    foreign = [name for name, kind in types.items() if kind is None]
    if foreign:
        raise SqlError("0A000", f"The stand-in has no Parquet type for column {foreign[0]}: it cannot be unloaded")
    # An empty field is a null, and an empty text is a pair of quotes.
    options = pa.csv.ConvertOptions(
        column_types=types,
        true_values=["t"],
        false_values=["f"],
        null_values=[""],
        strings_can_be_null=True,
        quoted_strings_can_be_null=False,
    )
    parsing = pa.csv.ParseOptions(newlines_in_values=True)
    table = pa.csv.read_csv(
        io.BytesIO(_csv(query, backend, has_header=True)), parse_options=parsing, convert_options=options
    )
    content = io.BytesIO()
    pq.write_table(table, content)
    return content.getvalue()
