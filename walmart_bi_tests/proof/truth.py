"""What must be in the tables and files, by the oracle: the rows of each delivered file, and the KPIs of each state.

Nothing of the package under test is used here.
"""

from __future__ import annotations

import datetime as dt
import hashlib
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from walmart_bi_tests import oracle

TODAY = dt.date(2026, 1, 1)
COLUMNS = (
    *("customer_id", "age", "age_group", "gender", "city", "category", "product_name", "purchase_date"),
    *("payment_method", "discount_applied", "rating", "repeat_customer"),
)
State = frozenset[tuple[str, str]]
"""Which file, by its SHA-256, supplies which month."""


@dataclass(frozen=True)
class Kpi:
    """A KPI's columns, and its rows in a form that can be compared, sorted. Without rows the columns are not known."""

    columns: list[str]
    rows: list[tuple[str, ...]]

    def is_told_by(self, rows: Iterable[Iterable[Any]]) -> bool:
        """Whether these rows, in the order of the columns, are the same multiset."""
        found = list(rows)
        if not self.columns:
            return not found
        return sorted(comparable(self.columns, row) for row in found) == self.rows


@dataclass
class Truth:
    """The deliveries so far, each read by the oracle."""

    rows: dict[tuple[str, str], list[oracle.Row]] = field(default_factory=dict)
    _months: dict[tuple[str, str], Counter[Any]] = field(default_factory=dict)
    _kpis: dict[State, dict[str, Kpi]] = field(default_factory=dict)

    def deliver(self, path: Path, months: list[str]) -> str:
        """Know this file, whose name declares the months; its SHA-256."""
        sha256 = hashlib.sha256(path.read_bytes()).hexdigest()
        cleaned = oracle.clean(path, today=TODAY, declared_months=months)
        for month in months:
            self.rows[month, sha256] = [row for row in cleaned.rows if f"{row['month']:%Y-%m}" == month]
        return sha256

    def month(self, month: str, sha256: str) -> Counter[Any]:
        """The month's rows as a multiset, if this file supplies it. Not to be changed."""
        if (month, sha256) not in self._months:
            self._months[month, sha256] = Counter(as_told(row) for row in self.rows[month, sha256])
        return self._months[month, sha256]

    def kpis(self, state: State) -> dict[str, Kpi]:
        """Every KPI of the state."""
        if state not in self._kpis:
            rows = [row for month, sha256 in sorted(state) for row in self.rows[month, sha256]]
            self._kpis[state] = {
                name: Kpi(list(found[0]) if found else [], sorted(comparable(found[0], row.values()) for row in found))
                for name, found in oracle.kpis(rows).items()
            }
        return self._kpis[state]


def as_told(row: oracle.Row) -> tuple[Any, ...]:
    """A row of the oracle as the table tells it."""
    return (*(row[name] for name in COLUMNS), row["cents"])


def comparable(columns: Iterable[str], values: Iterable[Any]) -> tuple[str, ...]:
    """A KPI's row as text, as far as the engines must agree: shares are floating point."""
    return tuple(
        f"{float(value):.9f}" if name.endswith("share") else "" if value is None else str(value)
        for name, value in zip(columns, values, strict=True)
    )
