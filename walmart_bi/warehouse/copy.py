"""One Parquet object into one table with COPY: the manifest, the statement, and what Redshift says of a bad file.

A manifest names exactly one object and its length, because COPY takes a plain address as a prefix of many keys, and
skips what is missing unless an entry is mandatory.
"""

from __future__ import annotations

import contextlib
import json
import logging
import re
import uuid
from collections.abc import Iterator
from typing import Any

from walmart_bi.points import reached
from walmart_bi.stores.base import STAGING, ObjectStore, StoreError
from walmart_bi.warehouse.base import WarehouseError
from walmart_bi.warehouse.redshift_connection import Session, masked

_log = logging.getLogger(__name__)

# The query id of a COPY that failed because of its data is kept as well (documentation of PG_LAST_COPY_ID). Texts of
# the system views are CHAR, filled up with blanks.
_LOAD_ERRORS = """
SELECT TRIM(file_name), line_number, TRIM(column_name), TRIM(error_message)
FROM sys_load_error_detail
WHERE query_id = pg_last_copy_id()
ORDER BY file_name, line_number
"""
_SHOWN_ERRORS = 3
_SAFE_LITERAL = re.compile(r"[A-Za-z0-9 ._:/=+,@-]+")


class LoadFailed(WarehouseError):
    """COPY refused the object; nothing was changed."""


def copy_parquet(session: Session, store: ObjectStore, key: str, size: int, *, table: str, role: str) -> int:
    """Load the object of `size` bytes into the table, which is a constant name; the number of rows COPY counted.

    Raises LoadFailed with file, line, column and reason where the system views have them, values masked.
    """
    with _manifest(store, key, size) as manifest:
        reached("copy.before")
        try:
            session.execute(
                f"COPY {table} FROM {_literal(manifest)} IAM_ROLE {_literal(role)} FORMAT AS PARQUET MANIFEST"
            )
        except WarehouseError as error:
            if type(error) is not WarehouseError:
                raise
            raise _explained(session, error, key) from error
        reached("copy.after")
    return int(session.query("SELECT pg_last_copy_count()").rows[0][0])


@contextlib.contextmanager
def _manifest(store: ObjectStore, key: str, size: int) -> Iterator[str]:
    """The address of a manifest, which is removed after use. Its name says nothing, so no file name reaches SQL."""
    entry = {"url": store.uri(key), "mandatory": True, "meta": {"content_length": size}}
    manifest = f"{STAGING}copy/{uuid.uuid4().hex}.manifest"
    store.write_bytes(manifest, json.dumps({"entries": [entry]}).encode())
    try:
        yield store.uri(manifest)
    finally:
        _remove(store, manifest)


def _remove(store: ObjectStore, manifest: str) -> None:
    """Tidy up: a manifest that stays behind loads nothing, so it neither stops a load nor hides why COPY failed."""
    try:
        store.delete(manifest)
    except StoreError as error:
        _log.warning("The manifest of a COPY was left behind. %s", error)


def _literal(text: str) -> str:
    """The text as an SQL literal; COPY takes no parameters, so only harmless signs are let through."""
    if not _SAFE_LITERAL.fullmatch(text):
        raise WarehouseError(
            "This cannot be put into a COPY statement.",
            place=repr(text),
            next_step="use a bucket, prefix and role of letters, digits and . _ / = + , @ - only.",
        )
    return f"'{text}'"


def _explained(session: Session, error: WarehouseError, key: str) -> LoadFailed:
    rows: list[tuple[Any, ...]] = []
    with contextlib.suppress(WarehouseError):  # without the right to read the view, what COPY said has to do
        rows = session.query(_LOAD_ERRORS).rows
    found = [f"line {line}, column {column or 'unknown'}: {masked(reason)}" for _, line, column, reason in rows]
    shown = "; ".join(found[:_SHOWN_ERRORS])
    more = f"; and {len(found) - _SHOWN_ERRORS} more" if len(found) > _SHOWN_ERRORS else ""
    return LoadFailed(
        f"COPY failed: {shown}{more}. Nothing was changed." if found else f"COPY failed: {masked(error.cause)}",
        place=key,
        next_step="write the object again with the columns of the cleaning contract."
        if found
        else "check that the COPY role may be assumed and may read the bucket, then run it again.",
    )
