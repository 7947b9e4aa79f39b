"""Work in a second thread keeps its order, and what goes wrong there comes to the caller."""

import threading
from collections.abc import Iterator

import pytest

from walmart_bi.sales.ahead import OneBehind, one_ahead


def test_items_come_in_their_order_with_one_made_ahead() -> None:
    made: list[int] = []
    second = threading.Event()

    def items() -> Iterator[int]:
        for number in range(4):
            made.append(number)
            if number == 1:
                second.set()
            yield number

    ahead = one_ahead(items())
    assert next(ahead) == 0
    assert second.wait(10)  # made while the first is in use
    assert len(made) <= 2
    assert list(ahead) == [1, 2, 3]


def test_an_error_comes_after_the_items_before_it() -> None:
    def items() -> Iterator[int]:
        yield 1
        raise ValueError("line 2")

    ahead = one_ahead(items())
    assert next(ahead) == 1
    with pytest.raises(ValueError, match="line 2"):
        next(ahead)


def test_items_that_are_not_asked_for_are_not_made() -> None:
    made: list[int] = []
    ahead = one_ahead(made.append(number) or number for number in range(100))  # type: ignore[func-returns-value]
    assert next(ahead) == 0
    ahead.close()  # type: ignore[attr-defined]
    assert len(made) <= 2


def test_calls_behind_run_in_their_order_and_an_error_comes_with_the_next() -> None:
    done: list[int] = []
    with OneBehind() as behind:
        for number in range(20):
            behind.call(lambda number=number: done.append(number))
        behind.wait()
        assert done == list(range(20))
        behind.call(lambda: [][0])
        with pytest.raises(IndexError):
            behind.wait()
        behind.wait()


def test_when_the_caller_fails_then_its_error_is_raised_and_no_thread_is_left() -> None:
    before = threading.active_count()
    with pytest.raises(KeyError), OneBehind() as behind:
        behind.call(lambda: [][0])
        raise KeyError("the caller's")
    assert threading.active_count() == before
