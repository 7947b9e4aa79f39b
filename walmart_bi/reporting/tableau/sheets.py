"""What each worksheet shows, as plain data: which table, which fields on which shelf, in which order.

All of it follows from the KPI headers; the XML is `worksheets.py`.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from walmart_bi.kpis.model import AOV_COLUMN, CHARTS, ORDERS_COLUMN, REVENUE_COLUMNS, Kpi
from walmart_bi.reporting.tableau.tables import (
    DIMENSION_UNITS,
    ORDER_VALUE,
    STORY_DIMENSIONS,
    Table,
    place_column,
    shown_column,
)

MEASURE_NAMES = "[:Measure Names]"
MEASURE_VALUES = "[Multiple Values]"

_MARKS = {"tiles": "Text", "line": "Line", "bar": "Bar", "effects": "Bar", "scatter": "Circle", "table": "Text"}
_MANUAL_ORDER_LIMIT = 200  # labels written into the workbook; beyond it Tableau orders by name
_RECOMPUTED = {*REVENUE_COLUMNS, ORDERS_COLUMN, AOV_COLUMN}


@dataclass(frozen=True)
class Pill:
    """A field on a shelf, with what is done to it. Tableau calls it a column instance."""

    field: str
    derivation: str
    short: str
    kind: str

    @property
    def name(self) -> str:
        """The instance's name, such as `[sum:revenue:qk]`."""
        return f"[{self.short}:{self.field}:{ {'quantitative': 'qk', 'ordinal': 'ok', 'nominal': 'nk'}[self.kind] }]"


@dataclass(frozen=True)
class Order:
    """How the values of a pill are ordered: by a measure, or as listed."""

    pill: Pill
    by: Pill | None = None
    descending: bool = False
    labels: tuple[str, ...] = ()


@dataclass(frozen=True)
class Sheet:
    """One worksheet. `measures` are shown together, as one axis, where `is_combined`."""

    kpi: Kpi
    name: str
    note: str
    table: Table
    mark: str
    rows: tuple[Pill, ...] = ()
    columns: tuple[Pill, ...] = ()
    measures: tuple[Pill, ...] = ()
    is_combined: bool = False
    color: Pill | None = None
    detail: tuple[Pill, ...] = ()
    order: Order | None = None
    minimum: tuple[Pill, int] | None = None

    @property
    def is_filtered(self) -> bool:
        """Whether the story's filters apply to the sheet."""
        return self.table.name == "Extract"

    @property
    def pills(self) -> tuple[Pill, ...]:
        """Every field that the sheet uses, each once."""
        used: list[Pill] = [*self.rows, *self.columns, *self.measures, *self.detail]
        used += [self.color] if self.color else []
        used += [pill for pill in (self.order.pill, self.order.by) if pill] if self.order else []
        used += [self.minimum[0]] if self.minimum else []
        used += [filter_pill(field.name) for field in STORY_DIMENSIONS] if self.is_filtered else []
        return tuple(dict.fromkeys(used))


def dimension(table: Table, name: str, *, on_axis: bool = False) -> Pill:
    """The field as a grouping: a month as a point in time where it is on an axis."""
    unit = table.field(name).unit
    if unit == "month":
        return Pill(name, "Month-Trunc", "tmn", "quantitative" if on_axis else "ordinal")
    if unit == "date":
        return Pill(name, "None", "none", "quantitative" if on_axis else "ordinal")
    return Pill(name, "None", "none", "nominal")


def filter_pill(name: str) -> Pill:
    """A dimension of the story cube as a filter."""
    kind = "ordinal" if name == "month" else "nominal"
    return Pill(name, "None", "none", kind)


def measure(table: Table, name: str) -> Pill:
    """The field as a number: sums where they mean something, Tableau's own quotient for the order value."""
    if name == AOV_COLUMN and table.has(ORDER_VALUE):
        name = ORDER_VALUE
    if table.field(name).formula:
        return Pill(name, "User", "usr", "quantitative")
    if name == AOV_COLUMN:
        return Pill(name, "Avg", "avg", "quantitative")
    if table.field(name).unit in {"rank", "years"}:
        return Pill(name, "Min", "min", "quantitative")
    return Pill(name, "Sum", "sum", "quantitative")


def build_sheets(catalog: Sequence[Kpi], published: dict[str, Table], story: Table) -> tuple[Sheet, ...]:
    """A worksheet for each KPI, in the catalog's order."""
    titles = Counter(kpi.title for kpi in catalog)
    return tuple(
        _sheet(
            kpi,
            kpi.title if titles[kpi.title] == 1 else f"{kpi.title} ({kpi.name})",
            published[kpi.name],
            story,
        )
        for kpi in catalog
    )


def _sheet(kpi: Kpi, name: str, published: Table, story: Table) -> Sheet:
    is_filtered = follows_from_story(kpi, published, story)
    table = story if is_filtered else published
    note = "" if is_filtered else "All data: the filters do not apply. "
    sheet = Sheet(kpi, name, f"{note}{kpi.show.caption}", table, _MARKS[kpi.show.chart])
    laid_out = _LAYOUTS[kpi.show.chart](sheet, kpi, published)
    return laid_out if not kpi.show.minimum_orders else _with_minimum(laid_out, kpi.show.minimum_orders, published)


def follows_from_story(kpi: Kpi, published: Table, story: Table) -> bool:
    """Whether the story cube gives exactly the rows of the view, so that the sheet may be filtered."""
    shown = {*_shown_measures(kpi), *([kpi.show.x] if kpi.show.x else [])} - set(kpi.grain)
    dimensions = {field.name for field in STORY_DIMENSIONS}
    sums = [name for name in kpi.column_names if name in {*REVENUE_COLUMNS, ORDERS_COLUMN}]
    if kpi.covers != "all" or kpi.show.top or kpi.show.minimum_orders or not shown <= _RECOMPUTED or not sums:
        return False
    if not set(kpi.grain) <= dimensions:
        return False
    return _totals(published, kpi.grain, sums) == _totals(story, kpi.grain, [_story_name(name) for name in sums])


def _shown_measures(kpi: Kpi) -> tuple[str, ...]:
    """The measures that the header names; a table without any shows them all."""
    return kpi.show.y or tuple(column.name for column in kpi.columns if column.unit not in DIMENSION_UNITS)


def _story_name(name: str) -> str:
    return "revenue" if name in REVENUE_COLUMNS else name


def _totals(table: Table, by: Sequence[str], sums: Sequence[str]) -> dict[tuple[Any, ...], list[Any]]:
    names = [field.name for field in table.columns]
    keys, values = [names.index(name) for name in by], [names.index(name) for name in sums]
    totals: defaultdict[tuple[Any, ...], list[Any]] = defaultdict(lambda: [0] * len(values))
    for row in table.rows:
        key = tuple(row[place] for place in keys)
        totals[key] = [total + row[place] for total, place in zip(totals[key], values, strict=True)]
    return totals


def _measures(sheet: Sheet, names: Iterable[str]) -> tuple[Pill, ...]:
    known = [_story_name(name) if sheet.is_filtered else name for name in names]
    return tuple(measure(sheet.table, name) for name in known)


def _tiles(sheet: Sheet, kpi: Kpi, published: Table) -> Sheet:
    del published
    return replace(sheet, measures=_measures(sheet, kpi.show.y), rows=_grain(sheet, kpi))


def _line(sheet: Sheet, kpi: Kpi, published: Table) -> Sheet:
    del published
    x = (dimension(sheet.table, kpi.show.x, on_axis=True),) if kpi.show.x else ()
    series = dimension(sheet.table, kpi.show.series) if kpi.show.series else None
    return replace(sheet, columns=x, rows=_measures(sheet, kpi.show.y), color=series)


def _bar(sheet: Sheet, kpi: Kpi, published: Table) -> Sheet:
    if kpi.show.x is None:
        return _table(sheet, kpi, published)
    x = dimension(sheet.table, shown_column(kpi.show) if kpi.show.top else kpi.show.x)
    series = dimension(sheet.table, kpi.show.series) if kpi.show.series else None
    bars = _measures(sheet, kpi.show.y)
    return replace(sheet, rows=(x,), columns=bars, color=series, order=_order(sheet, kpi, published, x))


def _effects(sheet: Sheet, kpi: Kpi, published: Table) -> Sheet:
    del published
    x = (dimension(sheet.table, kpi.show.x),) if kpi.show.x else ()
    return replace(sheet, columns=x, measures=_measures(sheet, kpi.show.y), is_combined=True)


def _scatter(sheet: Sheet, kpi: Kpi, published: Table) -> Sheet:
    del published
    x = _measures(sheet, [kpi.show.x] if kpi.show.x else [])
    return replace(sheet, columns=x, rows=_measures(sheet, kpi.show.y), detail=_grain(sheet, kpi))


def _table(sheet: Sheet, kpi: Kpi, published: Table) -> Sheet:
    del published
    return replace(
        sheet, mark="Text", rows=_grain(sheet, kpi), measures=_measures(sheet, _shown_measures(kpi)), is_combined=True
    )


_LAYOUTS = {
    "tiles": _tiles,
    "line": _line,
    "bar": _bar,
    "effects": _effects,
    "scatter": _scatter,
    "table": _table,
}
assert _LAYOUTS.keys() == CHARTS.keys() == _MARKS.keys()


def _grain(sheet: Sheet, kpi: Kpi) -> tuple[Pill, ...]:
    return tuple(dimension(sheet.table, name) for name in kpi.grain)


def _order(sheet: Sheet, kpi: Kpi, published: Table, x: Pill) -> Order | None:
    """The header's order: by the measure where the sheet has it, else as the view lists its rows."""
    if kpi.show.top:
        return Order(x, by=Pill(place_column(kpi.show), "Min", "min", "quantitative"))
    if not kpi.show.sort:
        return None
    key = kpi.show.sort[0]
    name = _story_name(key.column) if sheet.is_filtered else key.column
    if sheet.table.has(name) and not sheet.table.field(name).is_dimension and sheet.table.field(name).unit != "years":
        return Order(x, by=measure(sheet.table, name), descending=key.descending)
    if sheet.table.field(x.field).type != "VARCHAR":
        return None
    place = [field.name for field in published.columns].index(x.field)
    labels = tuple(dict.fromkeys(str(row[place]) for row in published.rows))
    return Order(x, labels=labels) if len(labels) <= _MANUAL_ORDER_LIMIT else None


def _with_minimum(sheet: Sheet, minimum: int, published: Table) -> Sheet:
    if not published.has(ORDERS_COLUMN):
        return sheet
    place = [field.name for field in published.columns].index(ORDERS_COLUMN)
    enough = sum(row[place] >= minimum for row in published.rows)
    note = f"{sheet.note} {enough:,} of {len(published.rows):,} rows have at least {minimum:,} orders."
    return replace(sheet, note=note, minimum=(measure(sheet.table, ORDERS_COLUMN), minimum))
