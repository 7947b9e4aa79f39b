"""The short form of the histories on both targets, what once failed, and that a broken loader is seen."""

import itertools
from collections import Counter

import pytest

from walmart_bi.warehouse.duckdb_warehouse import DuckDbWarehouse
from walmart_bi_tests.histories.files import make_content
from walmart_bi_tests.histories.machine import Histories
from walmart_bi_tests.histories.model import Month
from walmart_bi_tests.histories.place import PLACES
from walmart_bi_tests.histories.runs import run_histories

SEED = 20_240_320


def test_given_random_histories_on_this_machine_when_compared_then_table_and_ledger_are_as_the_model_says():
    figures = run_histories("local", 4, 20, SEED)
    assert figures["histories"] >= 4
    assert figures["steps"] == 20 * figures["histories"] + figures["histories of a single step"]
    assert figures["loads"] > 10 and figures["crashes"] > 0 and figures["ticks"] > 0


def test_given_random_histories_on_aws_when_compared_then_table_and_ledger_are_as_the_model_says():
    figures = run_histories("aws", 2, 10, SEED)
    assert figures["histories"] >= 2
    assert figures["delivered"] > 0
    assert figures["restarts"] <= figures["steps"] / 2


@pytest.fixture
def history(request):
    """A history whose steps the test chooses; drawn ones meet a certain point only by chance."""
    place = PLACES[getattr(request, "param", "local")]
    machine = type("ChosenSteps", (Histories,), {"open_place": staticmethod(place), "figures": Counter()})()
    yield machine
    machine.looked_at = True
    machine.teardown()


@pytest.mark.parametrize("history", PLACES, indirect=True)
def test_given_loads_crashes_and_races_on_either_target_when_compared_then_all_is_as_the_model_says(history):
    history.first_delivery(["2024-01", "2024-02"], [12, 8])
    steps = [
        lambda: history.load(["2024-01", "2024-02"]),
        *(lambda point=point: cut_off(history, point) for point in (12, 40, 70)),
        lambda: history.repeat_what_crashed(),
        lambda: history.race(["2024-01", "2024-02"], ["2024-02", "2024-03"], [11, 12], "good", 6),
        lambda: history.two_at_once(["2024-03"]),
        lambda: history.roll_back(0, 0),
        lambda: history.restart(),
        lambda: history.tick(),
    ]
    for step in steps:
        step()
        history.table_is_as_the_model_says()
    counted = ("loads", "crashes", "races", "races of threads", "rolled back", "restarts", "ticks")
    assert {what: history.figures[what] > 0 for what in counted} == dict.fromkeys(counted, True)
    assert history.figures["crashes"] == 3


def cut_off(history: Histories, point: int) -> None:
    history.deliver(["2024-01"], [8 + point % 7], "good", "month")
    history.load_and_crash(["2024-01"], point)


@pytest.mark.parametrize("wrong", ["first", "second"])
def test_given_a_race_in_which_a_load_fails_for_a_reason_of_its_own_when_judged_then_the_history_sees_it(
    history, monkeypatch, wrong
):
    history.first_delivery(["2024-01"], [12])
    history.load(["2024-01"])
    run, started = history.place.run, []

    def fails(months, tags=None):
        started.append("second" if started else "first")
        mine = started[-1]
        told = None if mine == wrong == "second" else run(months, tags)
        return "The disk is full." if mine == wrong else told

    monkeypatch.setattr(history.place, "run", fails)
    with pytest.raises(AssertionError, match=r"The disk is full\., expected: None"):
        history.race(["2024-01"], ["2024-02"], [8], "good", 6)


def crash_at_points(history: Histories, first: int, step: int) -> int:
    """Load a new file each time and die some points later than before; the last point that there was."""
    history.first_delivery(["2024-01"], [12])
    history.load(["2024-01"])
    for point in itertools.count(first, step):
        crashes = history.figures["crashes"]
        history.deliver(["2024-01"], [8 + point % 7], "good", "month")
        history.load_and_crash(["2024-01"], point)
        if history.figures["crashes"] == crashes:
            return point - step
    raise AssertionError("unreachable")


def test_given_a_load_cut_off_from_its_first_point_to_its_last_when_looked_at_then_the_month_is_old_or_new(history):
    """At every fifth; the long form draws from all, and the kill matrix has each by name."""
    assert crash_at_points(history, first=1, step=5) > 60


@pytest.mark.parametrize("history", ["aws"], indirect=True)
def test_given_a_first_load_cut_off_between_the_tables_that_it_makes_when_looked_at_then_nothing_is_loaded(history):
    """What rounds 1000060 and 1000070 on aws found, shrunk."""
    history.first_delivery(["2024-01", "2024-02"], [0, 0, 0])
    history.tick_and_crash(80)
    history.table_is_as_the_model_says()
    assert history.figures["crashes"] == 1


def test_given_a_loader_that_commits_before_its_rows_when_crashed_between_then_the_history_sees_it(
    history, monkeypatch
):
    replace_rows = DuckDbWarehouse._replace_rows

    def with_the_ledger_row_first(self, connection, entry, written):
        connection.execute("COMMIT")
        connection.execute("BEGIN TRANSACTION")
        return replace_rows(self, connection, entry, written)

    monkeypatch.setattr(DuckDbWarehouse, "_replace_rows", with_the_ledger_row_first)
    with pytest.raises(AssertionError, match=r"the ledger says \d+ rows, the table has 0"):
        crash_at_points(history, first=40, step=1)


def test_given_the_places_when_listed_then_they_are_the_two_targets():
    assert set(PLACES) == {"local", "aws"}


def test_given_replaced_content_when_it_comes_again_then_the_model_keeps_what_is_there():
    first, second = (make_content(serial, {"2024-01": 3}, "good") for serial in (1, 2))
    month = Month()
    for content in (first, second, first, second):
        month.load(content)
    assert (len(month.loads), month.active) == (2, 1)


@pytest.mark.parametrize("history", PLACES, indirect=True)
def test_given_the_store_is_asked_inside_a_transaction_when_something_is_to_happen_then_it_waits_for_the_end(history):
    """Round 1000010 on aws, where a load of an older file looks for the newer one under its lock: a reader that was let
    in there, in the same thread, waited for a lock that nobody could release."""
    history.first_delivery(["2024-01"], [12])
    history.load(["2024-01"])
    happened = []
    with history.place.points.at(1, lambda: happened.append("a delivery"), statements=False):
        with history.place.warehouse.read():
            history.place.store.list("raw_data/")
            assert happened == []
        history.place.store.list("raw_data/")
        assert happened == ["a delivery"]
