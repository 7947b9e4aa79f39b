"""Data sources as XML: how Tableau reaches a table of the extract, and what it knows about each column."""

from __future__ import annotations

from walmart_bi.kpis.model import AOV_COLUMN
from walmart_bi.reporting.tableau.markup import VERSION, Element, element, short_identifier
from walmart_bi.reporting.tableau.sheets import Pill
from walmart_bi.reporting.tableau.tables import ORDER_VALUE, SCHEMA, Field, Table

# Tableau's data types by SQL type, with the number that its metadata gives each.
_TYPES = {
    "DATE": ("date", "133"),
    "BIGINT": ("integer", "20"),
    "INTEGER": ("integer", "3"),
    "BOOLEAN": ("boolean", "11"),
    "VARCHAR": ("string", "129"),
    "DOUBLE PRECISION": ("real", "5"),
    "DECIMAL": ("real", "131"),
}
_FORMATS = {
    "usd": 'c"$"#,##0;"\u2212$"#,##0',
    "cents": 'c"$"#,##0.00;"\u2212$"#,##0.00',
    "orders": "n#,##0;\u2212#,##0",
    "count": "n#,##0;\u2212#,##0",
    "rank": "n#,##0;\u2212#,##0",
    "years": "n#,##0;\u2212#,##0",
    "share": "p0.0%",
    "month": "*mmm yyyy",
    "date": "*yyyy-mm-dd",
}


def source_name(table: Table) -> str:
    """The data source's name inside the workbook; sheets refer to fields by it."""
    return f"federated.{short_identifier('datasource', table.name)}"


def reference(table: Table, pill: Pill) -> str:
    """A field on a shelf as sheets name it."""
    return f"[{source_name(table)}].{pill.name}"


def datasource(table: Table, extract: str, *, is_file: bool = False) -> Element:
    """The data source on the table in the packaged extract; alone in a `.tds` it is the document itself."""
    attributes = {"caption": table.caption, "inline": "true", "name": source_name(table), "version": VERSION}
    if is_file:
        attributes = {"formatted-name": source_name(table), "inline": "true", "version": VERSION}
    return element(
        "datasource",
        attributes,
        _connection(table, extract),
        element("aliases", {"enabled": "yes"}),
        *(column(field) for field in table.fields),
        element("layout", {"dim-ordering": "alphabetic", "measure-ordering": "alphabetic", "show-structure": "true"}),
        _object_graph(table),
    )


def column(field: Field) -> Element:
    """What Tableau knows about a field: name, type, role, number format."""
    attributes = {
        "caption": field.caption,
        "datatype": _data_type(field)[0],
        "name": f"[{field.name}]",
        "role": "dimension" if field.is_dimension else "measure",
        "type": _column_kind(field),
    }
    unit = "cents" if field.name in {AOV_COLUMN, ORDER_VALUE} else field.unit
    if unit in _FORMATS:
        attributes["default-format"] = _FORMATS[unit]
    children = []
    if field.formula:
        children.append(element("calculation", {"class": "tableau", "formula": field.formula}))
    if field.description:
        description = element("formatted-text", {}, element("run", {}, text=field.description))
        children.append(element("desc", {}, description))
    return element("column", attributes, *children)


def column_instance(pill: Pill) -> Element:
    """What is done to a field on a shelf."""
    return element(
        "column-instance",
        {
            "column": f"[{pill.field}]",
            "derivation": pill.derivation,
            "name": pill.name,
            "pivot": "key",
            "type": pill.kind,
        },
    )


def _data_type(field: Field) -> tuple[str, str]:
    return _TYPES["DECIMAL" if field.type.startswith("DECIMAL") else field.type]


def _column_kind(field: Field) -> str:
    if not field.is_dimension:
        return "quantitative"
    return "ordinal" if field.type == "DATE" else "nominal"


def _connection(table: Table, extract: str) -> Element:
    named = element(
        "named-connection",
        {"caption": extract.rpartition("/")[2], "name": _connection_name(table)},
        element(
            "connection",
            {
                "authentication": "auth-none",
                "author-locale": "en_US",
                "class": "hyper",
                "dbname": extract,
                "default-settings": "yes",
                "schema": SCHEMA,
                "sslmode": "",
                "tablename": table.name,
                "username": "",
            },
        ),
    )
    records = [_metadata(field, table, place) for place, field in enumerate(table.columns)]
    return element(
        "connection",
        {"class": "federated"},
        element("named-connections", {}, named),
        _relation(table),
        element("metadata-records", {}, *records),
    )


def _connection_name(table: Table) -> str:
    return f"hyper.{short_identifier('connection', table.name)}"


def _relation(table: Table) -> Element:
    return element(
        "relation",
        {
            "connection": _connection_name(table),
            "name": table.name,
            "table": f"[{SCHEMA}].[{table.name}]",
            "type": "table",
        },
    )


def _object_name(table: Table) -> str:
    return f"{table.name}_{short_identifier('object', table.name).upper()}"


def _metadata(field: Field, table: Table, place: int) -> Element:
    local_type, remote_type = _data_type(field)
    aggregation = "Sum" if not field.is_dimension else "Year" if field.type == "DATE" else "Count"
    facts = {
        "remote-name": field.name,
        "remote-type": remote_type,
        "local-name": f"[{field.name}]",
        "parent-name": f"[{table.name}]",
        "remote-alias": field.name,
        "ordinal": str(place),
        "local-type": local_type,
        "aggregation": aggregation,
        "contains-null": "true",
        "object-id": f"[{_object_name(table)}]",
    }
    return element("metadata-record", {"class": "column"}, *(element(tag, text=text) for tag, text in facts.items()))


def _object_graph(table: Table) -> Element:
    content = element("properties", {"context": ""}, _relation(table))
    made = element("object", {"caption": table.caption, "id": _object_name(table)}, content)
    return element("object-graph", {}, element("objects", {}, made))
