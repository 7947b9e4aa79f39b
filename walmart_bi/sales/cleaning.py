"""A batch of raw records to typed rows, by the cleaning contract. Pure: no file, no clock, no state between batches.

Values are converted once per distinct value and taken by code for the rows; a column that does not repeat goes through
whole-column kernels. Amounts go from text to integer cents. Nothing is dropped here: the result says for each record
whether it is good, and if not, every reason.
"""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa

from walmart_bi.sales import columns as col
from walmart_bi.sales.amounts import decimals, plain_cents
from walmart_bi.sales.contract import (
    AGE_GROUPS,
    AGE_UNREADABLE,
    FLAG_VALUES,
    FUTURE_DATE,
    ID_WIDTH,
    INVALID_FLAG,
    KNOWN_VALUES,
    MAX_AGE,
    MAX_RATING,
    MIN_RATING,
    MISSING_CUSTOMER_ID,
    OUTPUT_COLUMNS,
    OUTSIDE_DECLARED_MONTH,
    RATING_UNREADABLE,
    SPELLING,
    TEXT_TOO_LONG,
    TEXT_WIDTH,
    UNKNOWN,
)
from walmart_bi.sales.raw_batch import RawBatch
from walmart_bi.sales.values import DateOrder, Fault, fold, parse_amount, parse_date, parse_whole_number

Bools = npt.NDArray[np.bool_]
Ints = npt.NDArray[np.int64]

TEXT_COLUMNS = ("Gender", "City", "Category", "Product_Name", "Payment_Method")
EPOCH = dt.date(1970, 1, 1).toordinal()
_GROUP_NAMES = [*(name for name, _ in AGE_GROUPS), UNKNOWN]
_GROUP_LIMITS = np.array([limit for _, limit in AGE_GROUPS])


@dataclass(frozen=True)
class Rules:
    """What the contract needs to know beside the batch.

    `declared` are the months (YYYY-MM) of the file's name, empty when it has none. `date_order` tells which order of
    day and month the whole file proves; it is asked only when a batch has such dates.
    """

    today: dt.date
    declared: tuple[str, ...]
    date_order: Callable[[], DateOrder | None]


@dataclass(frozen=True)
class CleanBatch:
    """A batch after cleaning. Arrays have one entry for each record of the raw batch.

    `months` counts months since 1970-01 and holds only where `dated`. `faults` are (reason, raw column, records).
    """

    good: Bools
    dated: Bools
    months: Ints
    faults: list[tuple[str, str, Bools]]
    _columns: dict[str, Any]
    _repairs: list[tuple[str, Bools]]
    _unknown: list[tuple[str, col.Column, Bools]]

    def frame(self, rows: Ints) -> pd.DataFrame:
        """The given good records as typed rows, in the given order, with the contract's output columns."""
        take = pa.array(rows)
        taken = {column.name: self._columns[column.name].take(take) for column in OUTPUT_COLUMNS}
        return pd.DataFrame({name: pd.arrays.ArrowExtensionArray(values) for name, values in taken.items()}, copy=False)

    def repairs(self, rows: Ints) -> Counter[str]:
        """How many fields of the given records were repaired, by kind."""
        counts: Counter[str] = Counter()
        for kind, repaired in self._repairs:
            counts[kind] += int(np.count_nonzero(repaired[rows]))
        return +counts

    def unknown_values(self, rows: Ints) -> Counter[tuple[str, str]]:
        """How often the given records hold a value that the contract does not know, by column and value."""
        counts: Counter[tuple[str, str]] = Counter()
        for name, column, unknown in self._unknown:
            seen = np.bincount(column.spread(np.arange(len(column.texts)))[rows], minlength=len(column.texts))
            for code in np.flatnonzero(unknown & (seen > 0)).tolist():
                counts[name, column.texts[code].as_py()] += int(seen[code])
        return counts

    def reasons(self) -> dict[int, tuple[tuple[str, str], ...]]:
        """For each record that is not good: its (reason, raw column) pairs in the contract's order."""
        found: dict[int, tuple[tuple[str, str], ...]] = {}
        for reason, column, records in self.faults:
            pair = ((reason, column),)
            for record in np.flatnonzero(records).tolist():
                found[record] = found.get(record, ()) + pair
        return dict(sorted(found.items()))


def clean(batch: RawBatch, rules: Rules) -> CleanBatch:
    """Apply the cleaning contract to every record of the batch."""
    work = _Work(batch)
    work.customer_id()
    work.age()
    for name in TEXT_COLUMNS:
        work.text(name)
    months, dated = work.purchase_date(rules)
    work.purchase_amount()
    work.flag("Discount_Applied")
    work.rating()
    work.flag("Repeat_Customer")
    bad = np.logical_or.reduce([np.zeros(len(batch.lines), np.bool_), *(records for _, _, records in work.faults)])
    return CleanBatch(~bad, dated, months, work.faults, work.columns, work.repairs, work.unknown)


class _Work:
    """The columns of one batch while they are converted one after the other."""

    def __init__(self, batch: RawBatch) -> None:
        self._table = batch.table
        self.columns: dict[str, Any] = {"source_line": pa.array(batch.lines)}
        self.faults: list[tuple[str, str, Bools]] = []
        self.repairs: list[tuple[str, Bools]] = []
        self.unknown: list[tuple[str, col.Column, Bools]] = []

    def _column(self, name: str) -> col.Column:
        return col.column(self._table[name])

    def _fault(self, reason: str, name: str, records: Bools) -> None:
        if records.any():
            self.faults.append((reason, name, records))

    def _repair(self, kind: str, records: Bools) -> None:
        if records.any():
            self.repairs.append((kind, records))

    def _normal(self, column: col.Column) -> col.Normalised:
        """The column's texts in normal form; changes of white space and Unicode form are repairs."""
        normal = col.normalise(column.texts)
        for kind, changed in normal.changed.items():
            self._repair(kind, column.spread(changed))
        return normal

    def customer_id(self) -> None:
        column = self._column("Customer_ID")
        texts = self._normal(column).texts
        size = col.byte_lengths(texts)
        self._fault(MISSING_CUSTOMER_ID, "Customer_ID", column.spread(size == 0))
        self._fault(TEXT_TOO_LONG, "Customer_ID", column.spread(size > ID_WIDTH))
        self.columns["customer_id"] = col.Column(texts, column.codes).plain()

    def text(self, name: str) -> None:
        """A text column: empty becomes Unknown, known values get their canonical spelling, others are counted."""
        column = self._column(name)
        distinct = col.Column(self._normal(column).texts, column.codes)
        if name in KNOWN_VALUES:
            distinct = self._known(name, distinct)
        size = col.byte_lengths(distinct.texts)
        self._fault(TEXT_TOO_LONG, name, distinct.spread(size > TEXT_WIDTH))
        empty = size == 0
        if empty.any():
            self._repair(f"{name.lower()}_empty", distinct.spread(empty))
            distinct = col.Column(col.replaced(distinct.texts, empty, UNKNOWN), distinct.codes)
        # A month's file would carry the whole dictionary of each batch; that is fine for the few known values only.
        self.columns[name.lower()] = distinct.encoded() if name in KNOWN_VALUES else distinct.plain()

    def _known(self, name: str, distinct: col.Column) -> col.Column:
        canonical = {value.casefold(): value for value in KNOWN_VALUES[name]}
        given = distinct.texts.to_pylist()
        spelled = [canonical.get(value.casefold(), value) for value in given]
        respelled = np.array([value != other for value, other in zip(given, spelled, strict=True)], np.bool_)
        self._repair(SPELLING, distinct.spread(respelled))
        known = col.recode(pa.array(spelled, pa.string()), distinct)
        unknown = np.array(
            [value != "" and value.casefold() not in canonical for value in known.texts.to_pylist()], np.bool_
        )
        if unknown.any():
            self.unknown.append((name.lower(), known, unknown))
        return known

    def _whole_number(self, name: str, lowest: int, highest: int, repair: str) -> npt.NDArray[np.int32]:
        """The column's numbers, -1 where there is none."""
        column = self._column(name)
        numbers = np.array(
            [
                -1 if value is None else value
                for value in (parse_whole_number(text, lowest, highest) for text in column.texts.to_pylist())
            ],
            np.int32,
        )
        self._repair(repair, column.spread(numbers < 0))
        values = column.spread(numbers)
        self.columns[name.lower()] = pa.array(values, mask=values < 0)
        return values

    def age(self) -> None:
        ages = self._whole_number("Age", 0, MAX_AGE, AGE_UNREADABLE)
        groups = np.where(ages < 0, len(AGE_GROUPS), np.searchsorted(_GROUP_LIMITS, ages)).astype(np.int32)
        self.columns["age_group"] = pa.DictionaryArray.from_arrays(pa.array(groups), pa.array(_GROUP_NAMES))

    def rating(self) -> None:
        self._whole_number("Rating", MIN_RATING, MAX_RATING, RATING_UNREADABLE)

    def flag(self, name: str) -> None:
        column = self._column(name)
        flags = np.array([FLAG_VALUES.get(fold(text).casefold(), 2) for text in column.texts.to_pylist()], np.int8)
        self._fault(INVALID_FLAG, name, column.spread(flags == 2))
        self.columns[name.lower()] = pa.array(column.spread(flags) == 1)

    def purchase_amount(self) -> None:
        column = self._column("Purchase_Amount")
        cents, faults = col.converted(column.texts, plain_cents, parse_amount)
        for reason, where in faults.items():
            self._fault(reason, "Purchase_Amount", column.spread(where))
        self.columns["purchase_amount"] = decimals(column.spread(cents))

    def purchase_date(self, rules: Rules) -> tuple[Ints, Bools]:
        column = self._column("Purchase_Date")
        order = rules.date_order() if col.any_year_last(column.texts) else None

        def days_since_1970(text: str) -> int | Fault:
            day = parse_date(text, order)
            return day if isinstance(day, Fault) else day.toordinal() - EPOCH

        days, faults = col.converted(column.texts, None, days_since_1970)
        readable = ~np.logical_or.reduce([np.zeros(len(days), np.bool_), *faults.values()])
        months = days.astype("datetime64[D]").astype("datetime64[M]")
        faults[FUTURE_DATE] = readable & (days > rules.today.toordinal() - EPOCH)
        if rules.declared:
            declared = np.isin(months, np.array(rules.declared, "datetime64[M]"))
            faults[OUTSIDE_DECLARED_MONTH] = readable & ~faults[FUTURE_DATE] & ~declared
        for reason, where in faults.items():
            self._fault(reason, "Purchase_Date", column.spread(where))
        self.columns["purchase_date"] = col.dates(column.spread(days))
        self.columns["month"] = col.dates(column.spread(months.astype("datetime64[D]").astype(np.int64)))
        return column.spread(months.astype(np.int64)), column.spread(readable)
