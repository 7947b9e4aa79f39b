"""The small pieces of Tableau's XML: elements, ids that follow from names, and texts that stay texts.

Nothing about sheets or data sources belongs here.
"""

from __future__ import annotations

import re
import uuid
from collections.abc import Iterable, Mapping
from xml.etree import ElementTree as ET

USER_NAMESPACE = "http://www.tableausoftware.com/xml/user"
Element = ET.Element

# The version that the files declare, and that the published schema of the same version describes.
VERSION = "26.1"

_NAMES = uuid.uuid5(uuid.NAMESPACE_DNS, "walmart_bi.tableau")
_NOT_XML = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
# In formatted text Tableau reads <...> as a field, and the letter Æ as the sign before a line break.
_FORMATTED = str.maketrans({"<": "\u2039", ">": "\u203a", "\u00c6": "AE"})
_LINE_BREAK = "\u00c6\n"

ET.register_namespace("user", USER_NAMESPACE)


def element(tag: str, attributes: Mapping[str, str] | None = None, *children: Element, text: str = "") -> Element:
    """One element; attributes whose name begins with `user:` are in Tableau's user namespace."""
    made = ET.Element(tag, {_qualified(name): plain(value) for name, value in (attributes or {}).items()})
    made.extend(children)
    if text:
        made.text = plain(text)
    return made


def _qualified(name: str) -> str:
    return f"{{{USER_NAMESPACE}}}{name.removeprefix('user:')}" if name.startswith("user:") else name


def plain(text: str) -> str:
    """The text without the characters that no XML document can hold."""
    return _NOT_XML.sub("\ufffd", text)


def document(root: Element) -> bytes:
    """The whole document; equal trees give equal bytes."""
    ET.indent(root)
    text: bytes = ET.tostring(root, encoding="utf-8", xml_declaration=True)
    return text + b"\n"


def identifier(kind: str, name: str) -> str:
    """An id that follows from the name alone."""
    return f"{{{str(uuid.uuid5(_NAMES, f'{kind}/{name}')).upper()}}}"


def short_identifier(kind: str, name: str) -> str:
    """The same as 24 hexadecimal digits, for names of connections and objects."""
    return uuid.uuid5(_NAMES, f"{kind}/{name}").hex[:24]


def simple_id(kind: str, name: str) -> Element:
    """The id that every sheet and window carries."""
    return element("simple-id", {"uuid": identifier(kind, name)})


def run(text: str, **attributes: str) -> Element:
    """One piece of formatted text that a person wrote or a name that came with the data."""
    return element("run", attributes, text=text.translate(_FORMATTED))


def field_run(reference: str, **attributes: str) -> Element:
    """One piece of formatted text that shows a field's value."""
    return element("run", attributes, text=f"<{reference}>")


def line_break() -> Element:
    """A new line in formatted text."""
    return element("run", {}, text=_LINE_BREAK)


def formatted_text(runs: Iterable[Element]) -> Element:
    """A text made of runs."""
    return element("formatted-text", {}, *runs)


def literal(value: str) -> str:
    """A text value as Tableau quotes it inside attributes and buckets."""
    escaped = plain(value).replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
