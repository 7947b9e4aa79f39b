"""Work that goes on in another thread: the next item is made while the last one is used. No rule of the domain.

Reading, cleaning and writing spend most of their time in Arrow and numpy, which give up Python's lock meanwhile, so a
thread for each keeps two processors busy. One item ahead is enough for that and bounds the memory.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from types import TracebackType
from typing import Self, TypeVar

Item = TypeVar("Item")


def one_ahead(items: Iterator[Item]) -> Iterator[Item]:
    """The items in their order, each made while the one before is used. What making one raises comes in its place."""
    end = object()
    with ThreadPoolExecutor(1) as thread:
        following: Future[Item | object] = thread.submit(next, items, end)
        while (item := following.result()) is not end:
            following = thread.submit(next, items, end)
            yield item  # type: ignore[misc]  # what is not the end is an item


class OneBehind:
    """Calls that are made in their order in a thread of their own, while the caller goes on.

    At most one waits or runs. What it raises comes to the caller with the next call, or at the end.
    """

    def __init__(self) -> None:
        self._thread = ThreadPoolExecutor(1)
        self._running: Future[None] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._thread.shutdown()

    def call(self, work: Callable[[], None]) -> None:
        """Begin this as soon as the call before has ended."""
        self.wait()
        self._running = self._thread.submit(work)

    def wait(self) -> None:
        """Until nothing runs."""
        running, self._running = self._running, None
        if running is not None:
            running.result()
