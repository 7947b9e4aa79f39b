"""The plan of the sensors: every arrival exactly once, whatever happens to clock, cursor and listing."""

import datetime as dt
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from walmart_bi.arrivals import LISTING_PERIOD, Plan, plan, read_cursor
from walmart_bi.errors import WalmartBiError
from walmart_bi.sales.coverage import declared_months
from walmart_bi.stores.base import ObjectInfo, StoreError

NOW = dt.datetime(2025, 3, 10, 12, 0, tzinfo=dt.UTC)
SETTLE = dt.timedelta(seconds=2)


def arrival(name: str, etag: str = "v1", *, age: float = 60) -> ObjectInfo:
    return ObjectInfo(f"raw_data/{name}", 100, etag, NOW - dt.timedelta(seconds=age))


def covers(info: ObjectInfo) -> tuple[str, ...]:
    return declared_months(info.key)


def tick(listing: list[ObjectInfo], cursor: str | None = None, *, limit: int = 20) -> Plan:
    return plan(listing, cursor, covers=covers, now=NOW, settle=SETTLE, limit=limit)


def requested(decided: Plan) -> list[tuple[str, tuple[str, ...]]]:
    return [(request.key.removeprefix("raw_data/"), request.months) for request in decided.requests]


def test_given_a_new_file_when_planned_then_one_run_for_its_months():
    assert requested(tick([arrival("2025-01.csv")])) == [("2025-01.csv", ("2025-01",))]


def test_given_a_range_file_when_planned_then_one_run_for_the_whole_range():
    months = ("2024-11", "2024-12", "2025-01")
    assert requested(tick([arrival("2024-11_2025-01.csv")])) == [("2024-11_2025-01.csv", months)]


def test_given_a_known_file_when_planned_again_then_nothing():
    first = tick([arrival("2025-01.csv")])
    assert tick([arrival("2025-01.csv")], first.cursor).requests == ()


def test_given_an_overwritten_file_when_planned_then_it_is_requested_with_another_run_key():
    first = tick([arrival("2025-01.csv", "v1")])
    second = tick([arrival("2025-01.csv", "v2")], first.cursor)
    assert requested(second) == [("2025-01.csv", ("2025-01",))]
    assert second.requests[0].run_key != first.requests[0].run_key


def test_given_two_files_of_the_same_instant_when_one_comes_a_tick_later_then_both_are_requested():
    first = tick([arrival("2025-01.csv")])
    second = tick([arrival("2025-01.csv"), arrival("2025-02.csv")], first.cursor)
    assert requested(second) == [("2025-02.csv", ("2025-02",))]


def test_given_a_deleted_file_when_it_comes_back_unchanged_then_it_is_requested_with_the_same_run_key():
    first = tick([arrival("2025-01.csv")])
    gone = tick([], first.cursor)
    back = tick([arrival("2025-01.csv")], gone.cursor)
    assert gone.requests == ()
    assert [r.run_key for r in back.requests] == [r.run_key for r in first.requests]


def test_given_a_file_that_may_still_grow_when_planned_then_it_waits_for_a_later_tick():
    growing = tick([arrival("2025-01.csv", age=1)])
    assert growing.requests == ()
    assert growing.notes == ("raw_data/2025-01.csv is still being written",)
    assert requested(tick([arrival("2025-01.csv", age=3)], growing.cursor)) == [("2025-01.csv", ("2025-01",))]


def test_given_a_store_whose_clock_is_ahead_when_its_objects_are_always_complete_then_none_waits():
    ahead = arrival("2025-01.csv", age=-300)
    decided = plan([ahead], None, covers=covers, now=NOW, settle=dt.timedelta(0), limit=20)
    assert requested(decided) == [("2025-01.csv", ("2025-01",))]


def test_given_two_files_for_one_month_when_planned_then_only_the_newest_is_loaded_and_the_other_is_noted():
    decided = tick([arrival("2025-01_b.csv", age=50), arrival("2025-01_a.csv", age=90)])
    assert requested(decided) == [("2025-01_b.csv", ("2025-01",))]
    assert decided.notes == ("raw_data/2025-01_a.csv is older than another file for 2025-01: not loaded",)


def test_given_a_history_and_a_newer_correction_when_planned_then_the_history_leaves_that_month_out():
    decided = tick([arrival("2024-12_2025-02.csv", age=90), arrival("2025-01.csv", age=50)])
    assert requested(decided) == [
        ("2024-12_2025-02.csv", ("2024-12",)),
        ("2024-12_2025-02.csv", ("2025-02",)),
        ("2025-01.csv", ("2025-01",)),
    ]


def test_given_an_older_file_that_arrives_late_when_a_newer_one_is_known_then_it_is_not_loaded():
    first = tick([arrival("2025-01_new.csv", age=50)])
    second = tick([arrival("2025-01_new.csv", age=50), arrival("2025-01_old.csv", age=900)], first.cursor)
    assert second.requests == ()


def test_given_an_unreadable_file_when_planned_then_it_is_rejected_once_and_others_go_on():
    def picky(info: ObjectInfo) -> tuple[str, ...]:
        if "bad" in info.key:
            raise WalmartBiError("It is no text.", place=info.key, next_step="deliver a CSV file.")
        return covers(info)

    listing = [arrival("bad.xlsx"), arrival("2025-01.csv")]
    first = plan(listing, None, covers=picky, now=NOW, settle=SETTLE, limit=20)
    second = plan(listing, first.cursor, covers=picky, now=NOW, settle=SETTLE, limit=20)
    assert [rejection.arrival.key for rejection in first.rejections] == ["raw_data/bad.xlsx"]
    assert requested(first) == [("2025-01.csv", ("2025-01",))]
    assert second.rejections == () and second.requests == ()


def test_given_a_store_that_fails_just_now_when_planned_then_the_arrival_is_decided_at_a_later_tick():
    def unreachable(info: ObjectInfo) -> tuple[str, ...]:
        raise StoreError("503 SlowDown.", place=info.key, next_step="wait.")

    listing = [arrival("2025-01.csv")]
    first = plan(listing, None, covers=unreachable, now=NOW, settle=SETTLE, limit=20)
    assert first.requests == () and first.rejections == ()
    assert "is tried again at the next tick" in first.notes[0]
    assert requested(tick(listing, first.cursor)) == [("2025-01.csv", ("2025-01",))]


def test_given_a_tick_that_is_out_of_time_when_planned_then_one_arrival_is_decided_and_the_rest_wait():
    listing = [arrival(f"2025-0{month}.csv", age=100 - month) for month in (1, 2, 3)]
    first = plan(listing, None, covers=covers, now=NOW, settle=SETTLE, limit=20, out_of_time=lambda: True)
    assert requested(first) == [("2025-01.csv", ("2025-01",))]
    assert "2 more arrivals wait for the next tick" in first.notes


def test_given_more_arrivals_than_the_limit_when_planned_then_the_rest_wait_and_none_is_lost():
    listing = [arrival(f"2024-{month:02d}.csv", age=100 - month) for month in range(1, 8)]
    first = tick(listing, limit=5)
    second = tick(listing, first.cursor, limit=5)
    assert len(first.requests) == 5 and "2 more arrivals wait for the next tick" in first.notes
    assert {r.months for r in first.requests + second.requests} == {(f"2024-{m:02d}",) for m in range(1, 8)}


@pytest.mark.parametrize("cursor", ["", "not json", "[1]", '{"v": 99, "seen": {}}'])
def test_given_a_lost_or_damaged_cursor_when_planned_then_all_is_decided_anew(cursor: str):
    assert requested(tick([arrival("2025-01.csv")], cursor)) == [("2025-01.csv", ("2025-01",))]


def test_given_deleted_files_when_planned_then_the_cursor_forgets_them():
    first = tick([arrival("2025-01.csv"), arrival("2025-02.csv")])
    second = tick([arrival("2025-02.csv")], first.cursor)
    assert list(json.loads(second.cursor)["seen"]) == ["raw_data/2025-02.csv"]


events = st.lists(
    st.tuples(
        st.sampled_from(["deliver", "overwrite", "delete", "tick", "lose cursor"]),
        st.sampled_from(["2025-01.csv", "2025-02.csv", "2025-01_2025-02.csv"]),
    ),
    max_size=30,
)


@given(events)
def test_given_any_history_when_ticks_go_on_then_the_newest_version_of_each_month_was_requested(history):
    files: dict[str, ObjectInfo] = {}
    cursor: str | None = None
    requests: set[tuple[str, str, str]] = set()
    given_up: set[str] = set()
    for step, (event, name) in enumerate([*history, ("tick", "")]):
        if event in {"deliver", "overwrite"}:
            files[name] = arrival(name, f"v{step}", age=1000 - step)
            given_up -= set(declared_months(name))
        elif event == "delete":
            # What is left may be older than the file that went, and is not loaded because of that.
            given_up |= set(declared_months(name)) if files.pop(name, None) else set()
        elif event == "lose cursor":
            cursor = None
        else:
            decided = tick(list(files.values()), cursor)
            cursor = decided.cursor
            requests |= {(r.key, r.etag, month) for r in decided.requests for month in r.months}
    for month in {"2025-01", "2025-02"} - given_up:
        covering = [info for info in files.values() if month in covers(info)]
        if covering:
            newest = max(covering, key=lambda info: info.modified)
            assert (newest.key, newest.etag, month) in requests


def test_given_the_newest_file_of_a_month_is_removed_when_planned_then_the_one_before_is_not_loaded_by_that():
    older, newer = arrival("2025-01_a.csv", age=90), arrival("2025-01_b.csv", age=50)
    first = tick([older, newer])
    assert tick([older], first.cursor).requests == ()


def test_given_quiet_ticks_when_repeated_then_no_request_is_ever_doubled():
    listing = [arrival("2025-01.csv"), arrival("2025-02.csv")]
    cursor, keys = None, []
    for _ in range(5):
        decided = tick(listing, cursor)
        cursor = decided.cursor
        keys += [request.run_key for request in decided.requests]
    assert len(keys) == len(set(keys)) == 2


def look_at(names: list[str], present: list[ObjectInfo], cursor: str | None) -> Plan:
    """A tick that asks for these files alone."""
    asked = {f"raw_data/{name}" for name in names}
    return plan(present, cursor, covers=covers, now=NOW, settle=SETTLE, limit=20, asked=asked)


def test_given_a_look_at_some_files_when_planned_then_what_is_known_of_others_stays():
    known = tick([arrival("2025-01.csv"), arrival("2025-02.csv")])
    some = look_at(["2025-02.csv", "2025-03.csv"], [arrival("2025-03.csv")], known.cursor)
    assert requested(some) == [("2025-03.csv", ("2025-03",))]
    assert set(read_cursor(some.cursor).seen) == {"raw_data/2025-01.csv", "raw_data/2025-03.csv"}


def test_given_a_newer_file_in_the_cursor_when_only_an_older_one_is_looked_at_then_it_is_not_loaded():
    known = tick([arrival("2025-01_new.csv", age=50)])
    some = look_at(["2025-01_old.csv"], [arrival("2025-01_old.csv", age=900)], known.cursor)
    assert some.requests == ()
    assert some.notes == ("raw_data/2025-01_old.csv is older than another file for 2025-01: not loaded",)


def test_given_a_listing_decided_on_as_a_whole_when_time_passes_then_the_next_one_is_due_after_ten_minutes():
    known = read_cursor(tick([arrival("2025-01.csv")]).cursor)
    assert not known.needs_listing(NOW + LISTING_PERIOD - dt.timedelta(seconds=1))
    assert known.needs_listing(NOW + LISTING_PERIOD)
    assert known.needs_listing(NOW - dt.timedelta(seconds=1)), "a clock that was set back"
    assert read_cursor(None).needs_listing(NOW)


def test_given_a_listing_of_which_arrivals_wait_when_planned_then_it_is_due_again_at_once():
    listing = [arrival("2025-01.csv"), arrival("2025-02.csv")]
    assert read_cursor(tick(listing, limit=1).cursor).needs_listing(NOW)
    assert read_cursor(tick([arrival("2025-01.csv", age=1)]).cursor).needs_listing(NOW)


def test_given_a_look_at_some_files_when_planned_then_the_time_of_the_last_listing_stays():
    known = tick([arrival("2025-01.csv")])
    some = look_at(["2025-02.csv"], [arrival("2025-02.csv")], known.cursor)
    assert read_cursor(some.cursor).listed == NOW
    assert read_cursor(look_at(["2025-02.csv"], [arrival("2025-02.csv")], None).cursor).listed is None


def test_given_a_cursor_of_before_listings_were_timed_when_read_then_its_arrivals_are_known_and_a_listing_is_due():
    old = '{"v":1,"seen":{"raw_data/2025-01.csv":["v1","2025-03-10T11:59:00.000000+00:00",["2025-01"]]}}'
    assert tick([arrival("2025-01.csv")], old).requests == ()
    assert read_cursor(old).needs_listing(NOW)
