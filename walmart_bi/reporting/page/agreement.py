"""Whether a published page says what the views say (packed numbers, published rows, tables) and asks for nothing else.

It is read back from the file (`readback.py`), as a reader's browser would; the asset checks report what is found.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from walmart_bi.kpis.model import Kpi
from walmart_bi.reporting.page.cards import Published, cell_text, dimension_of, equals_cube
from walmart_bi.reporting.page.readback import PublishedPage
from walmart_bi.reporting.page.words import by_unit

_NOTHING_ELSE = "default-src 'none'"
_OTHER = "Other"


def disagreements(page: PublishedPage, views: Mapping[str, Published], catalog: Sequence[Kpi]) -> Iterator[str]:
    """Each KPI whose numbers in the page are not those of its view."""
    for kpi in catalog:
        card = page.story["cards"].get(kpi.name)
        if card is None:
            yield f"{kpi.name} has no card"
            continue
        if card["live"] and not equals_cube(kpi, views[kpi.name], _sums(page, kpi)):
            yield f"{kpi.name}: the page's sums are not those of the view"
        if not card["live"] and card["rows"] != [[cell_text(value) for value in row] for row in views[kpi.name].rows]:
            yield f"{kpi.name}: the page's rows are not those of the view"
        if page.tables.get(kpi.name, [])[1:] != list(_table(kpi, views[kpi.name])):
            yield f"{kpi.name}: the table for readers without scripts is not the view"


def _sums(page: PublishedPage, kpi: Kpi) -> dict[tuple[str, ...], tuple[int, int]]:
    """The page's sums by the view's grain; none of the whole where the page covers the latest months only."""
    dimension = dimension_of(kpi)
    if page.story["uncovered"] and "month" not in kpi.grain:
        return {}
    cube = {"city": "city", "age_group": "age"}.get(dimension or "", "main")
    wanted = ["month" if column == "month" else dimension or "" for column in kpi.grain]
    found = page.sums_by(cube, *wanted)
    months = [place for place, name in enumerate(wanted) if name == "month"]
    return {
        tuple(f"{value}-01" if place in months else value for place, value in enumerate(key)): sums
        for key, sums in found.items()
        if _OTHER not in key
    }


def _table(kpi: Kpi, published: Published) -> Iterator[list[str]]:
    units = [column.unit for column in kpi.columns]
    has_bars = any(name in kpi.column_names for name in kpi.show.y)
    for row in published.rows:
        yield [by_unit(value, unit) for value, unit in zip(row, units, strict=True)] + ([""] if has_bars else [])


def outside_requests(page: PublishedPage) -> list[str]:
    """What would make a browser ask for anything but the page itself."""
    missing = [] if page.policy.startswith(_NOTHING_ELSE) else ["its content security policy does not begin with none"]
    unsafe = [f"its policy allows {word}" for word in ("unsafe-inline", "unsafe-eval", "http") if word in page.policy]
    return [*missing, *unsafe, *page.loads]
