"""Reads one KPI file: a YAML header in a leading block comment, then one SELECT.

The header is read from YAML's node tree, so that every complaint has its line and no value is guessed (`No` stays
text, never false). Whether the SELECT returns the declared columns needs a SQL parser: that is `lineage.py`.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, NoReturn

import yaml

from walmart_bi.errors import WalmartBiError
from walmart_bi.kpis.model import CHARTS, COVERAGE, TYPE, UNITS, Display, Kpi, KpiColumn, Sort, masked_sql

_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_HEADER = re.compile(r"\A(?P<before>\s*)/\*[ \t]*---[ \t]*\n(?P<yaml>.*?)^---[ \t]*\*/", re.DOTALL | re.MULTILINE)
_COLUMN_NAME = re.compile(r"[a-z][a-z0-9_]{0,126}")
_EXAMPLE = "see any file in sql/kpis/ for a header that works."


class KpiFileError(WalmartBiError):
    """A KPI file does not say what it has to say."""


def parse_kpi(text: str, *, path: str, persona: str, name: str) -> Kpi:
    """The KPI that a file's text defines. Raises KpiFileError with the line and the next step."""
    header = _HEADER.match(text)
    if header is None:
        _fail(
            path,
            1,
            "The file does not begin with a header.",
            f"begin it with /* --- and end it with --- */; {_EXAMPLE}",
        )
    reader = _HeaderReader(path)
    # Line breaks stand for the lines above the YAML text, so that its line numbers are those of the file.
    top = reader.document("\n" * (header["before"].count("\n") + 1) + header["yaml"])
    fields = reader.mapping(
        top, "the header", required=("title", "question", "grain", "columns", "show"), optional=("covers",)
    )
    columns = reader.columns(fields["columns"])
    names = {column.name for column in columns}
    return Kpi(
        name=name,
        persona=persona,
        path=path,
        title=reader.text(fields["title"], "title"),
        question=reader.text(fields["question"], "question"),
        grain=tuple(reader.column_list(fields["grain"], "grain", names)),
        columns=columns,
        show=reader.display(fields["show"], names),
        covers=reader.choice(fields["covers"], "covers", COVERAGE) if "covers" in fields else "all",
        select=_single_select(text, header.end(), path),
    )


def _fail(path: str, line: int, cause: str, next_step: str) -> NoReturn:
    raise KpiFileError(cause, place=f"KPI file {path}, line {line}", next_step=next_step)


def _single_select(text: str, start: int, path: str) -> str:
    """The one statement after the header, without its semicolon."""
    masked = masked_sql(text[start:])
    stripped = masked.rstrip()
    end = len(stripped) - 1 if stripped.endswith(";") else len(masked)
    line = text.count("\n", 0, start) + 1
    if not re.match(r"\s*(SELECT|WITH)\b", masked, re.IGNORECASE):
        _fail(path, line, "There is no SELECT after the header.", "write one SELECT (or WITH ... SELECT) after it.")
    if (extra := masked[:end].find(";")) >= 0:
        line += masked.count("\n", 0, extra)
        _fail(path, line, "There is more than one statement.", "keep one SELECT; put each other view in its own file.")
    return text[start : start + end].strip()


class _HeaderReader:
    """Turns YAML nodes into checked values; knows the path for its complaints."""

    def __init__(self, path: str) -> None:
        self._path = path

    def fail(self, node: yaml.Node, cause: str, next_step: str) -> NoReturn:
        _fail(self._path, node.start_mark.line + 1, cause, next_step)

    def document(self, text: str) -> yaml.Node:
        try:
            node = yaml.compose(text, Loader=_LOADER)
        except yaml.MarkedYAMLError as error:
            line = error.problem_mark.line + 1 if error.problem_mark else 1
            _fail(self._path, line, f"The header is not YAML: {error.problem}.", f"correct the line; {_EXAMPLE}")
        except yaml.YAMLError as error:
            _fail(self._path, 1, f"The header is not YAML: {error}", f"remove what cannot be read; {_EXAMPLE}")
        if node is None:
            _fail(self._path, 1, "The header is empty.", f"fill it in; {_EXAMPLE}")
        return node

    def pairs(self, node: yaml.Node, what: str) -> dict[str, tuple[yaml.Node, yaml.Node]]:
        if not isinstance(node, yaml.MappingNode):
            self.fail(node, f"{what} is not a list of `key: value` lines.", f"write it as such; {_EXAMPLE}")
        found: dict[str, tuple[yaml.Node, yaml.Node]] = {}
        for key_node, value in node.value:
            key = self.text(key_node, f"a key of {what}")
            if key in found:
                self.fail(key_node, f"{what} has `{key}` twice.", "keep one of them.")
            found[key] = (key_node, value)
        return found

    def mapping(
        self, node: yaml.Node, what: str, *, required: tuple[str, ...], optional: tuple[str, ...] = ()
    ) -> dict[str, yaml.Node]:
        found = self.pairs(node, what)
        known = (*required, *optional)
        for key, (key_node, _) in found.items():
            if key not in known:
                self.fail(key_node, f"{what} has an unknown key `{key}`.", f"use one of: {', '.join(known)}.")
        missing = [key for key in required if key not in found]
        if missing:
            self.fail(node, f"{what} has no `{missing[0]}`.", f"add `{missing[0]}:`; {_EXAMPLE}")
        return {key: value for key, (_, value) in found.items()}

    def text(self, node: yaml.Node, what: str) -> str:
        if not isinstance(node, yaml.ScalarNode) or not node.value.strip():
            self.fail(node, f"{what} is not a text.", "write one text after the colon, in quotes if it holds a colon.")
        return " ".join(node.value.split())

    def choice(self, node: yaml.Node, what: str, known: dict[str, str]) -> str:
        value = self.text(node, what)
        if value not in known:
            self.fail(node, f"{what} cannot be `{value}`.", f"use one of: {', '.join(known)}.")
        return value

    def number(self, node: yaml.Node, what: str) -> int:
        value = self.text(node, what)
        if not re.fullmatch(r"[1-9]\d{0,6}", value):
            self.fail(node, f"{what} is not a whole number from 1: `{value}`.", "write digits only.")
        return int(value)

    def items(self, node: yaml.Node, what: str) -> list[yaml.Node]:
        if not isinstance(node, yaml.SequenceNode):
            self.fail(node, f"{what} is not a list.", f"write `{what}: [one, two]`, or `[]` for none.")
        return list(node.value)

    def column(self, node: yaml.Node, what: str, names: set[str]) -> str:
        name = self.text(node, what)
        if name not in names:
            self.fail(node, f"{what} names `{name}`, which is not in `columns`.", "correct the name or add the column.")
        return name

    def column_list(self, node: yaml.Node, what: str, names: set[str]) -> list[str]:
        return self.distinct(node, what, lambda item: self.column(item, what, names))

    def distinct(self, node: yaml.Node, what: str, read: Callable[[yaml.Node], str]) -> list[str]:
        found: list[str] = []
        for item in self.items(node, what):
            value = read(item)
            if value in found:
                self.fail(item, f"{what} names `{value}` twice.", "keep one of them.")
            found.append(value)
        return found

    def columns(self, node: yaml.Node) -> tuple[KpiColumn, ...]:
        columns = []
        for name, (key_node, value) in self.pairs(node, "columns").items():
            if not _COLUMN_NAME.fullmatch(name):
                self.fail(
                    key_node, f"`{name}` is not a column name.", "use lower-case letters, digits and underscores."
                )
            fields = self.mapping(value, f"column `{name}`", required=("type", "unit", "description"))
            columns.append(
                KpiColumn(
                    name=name,
                    type=self.type(fields["type"]),
                    unit=self.choice(fields["unit"], "unit", UNITS),
                    description=self.text(fields["description"], "description"),
                )
            )
        if not columns:
            self.fail(node, "columns is empty.", "describe every column of the SELECT.")
        return tuple(columns)

    def type(self, node: yaml.Node) -> str:
        text = self.text(node, "type")
        if not TYPE.fullmatch(text):
            self.fail(
                node,
                f"type cannot be `{text}`.",
                "use DATE, BIGINT, INTEGER, BOOLEAN, VARCHAR, DOUBLE PRECISION or DECIMAL(18, 2).",
            )
        return text

    def display(self, node: yaml.Node, names: set[str]) -> Display:
        fields = self.mapping(
            node,
            "show",
            required=("chart", "caption"),
            optional=("x", "y", "series", "sort", "top", "minimum_orders"),
        )
        display = Display(
            chart=self.choice(fields["chart"], "chart", CHARTS),
            x=self.column(fields["x"], "x", names) if "x" in fields else None,
            y=tuple(self.column_list(fields["y"], "y", names)) if "y" in fields else (),
            series=self.column(fields["series"], "series", names) if "series" in fields else None,
            sort=self.sort(fields["sort"], names) if "sort" in fields else (),
            top=self.number(fields["top"], "top") if "top" in fields else None,
            minimum_orders=self.number(fields["minimum_orders"], "minimum_orders")
            if "minimum_orders" in fields
            else None,
            caption=self.text(fields["caption"], "caption"),
        )
        self.check_axes(node, display)
        return display

    def check_axes(self, node: yaml.Node, display: Display) -> None:
        chart = display.chart
        if chart != "table" and not display.y:
            self.fail(node, f"A {chart} chart has no `y`.", "add `y: [column]`.")
        if chart not in {"table", "tiles"} and display.x is None:
            self.fail(node, f"A {chart} chart has no `x`.", "add `x: column`.")
        if display.top is not None and not display.sort:
            self.fail(node, "`top` has no order to take the first rows of.", "add `sort: [column desc]`.")

    def sort(self, node: yaml.Node, names: set[str]) -> tuple[Sort, ...]:
        keys: list[Sort] = []
        for item in self.items(node, "sort"):
            match = re.fullmatch(r"(\S+) (asc|desc)", self.text(item, "sort"))
            if match is None:
                self.fail(
                    item, "sort is not `column asc` or `column desc`.", "write for example `sort: [revenue desc]`."
                )
            if match[1] not in names:
                self.fail(item, f"sort names `{match[1]}`, which is not in `columns`.", "correct the name.")
            keys.append(Sort(match[1], descending=match[2] == "desc"))
        return tuple(keys)
