"""The report about a file that was rejected as a whole, kept under `quarantine/rejected/`."""

from __future__ import annotations

import datetime as dt
import json

from walmart_bi.errors import WalmartBiError
from walmart_bi.sales.object_names import short_name
from walmart_bi.stores.base import QUARANTINE, ObjectInfo, ObjectStore


def report_rejected(store: ObjectStore, delivered: ObjectInfo, error: WalmartBiError, *, at: dt.datetime) -> str:
    """Write the reason why a whole file was rejected under `quarantine/`, and return the report's key."""
    key = f"{QUARANTINE}rejected/{short_name(delivered.key)}_{delivered.etag[:12]}.json"
    report = {
        "file": delivered.key,
        "etag": delivered.etag,
        "bytes": delivered.size,
        "rejected_at": at.isoformat(timespec="seconds"),
        "cause": error.cause,
        "place": error.place,
        "next_step": error.next_step,
    }
    store.write_bytes(key, (json.dumps(report, indent=2, ensure_ascii=False) + "\n").encode())
    return key
