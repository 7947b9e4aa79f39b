"""The header against the contract: any order and spelling, separators, aliases, and what is refused."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from walmart_bi.sales.contract import RAW_COLUMNS, RAW_NAMES
from walmart_bi.sales.errors import RejectedFile
from walmart_bi.sales.header import Header, match_columns, read_header

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
    assert header.field_names == ["extra 1", *RAW_NAMES, "extra 14", "extra 15"]


def test_the_header_keeps_the_line_that_it_stands_on() -> None:
    assert read_header(";".join(RAW_NAMES), "f.csv", line=3) == Header(";", RAW_NAMES, (), 3)
    assert read_header(";".join(RAW_NAMES), "f.csv") == Header(";", RAW_NAMES, (), 1)


def test_names_that_come_from_no_text_have_a_comma_and_the_first_line() -> None:
    assert match_columns(RAW_NAMES, "f.parquet") == Header(",", RAW_NAMES, (), 1)


@pytest.mark.parametrize("missing", RAW_NAMES)
def test_a_missing_column_is_named_with_what_was_found(missing: str) -> None:
    with pytest.raises(RejectedFile) as caught:
        read_header(",".join(name for name in RAW_NAMES if name != missing), "f.csv", line=3)
    assert caught.value.reason == "missing_column"
    assert f"Missing columns: {missing}." in caught.value.cause
    assert caught.value.place == "f.csv, line 3"
    assert caught.value.next_step == (
        f"put the columns {', '.join(RAW_NAMES)} on the first line, between commas, semicolons or tabs."
    )


def test_a_quote_that_stays_open_in_the_header_is_refused_with_its_line() -> None:
    with pytest.raises(RejectedFile) as caught:
        read_header(",".join(RAW_NAMES) + ',"Till', "f.csv", line=2)
    assert caught.value.reason == "unclosed_quote"
    assert str(caught.value) == (
        "f.csv, line 2: A quote is opened in the header and not closed on its line. "
        "Next step: close the quote, write the header on one line, and deliver the file again."
    )


def missing_columns(names: list[str]) -> str:
    with pytest.raises(RejectedFile) as caught:
        match_columns(names, "f.csv")
    return caught.value.cause


def test_of_a_wrong_header_the_first_thirty_names_are_shown() -> None:
    assert missing_columns([f"c{number}" for number in range(31)]).endswith(
        f"Found: {', '.join(f'c{number}' for number in range(30))}."
    )


def test_of_a_long_name_sixty_characters_are_shown_and_of_many_the_message_is_cut() -> None:
    assert missing_columns(["x" * 61]).endswith(f"Found: {'x' * 60}.")
    assert missing_columns([*["x" * 60] * 6, "y" * 28]).endswith(f", {'y' * 28}.")  # 400 characters
    assert missing_columns([*["x" * 60] * 6, "y" * 29]).endswith(f", {'y' * 28}....")


def test_all_missing_columns_are_named_and_an_empty_name_is_shown_as_such() -> None:
    assert missing_columns(["", *RAW_NAMES[2:]]) == (
        f"Missing columns: {RAW_NAMES[0]}, {RAW_NAMES[1]}. Found: (empty), {', '.join(RAW_NAMES[2:])}."
    )


def test_a_column_that_is_there_under_two_names_is_refused_with_both() -> None:
    with pytest.raises(RejectedFile, match="Purchase_Amount is there 2 times: Purchase_Amount, amount") as caught:
        read_header(",".join([*RAW_NAMES, "amount"]), "f.csv")
    assert caught.value.reason == "duplicate_column"


def test_a_header_that_is_no_header_is_shown_without_control_characters() -> None:
    with pytest.raises(RejectedFile) as caught:
        read_header("\x1b[31mred\x00\u202e,", "f.csv")
    assert str(caught.value).isascii()
    assert "(empty)" in caught.value.cause
