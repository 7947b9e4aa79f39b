"""Worksheets as XML, and the filters that sheets on the story cube share. What a sheet shows is `sheets.py`."""

from __future__ import annotations

from collections.abc import Sequence

from walmart_bi.reporting.tableau.datasources import column, column_instance, reference, source_name
from walmart_bi.reporting.tableau.markup import (
    Element,
    element,
    field_run,
    formatted_text,
    line_break,
    literal,
    run,
    simple_id,
)
from walmart_bi.reporting.tableau.sheets import MEASURE_NAMES, MEASURE_VALUES, Order, Pill, Sheet, filter_pill
from walmart_bi.reporting.tableau.tables import STORY_DIMENSIONS, Table

_GREY = "#666666"


def worksheet(sheet: Sheet) -> Element:
    """The whole worksheet."""
    return element(
        "worksheet",
        {"name": sheet.name},
        element("layout-options", {}, element("title", {}, _title(sheet))),
        element(
            "table",
            {},
            _view(sheet),
            element("style"),
            element("panes", {}, _pane(sheet)),
            element("rows", {}, text=_rows(sheet)),
            element("cols", {}, text=_columns(sheet)),
        ),
        simple_id("worksheet", sheet.name),
    )


def shared_filters(story: Table) -> Element:
    """The story's filters, which act on every sheet that uses the story cube."""
    pills = [filter_pill(field.name) for field in STORY_DIMENSIONS]
    return element(
        "shared-view",
        {"name": source_name(story)},
        _sources(story),
        dependencies(story, pills),
        *(_open_filter(story, pill) for pill in pills),
    )


def dependencies(table: Table, pills: Sequence[Pill]) -> Element:
    """Every field that is used, with what is done to it; a formula's fields come with it."""
    names = {pill.field for pill in pills}
    for field in table.fields:
        if field.formula and field.name in names:
            names |= {other.name for other in table.fields if f"[{other.name}]" in field.formula}
    columns = [column(field) for field in sorted(table.fields, key=lambda field: field.name) if field.name in names]
    instances = [column_instance(pill) for pill in sorted(set(pills), key=lambda pill: pill.name)]
    return element("datasource-dependencies", {"datasource": source_name(table)}, *columns, *instances)


def _title(sheet: Sheet) -> Element:
    note = run(sheet.note, fontcolor=_GREY, fontsize="9")
    return formatted_text([run(sheet.name, bold="true", fontsize="12"), line_break(), note])


def _sources(table: Table) -> Element:
    source = element("datasource", {"caption": table.caption, "name": source_name(table)})
    return element("datasources", {}, source)


def _view(sheet: Sheet) -> Element:
    parts = [_sources(sheet.table), dependencies(sheet.table, sheet.pills)]
    sliced: list[str] = []
    if sheet.is_combined:
        parts.append(_measure_names(sheet))
        sliced.append(f"[{source_name(sheet.table)}].{MEASURE_NAMES}")
    if sheet.minimum:
        pill, least = sheet.minimum
        named = {"class": "quantitative", "column": reference(sheet.table, pill), "included-values": "in-range"}
        parts.append(element("filter", named, element("min", text=str(least))))
        sliced.append(named["column"])
    if sheet.order:
        parts.append(_sort(sheet.table, sheet.order))
    if sheet.is_filtered:
        sliced += [reference(sheet.table, filter_pill(field.name)) for field in STORY_DIMENSIONS]
    if sliced:
        parts.append(element("slices", {}, *(element("column", text=name) for name in sliced)))
    return element("view", {}, *parts, element("aggregation", {"value": "true"}))


def _open_filter(table: Table, pill: Pill) -> Element:
    everything = {
        "function": "level-members",
        "level": pill.name,
        "user:ui-enumeration": "all",
        "user:ui-marker": "enumerate",
    }
    group = {"class": "categorical", "column": reference(table, pill)}
    return element("filter", group, element("groupfilter", everything))


def _measure_names(sheet: Sheet) -> Element:
    members = [
        element(
            "groupfilter",
            {"function": "member", "level": MEASURE_NAMES, "member": literal(reference(sheet.table, pill))},
        )
        for pill in sheet.measures
    ]
    chosen = element("groupfilter", {"function": "union", "user:op": "manual"}, *members)
    return element(
        "filter", {"class": "categorical", "column": f"[{source_name(sheet.table)}].{MEASURE_NAMES}"}, chosen
    )


def _sort(table: Table, order: Order) -> Element:
    common = {"column": reference(table, order.pill), "direction": "DESC" if order.descending else "ASC"}
    if order.by:
        return element("computed-sort", {**common, "using": reference(table, order.by)})
    buckets = [element("bucket", text=literal(label)) for label in order.labels]
    return element("manual-sort", common, element("dictionary", {}, *buckets))


def _pane(sheet: Sheet) -> Element:
    source = f"[{source_name(sheet.table)}]"
    encodings = []
    if sheet.color:
        encodings.append(element("color", {"column": reference(sheet.table, sheet.color)}))
    if sheet.is_combined and sheet.mark == "Bar":
        encodings.append(element("color", {"column": f"{source}.{MEASURE_NAMES}"}))
    if sheet.is_combined and sheet.mark == "Text":
        encodings.append(element("text", {"column": f"{source}.{MEASURE_VALUES}"}))
    elif sheet.mark == "Text":
        encodings += [element("text", {"column": reference(sheet.table, pill)}) for pill in sheet.measures]
    elif sheet.mark == "Bar" and not sheet.is_combined:
        encodings += [element("text", {"column": reference(sheet.table, pill)}) for pill in sheet.columns]
    encodings += [element("lod", {"column": reference(sheet.table, pill)}) for pill in sheet.detail]
    parts = [
        element("view", {}, element("breakdown", {"value": "auto"})),
        element("mark", {"class": sheet.mark}),
    ]
    if encodings:
        parts.append(element("encodings", {}, *encodings))
    if sheet.mark == "Text" and not sheet.is_combined:
        parts.append(element("customized-label", {}, _tile_label(sheet)))
    if sheet.mark in {"Bar", "Text"} and not (sheet.is_combined and sheet.mark == "Bar"):
        shown = element("format", {"attr": "mark-labels-show", "value": "true"})
        culled = element("format", {"attr": "mark-labels-cull", "value": "true"})
        parts.append(element("style", {}, element("style-rule", {"element": "mark"}, shown, culled)))
    return element("pane", {"selection-relaxation-option": "selection-relaxation-allow"}, *parts)


def _tile_label(sheet: Sheet) -> Element:
    runs: list[Element] = []
    for pill in sheet.measures:
        caption = sheet.table.field(pill.field).caption
        runs += [run(caption, fontcolor=_GREY, fontsize="10"), line_break()]
        runs += [field_run(reference(sheet.table, pill), bold="true", fontsize="18"), line_break()]
    return formatted_text(runs[:-1])


def _rows(sheet: Sheet) -> str:
    if sheet.is_combined and sheet.mark == "Bar":
        return f"[{source_name(sheet.table)}].{MEASURE_VALUES}"
    return _shelf(sheet, sheet.rows)


def _columns(sheet: Sheet) -> str:
    if not sheet.is_combined:
        return _shelf(sheet, sheet.columns)
    names = f"[{source_name(sheet.table)}].{MEASURE_NAMES}"
    return f"({_shelf(sheet, sheet.columns)} / {names})" if sheet.columns else names


def _shelf(sheet: Sheet, pills: Sequence[Pill]) -> str:
    """Measures stand side by side, groupings one inside the other."""
    names = [reference(sheet.table, pill) for pill in pills]
    if len(names) < 2:
        return "".join(names)
    is_measure = all(not sheet.table.field(pill.field).is_dimension for pill in pills)
    return f"({(' + ' if is_measure else ' / ').join(names)})"
