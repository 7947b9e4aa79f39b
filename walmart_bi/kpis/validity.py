"""What must hold for every KPI view, as rule sets that follow from its header; the asset checks report their verdicts.

The sums are done in the warehouse, so a view of any length costs two small queries. Only columns with the names of the
dictionary (`model.py`: revenue, orders, aov, revenue_share) and columns with unit `share` carry rules of arithmetic.
"""

# ruff: noqa: S608 - every name put into SQL here was checked when the catalog read it.

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, NamedTuple

from walmart_bi.kpis.model import AOV_COLUMN, ORDERS_COLUMN, SHARE_COLUMN, Kpi
from walmart_bi.verdict import Verdict
from walmart_bi.warehouse.base import SALES_TABLE, Reader

# Shares are doubles: at a million rows their sum strays from 1 by less than this.
SHARE_TOLERANCE = Decimal("0.000001")
HALF_A_CENT = Decimal("0.005")
EXAMPLES = 3
_EFFECTS = ("revenue_change", "orders_effect", "aov_effect")


@dataclass(frozen=True)
class RuleSet:
    """Rules that are checked and reported together; `check` reads the view by its name."""

    name: str
    description: str
    check: Callable[[Reader, Kpi], Verdict]


def rule_sets(kpi: Kpi) -> tuple[RuleSet, ...]:
    """The rule sets that say something about this view."""
    return (GRAIN, TOTALS) if _row_rules(kpi) or _sums(kpi) else (GRAIN,)


def check_grain(reader: Reader, kpi: Kpi) -> Verdict:
    """Whether the view has rows, one for each value of its grain, and no null in it (without grain: one row)."""
    if not kpi.grain:
        rows = _numbers(reader, f"SELECT COUNT(*) FROM {kpi.name}")[0]
        return Verdict({"rows": rows}, () if rows == 1 else (f"the view has {rows} rows instead of 1",))
    grain = ", ".join(kpi.grain)
    has_null = " OR ".join(f"{column} IS NULL" for column in kpi.grain)
    groups = f"SELECT {grain}, COUNT(*) AS copies FROM {kpi.name} GROUP BY {grain}"
    rows, repeated, nulls = _numbers(
        reader,
        "SELECT SUM(copies), SUM(CASE WHEN copies > 1 THEN 1 ELSE 0 END),"
        f" SUM(CASE WHEN {has_null} THEN copies ELSE 0 END) FROM ({groups}) AS grain_groups",
    )
    problems = []
    if not rows:
        problems.append("the view has no rows")
    if repeated:
        order = ", ".join(f"{column} ASC NULLS LAST" for column in kpi.grain)
        found = reader.query(f"{groups} HAVING COUNT(*) > 1 ORDER BY {order} LIMIT {EXAMPLES}").rows
        examples = "; ".join(", ".join(str(value) for value in row[:-1]) for row in found)
        problems.append(f"{repeated} values of ({grain}) have more than one row: {examples}")
    if nulls:
        problems.append(f"{nulls} rows have no value in ({grain})")
    return Verdict({"rows": rows, "repeated": repeated, "nulls": nulls}, tuple(problems))


def check_totals(reader: Reader, kpi: Kpi) -> Verdict:
    """Whether the view adds up to the sales it was made from, and each of its rows agrees with itself."""
    rows, orders, revenue = _numbers(
        reader, f"SELECT COUNT(*), COUNT(customer_id), SUM(purchase_amount) FROM {SALES_TABLE}"
    )
    totals = _Totals(orders=orders, revenue=Decimal(revenue))
    row_rules, sums = _row_rules(kpi), _sums(kpi)
    broken_counts = [f"SUM(CASE WHEN {rule.holds} THEN 0 ELSE 1 END)" for rule in row_rules]
    found = _numbers(reader, f"SELECT {', '.join([*broken_counts, *(rule.sql for rule in sums)])} FROM {kpi.name}")
    counts: dict[str, int | Decimal | float] = {"sales rows": rows}
    problems = []
    for rule, broken in zip(row_rules, found, strict=False):
        counts[f"rows breaking: {rule.words}"] = broken
        if broken:
            problems.append(f"{broken} rows break: {rule.words}")
    for sum_rule, value in zip(sums, found[len(row_rules) :], strict=True):
        expected, tolerance = sum_rule.expected(totals)
        counts[sum_rule.words] = value
        if _differs(Decimal(value), expected, tolerance):
            problems.append(f"{sum_rule.words} is {value}, not {expected}")
    return Verdict(counts, tuple(problems))


GRAIN = RuleSet("grain", "The view has rows, each value of its grain once, and no null in it.", check_grain)
TOTALS = RuleSet(
    "totals",
    "Segments add up to total revenue and orders to the cent, aov = revenue / orders, shares add up to 1.",
    check_totals,
)


class _Totals(NamedTuple):
    orders: int
    revenue: Decimal


class _RowRule(NamedTuple):
    """A condition that must be true (not null) in every row."""

    words: str
    holds: str


class _SumRule(NamedTuple):
    """A sum over the view, with what it must be and how far it may stray."""

    words: str
    sql: str
    expected: Callable[[_Totals], tuple[Decimal, Decimal]]


def _row_rules(kpi: Kpi) -> list[_RowRule]:
    names, revenue = kpi.column_names, kpi.revenue_column
    rules = []
    if revenue and ORDERS_COLUMN in names and AOV_COLUMN in names:
        # Twice the difference in cents lies within one order of zero, exactly when aov is the rounded quotient.
        twice = f"200 * (CAST({revenue} AS DECIMAL(38, 2)) - CAST({AOV_COLUMN} AS DECIMAL(38, 2)) * {ORDERS_COLUMN})"
        holds = f"{twice} >= -{ORDERS_COLUMN} AND {twice} < {ORDERS_COLUMN}"
        rules.append(_RowRule(f"aov = {revenue} / orders to the cent", holds))
    for column in kpi.columns:
        if column.unit == "share":
            rules.append(_RowRule(f"{column.name} between 0 and 1", f"{column.name} BETWEEN 0 AND 1"))
    if all(name in names for name in _EFFECTS):
        no_change = " AND ".join(f"{name} IS NULL" for name in _EFFECTS)
        adds_up = "orders_effect + aov_effect = revenue_change"
        rules.append(_RowRule(adds_up, f"({no_change}) OR {adds_up}"))
    return rules


def _sums(kpi: Kpi) -> list[_SumRule]:
    names, revenue = kpi.column_names, kpi.revenue_column
    if kpi.covers != "all":
        return []
    rules = []
    if revenue:
        rules.append(_SumRule(f"sum of {revenue}", f"SUM({revenue})", lambda totals: (totals.revenue, Decimal(0))))
    if ORDERS_COLUMN in names:
        rules.append(_SumRule("sum of orders", "SUM(orders)", lambda totals: (Decimal(totals.orders), Decimal(0))))
    if not revenue and ORDERS_COLUMN in names and AOV_COLUMN in names:
        rules.append(
            _SumRule(
                "sum of aov x orders",
                f"SUM(CAST({AOV_COLUMN} AS DECIMAL(38, 2)) * {ORDERS_COLUMN})",
                lambda totals: (totals.revenue, HALF_A_CENT * totals.orders),
            )
        )
    if SHARE_COLUMN in names:
        rules.append(
            _SumRule(
                "sum of revenue_share",
                f"SUM({SHARE_COLUMN})",
                lambda totals: (Decimal(min(totals.orders, 1)), SHARE_TOLERANCE),
            )
        )
    return rules


def _differs(value: Decimal, expected: Decimal, tolerance: Decimal) -> bool:
    return value.is_nan() or abs(value - expected) > tolerance


def _numbers(reader: Reader, sql: str) -> tuple[Any, ...]:
    """The one row of a query of sums, where a sum over nothing is 0."""
    return tuple(0 if value is None else value for value in reader.query(sql).rows[0])
