"""What the page says without scripts: headline, numbers, insight, and each card's table with bars in its cells.

The script replaces all of this; so nothing here needs to react, and everything here has to be true by itself.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Any

from walmart_bi.reporting.page.cards import Published, column_label
from walmart_bi.reporting.page.markup import name, tag, text
from walmart_bi.reporting.page.words import by_unit, change, money, month_name, number, number_change

PARTS = {"what": "What happened", "why": "Why", "unusual": "Is it unusual?", "limits": "What the data cannot say"}


def story_point(
    story: Mapping[str, Any], persona: Mapping[str, Any], number: int, published: Mapping[str, Published]
) -> str:
    """One persona's section."""
    box = next(box for box in story["insights"]["boxes"] if box["persona"] == persona["id"])
    cards = [
        tag("article", _card(story["cards"][kpi], published[kpi]), class_="card", data_kpi=kpi)
        for kpi in persona["cards"]
    ]
    header = tag("p", text(f"{number} of {len(story['personas'])} · {persona['title']}"), class_="eyebrow") + tag(
        "h2", _texts(box["headline"])
    )
    rest = tag("div", cards[1:], class_="rest") if cards[1:] else ""
    return tag("header", header) + _tiles(story) + tag("div", cards[0] + _insight(box), class_="lead") + rest


def _texts(sentences: Sequence[Mapping[str, Any]]) -> str:
    return text(" ".join(sentence["text"] for sentence in sentences))


def _insight(box: Mapping[str, Any]) -> str:
    parts = (
        tag("dt", title, class_=_look(part))
        + tag("dd", [tag("p", text(sentence["text"])) for sentence in box[part]], class_=_look(part))
        for part, title in PARTS.items()
        if box[part]
    )
    return tag("aside", tag("h3", "What is behind it") + tag("dl", parts), class_="insight", aria_label="Insight")


def _look(part: str) -> str | None:
    return "limits" if part == "limits" else None


def _tiles(story: Mapping[str, Any]) -> str:
    """The analysis month's numbers, with the change where there is a comparison."""
    months = {month["month"]: month for month in story["months"]}
    now = months.get(story["insights"]["month"] or "", story["months"][-1])
    then = months.get(story["insights"]["previous_month"] or "")
    if then is None or not (then["is_complete"] and now["is_complete"]):
        then = now
    total = {key: sum(month[key] for month in story["months"]) for key in ("orders", "cents")}
    moved = change(now["cents"] - then["cents"], now["cents"], then["cents"])
    tiles = (
        ("Revenue", money(now["cents"]), moved, money(total["cents"])),
        ("Orders", number(now["orders"]), number_change(now["orders"] - then["orders"]), number(total["orders"])),
        ("Average order value", money(_aov(now)), change(_aov(now) - _aov(then)), money(_aov(total))),
    )
    against = f" against {month_name(then['month'])}" if then is not now else None
    shown = (
        tag("h3", text(f"{kind} in {month_name(now['month'])}"))
        + tag("p", value, class_="big")
        + tag("p", difference + against if against else "No comparison with another month.", class_="change")
        + tag("p", f"{len(months)} months: {whole}", class_="total")
        for kind, value, difference, whole in tiles
    )
    return tag("div", (tag("section", tile, class_="tile") for tile in shown), class_="tiles")


def _aov(sums: Mapping[str, int]) -> int:
    return (2 * sums["cents"] + sums["orders"]) // (2 * sums["orders"]) if sums["orders"] else 0


def _card(card: Mapping[str, Any], published: Published) -> str:
    units = [column["unit"] for column in card["columns"].values()]
    names = list(card["columns"])
    bar = next((names.index(column) for column in card["y"] if column in names), None)
    largest = (
        max((abs(Decimal(row[bar] or 0)) for row in published.rows), default=Decimal(0))
        if bar is not None
        else Decimal(0)
    )
    heads = [
        tag("th", text(column_label(column)), scope="col", class_="text" if not at else None)
        for at, column in enumerate(names)
    ]
    rows = (tag("tr", _cells(row, units, bar, largest)) for row in published.rows)
    drawn = tag("th", tag("span", "Bar", class_="visually-hidden"), scope="col") if bar is not None else ""
    table = tag("table", tag("thead", tag("tr", "".join(heads) + drawn)) + tag("tbody", rows))
    note = (
        f"The first {len(published.rows):,} of {published.count:,} rows."
        if published.count > len(published.rows)
        else ""
    )
    return (
        tag("p", text(card["title"]), class_="eyebrow")
        + tag("h3", text(card["question"]))
        + (tag("p", note, class_="note") if note else "")
        + tag("div", table, class_="scroll", tabindex="0", role="region", aria_label=card["title"])
        + tag("p", text(card["caption"]), class_="look")
    )


def _cells(row: Sequence[Any], units: Sequence[str], bar: int | None, largest: Decimal) -> Iterator[str]:
    for at, (value, unit) in enumerate(zip(row, units, strict=True)):
        yield tag("td", name(by_unit(value, unit)), class_="text" if not at or unit == "label" else None)
    if bar is not None:
        width = 100 * abs(Decimal(row[bar] or 0)) / largest if largest else 0
        yield tag("td", f'<svg aria-hidden="true"><rect width="{width:.1f}%" height="100%"></rect></svg>', class_="bar")


def footer(story: Mapping[str, Any]) -> str:
    """Freshness and quality: what is loaded, what was set aside, and when."""
    quality = story["insights"]["quality"]
    committed = quality["last_commit"]
    facts = {
        "Rows loaded": f"{quality['rows']:,}",
        "Months": f"{quality['months']:,}",
        "Quarantined": f"{quality['quarantined']:,}",
        "Exact duplicates removed": f"{quality['duplicates']:,}",
        "Last load (UTC)": f"{int(committed[8:10])} {month_name(committed)}, {committed[11:16]}",
        "Ledger and KPI checks": "all passed",
    }
    items = (tag("div", tag("dt", label) + tag("dd", value)) for label, value in facts.items())
    older = (
        f" It covers the latest {len(story['months'])} months; {story['uncovered']} older ones are in the views."
        if story["uncovered"]
        else ""
    )
    note = (
        "This page was made from sums of the loads above, after ledger, table and KPI views were found equal to the "
        "cent; it holds no customer's row and loads nothing from anywhere." + older
    )
    return tag("footer", tag("dl", items) + tag("p", note), class_="foot")
