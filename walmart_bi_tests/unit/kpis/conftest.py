from collections.abc import Iterator

import pytest

from walmart_bi_tests.unit.kpis.sales import SalesTable


@pytest.fixture(scope="session")
def empty_table() -> Iterator[SalesTable]:
    sales = SalesTable()
    yield sales
    sales.close()


@pytest.fixture
def table(empty_table: SalesTable) -> Iterator[SalesTable]:
    """An empty table, which it is again after the test."""
    with empty_table.unchanged() as table:
        yield table
