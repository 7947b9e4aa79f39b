"""One browser a test process, and one page of ordinary and one of hostile data for the tests that only look at it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser

from walmart_bi_tests.browser.pages import Built, browser, build_page
from walmart_bi_tests.browser.rows import hostile_rows, ordinary_rows


@pytest.fixture(scope="session")
def chromium_browser() -> Iterator[Browser]:
    with browser() as started:
        yield started


@pytest.fixture(scope="session")
def ordinary(tmp_path_factory: pytest.TempPathFactory) -> Built:
    """Thirteen months, of which the first and the last are not complete."""
    return build_page(tmp_path_factory.mktemp("ordinary"), ordinary_rows())


@pytest.fixture(scope="session")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> Built:
    """Nine months in which every name tries to break out."""
    return build_page(tmp_path_factory.mktemp("hostile"), hostile_rows())
