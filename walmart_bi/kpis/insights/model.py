"""What the story is made of: the facts that the warehouse gives, and the insights that are made from them.

Plain data and its JSON. Reading facts is `facts.py`, numbers are `analysis.py` and `statistics.py`, text `wording.py`.
Money is whole cents (`cents`), squares of amounts are whole cents squared, days are ISO text, months `YYYY-MM`.
"""

from __future__ import annotations

import dataclasses
import json
from dataclasses import dataclass
from typing import Any, NamedTuple

from walmart_bi.records import Record

Slot = str | int | float
DIMENSIONS = ("category", "payment_method", "discount_applied", "repeat_customer", "city_group", "age_group")
# Not compared by average order: the largest cities are chosen by their revenue, so theirs is larger by that alone. On
# pure noise of the public file's shape it was "a difference" in 97 of 100 data sets.
CHOSEN_BY_REVENUE = ("city_group",)


class Cell(NamedTuple):
    """One row of the story cube: a month, one value of each dimension, and the sums of their orders."""

    month: str
    category: str
    payment_method: str
    discount_applied: bool
    repeat_customer: bool
    city_group: str
    age_group: str
    orders: int
    cents: int
    squares: int


class CityCell(NamedTuple):
    """One row of the ten largest cities' cube."""

    month: str
    category: str
    payment_method: str
    discount_applied: bool
    repeat_customer: bool
    city: str
    orders: int
    cents: int


@dataclass(frozen=True)
class Month:
    """A loaded month. `days` are those of the calendar; `is_complete` is decided in `facts.py`, nowhere else."""

    month: str
    first_date: str
    last_date: str
    days: int
    orders: int
    cents: int
    is_complete: bool


@dataclass(frozen=True)
class Cities:
    """How revenue is spread over all cities of all loaded months.

    `curve`: at most 21 points (share of cities, share of revenue), cities from the largest down. `hhi` is the sum of
    squared shares: 1 when one city has all, 1 / cities when all are equal.
    """

    cities: int
    single_order_cities: int
    cities_of_30_orders: int
    ten_largest_cents: int
    cents: int
    hhi: float
    curve: tuple[tuple[float, float], ...]


@dataclass(frozen=True)
class Quality:
    """What the ledger says of the active loads; quarantined and duplicates are those of the files that supply them."""

    months: int
    rows: int
    quarantined: int
    duplicates: int
    last_commit: str
    load_ids: tuple[str, ...]


@dataclass(frozen=True)
class Facts:
    """Everything that the story is computed from, read in one consistent state of the warehouse.

    `customers` is the number of different customer ids.
    """

    months: tuple[Month, ...]
    cube: tuple[Cell, ...]
    city_cube: tuple[CityCell, ...]
    cities: Cities
    customers: int
    quality: Quality

    @property
    def orders(self) -> int:
        """Orders of all loaded months."""
        return sum(month.orders for month in self.months)

    @property
    def cents(self) -> int:
        """Revenue of all loaded months."""
        return sum(month.cents for month in self.months)


@dataclass(frozen=True)
class Selection:
    """What a reader looks at: a month (None: the latest complete one) and the kept values; empty keeps all."""

    month: str | None = None
    category: tuple[str, ...] = ()
    payment_method: tuple[str, ...] = ()
    discount_applied: tuple[bool, ...] = ()
    repeat_customer: tuple[bool, ...] = ()
    city_group: tuple[str, ...] = ()
    age_group: tuple[str, ...] = ()


@dataclass(frozen=True)
class Sentence:
    """A filled pattern of `phrases.json`: its key (`insight.case`), the slots' values, and the text they give.

    `unit` is the step of shown money in cents: 100 (whole dollars) or 1.
    """

    pattern: str
    slots: dict[str, Slot]
    unit: int
    text: str


@dataclass(frozen=True)
class Box:
    """One persona's insight box. `headline` is the caption of its story point."""

    persona: str
    title: str
    headline: tuple[Sentence, ...]
    what: tuple[Sentence, ...]
    why: tuple[Sentence, ...]
    unusual: tuple[Sentence, ...]
    limits: tuple[Sentence, ...]

    @property
    def sections(self) -> dict[str, tuple[Sentence, ...]]:
        """The parts of the box in the order of reading."""
        return {"what": self.what, "why": self.why, "unusual": self.unusual, "limits": self.limits}


@dataclass(frozen=True)
class Insights(Record):
    """`insights.json`: the facts' totals, the numbers of the analysis, and every persona's box."""

    format_version: int
    month: str | None
    previous_month: str | None
    orders: int
    cents: int
    customers: int
    months: tuple[Month, ...]
    cities: Cities
    quality: Quality
    numbers: dict[str, Any]
    boxes: tuple[Box, ...]

    def box(self, persona: str) -> Box:
        """The box of a persona; KeyError for one that is not in the catalog."""
        return {box.persona: box for box in self.boxes}[persona]

    @classmethod
    def from_fields(cls, fields: dict[str, Any]) -> Insights:
        """The insights with their nested records rebuilt."""
        curve = tuple((cities, revenue) for cities, revenue in fields["cities"]["curve"])
        nested: dict[str, Any] = {
            "months": tuple(Month(**month) for month in fields["months"]),
            "cities": Cities(**{**fields["cities"], "curve": curve}),
            "quality": Quality(**{**fields["quality"], "load_ids": tuple(fields["quality"]["load_ids"])}),
            "boxes": tuple(_box(box) for box in fields["boxes"]),
        }
        return cls(**{**fields, **nested})


def _box(fields: dict[str, Any]) -> Box:
    parts = {name: value for name, value in fields.items() if name not in ("persona", "title")}
    sentences = {name: tuple(Sentence(**sentence) for sentence in part) for name, part in parts.items()}
    return Box(persona=fields["persona"], title=fields["title"], **sentences)


def as_plain(value: Any) -> Any:
    """A dataclass of this package as what JSON knows; equal values give equal text."""
    return json.loads(json.dumps(dataclasses.asdict(value)))
