"""What a snapshot may show: the one place that decides how its views and facts are read, by the profile that is set.

`internal` reads the warehouse as it is. `public` reads it through a `PublicReader` and refuses what still shows fewer
than ten people. CSVs, extract, workbook, insights and page are all made from what is read here.
"""

from __future__ import annotations

from collections.abc import Sequence

from walmart_bi.kpis.insights.facts import read_cities, read_facts
from walmart_bi.kpis.insights.model import Facts
from walmart_bi.kpis.model import Kpi
from walmart_bi.kpis.privacy import Profile
from walmart_bi.kpis.public.cells import public_facts, refuse_small_cells
from walmart_bi.kpis.public.rows import PublicReader
from walmart_bi.warehouse.base import QueryResult, Reader


def published_reader(reader: Reader, catalog: Sequence[Kpi], profile: Profile) -> Reader:
    """The reader through which everything of a snapshot is read."""
    return PublicReader(reader, catalog) if profile == "public" else reader


def published_rows(reader: Reader, kpi: Kpi, sql: str) -> QueryResult:
    """Rows of the KPI's view. Raises SmallCell."""
    result = reader.query(sql)
    if isinstance(reader, PublicReader):
        refuse_small_cells(kpi, result, reader.least_orders)
    return result


def published_facts(reader: Reader) -> Facts:
    """The facts of the story. Raises SmallCell."""
    facts = read_facts(reader)
    if isinstance(reader, PublicReader):
        return public_facts(facts, read_cities(reader.raw), reader)
    return facts
