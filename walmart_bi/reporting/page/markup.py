"""HTML made of Python values: escaping, and elements. No content and no layout belongs here."""

from __future__ import annotations

import base64
import hashlib
import html
import json
from collections.abc import Iterable
from typing import Any


def text(value: object) -> str:
    """Text that stands for itself, in an element or in a quoted attribute."""
    return html.escape(str(value))


def name(value: object) -> str:
    """A text from the data, which keeps its writing direction to itself."""
    return f"<bdi>{text(value)}</bdi>"


def tag(kind: str, content: str | Iterable[str] = "", /, **attributes: object) -> str:
    """An element with ready content; attribute names take `_` for `-` and lose a last one, None leaves one out."""
    written = "".join(
        f" {key.rstrip('_').replace('_', '-')}" + ("" if value is True else f'="{text(value)}"')
        for key, value in attributes.items()
        if value is not None and value is not False
    )
    return f"<{kind}{written}>{content if isinstance(content, str) else ''.join(content)}</{kind}>"


def json_block(value: Any) -> str:
    """JSON that can stand in a script element: nothing in it can end the element or begin a comment."""
    written = json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    for character in "<>&\u2028\u2029":
        written = written.replace(character, f"\\u{ord(character):04x}")
    return written


def csp_hash(content: str) -> str:
    """The content's hash as a content security policy names it."""
    return f"'sha256-{base64.b64encode(hashlib.sha256(content.encode()).digest()).decode()}'"
