from collections.abc import Iterator

import pytest

from walmart_bi_tests.unit.kpis.sales import SalesTable


@pytest.fixture
def table() -> Iterator[SalesTable]:
    sales = SalesTable()
    yield sales
    sales.close()
