"""The short form of the histories on both targets, what once failed, and that a broken loader is seen."""

import itertools
from collections import Counter

import pytest

from walmart_bi.warehouse.duckdb_warehouse import DuckDbWarehouse
from walmart_bi_tests.histories.files import make_content
from walmart_bi_tests.histories.machine import Histories
from walmart_bi_tests.histories.model import Month
from walmart_bi_tests.histories.place import PLACES, local_place
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
def history():
    """A history whose steps the test chooses; drawn ones meet a certain point only by chance."""
    machine = type("ChosenSteps", (Histories,), {"open_place": staticmethod(local_place), "figures": Counter()})()
    yield machine
    machine.looked_at = True
    machine.teardown()


def crash_at_each_point(history: Histories) -> int:
    """Load a new file each time and die one point later than before; how many crashes it took until none was left."""
    history.first_delivery(["2024-01"], [12])
    history.load(["2024-01"])
    for point in itertools.count(1):
        history.deliver(["2024-01"], [8 + point % 7], "good", "month")
        history.load_and_crash(["2024-01"], point)
        if history.figures["crashes"] < point:
            return point - 1
    raise AssertionError("unreachable")


def test_given_a_load_cut_off_at_each_of_its_points_when_looked_at_then_the_month_is_the_old_or_the_new_one(history):
    assert crash_at_each_point(history) > 60


def test_given_a_loader_that_commits_before_its_rows_when_crashed_at_each_point_then_the_history_sees_it(
    history, monkeypatch
):
    replace_rows = DuckDbWarehouse._replace_rows

    def with_the_ledger_row_first(self, connection, entry, written):
        connection.execute("COMMIT")
        connection.execute("BEGIN TRANSACTION")
        return replace_rows(self, connection, entry, written)

    monkeypatch.setattr(DuckDbWarehouse, "_replace_rows", with_the_ledger_row_first)
    with pytest.raises(AssertionError, match=r"the ledger says \d+ rows, the table has 0"):
        crash_at_each_point(history)


def test_given_the_places_when_listed_then_they_are_the_two_targets():
    assert set(PLACES) == {"local", "aws"}


def test_given_replaced_content_when_it_comes_again_then_the_model_keeps_what_is_there():
    first, second = (make_content(serial, {"2024-01": 3}, "good") for serial in (1, 2))
    month = Month()
    for content in (first, second, first, second):
        month.load(content)
    assert (len(month.loads), month.active) == (2, 1)
