"""Every KPI view gives the values that DuckDB gives, on the configured warehouse."""

import pytest

from walmart_bi_tests.contracts.warehouses import DuckDbSite
from walmart_bi_tests.live.place import scratch_site
from walmart_bi_tests.unit.redshift.test_parity import *  # noqa: F403
from walmart_bi_tests.unit.redshift.test_parity import filled


@pytest.fixture(scope="module")
def warehouses(tmp_path_factory):
    with scratch_site() as redshift:
        yield [filled(DuckDbSite(tmp_path_factory.mktemp("duckdb"))), filled(redshift)]
