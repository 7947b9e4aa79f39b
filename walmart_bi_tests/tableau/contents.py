"""Small contents of Tableau files, made by the real views and the real story cube in a DuckDB warehouse."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from walmart_bi.kpis.catalog import load_catalog
from walmart_bi.kpis.insights.facts import read_facts
from walmart_bi.kpis.model import Kpi
from walmart_bi.reporting.tableau.dashboards import PersonaText
from walmart_bi.reporting.tableau.tables import kpi_table, story_table
from walmart_bi.reporting.tableau.workbook import Contents
from walmart_bi.stores.directory import DirectoryStore
from walmart_bi.warehouse.base import QueryResult
from walmart_bi.warehouse.duckdb_warehouse import DuckDbWarehouse
from walmart_bi_tests.builders import Row, make_month, make_rows

CATALOG = load_catalog()
MONTHS = ("2025-01", "2025-02", "2025-03")
AGE_GROUPS = ("<18", "18-24", "25-34", "65+", "Unknown")
HOSTILE = (
    "</script><script>alert(1)</script>",
    "Saint-\"Denis\" & 'Nord' <b>",
    "]]> <[federated.x].[sum:revenue:qk]>",
    "\u202eevil\u202c \u05d0\u05d1\u05d2",
    "\u00c6r\u00f8 \U0001f600",
    "x" * 300,
    '=HYPERLINK("http://evil.example")',
    "Other (3 more)",
)


def varied_rows(month: str, count: int = 120) -> list[Row]:
    """Rows in which every dimension of the story varies."""
    rows = make_rows(month, count)
    for number, row in enumerate(rows):
        row["age_group"] = AGE_GROUPS[number % len(AGE_GROUPS)]
        row["city"] = f"City {number % 14}" if number % 9 else HOSTILE[number // 9 % len(HOSTILE)]
    return rows


def texts_of(catalog: Sequence[Kpi], words: str = "Revenue rose by $1,234 in Mar 2025.") -> tuple[PersonaText, ...]:
    """A caption and three sentences for each persona."""
    titles = {kpi.persona: kpi.persona_title for kpi in catalog}
    return tuple(
        PersonaText(persona, title, f"{title}: {words}", (("What", words), ("Why", words), ("Is it unusual?", words)))
        for persona, title in titles.items()
    )


def make_contents(
    folder: Path,
    *,
    months: Sequence[str] = MONTHS,
    catalog: Sequence[Kpi] = CATALOG,
    rows: Sequence[Row] | None = None,
    words: str = "Revenue rose by $1,234 in Mar 2025.",
) -> Contents:
    """Everything that the files of a snapshot are made from, after the months were loaded below the folder."""
    return contents_of(make_warehouse(folder, months=months, catalog=catalog, rows=rows), catalog, words)


def make_warehouse(
    folder: Path,
    *,
    months: Sequence[str] = MONTHS,
    catalog: Sequence[Kpi] = CATALOG,
    rows: Sequence[Row] | None = None,
) -> DuckDbWarehouse:
    """The months, loaded below the folder, with the views."""
    store = DirectoryStore(folder / "bucket")
    warehouse = DuckDbWarehouse(folder / "warehouse.duckdb", store)
    for month in months:
        loaded = make_month(store, month, varied_rows(month) if rows is None else rows)
        warehouse.replace_month(loaded, run_id="run", code_version="1")
    warehouse.create_views({kpi.name: kpi.select for kpi in catalog})
    return warehouse


def contents_of(
    warehouse: DuckDbWarehouse, catalog: Sequence[Kpi], words: str = "Revenue rose by $1,234 in Mar 2025."
) -> Contents:
    """The contents of these views; a warehouse that has more of them serves as well."""
    with warehouse.read() as reader:
        published: dict[str, QueryResult] = {}
        for kpi in catalog:
            order = f" ORDER BY {kpi.order_by}" if kpi.order_by else ""
            published[kpi.name] = reader.query(f"SELECT {', '.join(kpi.column_names)} FROM {kpi.name}{order}")
        cube = read_facts(reader).cube
    return Contents(
        catalog=tuple(catalog),
        published=tuple(kpi_table(kpi, published[kpi.name]) for kpi in catalog),
        story=story_table(cube),
        texts=texts_of(catalog, words),
    )
