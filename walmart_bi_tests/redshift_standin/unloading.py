"""UNLOAD of a query to S3 as one CSV file. A target that has objects already is refused, as on Redshift."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from walmart_bi_tests.redshift_standin.backend import Backend
from walmart_bi_tests.redshift_standin.messages import SqlError
from walmart_bi_tests.redshift_standin.s3_objects import split_uri

_UNLOAD = re.compile(
    r"""\s*UNLOAD\s*\(\s*'(?P<query>(?:[^']|'')*)'\s*\)\s*TO\s+'(?P<target>[^']*)'
    \s+IAM_ROLE\s+'(?P<role>[^']*)'\s+(?:FORMAT\s+(?:AS\s+)?)?CSV
    (?P<header>\s+HEADER)?(?P<overwrite>\s+ALLOWOVERWRITE)?\s*;?\s*""",
    re.IGNORECASE | re.VERBOSE,
)


@dataclass(frozen=True)
class UnloadStatement:
    """A parsed UNLOAD."""

    query: str
    target: str
    role: str
    has_header: bool
    may_overwrite: bool


def parse_unload(sql: str) -> UnloadStatement:
    """The statement's parts: CSV only, options in one order. Raises SqlError as a syntax error."""
    match = _UNLOAD.fullmatch(sql)
    if match is None:
        raise SqlError("42601", 'syntax error at or near "UNLOAD"')
    return UnloadStatement(
        query=match["query"].replace("''", "'"),
        target=match["target"],
        role=match["role"],
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
    header = "TRUE" if statement.has_header else "FALSE"
    content = backend.copy_out(f"COPY ({statement.query}) TO STDOUT WITH (FORMAT csv, HEADER {header})")
    s3.put_object(Bucket=bucket, Key=f"{prefix}000", Body=content)
