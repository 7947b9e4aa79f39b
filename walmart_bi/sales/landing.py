"""What lies in `raw_data/`, and which delivered file supplies which month.

The rule (the newest delivered file that covers the month) is applied here to a store's listing; how months are read
from a name is in `coverage.py`, how they are read from dates in `inspection.py`.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterable

from walmart_bi.errors import WalmartBiError
from walmart_bi.sales.coverage import declared_months
from walmart_bi.sales.errors import RejectedFile
from walmart_bi.stores.base import RAW_DATA, ObjectInfo, ObjectStore


class NoFileForMonth(WalmartBiError):
    """No delivered file covers a month."""


def months_covered(store: ObjectStore, delivered: ObjectInfo, *, today: dt.date) -> tuple[str, ...]:
    """The months that a delivered file covers: those of its name, else those found in its dates.

    Raises RejectedFile when the name has none and the content cannot be read.
    """
    named = declared_months(delivered.key)
    if named:
        return named
    from walmart_bi.sales.inspection import months_in

    with store.fetch(delivered.key, delivered.etag) as path:
        return months_in(path, today, key=delivered.key)


def suppliers(
    store: ObjectStore,
    months: Iterable[str],
    *,
    today: dt.date,
    on_unreadable: Callable[[ObjectInfo, RejectedFile], None],
) -> dict[str, ObjectInfo]:
    """The delivered file that supplies each month. Raises NoFileForMonth naming every month without one.

    Files are asked newest first and only until every month has one, so old files without a month in their name are
    not read again. Such a file that cannot be read covers nothing; it is reported and passed over.
    """
    missing, found = set(months), {}
    for delivered in sorted(store.list(RAW_DATA), key=lambda info: (info.modified, info.key), reverse=True):
        if not missing:
            break
        try:
            covered = missing.intersection(months_covered(store, delivered, today=today))
        except RejectedFile as rejected:
            on_unreadable(delivered, rejected)
            continue
        found.update(dict.fromkeys(covered, delivered))
        missing -= covered
    if missing:
        raise NoFileForMonth(
            f"No delivered file covers {', '.join(sorted(missing))}.",
            place=store.uri(RAW_DATA.rstrip("/")),
            next_step="deliver a file for it: walmart-bi load FILE, or copy it into that directory.",
        )
    return found
