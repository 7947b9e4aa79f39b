"""The column mechanics agree with the single-value rules on every text."""

import sys
import unicodedata

import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st

from walmart_bi.sales.columns import converted, decimals, normalise, plain_cents
from walmart_bi.sales.contract import UNICODE_FORM, WHITE_SPACE
from walmart_bi.sales.values import Fault, fold, normal_form, parse_amount

CHARACTERS = st.characters(codec="utf-8")
TEXTS = st.lists(st.text(st.sampled_from("ab \t\u00a0\u0301é\u2028\u212b") | CHARACTERS, max_size=8), max_size=12)
REPAIRS = (UNICODE_FORM, WHITE_SPACE)
AMOUNTS = st.lists(st.text(st.sampled_from("0123456789.,-$ "), max_size=14), max_size=12)


def test_every_character_that_python_takes_for_white_space_is_folded_and_no_other() -> None:
    characters = [chr(code) for code in range(sys.maxunicode + 1) if not 0xD800 <= code <= 0xDFFF]
    composed = [character for character in characters if unicodedata.is_normalized("NFC", f"a{character}b")]
    texts = pa.array([f"a{character}b" for character in composed])
    expected = ["a b" if character.isspace() else f"a{character}b" for character in composed]
    assert normalise(texts).texts.to_pylist() == expected


@settings(max_examples=300, deadline=None)
@given(TEXTS)
def test_texts_and_repairs_are_those_of_the_single_value(texts: list[str]) -> None:
    normal = normalise(pa.array(texts, pa.string()))
    assert normal.texts.to_pylist() == [fold(normal_form(text)) for text in texts]
    none = [False] * len(texts)
    changed = {kind: normal.changed[kind].tolist() if kind in normal.changed else none for kind in REPAIRS}
    assert changed[UNICODE_FORM] == [normal_form(text) != text for text in texts]
    assert changed[WHITE_SPACE] == [fold(normal_form(text)) != normal_form(text) for text in texts]


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
    assert [int(amount * 100) for amount in decimals(cents).to_pylist()] == cents.tolist()
