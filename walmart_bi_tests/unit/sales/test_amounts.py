"""Amounts of whole columns are those of the single-value rule, whichever way they are converted."""

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from walmart_bi.sales import amounts
from walmart_bi.sales.amounts import decimals, plain_cents
from walmart_bi.sales.columns import converted
from walmart_bi.sales.contract import INVALID_AMOUNT, NON_POSITIVE_AMOUNT
from walmart_bi.sales.values import Fault, parse_amount

# Most are of the form that fits a word, or nearly.
USUAL = st.from_regex(r"[0-9]{1,7}[.,][0-9]{1,3}", fullmatch=True)
AMOUNTS = st.lists(USUAL | st.text(st.sampled_from("0123456789.,-$ "), max_size=14), max_size=12)


def test_numbers_are_whole_and_texts_that_are_none_are_told_apart() -> None:
    numbers, faults = converted(pa.array(["0", "0.00", "1.5", "x", "7"]), plain_cents, parse_amount)
    assert (numbers.dtype, numbers.tolist()) == (np.int64, [0, 0, 150, 0, 700])
    assert {reason: where.tolist() for reason, where in faults.items()} == {
        NON_POSITIVE_AMOUNT: [True, True, False, False, False],
        INVALID_AMOUNT: [False, False, False, True, False],
    }


@settings(max_examples=300, deadline=None)
@given(AMOUNTS)
def test_the_quick_way_for_amounts_gives_what_the_exact_one_gives(texts: list[str]) -> None:
    array = pa.array(texts, pa.string())
    cents, faults = converted(array, plain_cents, parse_amount)
    expected = [parse_amount(text) for text in texts]
    assert cents.tolist() == [0 if isinstance(value, Fault) else value for value in expected]
    for reason, where in faults.items():
        assert where.tolist() == [value == Fault(reason) for value in expected]
    assert sum(int(where.sum()) for where in faults.values()) == sum(isinstance(value, Fault) for value in expected)
    amounts_of_cents = decimals(cents)
    assert amounts_of_cents.type == pa.decimal128(12, 2)
    assert [int(amount * 100) for amount in amounts_of_cents.to_pylist()] == cents.tolist()


@pytest.mark.parametrize("digits", range(1, 13))
@pytest.mark.parametrize("decimals", range(4))
def test_given_digits_of_any_length_when_converted_then_each_place_counts(digits: int, decimals: int) -> None:
    text = "123456789012"[:digits] + "." * (decimals > 0) + "987"[:decimals]
    common, cents = plain_cents(pa.array(["0.01", text, "99999.99"]))
    fits = digits <= 10 and decimals <= 2
    assert common.tolist() == [True, fits, True]
    assert cents.tolist() == [1, *([parse_amount(text)] if fits else []), 9_999_999]


def test_given_amounts_of_the_usual_form_when_converted_then_no_pattern_is_looked_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Eight characters at a time or one by one: the result is the same, so only this tells which way was taken."""
    monkeypatch.setattr(amounts, "matches", None)
    of_each_length = (f"{digit}"[-1:] * length + f".{digit:02d}" for digit in range(1, 100) for length in range(1, 6))
    texts = [*of_each_length, "0.01", "00.10", "10000.00", "09876.54"]
    common, cents = plain_cents(pa.array(texts))
    assert common.all()
    assert cents.dtype == np.int64
    assert cents.tolist() == [parse_amount(text) for text in texts]


@pytest.mark.parametrize("place", range(8))
@pytest.mark.parametrize("wrong", [0x00, 0x20, 0x2F, 0x3A, 0x3F, 0x70])
def test_given_another_character_in_any_place_when_converted_then_it_is_no_amount(place: int, wrong: int) -> None:
    """The characters beside the digits, and those whose lower or upper half is that of one."""
    text = bytearray(b"12345.67")
    text[place] = wrong
    common, cents = plain_cents(pa.array([text.decode(), "12345.67"]))
    assert (common.tolist(), cents.tolist()) == ([False, True], [1_234_567])


def test_given_a_part_of_an_array_when_converted_then_what_is_around_it_does_not_count() -> None:
    texts = pa.array(["999.99", ".50", "1.50", "", "7.25", "88888.88"]).slice(1, 4)
    common, cents = plain_cents(texts)
    assert (common.tolist(), cents.tolist()) == ([False, True, False, True], [150, 725])
