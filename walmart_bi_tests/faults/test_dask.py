"""Each call of the Dask scheduler that cleans in parts: what fails there is one line, and can be asked again."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from distributed import LocalCluster
from distributed.comm.core import CommClosedError

from walmart_bi.dask_cluster import open_dask_cluster
from walmart_bi_tests.faults.injection import raised_at
from walmart_bi_tests.faults.outcomes import NOTHING, outcome
from walmart_bi_tests.faults.sites import sites_of

_CLUSTER = "dask_cluster.py "
# What tells the scheduler that nobody waits any more may fail unheard: the answer is there, or the error is.
GIVING_UP = f"{_CLUSTER}DaskCluster.map self._client.cancel"
CASES = (
    f"{_CLUSTER}open_dask_cluster client.wait_for_workers",
    f"{_CLUSTER}DaskCluster.map self._client.map",
    GIVING_UP,
)
SITES = {site.name: site for site in sites_of("network")}
FAULTS: dict[str, Exception] = {
    "lost": CommClosedError("in <TCP (closed)>: Stream is closed"),
    "reset": ConnectionResetError(104, "Connection reset by peer"),
    "time-out": TimeoutError("timed out"),
}


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    with LocalCluster(
        n_workers=1, threads_per_worker=1, processes=False, protocol="tcp", host="127.0.0.1", dashboard_address=None
    ) as cluster:
        yield cluster.scheduler_address


def twice(number: int) -> int:
    return 2 * number


def work(address: str) -> list[int]:
    with open_dask_cluster(address) as cluster:
        return list(cluster.map(twice, [1, 2, 3]))


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("name", CASES)
def test_given_a_call_of_the_scheduler_that_fails_when_parts_are_mapped_then_it_is_right_or_one_line(
    address: str, name: str, fault: str
):
    with raised_at(SITES[name], FAULTS[fault]) as meeting:
        got, line = outcome(lambda: work(address))

    assert meeting.met, "the fault never met its call"
    assert got == [2, 4, 6] if name == GIVING_UP else got is NOTHING and line
    assert work(address) == [2, 4, 6]
