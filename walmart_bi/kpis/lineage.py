"""What a KPI's SELECT reads and returns, worked out by a SQL parser.

Imports sqlglot at the top, so this module is itself imported where it is used: when a view is made, never when the
definitions load.
"""

from __future__ import annotations

import re
from functools import cache
from typing import Any, cast

from sqlglot import exp, parse, parse_one
from sqlglot.errors import SqlglotError
from sqlglot.lineage import Node, lineage
from sqlglot.optimizer.qualify import qualify
from sqlglot.optimizer.scope import build_scope

from walmart_bi.kpis.kpi_file import KpiFileError
from walmart_bi.kpis.model import Kpi
from walmart_bi.kpis.privacy import CUSTOMER_LEVEL_COLUMNS
from walmart_bi.sales.contract import OUTPUT_COLUMNS
from walmart_bi.sql_files import read_rollup
from walmart_bi.warehouse.base import SALES_TABLE
from walmart_bi.warehouse.rollups import ROLLUP_TABLES

DIALECT = "redshift"
_SOURCES = f"{SALES_TABLE}, {', '.join(ROLLUP_TABLES[:-1])} or {ROLLUP_TABLES[-1]}"
_SCHEMA: dict[str, object] = {
    SALES_TABLE: {column.name: column.sql_type for column in OUTPUT_COLUMNS} | {"load_id": "VARCHAR(32)"}
}


def check_select(kpi: Kpi) -> None:
    """Whether the SELECT can become the view; else KpiFileError.

    It reads the sales table and its rollups alone, returns the declared columns in order, and none that tells about
    one customer.
    """
    column_origins(kpi)


@cache
def column_origins(kpi: Kpi) -> dict[str, tuple[str, ...]]:
    """For each output column the columns of the sales table whose values go into it. Raises what check_select raises.

    What only filters, groups or orders rows is not counted, but a window's ORDER BY is, as it decides the value.
    COUNT(customer_id) comes from customer_id; a constant or COUNT(*) comes from no column. A rollup stands for the
    SELECT that makes it.
    """
    query = _without_rollups(_checked_query(kpi))
    try:
        qualified = qualify(query, dialect=DIALECT, schema=_SCHEMA, identify=False)
        origins = _query_origins(qualified)
        uncovered = _query_origins(qualified.transform(_aggregate_as_its_group))
    except SqlglotError as error:
        next_step = f"use the columns of {_SOURCES}, and say which table where two fit."
        raise _bad_select(kpi, _where_in_the_select(error), next_step) from error
    _refuse_single_customers(kpi, uncovered)
    return origins


def _without_rollups(query: exp.Query) -> exp.Query:
    """The query on the sales table alone."""
    own_names = {cte.alias_or_name for cte in query.find_all(exp.CTE)}
    definitions: dict[str, Any] = {name: _rollup(name) for name in ROLLUP_TABLES if name not in own_names}
    expanded: Any = exp.expand(query, definitions, dialect=DIALECT)
    return cast(exp.Query, expanded)


@cache
def _rollup(name: str) -> exp.Query:
    definition: Any = parse_one(read_rollup(name), read=DIALECT)
    return cast(exp.Query, definition)


def _query_origins(qualified: exp.Expr) -> dict[str, tuple[str, ...]]:
    # `lineage` would qualify once more, and copy each SELECT for each of its columns.
    scope = build_scope(qualified)
    roots = lineage(None, qualified, _SCHEMA, dialect=DIALECT, scope=scope, trim_selects=False, copy=False)
    return {column: _origins(root) for column, root in roots.items()}


def _aggregate_as_its_group(node: exp.Expr) -> exp.Expr:
    """What an aggregate of many rows still tells about one: nothing for COUNT; for SUM and AVG, which group it is.

    So the age of each customer (grouped by customer_id) is as customer-level as the id, and its average again is not.
    MIN and MAX are the value of one row, and a window may hold one row, so neither covers what it is made of.
    """
    if not isinstance(node, (exp.Count, exp.Sum, exp.Avg)) or isinstance(node.parent, exp.Window):
        return node
    select = node.parent_select
    group = select.args.get("group") if select else None
    keys = list(group.find_all(exp.Column)) if group and not isinstance(node, exp.Count) else []
    return exp.Coalesce(this=keys[0].copy(), expressions=[key.copy() for key in keys[1:]]) if keys else exp.null()


def _refuse_single_customers(kpi: Kpi, uncovered: dict[str, tuple[str, ...]]) -> None:
    """A guard against oversights: a WHERE that picks one customer is the author's own doing, and is not found here."""
    for column, origins in uncovered.items():
        found = sorted(CUSTOMER_LEVEL_COLUMNS.intersection(origins))
        if found:
            raise _bad_select(
                kpi,
                f"The SELECT returns {column}, which tells about single customers or purchases: it is made of "
                f"{', '.join(found)}.",
                "return a COUNT, SUM or AVG over many of them, or use age_group for the age.",
            )


def _origins(root: Node) -> tuple[str, ...]:
    leaves = (node for node in root.walk() if isinstance(node.expression, exp.Table))
    return tuple(sorted({exp.to_column(node.name, dialect=DIALECT).name for node in leaves}))


def _checked_query(kpi: Kpi) -> exp.Query:
    try:
        (query,) = parse(kpi.select, read=DIALECT)
    except SqlglotError as error:
        raise _bad_select(
            kpi, f"The SELECT cannot be parsed: {_where_in_the_select(error)}", "correct the SQL."
        ) from error
    if not isinstance(query, exp.Query):
        raise _bad_select(kpi, "The statement is not a SELECT.", "write one SELECT.")
    own_names = {cte.alias_or_name for cte in query.find_all(exp.CTE)}
    foreign = sorted({table.name for table in query.find_all(exp.Table)} - own_names - {SALES_TABLE, *ROLLUP_TABLES})
    if foreign:
        raise _bad_select(
            kpi,
            f"The SELECT reads {', '.join(foreign)}.",
            f"read {_SOURCES} only; the asset graph knows no other source.",
        )
    returned, declared = tuple(_name(select) for select in query.selects), kpi.column_names
    if returned != declared:
        raise _bad_select(kpi, _difference(returned, declared), "make `columns` in the header and the SELECT agree.")
    return query


def _name(select: exp.Expr) -> str:
    """The output name, empty where engines would each invent their own."""
    return select.alias_or_name if isinstance(select, (exp.Alias, exp.Column, exp.Star)) else ""


def _difference(returned: tuple[str, ...], declared: tuple[str, ...]) -> str:
    undeclared = [name or "an unnamed expression" for name in returned if name not in declared]
    missing = [name for name in declared if name not in returned]
    if undeclared:
        return f"The SELECT returns {', '.join(undeclared)}, which the header does not declare."
    if missing:
        return f"The header declares {', '.join(missing)}, which the SELECT does not return."
    return f"The SELECT returns {', '.join(returned)} in this order, the header declares {', '.join(declared)}."


def _where_in_the_select(error: SqlglotError) -> str:
    """What sqlglot says, with its lines told as those of the SELECT, which the header comes before."""
    plain = re.sub(r"\x1b\[\d*m", "", str(error))  # it underlines the place for a terminal
    told = re.sub(r"\s*\bLine:? (\d+), Col: (\d+)\.?", r" Line \1 of the SELECT, column \2.", plain)
    return told if told.rstrip().endswith((".", ":")) else f"{told}."


def _bad_select(kpi: Kpi, cause: str, next_step: str) -> KpiFileError:
    return KpiFileError(cause, place=f"KPI file {kpi.path}", next_step=next_step)
