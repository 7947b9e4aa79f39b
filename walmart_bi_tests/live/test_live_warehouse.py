"""The contract of every warehouse, kept by the Redshift warehouse in the configured workgroup or cluster."""

import pytest

from walmart_bi_tests.contracts.test_warehouse import *  # noqa: F403
from walmart_bi_tests.live.place import scratch_site


@pytest.fixture
def site():
    with scratch_site() as site:
        yield site
