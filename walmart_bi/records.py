"""The facts that one layer hands to the next, as small JSON documents (never a pickle).

Plain data only: no rule, no I/O. `handover.py` stores them; the ledger copies from them.
"""

from __future__ import annotations

import dataclasses
import json
from dataclasses import dataclass, field
from typing import Any, Self


@dataclass(frozen=True)
class Record:
    """A frozen fact that survives a round trip through JSON."""

    def to_json(self) -> str:
        """The record as stable, readable JSON."""
        return json.dumps(dataclasses.asdict(self), indent=2, sort_keys=True, ensure_ascii=False) + "\n"

    @classmethod
    def from_json(cls, text: str | bytes) -> Self:
        """The record that `to_json` wrote."""
        return cls.from_fields(json.loads(text))

    @classmethod
    def from_fields(cls, fields: dict[str, Any]) -> Self:
        """The record with these fields; nested records override this."""
        return cls(**fields)


@dataclass(frozen=True)
class SourceFile(Record):
    """A delivered file that supplies a month: which bytes, and what they hold before any cleaning.

    `declared_months` come from the file's name and are empty when the name has none. `records` is counted by code
    that shares nothing with the cleaning reader (`sales/counting.py`). `modified` is ISO 8601 in UTC.
    """

    key: str
    etag: str
    size: int
    modified: str
    sha256: str
    records: int
    columns: list[str]
    extra_columns: list[str]
    declared_months: list[str]


@dataclass(frozen=True)
class FileCounts(Record):
    """Where every record of a file went. Conservation: raw_records = loaded + quarantined + duplicates + other."""

    raw_records: int
    loaded: int
    quarantined: int
    duplicates_removed: int
    other_months: int
    quarantined_by_reason: dict[str, int] = field(default_factory=dict)
    repaired_by_kind: dict[str, int] = field(default_factory=dict)
    unknown_values: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class ControlTotals(Record):
    """Order-free sums of a month's rows; the object, the staging table and the table must agree on all of them."""

    rows: int
    total_cents: int
    age_sum: int
    rating_sum: int
    discounted_rows: int
    repeat_rows: int
    line_sum: int
    first_date: str
    last_date: str


@dataclass(frozen=True)
class MonthlyObject(Record):
    """A cleaned month as a Parquet object: staged by `cleaned_sales`, published by `monthly_sales_object`.

    `counts` are those of the whole file that the month came from; `quarantined` and `duplicates_removed` are the
    month's own share (a record without a readable date belongs to the file only).
    """

    month: str
    key: str
    sha256: str
    size: int
    totals: ControlTotals
    quarantined: int
    duplicates_removed: int
    source: SourceFile
    counts: FileCounts
    duplicate_policy: str
    distinct_customer_share: float
    quarantine_key: str | None
    duplicates_key: str | None
    contract_version: str

    @classmethod
    def from_fields(cls, fields: dict[str, Any]) -> Self:
        """The record with its nested records rebuilt."""
        nested: dict[str, Any] = {
            "totals": ControlTotals.from_fields(fields["totals"]),
            "source": SourceFile.from_fields(fields["source"]),
            "counts": FileCounts.from_fields(fields["counts"]),
        }
        return cls(**{**fields, **nested})
