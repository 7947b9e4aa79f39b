"""What a schema cannot see in a workbook: whether what it names is there, and whether it gives anything away.

Tableau's schema accepts a story point of a missing sheet, a field that does not exist, and any path in a connection.
The rules here look at those. They read documents and extracts as they were published, so the snapshot's check uses them
as well as the tests. Whether the numbers inside are right is `checking.py`.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping
from xml.etree import ElementTree as ET

from walmart_bi.kpis.privacy import CUSTOMER_LEVEL_COLUMNS
from walmart_bi.reporting.tableau.dashboards import CANVAS

_FIELD = re.compile(r"\[([^\[\]]+)\]\.(\[[^\[\]]+\])")
_SHOWN_FIELD = re.compile(r"<\[([^\[\]]+)\]\.(\[[^\[\]]+\])>")  # anything else in a text is text
_FORMULA_FIELD = re.compile(r"\[([^\[\]]+)\]")
_TABLE = re.compile(r"\[([^\[\]]+)\]\.\[([^\[\]]+)\]")
_BUILT_IN = {"[:Measure Names]", "[Multiple Values]"}
# What is done to a field, and the short form of it in the name of the result.
_DERIVATIONS = {"None": "none", "Sum": "sum", "Avg": "avg", "Min": "min", "User": "usr", "Month-Trunc": "tmn"}
# Where a path or an account of the machine that made the file would stand.
_GIVEN_AWAY = re.compile(r"(^|[\s'\"=(])(/(home|tmp|root|var|work|Users|mnt|opt|etc)/|[A-Za-z]:\\|\\\\|file:)")
_ACCOUNT = {"username", "server", "directory", "filename", "password"}
# Attributes of the view whose value is a field: everything that is not one of these is text.
_FIELD_ATTRIBUTES = {"column", "using", "field", "param", "x-axis-name", "y-axis-name"}


def lint_workbook(document: bytes, tables: Mapping[str, Collection[str]], entries: Collection[str]) -> list[str]:
    """What is wrong in a `.twb`, given the extract's tables with their columns and the names inside the package."""
    root, problems = _parsed(document)
    if root is None:
        return problems
    return [
        *problems,
        *_package(root, entries),
        *_sources(root, tables),
        *_privacy(root, tables),
        *_references(root),
        *_sheets(root),
        *_story(root),
        *_identifiers(root),
        *_zones(root),
    ]


def lint_data_source(document: bytes, tables: Mapping[str, Collection[str]], entries: Collection[str]) -> list[str]:
    """What is wrong in a `.tds`, in the same way."""
    root, problems = _parsed(document)
    if root is None:
        return problems
    if root.tag != "datasource":
        return [f"the document is a <{root.tag}>, not a <datasource>"]
    wrapped = ET.Element("workbook")
    ET.SubElement(wrapped, "datasources").append(root)
    return [*_package(root, entries), *_sources(wrapped, tables), *_privacy(root, tables)]


def _parsed(document: bytes) -> tuple[ET.Element | None, list[str]]:
    if b"<!DOCTYPE" in document or b"<!ENTITY" in document:
        return None, ["the document declares a type or an entity"]
    try:
        # Without a type declaration nothing can be expanded.
        return ET.fromstring(document), []  # noqa: S314 - see above # nosec B314
    except ET.ParseError as error:
        return None, [f"the document is not XML: {error}"]


def _package(root: ET.Element, entries: Collection[str]) -> Iterator[str]:
    for name in entries:
        if name.startswith(("/", "\\")) or ".." in name.replace("\\", "/").split("/") or ":" in name:
            yield f"the package holds {name!r}, which is not below it"
    for connection in root.iter("connection"):
        path = connection.get("dbname")
        if connection.get("class") == "hyper" and path not in entries:
            yield f"a connection names {path!r}, which is not in the package"
    for found in root.iter():
        for name, value in found.attrib.items():
            if _GIVEN_AWAY.search(value) or (found.tag == "connection" and name in _ACCOUNT and value):
                yield f"<{found.tag}> gives away {name}={value!r}"


def _sources(root: ET.Element, tables: Mapping[str, Collection[str]]) -> Iterator[str]:
    """Each data source reads a table of the extract, and knows of no column that the table does not have."""
    for source in root.findall("datasources/datasource"):
        name = source.get("caption") or source.get("formatted-name") or source.get("name")
        connections = {each.get("name") for each in source.findall("connection/named-connections/named-connection")}
        relation = source.find("connection/relation")
        match = None if relation is None else _TABLE.fullmatch(relation.get("table", ""))
        if relation is None or match is None or match[2] not in tables:
            yield f"data source {name!r} reads no table of the extract"
            continue
        if relation.get("connection") not in connections:
            yield f"data source {name!r} reads through a connection that it does not have"
        columns = set(tables[match[2]])
        for column in source.findall("column"):
            yield from _column(column, columns, f"data source {name!r}")
        for record in source.iter("metadata-record"):
            if (remote := record.findtext("remote-name", "")) not in columns:
                yield f"data source {name!r} describes column {remote!r}, which is not in {match[2]}"


def _column(column: ET.Element, columns: set[str], where: str) -> Iterator[str]:
    calculation = column.find("calculation")
    if calculation is None:
        if (field := column.get("name", "").strip("[]")) not in columns:
            yield f"{where} has the field {field!r}, which is not in the extract"
        return
    for field in _FORMULA_FIELD.findall(calculation.get("formula", "")):
        if field not in columns:
            yield f"{where} computes with the field {field!r}, which is not in the extract"


def _privacy(root: ET.Element, tables: Mapping[str, Collection[str]]) -> Iterator[str]:
    for table, columns in tables.items():
        for column in columns:
            if column.lower() in CUSTOMER_LEVEL_COLUMNS:
                yield f"the extract's table {table} has the customer-level column {column}"
    for found in (*root.iter("column"), *root.iter("column-instance")):
        field = (found.get("column") or found.get("name") or "").strip("[]")
        if field.lower() in CUSTOMER_LEVEL_COLUMNS:
            yield f"the document has the customer-level column {field}"


def _references(root: ET.Element) -> Iterator[str]:
    """Every field that a view uses is declared in that view, and every declaration is a field of its data source."""
    known = {source.get("name"): source for source in root.findall("datasources/datasource")}
    places = (*root.iter("worksheet"), *root.iter("dashboard"), *root.iter("shared-view"))
    for place in places:
        where = f"<{place.tag}> {place.get('name')!r}"
        declared: set[tuple[str, str]] = set()
        for listed in place.findall(".//datasources/datasource"):
            if listed.get("name") not in known:
                yield f"{where} uses the data source {listed.get('name')!r}, which is not in the workbook"
        for part in place.iter("datasource-dependencies"):
            source = part.get("datasource", "")
            yield from _declarations(part, known.get(source), where)
            declared |= {(source, each.get("name", "")) for each in part.findall("column-instance")}
        for source, name in sorted(set(_used_fields(place))):
            if source not in known:
                yield f"{where} uses a field of {source!r}, which is not a data source of the workbook"
            elif name not in _BUILT_IN and (source, name) not in declared:
                yield f"{where} uses {name}, which it does not declare"


def _declarations(part: ET.Element, source: ET.Element | None, where: str) -> Iterator[str]:
    if source is None:
        yield f"{where} depends on {part.get('datasource')!r}, which is not a data source of the workbook"
        return
    fields = {column.get("name") for column in source.findall("column")}
    own = {column.get("name") for column in part.findall("column")}
    for name in sorted(str(name) for name in own - fields):
        yield f"{where} has the field {name}, which its data source does not have"
    for instance in part.findall("column-instance"):
        if instance.get("column") not in own:
            yield f"{where} uses {instance.get('name')} of {instance.get('column')}, which it does not declare"
        short = _DERIVATIONS.get(instance.get("derivation", ""))
        if short is None or not instance.get("name", "").startswith(f"[{short}:"):
            yield f"{where} names {instance.get('name')} what is done as {instance.get('derivation')!r}"


def _used_fields(place: ET.Element) -> Iterator[tuple[str, str]]:
    for found in place.iter():
        if found.tag in {"rows", "cols", "column"}:
            yield from _FIELD.findall(found.text or "")
        if found.tag == "run":
            yield from _SHOWN_FIELD.findall(found.text or "")
        for name in _FIELD_ATTRIBUTES & found.attrib.keys():
            yield from _FIELD.findall(found.attrib[name])
        if found.tag == "groupfilter":
            yield from _FIELD.findall(found.get("member", ""))


def _sheets(root: ET.Element) -> Iterator[str]:
    """Every sheet has a name of its own and its window; dashboards and windows show worksheets that are there."""
    worksheets = [sheet.get("name", "") for sheet in root.findall("worksheets/worksheet")]
    dashboards = [sheet.get("name", "") for sheet in root.findall("dashboards/dashboard")]
    yield from _repeated("sheet", [*worksheets, *dashboards])
    for board in root.findall("dashboards/dashboard"):
        yield from _shown_sheets(board, worksheets)
    windows = {"worksheet": set(worksheets), "dashboard": set(dashboards)}
    for kind, sheets in windows.items():
        shown = [each.get("name") for each in root.findall("windows/window") if each.get("class") == kind]
        for name in sorted({str(name) for name in shown} ^ sheets):
            yield f"{kind} {name!r} and the {kind} windows do not agree"
    for view in root.findall("windows/window/viewpoints/viewpoint"):
        if view.get("name") not in worksheets:
            yield f"a window views {view.get('name')!r}, which is no worksheet"


def _shown_sheets(board: ET.Element, worksheets: Collection[str]) -> Iterator[str]:
    for zone in board.iter("zone"):
        if zone.get("name") is not None and zone.get("name") not in worksheets:
            yield f"dashboard {board.get('name')!r} shows {zone.get('name')!r}, which is no worksheet"
        if zone.get("type-v2") == "filter" and not zone.get("param"):
            yield f"dashboard {board.get('name')!r} has a filter of no field"


def _story(root: ET.Element) -> Iterator[str]:
    """Each story point shows a sheet and says something, and the navigator and the board know each other."""
    boards = [each for each in root.findall("dashboards/dashboard") if each.get("type") == "storyboard"]
    if len(boards) != 1:
        yield f"the workbook has {len(boards)} stories"
    sheets = {each.get("name") for each in (*root.findall("worksheets/*"), *root.findall("dashboards/*"))}
    for board in boards:
        points = list(board.iter("story-point"))
        if not points:
            yield "the story has no point"
        for point in points:
            shown = point.get("captured-sheet")
            if shown not in sheets or shown == board.get("name"):
                yield f"story point {point.get('id')} shows {shown!r}, which is no sheet"
            if not (point.get("caption") or "").strip():
                yield f"story point {point.get('id')} says nothing"
        yield from _repeated("story point", (point.get("id") for point in points))
        active = [flipboard.get("active-id") for flipboard in board.iter("flipboard")]
        if points and active != [points[0].get("id")]:
            yield "the story does not begin with its first point"
        yield from _pairs(board)


def _pairs(board: ET.Element) -> Iterator[str]:
    zones = {zone.get("id"): zone for zone in board.iter("zone")}
    for kind, other in (("flipboard-nav", "flipboard"), ("flipboard", "flipboard-nav")):
        found = [zone for zone in zones.values() if zone.get("type-v2") == kind]
        paired = zones.get(found[0].get("paired-zone-id")) if len(found) == 1 else None
        if paired is None or paired.get("type-v2") != other:
            yield f"the story's {kind} has no {other}"


def _identifiers(root: ET.Element) -> Iterator[str]:
    yield from _repeated("simple-id", (found.get("uuid") for found in root.iter("simple-id")))
    yield from _repeated("data source", (found.get("name") for found in root.findall("datasources/datasource")))
    for board in root.findall("dashboards/dashboard"):
        yield from _repeated(f"zone of {board.get('name')!r}", (zone.get("id") for zone in board.iter("zone")))
    for sheet in (*root.findall("worksheets/*"), *root.findall("dashboards/*"), *root.findall("windows/*")):
        if sheet.find("simple-id") is None:
            yield f"<{sheet.tag}> {sheet.get('name')!r} has no simple-id"


def _repeated(what: str, values: Iterable[str | None]) -> Iterator[str]:
    for value, count in sorted(Counter(str(value) for value in values).items()):
        if count > 1:
            yield f"{what} {value} is there {count} times"


def _zones(root: ET.Element) -> Iterator[str]:
    """Every zone lies on the canvas and inside the zone around it."""
    for board in root.findall("dashboards/dashboard"):
        for zone in board.findall("zones/zone"):
            yield from _inside(zone, (0, 0, CANVAS, CANVAS), str(board.get("name")))


def _inside(zone: ET.Element, around: tuple[int, int, int, int], board: str) -> Iterator[str]:
    try:
        x, y, w, h = (int(zone.get(side, "")) for side in "xywh")
    except ValueError:
        yield f"zone {zone.get('id')} of {board!r} has no place"
        return
    left, top, right, bottom = around
    if w <= 0 or h <= 0 or x < left or y < top or x + w > right or y + h > bottom:
        yield f"zone {zone.get('id')} of {board!r} is not inside the zone around it"
    for inner in zone.findall("zone"):
        yield from _inside(inner, (x, y, x + w, y + h), board)
