"""Writes and reads `.hyper` extracts. The only module that knows pantab, which is imported when it is needed.

Equal tables do not give equal bytes (Hyper puts identifiers of its own into a file), so what is compared is always the
rows. pantab starts a database process for each call and ends it before it returns. It is asked for nothing that would
make that process write a log, and it sends no usage data: pantab switches that off itself.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from walmart_bi.errors import WalmartBiError
from walmart_bi.kpis.privacy import refuse_customer_columns
from walmart_bi.reporting.tableau.tables import SCHEMA, Field, Table

# The version of Hyper's file format that holds decimals of more than 18 digits; Tableau reads it since 2022.4.
_FORMAT = {"default_database_version": "3"}
_MADE_ANEW = "materialize the snapshot again; the extract is made anew."
# Hyper writes its files for the owner and the group alone; these are made to be read.
_READABLE = 0o644


class ExtractError(WalmartBiError):
    """An extract cannot be written, or is none that can be read."""


def write_hyper(path: Path, tables: Sequence[Table]) -> None:
    """Write the tables into a new extract. Raises CustomerColumn before anything is written, ExtractError."""
    for table in tables:
        refuse_customer_columns(table.name, [field.name for field in table.columns])
    with _explained(path, "check the free space of the temporary directory, then run it again."):
        frames = {(SCHEMA, table.name): _arrow(table) for table in tables}
        _pantab().frames_to_hyper(frames, path, process_params=_FORMAT)
    path.chmod(_READABLE)


def read_table(path: Path, table: str, columns: Sequence[str]) -> list[tuple[Any, ...]]:
    """Rows of a table with exact types, in no order that can be relied on. Raises ExtractError."""
    names = ", ".join(_quoted(name) for name in columns)
    return query(path, f"SELECT {names} FROM {_quoted(SCHEMA)}.{_quoted(table)}")  # noqa: S608 - quoted names


def table_columns(path: Path) -> dict[str, tuple[str, ...]]:
    """The tables of the extract, each with its columns. Raises ExtractError."""
    return {table: tuple(columns) for table, columns in _column_types(path).items()}


def read_tables(path: Path) -> dict[str, tuple[tuple[str, ...], list[tuple[Any, ...]]]]:
    """Every table of the extract with its columns and rows. Raises ExtractError.

    One query for all tables, in which each column has a place of its own: a query a table would start a database
    process a table, which costs ten times as much (2.1 against 0.3 CPU seconds for 13 tables).
    """
    types = _column_types(path)
    places = [(table, column) for table, columns in types.items() for column in columns]
    selects = [
        f'SELECT {number} AS "table", '  # noqa: S608 - quoted names
        + ", ".join(
            f'{_quoted(column) if owner == table else f"CAST(NULL AS {types[owner][column]})"} AS "{place}"'
            for place, (owner, column) in enumerate(places)
        )
        + f" FROM {_quoted(SCHEMA)}.{_quoted(table)}"
        for number, table in enumerate(types)
    ]
    if not selects:
        return {}
    found = _arrow_of(path, " UNION ALL ".join(selects))
    return {table: (tuple(types[table]), _rows_of(found, number, table, places)) for number, table in enumerate(types)}


def query(path: Path, sql: str) -> list[tuple[Any, ...]]:
    """Rows of one query in Hyper's SQL. Raises ExtractError."""
    columns = [column.to_pylist() for column in _arrow_of(path, sql).columns]
    return list(zip(*columns, strict=True))


def _arrow_of(path: Path, sql: str) -> Any:
    with _explained(path, _MADE_ANEW):
        return _pantab().frame_from_hyper_query(path, sql, return_type="pyarrow")


def _column_types(path: Path) -> dict[str, dict[str, str]]:
    """Each table's columns in their order, with their types in Hyper's words."""
    found = query(
        path,
        "SELECT c.relname, a.attname, FORMAT_TYPE(a.atttypid, a.atttypmod), n.nspname"
        " FROM pg_catalog.pg_class AS c"
        " JOIN pg_catalog.pg_attribute AS a ON a.attrelid = c.oid"
        " JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace"
        " WHERE a.attnum > 0 ORDER BY c.relname, a.attnum",
    )
    tables: dict[str, dict[str, str]] = {}
    for table, column, type_, schema in found:
        if schema == SCHEMA:
            tables.setdefault(table, {})[column] = type_
    return tables


def _rows_of(found: Any, number: int, table: str, places: Sequence[tuple[str, str]]) -> list[tuple[Any, ...]]:
    import pyarrow.compute as pc

    own = found.filter(pc.equal(found.column("table"), number))
    return list(
        zip(*(own.column(str(at)).to_pylist() for at, (owner, _) in enumerate(places) if owner == table), strict=True)
    )


@contextmanager
def _explained(path: Path, next_step: str) -> Iterator[None]:
    """pantab tells every failure as a RuntimeError, with Hyper's message and internal codes below it."""
    try:
        yield
    except ImportError as error:
        raise ExtractError(
            f"The package pantab, which writes Tableau extracts, cannot be loaded: {error}.",
            place=path.name,
            next_step="install the project again; on a platform without a wheel of pantab no extract can be made.",
        ) from error
    except RuntimeError as error:
        told = (str(error).strip().splitlines() or ["no reason given"])[0].rstrip(" :")
        raise ExtractError(f"Hyper refused: {told}.", place=path.name, next_step=next_step) from error


def _pantab() -> Any:
    import pantab  # type: ignore[import-untyped]

    return pantab


def _arrow(table: Table) -> Any:
    import pyarrow as pa

    columns = list(zip(*table.rows, strict=True)) or [()] * len(table.columns)
    arrays = [pa.array(values, _arrow_type(field)) for field, values in zip(table.columns, columns, strict=True)]
    return pa.table(dict(zip([field.name for field in table.columns], arrays, strict=True)))


def _arrow_type(field: Field) -> Any:
    import pyarrow as pa

    plain = {
        "DATE": pa.date32(),
        "BIGINT": pa.int64(),
        "INTEGER": pa.int32(),
        "BOOLEAN": pa.bool_(),
        "VARCHAR": pa.large_string(),
        "DOUBLE PRECISION": pa.float64(),
    }
    if field.type in plain:
        return plain[field.type]
    precision, scale = (int(digits) for digits in re.findall(r"\d+", field.type))
    return pa.decimal128(precision, scale)


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
