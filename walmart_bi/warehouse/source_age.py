"""Whether a month already has rows of a newer file than the one about to be loaded.

Two loads of one month may overlap: one chose its file, then a newer file arrived and was loaded. The rule that the
newest delivered file supplies a month must then hold at the commit, not only when the file was chosen; the sensor has
decided on both files and would never put it right.
"""

from __future__ import annotations

import datetime as dt

from walmart_bi.records import MonthlyObject
from walmart_bi.stores.base import RAW_DATA, ObjectNotFound, ObjectStore
from walmart_bi.warehouse.base import LedgerEntry


def is_from_newer_file(entry: LedgerEntry, load: MonthlyObject, store: ObjectStore) -> bool:
    """Whether the entry's file lies where it was delivered, unchanged, and is newer than the file of this load.

    A file that was removed or replaced since supplies no month any more, so an older one may. Other producers' objects
    are not compared with raw files: a person or their arrival asks for them by name.
    """
    if not (entry.source_key.startswith(RAW_DATA) and load.source.key.startswith(RAW_DATA)):
        return False
    try:
        there = store.head(entry.source_key)
    except ObjectNotFound:
        return False
    mine = (dt.datetime.fromisoformat(load.source.modified), load.source.key)
    return there.etag == entry.source_etag and (there.modified, there.key) > mine
