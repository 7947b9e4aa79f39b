"""The pictures in the docs: `python -m walmart_bi_tests.browser.pictures PAGE` takes them with the tests' browser.

PAGE is a story page, for example the one that `make run` prints; nothing here decides what a page looks like.
"""

from __future__ import annotations

import sys
from pathlib import Path

from walmart_bi_tests.browser.pages import browser, opened

IMAGES = Path(__file__).parents[2] / "docs" / "images"

# Width, height, theme, story point and filters of each.
PICTURES: dict[str, tuple[int, int, str, str, dict[str, str]]] = {
    "dashboard_executive": (1280, 1130, "light", "executive", {}),
    "dashboard_filtered": (1280, 1130, "dark", "sales_manager", {"category": "Beauty"}),
    "dashboard_phone": (390, 1130, "light", "finance", {}),
}


def take(page: Path) -> None:
    """Write each picture below `docs/images`."""
    with browser() as started:
        for name, (width, height, theme, tab, filters) in PICTURES.items():
            with opened(
                started, page.as_uri(), viewport={"width": width, "height": height}, color_scheme=theme
            ) as shown:
                shown.choose(filters, tab)
                shown.page.screenshot(path=IMAGES / f"{name}.png", animations="disabled")


if __name__ == "__main__":
    take(Path(sys.argv[1]).resolve())
