"""COPY from S3, run on the client's own backend session so that BEGIN and ROLLBACK cover it.

Parquet and CSV with the few options below; any other option is a syntax error, so nothing is silently ignored. What
went wrong, and that a load was tried, is written on another session and so outlives the client's rollback, as
Redshift's system tables are assumed to do.
"""

from __future__ import annotations

import csv
import gzip
import io
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq

from walmart_bi_tests.redshift_standin.backend import Backend
from walmart_bi_tests.redshift_standin.columns import Column, Misfit, require_fit, table_columns
from walmart_bi_tests.redshift_standin.messages import SqlError
from walmart_bi_tests.redshift_standin.s3_objects import S3File, in_manifest, under_prefix

_TOKEN = re.compile(r"\s*(?:'((?:[^']|'')*)'|(\w+(?:\.\w+)*)|(\S))")
_CSV_ONLY = {"IGNOREHEADER", "GZIP", "REGION"}
_WORDS = {"CSV", "PARQUET", "MANIFEST", "GZIP"}
_VALUES = {"IAM_ROLE", "IGNOREHEADER", "REGION", "COMPUPDATE", "STATUPDATE"}


@dataclass
class CopyStatement:
    """A parsed COPY."""

    table: str
    names: list[str]
    source: str
    options: dict[str, str] = field(default_factory=dict)

    @property
    def is_parquet(self) -> bool:
        return "PARQUET" in self.options


@dataclass(frozen=True)
class LoadError:
    """A line of `sys_load_error_detail`."""

    file: str
    line: int
    column: str
    reason: str


@dataclass(frozen=True)
class LoadReport:
    """What a COPY did, for the system views."""

    statement: CopyStatement
    files: int
    rows: int
    error: LoadError | None


def parse_copy(sql: str) -> CopyStatement:
    """The statement's parts. Raises SqlError as a syntax error."""
    tokens = _Tokens(sql)
    tokens.expect("COPY")
    table, names = tokens.take(), []
    if tokens.peek() == "(":
        tokens.take()
        while tokens.peek() != ")":
            names.append(tokens.take().lower())
            if tokens.peek() == ",":
                tokens.take()
        tokens.take()
    tokens.expect("FROM")
    statement = CopyStatement(table, names, tokens.literal())
    while tokens.peek() not in ("", ";"):
        _option(tokens, statement)
    _require_sense(statement)
    return statement


def run_copy(
    statement: CopyStatement, *, s3: Any, roles: set[str], backend: Backend, report: Callable[[LoadReport], None]
) -> int:
    """Load the files; the number of rows. Reports what the system views are to show. Raises SqlError."""
    if statement.options["IAM_ROLE"] not in roles:
        raise SqlError("XX000", f"User is not authorized to assume IAM Role {statement.options['IAM_ROLE']}")
    columns = table_columns(backend, statement.table, statement.names or None)
    if "MANIFEST" in statement.options:
        files = in_manifest(s3, statement.source, needs_length=statement.is_parquet)
    else:
        files = under_prefix(s3, statement.source)
    rows = 0
    for file in files:
        try:
            rows += _load(statement, columns, file, backend)
        except Misfit as misfit:
            error = LoadError(file.uri, misfit.line, misfit.column, misfit.reason)
            report(LoadReport(statement, len(files), 0, error))
            raise _load_failure(statement, misfit) from misfit
    report(LoadReport(statement, len(files), rows, None))
    return rows


def _load(statement: CopyStatement, columns: list[Column], file: S3File, backend: Backend) -> int:
    chunks = _parquet_chunks(columns, file) if statement.is_parquet else _csv_chunks(statement, columns, file)
    names = ", ".join(column.name for column in columns)
    try:
        return backend.copy_in(f"COPY {statement.table} ({names}) FROM STDIN WITH (FORMAT csv)", chunks)
    except SqlError as error:
        if error.fields["C"].startswith(("22", "23")):
            line = re.search(r"line (\d+)", error.fields.get("W", ""))
            column = re.search(r"column (\w+)", error.fields.get("W", ""))
            skipped = int(statement.options.get("IGNOREHEADER", "0"))
            name = error.fields.get("c") or (column.group(1) if column else "")
            raise Misfit(name, error.fields["M"], int(line.group(1)) + skipped if line else 0) from error
        raise


def _parquet_chunks(columns: list[Column], file: S3File) -> list[bytes]:
    try:
        table = pq.read_table(io.BytesIO(file.content))
    except pa.ArrowInvalid as error:
        raise Misfit("", f"File '{file.uri}' has an invalid version number or is no Parquet file.") from error
    require_fit(columns, file.uri, table)
    content = io.BytesIO()
    pyarrow.csv.write_csv(table, content, pyarrow.csv.WriteOptions(include_header=False))
    return [content.getvalue()]


def _csv_chunks(statement: CopyStatement, columns: list[Column], file: S3File) -> list[bytes]:
    content = gzip.decompress(file.content) if "GZIP" in statement.options else file.content
    lines = io.StringIO(content.decode(), newline="")
    records = list(csv.reader(lines))[int(statement.options.get("IGNOREHEADER", "0")) :]
    for number, record in enumerate(records, start=1 + int(statement.options.get("IGNOREHEADER", "0"))):
        for column, value in zip(columns, record, strict=False):
            if column.bytes_at_most is not None and len(value.encode()) > column.bytes_at_most:
                raise Misfit(column.name, "String length exceeds DDL length", number)
    return [b"".join(_csv_line(record, columns) for record in records)]


def _csv_line(record: list[str], columns: list[Column]) -> bytes:
    """An empty field is an empty text in a VARCHAR column and a null in any other."""
    texts = {number for number, column in enumerate(columns) if column.kind == "character varying"}
    parts = [
        '"' + value.replace('"', '""') + '"' if value or number in texts else "" for number, value in enumerate(record)
    ]
    return (",".join(parts) + "\n").encode()


def _load_failure(statement: CopyStatement, misfit: Misfit) -> SqlError:
    if statement.is_parquet:
        return SqlError("XX000", "Spectrum Scan Error", D=f"error: Spectrum Scan Error code: 15001 context: {misfit}")
    message = f"Load into table '{statement.table}' failed. Check 'sys_load_error_detail' system table for details."
    return SqlError("XX000", message)


def _option(tokens: _Tokens, statement: CopyStatement) -> None:
    word = tokens.take().upper()
    if word == "FORMAT":
        if tokens.peek().upper() == "AS":
            tokens.take()
        word = tokens.take().upper()
        if word not in ("CSV", "PARQUET"):
            raise _syntax_error(word)
    if word in _WORDS:
        statement.options[word] = ""
    elif word in _VALUES:
        if tokens.peek().upper() == "AS":
            tokens.take()
        statement.options[word] = tokens.take()
    else:
        raise _syntax_error(word)


def _require_sense(statement: CopyStatement) -> None:
    options = statement.options
    if "IAM_ROLE" not in options:
        raise SqlError("XX000", "COPY: either IAM_ROLE or CREDENTIALS must be specified")
    if ("CSV" in options) == ("PARQUET" in options):
        raise SqlError("0A000", "The stand-in loads FORMAT CSV or FORMAT PARQUET only")
    refused = sorted(_CSV_ONLY & options.keys()) if statement.is_parquet else []
    if refused:
        raise SqlError("0A000", f"{refused[0]} argument is not supported for PARQUET based COPY")


def _syntax_error(word: str) -> SqlError:
    return SqlError("42601", f'syntax error at or near "{word}"')


class _Tokens:
    """The statement word by word; a literal is given without its quotes."""

    def __init__(self, sql: str) -> None:
        self._tokens = list(_tokens(sql))

    def peek(self) -> str:
        return self._tokens[0][1] if self._tokens else ""

    def take(self) -> str:
        if not self._tokens:
            raise SqlError("42601", "syntax error at end of input")
        return self._tokens.pop(0)[1]

    def expect(self, word: str) -> None:
        found = self.take()
        if found.upper() != word:
            raise _syntax_error(found)

    def literal(self) -> str:
        if not self._tokens or not self._tokens[0][0]:
            raise _syntax_error(self.peek())
        return self.take()


def _tokens(sql: str) -> Iterator[tuple[bool, str]]:
    for match in _TOKEN.finditer(sql):
        text, word, sign = match.groups()
        yield (True, text.replace("''", "'")) if text is not None else (False, word or sign)
