"""Whether the rollups are what the rows add up to: by plain loops over the rows that the same reader sees.

Nothing of the package's own check of its rollups is used here, so that one mistake cannot be made twice.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from walmart_bi.warehouse.base import Reader
from walmart_bi.warehouse.rollups import has_rollups
from walmart_bi_tests.proof.truth import COLUMNS

_SEGMENT = ("category", "payment_method", "discount_applied", "repeat_customer", "age_group")
_DAY = COLUMNS.index("purchase_date")
Cells = Counter[tuple[Any, ...]]


def wrong_sums(reader: Reader, seen: Mapping[str, Counter[Any]]) -> Iterator[str]:
    """Each rollup that has other cells than the rows make; a cell that is there twice is wrong too.

    Redshift commits each table as it is created, so before the first load some may not be there yet.
    """
    if not has_rollups(reader):
        yield from (f"{name} is not there, but rows are" for name in _ROLLUPS if seen)
        return
    for name, (sql, made_of) in _ROLLUPS.items():
        found: Cells = Counter((f"{month:%Y-%m}", *cell) for month, *cell in reader.query(sql).rows)
        due: Cells = Counter(cell for month, rows in seen.items() for cell in made_of(month, rows))
        if found != due:
            months = sorted({cell[0] for cell in [*(found - due), *(due - found)]})
            yield f"{name} is not what the rows add up to in {', '.join(months)}"


def _by(columns: tuple[str, ...], *, squares: bool) -> Callable[[str, Counter[Any]], Iterator[tuple[Any, ...]]]:
    places = [COLUMNS.index(column) for column in columns]

    def cells(month: str, rows: Counter[Any]) -> Iterator[tuple[Any, ...]]:
        sums: dict[tuple[Any, ...], list[int]] = defaultdict(lambda: [0, 0, 0])
        for row, times in rows.items():
            cell, cents = sums[tuple(row[place] for place in places)], row[-1]
            for index, value in enumerate((1, cents, cents * cents)):
                cell[index] += times * value
        for key, (orders, cents, squared) in sums.items():
            yield (month, *key, orders, cents, *([squared] if squares else []))

    return cells


def _month(month: str, rows: Counter[Any]) -> Iterator[tuple[Any, ...]]:
    if rows:
        days = [row[_DAY] for row in rows]
        yield month, min(days), max(days), rows.total(), sum(row[-1] * times for row, times in rows.items())


_CENTS = "CAST(revenue * 100 AS BIGINT)"
_ROLLUPS: dict[str, tuple[str, Callable[[str, Counter[Any]], Iterator[tuple[Any, ...]]]]] = {
    "sales_by_month": (f"SELECT month, first_date, last_date, orders, {_CENTS} FROM sales_by_month", _month),
    "sales_by_city": (f"SELECT month, city, orders, {_CENTS} FROM sales_by_city", _by(("city",), squares=False)),
    "sales_by_segment": (
        f"SELECT month, {', '.join(_SEGMENT)}, orders, {_CENTS}, CAST(squares * 10000 AS BIGINT) FROM sales_by_segment",
        _by(_SEGMENT, squares=True),
    ),
}
