"""The short form of the histories on both targets, what once failed, and that a broken loader is seen."""

import itertools
from collections import Counter

import pytest

from walmart_bi.warehouse.duckdb_warehouse import DuckDbWarehouse
from walmart_bi_tests.histories.files import make_content
from walmart_bi_tests.histories.interruptions import Crash
from walmart_bi_tests.histories.model import Month
from walmart_bi_tests.histories.place import PLACES, Place, local_place
from walmart_bi_tests.histories.runs import run_histories

SEED = 20_240_320


def test_given_random_histories_on_this_machine_when_compared_then_table_and_ledger_are_as_the_model_says():
    figures = run_histories("local", 6, 20, SEED)
    assert figures["histories"] >= 6
    assert figures["loads"] > 10 and figures["crashes"] > 0 and figures["ticks"] > 0


def test_given_random_histories_on_aws_when_compared_then_table_and_ledger_are_as_the_model_says():
    figures = run_histories("aws", 1, 10, SEED)
    assert figures["histories"] >= 1
    assert figures["delivered"] > 0


@pytest.fixture
def place():
    with local_place() as place:
        yield place


def delivered(place: Place, serial: int, rows: int = 12) -> Counter:
    content = make_content(serial, {"2024-01": rows}, "good")
    place.deliver(f"sales_2024-01_v{serial:04d}x.csv", content.data)
    return content.rows["2024-01"]


def test_given_a_load_cut_off_at_each_of_its_points_when_looked_at_then_the_month_is_the_old_or_the_new_one(place):
    old = delivered(place, 1)
    assert place.run(["2024-01"]) is None
    new = delivered(place, 2)
    seen = []

    def die() -> None:
        raise Crash

    for point in itertools.count(1):
        place.restart()
        try:
            with place.points.at(point, die, statements=True):
                place.run(["2024-01"])
        except Crash:
            state = place.state()
            assert state.problems == []
            seen.append(state.rows["2024-01"])
        else:
            break
    assert point > 60
    assert seen == [old] * seen.count(old) + [new] * seen.count(new)
    assert place.state().loads == {"2024-01": 2}


def test_given_a_loader_that_commits_before_its_rows_when_histories_run_then_it_is_seen(monkeypatch):
    replace_rows = DuckDbWarehouse._replace_rows

    def with_the_ledger_row_first(self, connection, entry, written):
        connection.execute("COMMIT")
        connection.execute("BEGIN TRANSACTION")
        return replace_rows(self, connection, entry, written)

    monkeypatch.setattr(DuckDbWarehouse, "_replace_rows", with_the_ledger_row_first)
    with pytest.raises((AssertionError, BaseExceptionGroup)):
        run_histories("local", 40, 25, SEED, shrink=False)


def test_given_the_places_when_listed_then_they_are_the_two_targets():
    assert set(PLACES) == {"local", "aws"}


def test_given_replaced_content_when_it_comes_again_then_the_model_keeps_what_is_there():
    first, second = (make_content(serial, {"2024-01": 3}, "good") for serial in (1, 2))
    month = Month()
    for content in (first, second, first, second):
        month.load(content)
    assert (len(month.loads), month.active) == (2, 1)
