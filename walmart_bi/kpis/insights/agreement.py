"""Whether the story's numbers are those of the sales table and the views, and its sentences those of its numbers.

Pure rules over a `Reader`; the asset checks report their verdicts. That views are right is `kpis/validity.py`.
"""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

from walmart_bi.kpis.insights.model import Facts, Insights
from walmart_bi.kpis.insights.personas import build_insights
from walmart_bi.kpis.insights.statistics import Sums
from walmart_bi.months import first_day, month_of
from walmart_bi.verdict import Verdict
from walmart_bi.warehouse.base import SALES_TABLE, Reader

_TABLE = f"SELECT COUNT(*), COALESCE(SUM(purchase_amount), 0) FROM {SALES_TABLE}"  # noqa: S608 - a constant
_TOTAL = "SELECT COALESCE(SUM(orders), 0), COALESCE(SUM(total_revenue), 0) FROM kpi_total_revenue"
_MONTHS = "SELECT month, orders, revenue FROM kpi_revenue_by_month"
_SPLIT = """
SELECT orders, revenue, previous_month, revenue_change, orders_effect, aov_effect
FROM kpi_executive_summary
WHERE month = ?
"""


def check_totals(reader: Reader, facts: Facts) -> Verdict:
    """Whether the facts add up to the sales table and to the views, in total, by month and in every cube."""
    problems: list[str] = []
    for place, query in (("the sales table", _TABLE), ("kpi_total_revenue", _TOTAL)):
        orders, revenue = reader.query(query).rows[0]
        problems += _differs("the facts", facts.orders, facts.cents, place, orders, revenue)
    if facts.cities.cents != facts.cents:
        problems.append(f"the cities have {facts.cities.cents} cents, the months {facts.cents}")
    views = {month_of(month): (orders, revenue) for month, orders, revenue in reader.query(_MONTHS).rows}
    for month in facts.months:
        orders, revenue = views.get(month.month, (0, 0))
        problems += _differs(month.month, month.orders, month.cents, "kpi_revenue_by_month", orders, revenue)
    problems += _cube_problems(facts)
    counts: dict[str, int | Decimal | float] = {
        "orders": facts.orders,
        "revenue": Decimal(facts.cents).scaleb(-2),
        "cube rows": len(facts.cube) + len(facts.city_cube),
    }
    return Verdict(counts, tuple(problems))


def check_sentences(reader: Reader, facts: Facts, insights: Insights) -> Verdict:
    """Whether stored insights are what the facts say now, their text what their numbers say, and the split the view's.

    `kpi_executive_summary` computes the split in SQL, so two computations are compared.
    """
    again = build_insights(facts, [box.persona for box in insights.boxes])
    problems = []
    if (insights.format_version, insights.numbers) != (again.format_version, again.numbers):
        problems.append("the numbers are of another state than the warehouse's; materialize kpi_insights again")
    for stored, new in zip(insights.boxes, again.boxes, strict=True):
        parts = ("headline", *new.sections)
        wrong = [part for part in parts if getattr(stored, part) != getattr(new, part)]
        problems += [f"{stored.persona}: {part} is not what the facts say" for part in wrong]
    problems += _split_problems(reader, again)
    sentences = sum(len(getattr(box, part)) for box in insights.boxes for part in ("headline", *box.sections))
    return Verdict({"sentences": sentences, "personas": len(insights.boxes)}, tuple(problems))


def _differs(name: str, orders: int, cents: int, place: str, other_orders: int, revenue: Decimal) -> Iterator[str]:
    if orders != other_orders:
        yield f"{name}: {orders} orders, {place} has {other_orders}"
    if cents != revenue * 100:
        yield f"{name}: {cents} cents, {place} has {revenue * 100:.0f}"


def _cube_problems(facts: Facts) -> Iterator[str]:
    """The cube's months are the facts' months, and the largest cities are one of its groups."""
    cube: dict[str, Sums] = {}
    largest: dict[str, Sums] = {}
    for cell in facts.cube:
        cube[cell.month] = cube.get(cell.month, Sums()).plus(cell.orders, cell.cents, cell.squares)
        if cell.city_group == "10 largest cities":
            largest[cell.month] = largest.get(cell.month, Sums()).plus(cell.orders, cell.cents, 0)
    named: dict[str, Sums] = {}
    for city in facts.city_cube:
        named[city.month] = named.get(city.month, Sums()).plus(city.orders, city.cents, 0)
    for month in facts.months:
        sums = cube.get(month.month)
        if sums and (sums.orders, sums.cents) != (month.orders, month.cents):
            yield f"{month.month}: the cube has {sums.orders} orders and {sums.cents} cents"
    if named != largest:
        yield "the ten largest cities by name are not their group in the cube"


def _split_problems(reader: Reader, insights: Insights) -> Iterator[str]:
    split, now = insights.numbers["split"], insights.numbers["now"]
    if insights.month is None or split is None:
        return
    rows = reader.query(_SPLIT, (first_day(insights.month),)).rows
    expected = [now[0], now[1], insights.previous_month, split["change"], split["orders_effect"], split["aov_effect"]]
    found = [
        [orders, revenue * 100, month_of(previous) if previous else None, *((part or 0) * 100 for part in parts)]
        for orders, revenue, previous, *parts in rows
    ]
    if found != [expected]:
        yield f"{insights.month}: the split is not that of kpi_executive_summary"
