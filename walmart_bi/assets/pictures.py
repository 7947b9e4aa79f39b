"""Small pictures for the Dagster UI: drawn as SVG and put into Markdown as a data address.

The UI shows such a picture in place while the whole Markdown has less than 1,000 characters, strips SVG and HTML in it,
and does not follow links to files. So the drawing is one path, and the texts are few.
"""

from __future__ import annotations

import base64
import html
from collections.abc import Sequence

import dagster as dg

from walmart_bi.assets.common import MARKDOWN_IN_PLACE, escaped

_WIDTH, _HEIGHT, _FLOOR, _TOP = 300, 86, 70, 14
# Readable on the UI's light and dark backgrounds.
_BAR, _PALE_BAR, _WORDS = "#4f83cc", "#a9bfdf", "#888"


def bar_picture(title: str, bars: Sequence[tuple[str, float, bool]], top: str) -> dg.MarkdownMetadataValue:
    """Bars from zero with the first and the last label, the largest value as `top`, and some of them pale.

    `bars` are (label, value, is pale) from left to right; as many of the last ones are drawn as fit.
    """
    shown = list(bars)
    markdown = _markdown(title, shown, top)
    while len(shown) > 1 and len(markdown) > MARKDOWN_IN_PLACE:
        shown.pop(0)
        markdown = _markdown(title, shown, top)
    return dg.MetadataValue.md(markdown)


def _markdown(title: str, bars: Sequence[tuple[str, float, bool]], top: str) -> str:
    svg = _svg(bars, top)
    data = base64.b64encode(svg.encode()).decode()
    return f"![{escaped(title)}](data:image/svg+xml;base64,{data})"


def _svg(bars: Sequence[tuple[str, float, bool]], top: str) -> str:
    step = _WIDTH / max(len(bars), 1)
    largest = max((value for _, value, _ in bars), default=0) or 1
    paths = {False: "", True: ""}
    for place, (_, value, is_pale) in enumerate(bars):
        height = round((_FLOOR - _TOP) * max(value, 0) / largest)
        paths[is_pale] += f"M{round((place + 0.5) * step)} {_FLOOR}v-{height}"
    drawn = "".join(
        f'<path d="{path}" stroke="{_PALE_BAR if is_pale else _BAR}"/>' for is_pale, path in paths.items() if path
    )
    labels = [(0, _HEIGHT - 4, "start", bars[0][0])] if bars else []
    labels += [(_WIDTH, _HEIGHT - 4, "end", bars[-1][0])] if len(bars) > 1 else []
    labels.append((0, 9, "start", top))
    words = "".join(
        f'<text x="{x}" y="{y}" text-anchor="{at}">{html.escape(text, quote=False)}</text>' for x, y, at, text in labels
    )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{_WIDTH}" height="{_HEIGHT}" fill="{_WORDS}" '
        f'font-size="10" font-family="sans-serif" stroke-width="{max(round(step * 0.7), 1)}">{drawn}'
        f'<g stroke="none">{words}</g></svg>'
    )
