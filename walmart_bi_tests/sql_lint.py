"""What SQL may say in a file that DuckDB and Redshift must answer with equal rows, and how it is laid out.

A reason stands beside each refusal. Whether a file is true is not judged here but by running it.
"""

import re
from collections.abc import Callable, Iterator

from sqlglot import exp, parse_one, tokenize
from sqlglot.tokens import TokenType

from walmart_bi.kpis.model import masked_sql

# Functions that both engines answer equally in the forms that the rules below leave.
ALLOWED_FUNCTIONS = {
    *("SUM", "COUNT", "MIN", "MAX", "AVG", "ABS", "MOD", "ROUND", "CAST", "COALESCE", "NULLIF"),
    *("LAG", "ROW_NUMBER", "EXTRACT", "DATE_TRUNC", "UPPER", "LOWER", "TRIM"),
}
DENIED_FUNCTIONS = {
    "TO_CHAR": "its patterns differ; DuckDB returns some of them as plain text",
    "MEDIAN": "DuckDB keeps the scale of a decimal, Redshift does not",
    "LISTAGG": "DuckDB has no DISTINCT form and no promise of order",
    "STRING_AGG": "Redshift has none",
    "DATEDIFF": "engines disagree on whether it counts boundaries or elapsed time",
    "NVL": "DuckDB has none; use COALESCE",
    "DECODE": "it means something else in DuckDB; use CASE",
    "GETDATE": "a view must not depend on when it is read",
    "NOW": "a view must not depend on when it is read",
    "CURRENT_DATE": "a view must not depend on when it is read",
    "CURRENT_TIMESTAMP": "a view must not depend on when it is read",
    "RANDOM": "a view must give the same rows twice",
    "RATIO_TO_REPORT": "DuckDB has none",
}
DENIED_WORDS = {
    "ILIKE": "Redshift and DuckDB fold letters of other alphabets differently; use LOWER(...) LIKE",
    "QUALIFY": "not in the portable subset; filter ROW_NUMBER in an outer SELECT",
    "FILTER": "Redshift has none; use CASE inside the aggregate",
    "LATERAL": "Redshift has none",
    "PIVOT": "the engines differ; use CASE",
    "TOP": "DuckDB has none",
    "LIMIT": "a view has no order, so which rows it would keep is chance; use ROW_NUMBER",
    "IGNORE": "DuckDB places IGNORE NULLS elsewhere",
    "EXCLUDE": "name the columns",
}
DENIED_SIGNS = {
    "::": "write CAST(x AS type)",
    "//": "Redshift has none",
    '"': "Redshift folds quoted names to lower case, other engines do not",
    "\t": "indent with four spaces",
}
CLAUSES = {
    *(TokenType.WITH, TokenType.SELECT, TokenType.FROM, TokenType.WHERE),
    *(TokenType.GROUP_BY, TokenType.HAVING, TokenType.UNION),
}
WORDS_OF_OUR_OWN = {TokenType.VAR, TokenType.STRING, TokenType.NUMBER, TokenType.IDENTIFIER}


def problems(sql: str) -> list[str]:
    """Each rule that the SELECT breaks, in words; raises sqlglot's error when an engine's grammar refuses it."""
    parse_one(sql, read="duckdb")
    tree = parse_one(sql, read="redshift")
    return [*_denied(sql), *_functions(sql), *_forms(tree, sql), *_layout(sql)]


def _denied(sql: str) -> Iterator[str]:
    text = re.sub(r"'(?:[^']|'')*'|--[^\n]*|/\*.*?\*/", " ", sql, flags=re.DOTALL)
    for sign, reason in DENIED_SIGNS.items():
        if sign in text:
            yield f"{sign!r}: {reason}"
    for word, reason in DENIED_WORDS.items():
        if re.search(rf"\b{word}\b", text, re.IGNORECASE):
            yield f"{word}: {reason}"
    if re.search(r"\bDISTINCT\s+ON\b", text, re.IGNORECASE):
        yield "DISTINCT ON: Redshift has none; use ROW_NUMBER"
    for word, reason in DENIED_FUNCTIONS.items():
        if re.search(rf"\b{word}\b", text, re.IGNORECASE):
            yield f"{word}: {reason}"


def _functions(sql: str) -> Iterator[str]:
    for name in re.findall(r"\b([A-Za-z_]+)\(", masked_sql(sql)):
        if name.upper() not in ALLOWED_FUNCTIONS | DENIED_FUNCTIONS.keys() | {"DECIMAL"}:
            yield f"{name}: not known to answer equally on both engines; show that it does and add it to the list"


def _forms(tree: exp.Expression, sql: str) -> Iterator[str]:
    ordered = len(list(tree.find_all(exp.Ordered)))
    if ordered != len(re.findall(r"\bNULLS (?:FIRST|LAST)\b", masked_sql(sql))):
        yield "ORDER BY: write NULLS FIRST or NULLS LAST with every key, the engines' defaults differ"
    if tree.args.get("order"):
        yield "ORDER BY: a view promises no order; the header's `sort` is the shown order"
    for node in tree.walk():
        for refused, refuses in REFUSED_FORMS.items():
            if refuses(node):
                yield refused


def _reuses_an_alias(select: exp.Expression) -> bool:
    """Whether an expression names a column of which an earlier one made something else under the same name."""
    made: set[str] = set()
    for expression in select.expressions if isinstance(select, exp.Select) else []:
        if any(not column.table and column.name in made for column in expression.find_all(exp.Column)):
            return True
        if isinstance(expression, exp.Alias) and not isinstance(expression.this, exp.Column):
            made.add(expression.alias)
    return False


def _is_double(node: exp.Expression) -> bool:
    return isinstance(node, exp.Cast) and node.is_type("double")


def _is_date(node: exp.Expression | None) -> bool:
    return isinstance(node, exp.Cast) and node.is_type("date")


def _lacks_frame(window: exp.Window) -> bool:
    aggregates = isinstance(window.this, (exp.Sum, exp.Count, exp.Min, exp.Max, exp.Avg))
    return aggregates and bool(window.args.get("order")) and not window.args.get("spec")


REFUSED_FORMS: dict[str, Callable[[exp.Expression], bool]] = {
    "*: name the columns": lambda node: isinstance(node, exp.Star) and isinstance(node.parent, exp.Select),
    "/: DuckDB divides whole numbers to a float, Redshift to a whole number; CAST the dividend AS DOUBLE PRECISION": (
        lambda node: isinstance(node, exp.Div) and not _is_double(node.this)
    ),
    "AVG: Redshift keeps the type of a whole number or decimal; CAST its argument AS DOUBLE PRECISION": (
        lambda node: isinstance(node, exp.Avg) and not _is_double(node.this)
    ),
    "ROUND(x, n): engines round a half differently; see Exact averages in docs/kpis.md": (
        lambda node: isinstance(node, exp.Round) and bool(node.args.get("decimals"))
    ),
    "DATE_TRUNC: it gives a timestamp; CAST it AS DATE": (
        lambda node: isinstance(node, (exp.DateTrunc, exp.TimestampTrunc)) and not _is_date(node.parent)
    ),
    "an alias that a later expression may mean: Redshift lets it; write that expression first": _reuses_an_alias,
    "OVER (ORDER BY ...): Redshift asks for an explicit frame with an aggregate": (
        lambda node: isinstance(node, exp.Window) and _lacks_frame(node)
    ),
}


def _layout(sql: str) -> Iterator[str]:
    tokens = tokenize(sql, read="redshift")
    for token, following in zip(tokens, [*tokens[1:], None], strict=True):
        is_call = following is not None and following.token_type is TokenType.L_PAREN
        is_keyword = token.token_type not in WORDS_OF_OUR_OWN
        if (is_call or is_keyword) and token.text != token.text.upper():
            yield f"line {token.line}: write {token.text.upper()} in upper case"
        before = sql[: token.start].rpartition("\n")[2].strip(" ")
        if token.token_type in CLAUSES and before and not re.search(r"EXTRACT\(\w+$", before):
            yield f"line {token.line}: begin a new line with {token.text}"
    for number, line in enumerate(sql.splitlines(), start=1):
        if len(line) > 120 or line != line.rstrip():
            yield f"line {number}: at most 120 characters and none of them a trailing blank"
