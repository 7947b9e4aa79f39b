"""Fills the patterns of `phrases.json`: the one place with words. What is said is decided before, in `findings.py`.

A slot's value is data. It is put in after the pattern was chosen and is never read as a pattern, and the text is plain:
escaping it is the part of whoever writes it into HTML, XML or Markdown. The page's JavaScript fills the same patterns.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Mapping
from functools import cache
from importlib.resources import files
from typing import Any

from walmart_bi.kpis.insights.model import Sentence, Slot

MINUS = "−"
NAME_LENGTH = 60
# A larger amount is shown in whole dollars. Also the parts of one: they are rounded so that they still add up.
WHOLE_DOLLARS_FROM = 1_000_000

_SLOT = re.compile(r"\{([a-z_]+)(?::([a-z_]+))?\}")
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
# Controls, and marks that change the direction of the text around them.
_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]")
_RIGHT_TO_LEFT = re.compile("[\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufefc\U00010800-\U00010fff\U0001e800-\U0001efff]")
_ISOLATED = "\u2068{}\u2069"


@cache
def phrases() -> dict[str, Any]:
    """The document `phrases.json`, as the page embeds it."""
    text = files("walmart_bi.kpis.insights").joinpath("phrases.json").read_text(encoding="utf-8")
    document: dict[str, Any] = json.loads(text)
    return document


def unit_of(*cents: int) -> int:
    """The step in which these amounts and their parts are shown, in cents."""
    return 100 if max(map(abs, cents), default=0) >= WHOLE_DOLLARS_FROM else 1


def rounded(value: float, step: int = 1) -> int:
    """The nearest multiple of the step, halves away from zero."""
    whole = math.floor(abs(value) / step + 0.5) * step
    return whole if value >= 0 else -whole


def fill(pattern: str, slots: Mapping[str, Slot], unit: int = 1) -> Sentence:
    """The sentence of a pattern, by its key."""
    text = _SLOT.sub(lambda match: FORMATS[match[2] or "text"](slots[match[1]], unit), phrases()["patterns"][pattern])
    return Sentence(pattern, dict(slots), unit, text)


def label(dimension: str, segment: str) -> str:
    """What a segment is called inside a sentence; an empty one is all the others."""
    words = phrases()["dimensions"][dimension]
    found: str = words["labels"].get(segment, segment) if segment else words["others"]
    return found


def money(cents: Any, unit: int = 1) -> str:
    """$1,234 or $1,234.50: whole dollars where the unit is 100."""
    shown = rounded(cents, unit)
    sign = MINUS if shown < 0 else ""
    whole, rest = divmod(abs(shown), 100)
    return f"{sign}${whole:,}" if unit == 100 else f"{sign}${whole:,}.{rest:02d}"


def _signed(text: str, is_positive: bool) -> str:
    return f"+{text}" if is_positive else text


def _change(cents: Any, unit: int) -> str:
    return _signed(money(cents, unit), rounded(cents, unit) > 0)


def _share(value: Any, _unit: int = 1) -> str:
    """A part of a whole; one too small to show is not nothing."""
    return "<0.1%" if value > 0 and not rounded(value * 1000) else _percent(value)


def _percent(value: Any) -> str:
    tenths = rounded(value * 1000)
    whole, rest = divmod(abs(tenths), 10)
    return f"{MINUS if tenths < 0 else ''}{whole:,}.{rest}%"


def _month(value: Any, _unit: int = 1) -> str:
    year, month = str(value).split("-")[:2]
    return f"{_MONTHS[int(month) - 1]} {year}"


def _day(value: Any, _unit: int = 1) -> str:
    return f"{int(str(value)[8:10])} {_month(value)}"


def _number(value: Any, _unit: int = 1) -> str:
    return f"{MINUS if value < 0 else ''}{abs(value):,}"


def _name(value: Any, _unit: int = 1) -> str:
    """A name from the data: no control characters, not too long, and its direction kept to itself."""
    text = _CONTROL.sub("", str(value))
    text = text if len(text) <= NAME_LENGTH else text[: NAME_LENGTH - 1] + "…"
    return _ISOLATED.format(text) if _RIGHT_TO_LEFT.search(text) else text


FORMATS: dict[str, Callable[[Any, int], str]] = {
    "money": money,
    "change": _change,
    "aov": lambda value, _unit: money(value, unit_of(rounded(value))),
    "aov_change": lambda value, _unit: _change(value, unit_of(rounded(value))),
    "share": _share,
    "share_change": lambda value, _unit: _signed(_percent(value), rounded(value * 1000) > 0),
    "number": _number,
    "number_change": lambda value, _unit: _signed(_number(value), value > 0),
    "month": _month,
    "day": _day,
    "name": _name,
    "text": lambda value, _unit: str(value),
}
