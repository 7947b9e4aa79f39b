"""The tables inside the extract: one for each KPI view, and the story cube that Tableau's filters work on.

Only names, types, captions and rows; how they become a file is `hyper.py`, how Tableau sees them `datasources.py`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from walmart_bi.kpis.insights.model import Cell
from walmart_bi.kpis.model import AOV_COLUMN, ORDERS_COLUMN, Display, Kpi
from walmart_bi.kpis.privacy import refuse_customer_columns
from walmart_bi.months import first_day
from walmart_bi.warehouse.base import QueryResult

SCHEMA = "Extract"
STORY = "Extract"  # Tableau expects the main table of an extract to be "Extract"."Extract"
ORDER_VALUE = "aov_of_selection"  # computed by Tableau: an average of averages would be wrong under a filter

DIMENSION_UNITS = {"label", "month", "date"}


@dataclass(frozen=True)
class Field:
    """One column. `type` and `unit` are those of a KPI header; a formula makes it Tableau's own, not the extract's."""

    name: str
    type: str
    unit: str
    description: str = ""
    formula: str | None = None

    @property
    def caption(self) -> str:
        """The name for people."""
        if self.name == ORDER_VALUE:
            return "AOV"
        words = self.name.replace("_", " ")
        return {AOV_COLUMN: "AOV as published"}.get(self.name, words[:1].upper() + words[1:])

    @property
    def is_dimension(self) -> bool:
        """Whether the column groups rows; otherwise it is summed up in them."""
        return self.unit in DIMENSION_UNITS


@dataclass(frozen=True)
class Table:
    """One table of the extract; `caption` is the name of its data source."""

    name: str
    caption: str
    fields: tuple[Field, ...]
    rows: Sequence[tuple[Any, ...]]

    @property
    def columns(self) -> tuple[Field, ...]:
        """The fields that are stored, in the order of a row's values."""
        return tuple(field for field in self.fields if field.formula is None)

    def field(self, name: str) -> Field:
        """The field of this name."""
        return next(field for field in self.fields if field.name == name)

    def has(self, name: str) -> bool:
        """Whether there is such a field."""
        return any(field.name == name for field in self.fields)

    @property
    def content_sha256(self) -> str:
        """A hash of what the table says: the same for the same rows in the same order, whatever file holds them."""
        content = hashlib.sha256(repr([self.name, self.fields]).encode())
        for row in self.rows:
            content.update(repr(row).encode())
        return content.hexdigest()


def kpi_table(kpi: Kpi, result: QueryResult) -> Table:
    """The table of a KPI view with the view's rows in its own order. Raises CustomerColumn."""
    refuse_customer_columns(kpi.name, result.columns)
    fields = [Field(column.name, column.type, column.unit, column.description) for column in kpi.columns]
    rows: list[tuple[Any, ...]] = list(result.rows)
    if kpi.show.top and kpi.show.x:
        fields += [
            Field(shown_column(kpi.show), "VARCHAR", "label", f"{kpi.show.x}, and all after the first as one."),
            Field(place_column(kpi.show), "BIGINT", "rank", "Place of the shown label."),
        ]
        rows = _folded(rows, kpi.column_names.index(kpi.show.x), kpi.show.top)
    return Table(kpi.name, kpi.title, (*fields, *_order_value(kpi.column_names, kpi.revenue_column)), rows)


def shown_column(show: Display) -> str:
    """The column with the labels of a view that folds its rest into one."""
    return f"{show.x}_shown"


def place_column(show: Display) -> str:
    """The column that orders those labels."""
    return f"{show.x}_place"


def _folded(rows: Sequence[tuple[Any, ...]], label: int, top: int) -> list[tuple[Any, ...]]:
    """Each row with its label, or the rest's; the rest's tells how many, so that no city can have the same name."""
    rest = f"Other ({len(rows) - top:,} more)"
    return [
        (*row, str(row[label]) if place <= top else rest, min(place, top + 1))
        for place, row in enumerate(rows, start=1)
    ]


def _order_value(names: Iterable[str], revenue: str | None) -> tuple[Field, ...]:
    if revenue is None or ORDERS_COLUMN not in names:
        return ()
    formula = f"SUM([{revenue}]) / SUM([{ORDERS_COLUMN}])"
    return (Field(ORDER_VALUE, "DECIMAL(18, 2)", "usd", "revenue / orders of what is shown.", formula),)


STORY_DIMENSIONS = (
    Field("month", "DATE", "month", "First day of the month of purchase."),
    Field("category", "VARCHAR", "label", "Product category; the smallest ones together where there are many."),
    Field("payment_method", "VARCHAR", "label", "Means of payment; the smallest ones together where there are many."),
    Field("discount_applied", "VARCHAR", "label", "Yes where a discount was applied, else No."),
    Field("customer_type", "VARCHAR", "label", "Repeat or New, as delivered."),
    Field("city_group", "VARCHAR", "label", "The ten largest cities, or all others."),
    Field("age_group", "VARCHAR", "label", "Age band of the customer."),
)
_STORY_MEASURES = (
    Field("revenue", "DECIMAL(18, 2)", "usd", "Sum of purchase_amount."),
    Field("orders", "BIGINT", "orders", "Number of orders."),
)


def story_table(cells: Iterable[Cell]) -> Table:
    """The story cube as Tableau's main table; labels are those of the KPI views."""
    rows = sorted(
        (
            first_day(cell.month),
            cell.category,
            cell.payment_method,
            "Yes" if cell.discount_applied else "No",
            "Repeat" if cell.repeat_customer else "New",
            cell.city_group,
            cell.age_group,
            Decimal(cell.cents).scaleb(-2),
            cell.orders,
        )
        for cell in cells
    )
    names = [field.name for field in _STORY_MEASURES]
    return Table(STORY, "Sales story", (*STORY_DIMENSIONS, *_STORY_MEASURES, *_order_value(names, "revenue")), rows)
