"""Deliveries whose content is known beforehand: the file, and the rows that it brings to each month."""

from __future__ import annotations

import datetime as dt
import hashlib
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from walmart_bi_tests.corpus.case import file_of, record

MONTHS = ("2024-01", "2024-02", "2024-03", "2024-04")

Row = tuple[str, str, int]
"""What a row is known by: customer, day, cents."""
Kind = Literal["good", "some_bad", "repeated", "too_many_bad", "unreadable"]
Naming = Literal["month", "undated"]


@dataclass(frozen=True)
class Content:
    """The bytes of a delivery; the rows of each month; the months that it covers under a name with and without them."""

    data: bytes
    kind: Kind
    rows: Mapping[str, Counter[Row]]
    months: tuple[str, ...]

    @property
    def sha256(self) -> str:
        return hashlib.sha256(self.data).hexdigest()

    def covers(self, naming: Naming) -> tuple[str, ...]:
        """The months that it covers: those in its name, else those of its dates, of which a damaged file has none."""
        if naming == "month":
            return self.months
        return () if self.kind == "unreadable" else tuple(month for month in self.months if self.rows[month])


def make_content(serial: int, rows: Mapping[str, int], kind: Kind) -> Content:
    """A delivery of so many rows a month, at least one of all; like no other with another serial number."""
    months = tuple(sorted(rows))
    known: dict[str, Counter[Row]] = {}
    records = []
    for month in months:
        made = [_record(serial, month, number) for number in range(rows[month])]
        known[month] = Counter(_row(each) for each in made)
        records += made
    if kind == "repeated":
        records.append(records[0])
    bad = record(0, purchase_amount="-1", purchase_date=records[0][6])
    if kind == "some_bad":
        records += [bad] * (len(records) // 25)
    if kind == "too_many_bad":
        records += [bad] * (1 + len(records) // 8)
    data = file_of(records)
    if kind == "unreadable":
        data = b"<html>" + str(serial).encode() + b"</html>"
    return Content(data, kind, known, months)


def _record(serial: int, month: str, number: int) -> list[str]:
    day = dt.date.fromisoformat(f"{month}-01") + dt.timedelta(days=number % 28)
    cents = 100 + (serial * 7919 + number * 31) % 90_000
    return record(
        number,
        customer_id=f"d{serial}-{month}-{number}",
        purchase_date=day.isoformat(),
        purchase_amount=f"{cents // 100}.{cents % 100:02d}",
    )


def _row(made: Sequence[str]) -> Row:
    return made[0], made[6], round(float(made[7]) * 100)


def file_name(serial: int, months: Sequence[str], naming: Naming) -> str:
    """A name that no other delivery has."""
    if naming == "undated":
        return f"delivery {serial}.csv"
    return (
        f"sales_{months[0]}_{months[-1]}_v{serial:04d}x.csv"
        if len(months) > 1
        else f"sales_{months[0]}_v{serial:04d}x.csv"
    )
