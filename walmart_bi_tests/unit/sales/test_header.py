"""The header against the contract: any order and spelling, separators, aliases, and what is refused."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from walmart_bi.sales.contract import RAW_COLUMNS, RAW_NAMES
from walmart_bi.sales.errors import RejectedFile
from walmart_bi.sales.header import read_header

SPELLINGS = st.tuples(
    st.sampled_from(["{}", " {} ", "\ufeff{}", '"{}"']), st.sampled_from(["_", " ", "-", " - ", "__"]), st.booleans()
)


@given(st.permutations(RAW_COLUMNS), st.lists(SPELLINGS, min_size=12, max_size=12), st.sampled_from(",;\t"), st.data())
def test_columns_are_found_in_any_order_spelling_and_under_any_alias(columns, spellings, delimiter, data) -> None:
    names = []
    for column, (form, between, upper) in zip(columns, spellings, strict=True):
        name = data.draw(st.sampled_from([column.name, *column.aliases])).replace("_", between)
        names.append(form.format(name.upper() if upper else name.lower()))
    header = read_header(delimiter.join(names), "f.csv")
    assert (header.delimiter, header.columns) == (delimiter, tuple(column.name for column in columns))
    assert header.contract_columns == header.field_names == [column.name for column in columns]
    assert header.extra_columns == ()


def test_extra_columns_keep_their_place_and_are_named() -> None:
    header = read_header(",".join(["Region", *RAW_NAMES, "", "Region"]), "f.csv")
    assert header.extra_columns == ("Region", "column 14 without a name", "Region")
    assert header.contract_columns == list(RAW_NAMES)
    assert len(set(header.field_names)) == 15


@pytest.mark.parametrize("missing", RAW_NAMES)
def test_a_missing_column_is_named_with_what_was_found(missing: str) -> None:
    with pytest.raises(RejectedFile) as caught:
        read_header(",".join(name for name in RAW_NAMES if name != missing), "f.csv", line=3)
    assert caught.value.reason == "missing_column"
    assert f"Missing columns: {missing}." in caught.value.cause
    assert caught.value.place == "f.csv, line 3"


def test_a_column_that_is_there_under_two_names_is_refused_with_both() -> None:
    with pytest.raises(RejectedFile, match="Purchase_Amount is there 2 times: Purchase_Amount, amount") as caught:
        read_header(",".join([*RAW_NAMES, "amount"]), "f.csv")
    assert caught.value.reason == "duplicate_column"


def test_a_header_that_is_no_header_is_shown_without_control_characters() -> None:
    with pytest.raises(RejectedFile) as caught:
        read_header("\x1b[31mred\x00\u202e,", "f.csv")
    assert str(caught.value).isascii()
    assert "(empty)" in caught.value.cause
