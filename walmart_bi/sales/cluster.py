"""What cleaning in parts asks of other processes: one function applied to many items. Which engine does it, no more.

The engine is in `walmart_bi/dask_cluster.py`. Function, items and results go to other processes and back, so a function
stands in a module, and items and results are plain data, small beside what they tell to read or write.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from typing import Protocol, TypeVar

from walmart_bi.errors import WalmartBiError

Item = TypeVar("Item")
Result = TypeVar("Result")


class ClusterError(WalmartBiError):
    """The other processes cannot be reached, or do not do what was asked."""


class Cluster(Protocol):
    """Processes on this machine or on others."""

    def map(self, function: Callable[[Item], Result], items: Sequence[Item]) -> Iterator[Result]:
        """The result for each item, in the order of the items.

        A function may be called more than once for an item, also while an earlier call goes on: when the process that
        called it seems to have died. What it raises is raised here. Raises ClusterError.
        """
        ...


OpenCluster = Callable[[], AbstractContextManager[Cluster]]
