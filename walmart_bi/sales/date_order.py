"""Which order of day and month a whole file proves, and which months its dates lie in. Reads only the date column."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

from walmart_bi.sales.columns import column
from walmart_bi.sales.reading import open_raw
from walmart_bi.sales.values import DateOrder, year_last_numbers


def prove_date_order(path: Path, name: str) -> DateOrder | None:
    """The order that every date of the form A/B/YYYY in the file supports, or None when none is proved.

    Proof is a number above 12 in one position and none in the other.
    """
    return proved_order(*largest_numbers(date_texts(path, name)))


def largest_numbers(texts: Iterable[str]) -> tuple[int, int]:
    """The largest number in the first and in the second position of all dates of the form A/B/YYYY, or 0."""
    largest_first = largest_second = 0
    for text in texts:
        numbers = year_last_numbers(text)
        if numbers is not None:
            largest_first = max(largest_first, numbers[0])
            largest_second = max(largest_second, numbers[1])
    return largest_first, largest_second


def proved_order(largest_first: int, largest_second: int) -> DateOrder | None:
    """The order that the largest numbers of a whole file prove, or None."""
    if largest_first > 12 >= largest_second:
        return "D/M/Y"
    if largest_second > 12 >= largest_first:
        return "M/D/Y"
    return None


def date_texts(path: Path, name: str) -> Iterator[str]:
    """Every different date text of the file, once a batch."""
    for batch in open_raw(path, name).batches:
        yield from column(batch.table["Purchase_Date"]).texts.to_pylist()
