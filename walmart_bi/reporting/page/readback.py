"""Reads a published page again, for the check that holds it to the views: its data, its tables, what it would load.

Nothing of the code that built the page is used here but the names of its parts.
"""

from __future__ import annotations

import base64
import json
import zlib
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from html.parser import HTMLParser
from typing import Any

# What makes a browser ask for something else. A link within the page (`href="#..."`) does not.
_LOADING = {"src", "srcset", "href", "data", "poster", "action", "formaction", "background", "xlink:href"}


@dataclass
class PublishedPage:
    """The page's data, its policy, and every attribute or style that would load something."""

    story: dict[str, Any]
    policy: str
    loads: list[str]
    tables: dict[str, list[list[str]]] = field(default_factory=dict)

    def sums_by(self, cube: str, *dimensions: str) -> dict[tuple[str, ...], tuple[int, int]]:
        """Orders and cents of each combination of values in one of the page's cubes."""
        packed = self.story["cubes"][cube]
        columns = _columns(packed)
        measures = dict(zip(packed["measures"], columns[1:], strict=True))
        sums: dict[tuple[str, ...], tuple[int, int]] = defaultdict(lambda: (0, 0))
        place = -1
        for cell, step in enumerate(columns[0]):
            place += step
            values = self._values(packed, place)
            key = tuple(values[name] for name in dimensions)
            orders, cents = sums[key]
            sums[key] = (orders + measures["orders"][cell], cents + measures["cents"][cell])
        return dict(sums)

    def _values(self, packed: dict[str, Any], place: int) -> dict[str, str]:
        values = {}
        for name, size in reversed(list(zip(packed["dimensions"], packed["sizes"], strict=True))):
            place, code = divmod(place, size)
            values[name] = self.story["members"][name][code]
        return values


def read_page(content: str) -> PublishedPage:
    """The page behind the text of its file. Raises ValueError when it is not such a page."""
    parser = _Parser()
    parser.feed(content)
    parser.close()
    if not parser.data:
        raise ValueError("the file has no data of a story page")
    return PublishedPage(json.loads(parser.data), parser.policy, parser.loads, dict(parser.tables))


class _Parser(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.data = ""
        self.policy = ""
        self.loads: list[str] = []
        self.tables: dict[str, list[list[str]]] = defaultdict(list)
        self._inside: str | None = None
        self._card: str | None = None

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        given = dict(attributes)
        if tag == "meta" and given.get("http-equiv") == "Content-Security-Policy":
            self.policy = given.get("content") or ""
        loading = [
            f"{tag} {key}={value}" for key, value in attributes if key in _LOADING and not (value or "").startswith("#")
        ]
        self.loads += loading
        if tag == "script" and given.get("id") == "story-data":
            self._inside = "data"
        elif tag == "style":
            self._inside = "style"
        elif tag == "article":
            self._card = given.get("data-kpi")
        elif tag == "tr" and self._card:
            self.tables[self._card].append([])
        elif tag in ("td", "th") and self._card:
            self.tables[self._card][-1].append("")
            self._inside = "cell"

    def handle_endtag(self, tag: str) -> None:
        if tag in ("script", "style", "td", "th"):
            self._inside = None
        elif tag == "article":
            self._card = None

    def handle_data(self, data: str) -> None:
        if self._inside == "data":
            self.data += data
        elif self._inside == "style":
            self.loads += [f"style {word}" for word in ("url(", "@import") if word in data]
        elif self._inside == "cell" and self._card:
            self.tables[self._card][-1][-1] += data


def _columns(packed: dict[str, Any]) -> list[Sequence[int]]:
    raw = zlib.decompress(base64.b64decode(packed["data"]))
    return list(_split(raw, packed["cells"], packed["widths"]))


def _split(raw: bytes, cells: int, widths: Sequence[int]) -> Iterator[list[int]]:
    start = 0
    for width in widths:
        planes = [raw[start + plane * cells : start + (plane + 1) * cells] for plane in range(width)]
        yield [int.from_bytes(bytes(number), "little") for number in zip(*planes, strict=True)]
        start += width * cells
