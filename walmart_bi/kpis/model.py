"""What a KPI is: its question, its columns, how it is shown, and its SELECT.

Plain data and the closed vocabularies of the header. Reading files is `kpi_file.py`, finding them is `catalog.py`.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass

UNITS = {
    "usd": "US dollars, to the cent",
    "orders": "number of orders",
    "count": "number of things",
    "number": "number",
    "share": "share of the whole, 0 to 1",
    "rank": "rank, 1 comes first",
    "years": "years",
    "month": "month, as its first day",
    "date": "date",
    "label": "text",
}

CHARTS = {
    "tiles": "number tiles",
    "line": "line chart",
    "bar": "bar chart",
    "effects": "bars from zero, side by side, that add up to a change",
    "scatter": "scatter plot",
    "table": "table",
}

COVERAGE = {
    "all": "every order counts in exactly one row, so the rows add up to the totals",
    "some": "the rows are a selection, so they do not add up to the totals",
}

TYPE = re.compile(r"DATE|BIGINT|INTEGER|BOOLEAN|VARCHAR|DOUBLE PRECISION|DECIMAL\(\d{1,2}, \d{1,2}\)")

# A column with one of these names means the same thing in every view; the KPI checks rely on it (validity.py).
REVENUE_COLUMNS = ("revenue", "total_revenue")
ORDERS_COLUMN = "orders"
AOV_COLUMN = "aov"
SHARE_COLUMN = "revenue_share"

# An unterminated string, name or comment runs to the end of the text.
_LITERAL = r"'(?:[^']|'')*(?:'|\Z)|\"(?:[^\"]|\"\")*(?:\"|\Z)"
_COMMENT = r"--[^\n]*|/\*.*?(?:\*/|\Z)"
_LITERAL_OR_COMMENT = re.compile(f"(?P<literal>{_LITERAL})|{_COMMENT}", re.DOTALL)
_LITERAL_OR_SPACE = re.compile(rf"(?P<literal>{_LITERAL})|\s+", re.DOTALL)


@dataclass(frozen=True)
class KpiColumn:
    """One output column. `type` is SQL that both engines know; `unit` is a key of UNITS."""

    name: str
    type: str
    unit: str
    description: str


@dataclass(frozen=True)
class Sort:
    """One sort key of the shown rows."""

    column: str
    descending: bool


@dataclass(frozen=True)
class Display:
    """How a reader sees the view: a key of CHARTS, which columns go where, and what to look for.

    `top`: show only that many rows by the sort order and fold the rest into one "Other".
    `minimum_orders`: leave out rows that rest on fewer orders than this, and say so.
    """

    chart: str
    x: str | None
    y: tuple[str, ...]
    series: str | None
    sort: tuple[Sort, ...]
    top: int | None
    minimum_orders: int | None
    caption: str


@dataclass(frozen=True)
class Kpi:
    """One KPI view. `path` is relative to the catalog; an empty `grain` means a view of one row."""

    name: str
    persona: str
    path: str
    title: str
    question: str
    grain: tuple[str, ...]
    columns: tuple[KpiColumn, ...]
    show: Display
    covers: str
    select: str

    @property
    def persona_title(self) -> str:
        """The persona's name for people: `sales_manager` is "Sales manager"."""
        return persona_title(self.persona)

    @property
    def column_names(self) -> tuple[str, ...]:
        """The output columns in order."""
        return tuple(column.name for column in self.columns)

    @property
    def revenue_column(self) -> str | None:
        """The column that holds revenue, if the view has one."""
        return next((name for name in REVENUE_COLUMNS if name in self.column_names), None)

    @property
    def order_by(self) -> str:
        """A total order of the rows, as the text of an ORDER BY: the shown order, then the grain. Empty for one row."""
        keys = dict.fromkeys(self.show.sort) | dict.fromkeys(Sort(name, descending=False) for name in self.grain)
        sorted_columns: set[str] = set()
        terms = []
        for key in keys:
            if key.column not in sorted_columns:
                terms.append(f"{key.column} {'DESC' if key.descending else 'ASC'} NULLS LAST")
            sorted_columns.add(key.column)
        return ", ".join(terms)

    @property
    def sql_sha256(self) -> str:
        """A hash of what the SELECT says; comments and layout do not count."""
        return hashlib.sha256(normalised_sql(self.select).encode()).hexdigest()


def persona_title(persona: str) -> str:
    """A persona's directory name as words."""
    return persona.replace("_", " ").capitalize()


def normalised_sql(sql: str) -> str:
    """The text without comments and with white space folded; string literals and quoted names stay as they are."""
    without_comments = _LITERAL_OR_COMMENT.sub(lambda match: match["literal"] or " ", sql)
    return _LITERAL_OR_SPACE.sub(lambda match: match["literal"] or " ", without_comments).strip()


def masked_sql(sql: str) -> str:
    """The text, of equal length, with comments, string literals and quoted names blanked out."""
    return _LITERAL_OR_COMMENT.sub(lambda match: re.sub(r"[^\n]", " ", match[0]), sql)
