"""The column mechanics agree with the single-value rules on every text."""

import sys
import unicodedata

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from walmart_bi.sales.columns import normalise
from walmart_bi.sales.contract import UNICODE_FORM, WHITE_SPACE
from walmart_bi.sales.values import fold, normal_form

CHARACTERS = st.characters(codec="utf-8")
# Two strategies, not one alphabet of both: drawn from one, the few characters that matter drown in all of Unicode.
NASTY = st.text(st.sampled_from("ab \t\x7f\u00a0\u0301é\u2028\u212b"), max_size=6)
TEXTS = st.lists(NASTY | st.text(CHARACTERS, max_size=8), max_size=6)
REPAIRS = (UNICODE_FORM, WHITE_SPACE)


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


@pytest.mark.parametrize(
    ("given_texts", "folded"),
    [
        (["a  b", "a b"], ["a b", "a b"]),
        ([" a", "a ", "a"], ["a", "a", "a"]),
        (["\u212b", "\u00e9"], ["\u00c5", "\u00e9"]),
        (["a\u0301", "x"], ["\u00e1", "x"]),
        (["\u212b", "a"], ["\u00c5", "a"]),
        (["\u00e9", "a\tb", "c\x1fd", "e\x7ff"], ["\u00e9", "a b", "c d", "e\x7ff"]),
        (["", " ", "  "], ["", "", ""]),
        ([], []),
    ],
)
def test_what_is_to_be_folded_or_composed_is_found_among_what_is_not(given_texts: list[str], folded: list[str]) -> None:
    normal = normalise(pa.array(["sliced off", *given_texts, "too"], pa.string()).slice(1, len(given_texts)))
    assert normal.texts.type == pa.string()
    assert normal.texts.to_pylist() == folded
