"""Hand-over between assets: one small JSON record per asset and month in the object store.

A reference to an object, never a pickle, so any step can run in another process or container. The records are plain
data (`records.py`); what they point to lies in the same store.
"""

from __future__ import annotations

from typing import TypeVar

from walmart_bi.errors import WalmartBiError
from walmart_bi.points import reached
from walmart_bi.records import Record
from walmart_bi.stores.base import STAGING, ObjectNotFound, ObjectStore

RecordType = TypeVar("RecordType", bound=Record)


class NotHandedOver(WalmartBiError):
    """The asset before this one has not been materialized for the month."""


class BrokenHandover(WalmartBiError):
    """The record that an asset handed over cannot be read, or is one of another version of the code."""


class Handover:
    """Writes and reads the records in one store."""

    def __init__(self, store: ObjectStore) -> None:
        self._store = store

    def write(self, asset: str, month: str, record: Record) -> None:
        """Replace what the asset last handed over for the month."""
        reached("handover.before")
        self._store.write_bytes(_key(asset, month), record.to_json().encode())
        reached("handover.after")

    def read(self, asset: str, month: str, record_type: type[RecordType]) -> RecordType:
        """What the asset last handed over for the month. Raises NotHandedOver, BrokenHandover."""
        try:
            content = self._store.read_bytes(_key(asset, month))
        except ObjectNotFound:
            raise NotHandedOver(
                f"{asset} has not been materialized for {month}.",
                place=f"{asset}, {month}",
                next_step=f"materialize {asset} for {month} first, or run the job monthly_load.",
            ) from None
        try:
            return record_type.from_json(content)
        except (ValueError, TypeError, KeyError) as error:  # no JSON, or JSON with other fields
            raise BrokenHandover(
                f"The record of {asset} for {month} cannot be read as {record_type.__name__}: {error}.",
                place=self._store.uri(_key(asset, month)),
                next_step=f"materialize {asset} for {month} again, or run the job monthly_load.",
            ) from error


def _key(asset: str, month: str) -> str:
    return f"{STAGING}handover/{asset}/{month}.json"
