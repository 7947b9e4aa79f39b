"""Month arithmetic."""

import datetime as dt
import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from walmart_bi.months import contiguous_ranges, first_day, is_month, month_of, months_between, next_month

months = st.dates(min_value=dt.date(1900, 1, 1), max_value=dt.date(2999, 11, 30)).map(month_of)


@given(months)
def test_given_a_month_when_taken_apart_and_joined_then_it_is_the_same(month: str):
    assert is_month(month) and month_of(first_day(month)) == month


@given(months)
def test_given_a_month_when_the_next_is_taken_then_the_two_are_contiguous(month: str):
    assert months_between(month, next_month(month)) == (month, next_month(month))


@pytest.mark.parametrize("text", ["2025-13", "2025-00", "2025-1", "25-01", "2025-01-01", "", "2025/01"])
def test_given_no_month_when_parsed_then_it_is_refused(text: str):
    assert not is_month(text)
    with pytest.raises(ValueError, match="not a month"):
        first_day(text)


@given(st.sets(months, max_size=30))
def test_given_months_when_cut_into_ranges_then_nothing_is_lost_and_each_range_has_no_gap(some: set[str]):
    ranges = contiguous_ranges(some)
    assert sorted(month for run in ranges for month in run) == sorted(some)
    assert all(run == months_between(run[0], run[-1]) for run in ranges)
    assert all(next_month(a[-1]) < b[0] for a, b in itertools.pairwise(ranges))


def test_given_a_last_month_before_the_first_when_listed_then_there_is_none():
    assert months_between("2025-02", "2025-01") == ()
