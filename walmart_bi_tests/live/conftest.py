"""Keeps the live suite out of every test run that does not ask for it: it needs an AWS account and costs money."""

import os
from pathlib import Path

import pytest

LIVE = "WALMART_BI_LIVE"
ASKED_FOR = os.environ.get(LIVE) == "1"

collect_ignore_glob = [] if ASKED_FOR else ["test_*.py"]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """pytest collects a file that is named on its command line whatever it was told to ignore."""
    if not ASKED_FOR and any(Path(__file__).parent in item.path.parents for item in items):
        raise pytest.UsageError(
            f"The live suite uses an AWS account and costs money. Next step: set {LIVE}=1 to run it."
        )
