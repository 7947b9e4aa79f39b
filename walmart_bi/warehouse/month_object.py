"""A month's write-once object on its way into a warehouse: fetched, held to its hash, and refused where it is wrong.

What an engine finds in the object is counted by the engine; the words for what it must not find are here.
"""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Iterator, Sequence
from pathlib import Path

from walmart_bi.stores.base import ObjectStore
from walmart_bi.warehouse.base import LedgerEntry, WarehouseError


@contextlib.contextmanager
def month_object(store: ObjectStore, entry: LedgerEntry) -> Iterator[Path]:
    """The entry's object as a local file, checked to be the bytes that the ledger row names."""
    with store.fetch(entry.object_key) as path:
        with path.open("rb") as file:
            found = hashlib.file_digest(file, "sha256").hexdigest()
        if found != entry.object_sha256:
            raise WarehouseError(
                f"The object's content has the hash {found[:16]}... instead of {entry.object_sha256[:16]}...:"
                " it was replaced or damaged after it was written. Nothing was changed.",
                place=entry.object_key,
                next_step="load the month again from its raw file.",
            )
        yield path


def require_table_columns(
    entry: LedgerEntry, expected: Sequence[tuple[str, str]], found: Sequence[tuple[str, str]]
) -> None:
    """Refuse other columns, types or another order. DuckDB would convert them; Redshift's COPY goes by position."""
    if list(found) != list(expected):
        unlike = sorted({f"{name} {kind}" for name, kind in set(expected) ^ set(found)}) or ["their order"]
        raise WarehouseError(
            f"The object's columns are not those of walmart_sales: {', '.join(unlike)} differ. Nothing was changed.",
            place=entry.object_key,
            next_step="write the object again with the columns of the cleaning contract.",
        )


def require_rows_of_month(entry: LedgerEntry, foreign: int) -> None:
    """Refuse rows of another month: they would stay behind when this month is replaced next time."""
    if foreign:
        raise WarehouseError(
            f"{foreign} rows of the object are not in {entry.month}. Nothing was changed.",
            place=entry.object_key,
            next_step="load the month again from its raw file.",
        )
