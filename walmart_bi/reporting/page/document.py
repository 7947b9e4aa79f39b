"""The page as one document: head, frame and script. What stands in a story point without scripts is `static.py`.

Building it sees aggregates only, and as many of them whatever the number of rows.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from walmart_bi.reporting.page.markup import csp_hash, json_block, tag, text
from walmart_bi.reporting.page.static import footer, story_point

_HERE = Path(__file__).parent

# In the order in which they need each other; each file says what belongs in it.
SCRIPTS = (
    *(
        "format",
        "dom",
        "cube",
        "statistics",
        "analysis",
        "wording",
        "findings",
        "state",
        "scales",
        "marks",
        "chart_bars",
    ),
    *("chart_line", "chart_effects", "chart_scatter", "cards", "tiles", "view", "filters", "tabs", "main"),
)


@cache
def script() -> str:
    """All of the page's modules as one function, so that no name of theirs is seen outside."""
    return "(() => {\n'use strict';\n" + modules(SCRIPTS) + "\n})();\n"


def modules(names: tuple[str, ...]) -> str:
    """The named modules, one after the other."""
    return "\n".join((_HERE / "script" / f"{name}.js").read_text(encoding="utf-8") for name in names)


@cache
def style() -> str:
    """The page's style sheet."""
    return (_HERE / "style.css").read_text(encoding="utf-8")


def document(story: Mapping[str, Any], published: Mapping[str, Any]) -> str:
    """The whole file. `story` is what the script reads; `published` are each KPI's rows for readers without it."""
    policy = (
        f"default-src 'none'; script-src {csp_hash(script())}; style-src {csp_hash(style())}; "
        "base-uri 'none'; form-action 'none'"
    )
    head = (
        '<meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        '<meta name="color-scheme" content="light dark">'
        f"<title>{text(story['title'])}: {text(story['span'])}</title><style>{style()}</style>"
    )
    body = (
        tag("a", "Skip to the story", class_="skip", href="#story")
        + tag(
            "div",
            [_masthead(story), _navigation(story), _controls(), _story(story, published), footer(story)],
            class_="wrap",
        )
        + tag("script", json_block(story), type="application/json", id="story-data")
        + tag("script", script())
    )
    return f'<!doctype html>\n<html lang="en"><head>{head}</head><body>{body}</body></html>\n'


def _masthead(story: Mapping[str, Any]) -> str:
    titles = tag("div", tag("p", text(story["span"]), class_="eyebrow") + tag("h1", text(story["title"])))
    return tag(
        "header",
        titles + tag("button", "Theme", type="button", class_="theme", id="theme", hidden=True),
        class_="masthead",
    )


def _navigation(story: Mapping[str, Any]) -> str:
    links = (
        tag(
            "li",
            tag(
                "a",
                tag("span", str(number), class_="number") + tag("span", text(persona["title"])),
                href=f"#{persona['id']}",
            ),
        )
        for number, persona in enumerate(story["personas"], 1)
    )
    return tag("nav", tag("ol", links), class_="points", aria_label="Story points", id="points")


def _controls() -> str:
    filters = tag("div", class_="filters", id="filters", role="group", aria_label="Filters", hidden=True)
    shown = tag("p", class_="shown", id="shown")
    announced = tag("p", class_="visually-hidden", id="announced", aria_live="polite")
    return tag("section", filters + shown + announced, aria_label="What is shown")


def _story(story: Mapping[str, Any], published: Mapping[str, Any]) -> str:
    points = (
        tag("section", story_point(story, persona, number, published), class_="point", id=persona["id"])
        for number, persona in enumerate(story["personas"], 1)
    )
    return tag("main", points, id="story", tabindex="-1")
