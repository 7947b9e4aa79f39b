"""Text files whose lines, separators, header or records are not as they should be."""

from walmart_bi_tests.corpus.case import HEADER, MARCH, Case, Record, each, file_of, good, record, rejected, text_of

LINES = text_of(good(3))
LINE_BYTES = LINES.encode()


def without(column: str) -> bytes:
    position = HEADER.index(column)
    return file_of(
        [[text for at, text in enumerate(row) if at != position] for row in good(3)],
        header=[name for name in HEADER if name != column],
    )


def renamed(**names: str) -> list[str]:
    return [names.get(name, name) for name in HEADER]


def with_extra(text: str, name: str) -> bytes:
    return file_of([[*row, text] for row in good(3)], header=[*HEADER, name])


def long_quote_never_closed() -> bytes:
    lines = text_of(good(3000)).splitlines(keepends=True)
    lines[2] = lines[2].replace("Port Wren", '"Port Wren')
    return "".join(lines).encode()


REVERSED: list[Record] = [row[::-1] for row in good(3)]
CITY_OF_LINE_2 = LINES.splitlines()[1].split(",")[3]

CASES = (
    # Line ends.
    Case("crlf", file_of(good(3), end="\r\n"), loaded=3),
    Case("cr_as_the_only_line_end", file_of(good(3), end="\r"), loaded=3),
    Case("line_ends_mixed", LINE_BYTES.replace(b"\n", b"\r\n", 2), loaded=3),
    # A carriage return in the middle of a line ends the record there: both halves are kept for a person to join.
    Case(
        "cr_inside_a_record",
        LINE_BYTES + text_of([record(9)], header=None).replace("Home", "Ho\rme").encode(),
        loaded=3,
        quarantined={"wrong_field_count": 2},
    ),
    Case("no_line_end_at_the_end", LINE_BYTES.rstrip(b"\n"), loaded=3),
    Case("blank_lines_between_records", LINE_BYTES.replace(b"\n", b"\n\n\r\n"), loaded=3),
    Case("blank_lines_before_the_header", b"\n\n" + LINE_BYTES, loaded=3),
    Case(
        "unicode_line_separators_in_a_text",
        file_of(each("city", "Elm\u2028ford", "Elm\u0085ford", "Elm\x0cford", "Elm\x1eford")),
        loaded=4,
        repaired={"white_space": 4},
        values={"city": ["Elm ford"] * 4},
    ),
    # Quotes.
    Case(
        "line_ends_inside_quotes",
        file_of(each("city", "Port\nWren", "Port\r\nWren", "Port\rWren")),
        loaded=3,
        repaired={"white_space": 3},
        values={"city": ["Port Wren"] * 3, "source_line": [2, 4, 6]},
    ),
    Case(
        "separators_and_quotes_inside_quotes",
        file_of(each("city", 'The "Elms", North', '"', ",,,")),
        loaded=3,
        values={"city": ['The "Elms", North', '"', ",,,"]},
    ),
    Case(
        "a_quote_inside_an_unquoted_text",
        LINE_BYTES.replace(CITY_OF_LINE_2.encode(), b'Elm" ford'),
        loaded=3,
        values={"city": ['Elm" ford', "Port Wren", "Hartby"]},
    ),
    Case(
        "every_field_quoted",
        ('"' + LINES.rstrip("\n").replace(",", '","').replace("\n", '"\n"') + '"\n').encode(),
        loaded=3,
    ),
    Case(
        "text_after_a_closing_quote",
        LINE_BYTES + text_of([record(9)], header=None).replace("Home", '"Ho"me').encode(),
        loaded=3,
        quarantined={"malformed_quotes": 1},
    ),
    # An open quote swallows every record after it. Loading the rest would lose them, so it is said where it opens.
    Case(
        "quote_never_closed",
        LINE_BYTES.replace(b"Port Wren", b'"Port Wren'),
        rejected=rejected("unclosed_quote", MARCH, "line 3", "quote"),
    ),
    # The last name: in any other place the columns after it are missing.
    Case(
        "quote_opened_in_the_last_name_of_the_header",
        LINE_BYTES.replace(b"Repeat_Customer", b'"Repeat_Customer', 1)
        + file_of(good(1), header=None).replace(b"No", b'"No"'),
        rejected=rejected("unclosed_quote", "line 1", "header"),
    ),
    Case("quote_never_closed_in_a_long_file", long_quote_never_closed, rejected=rejected("unclosed_quote", "line 3")),
    # Separators.
    Case("semicolons", file_of(good(3), delimiter=";"), loaded=3),
    Case("tabs", file_of(good(3), delimiter="\t"), loaded=3),
    Case(
        "semicolons_with_commas_in_texts",
        file_of(each("city", "Elm, ford", "Oak, ley"), delimiter=";"),
        loaded=2,
        values={"city": ["Elm, ford", "Oak, ley"]},
    ),
    Case("pipes", file_of(good(3), delimiter="|"), rejected=rejected("missing_column", "line 1", "semicolon")),
    # Header.
    Case("columns_in_another_order", file_of(REVERSED, header=HEADER[::-1]), loaded=3, values={"rating": [2, 3, 4]}),
    Case(
        "column_names_in_other_spellings",
        file_of(good(3), header=renamed(Customer_ID=" customer id", Purchase_Date="PURCHASE-DATE", City="cITY ")),
        loaded=3,
    ),
    Case("column_under_a_declared_alias", file_of(good(3), header=renamed(Purchase_Amount="Amount")), loaded=3),
    Case(
        "column_under_an_undeclared_name",
        file_of(good(3), header=renamed(Purchase_Amount="Sum")),
        rejected=rejected("missing_column", "Purchase_Amount", "Sum", MARCH, "line 1"),
    ),
    Case(
        "column_missing", without("Purchase_Amount"), rejected=rejected("missing_column", "Purchase_Amount", "line 1")
    ),
    Case(
        "several_columns_missing",
        file_of([row[:9] for row in good(3)], header=HEADER[:9]),
        rejected=rejected("missing_column", "Discount_Applied", "Rating", "Repeat_Customer"),
    ),
    Case(
        "column_twice",
        file_of([[*row, row[3]] for row in good(3)], header=[*HEADER, "city"]),
        rejected=rejected("duplicate_column", "City", "line 1"),
    ),
    Case(
        "column_and_its_alias",
        file_of([[*row, "5.00"] for row in good(3)], header=[*HEADER, "Amount"]),
        rejected=rejected("duplicate_column", "Purchase_Amount", "Amount"),
    ),
    Case("extra_column", with_extra("north", "Region"), loaded=3, extra_columns=("Region",)),
    Case("extra_column_without_a_name", with_extra("", ""), loaded=3, extra_columns=("column 13 without a name",)),
    Case(
        "extra_column_with_the_same_name_twice",
        file_of([[*row, "a", "b"] for row in good(3)], header=[*HEADER, "Note", "Note"]),
        loaded=3,
        extra_columns=("Note", "Note"),
    ),
    Case("no_header", file_of(good(3), header=None), rejected=rejected("missing_column", "Customer_ID", "line 1")),
    Case(
        "a_title_before_the_header",
        b"Sales report of March\n" + LINE_BYTES,
        rejected=rejected("missing_column", "Customer_ID", "line 1"),
    ),
    Case("only_one_column", b"Customer_ID\nc1\nc2\n", rejected=rejected("missing_column", "Age")),
    # Two exports joined: the second header is a record that is no sale.
    Case(
        "header_again_in_the_middle",
        LINE_BYTES + file_of(good(3, first=10)),
        loaded=6,
        quarantined={"invalid_date": 1, "invalid_amount": 1, "invalid_flag": 1},
    ),
    # Records.
    Case(
        "record_too_short",
        file_of([*good(3), record(9)[:5]]),
        loaded=3,
        quarantined={"wrong_field_count": 1},
    ),
    Case("record_too_long", file_of([*good(3), [*record(9), "x"]]), loaded=3, quarantined={"wrong_field_count": 1}),
    # A reader that takes the first column as an index would load this shifted by one column, without an error.
    Case(
        "one_field_more_in_every_record",
        file_of([[*row, ""] for row in good(3)]),
        quarantined={"wrong_field_count": 3},
        refused=True,
    ),
    Case("last_record_cut_off", LINE_BYTES[:-40], loaded=2, quarantined={"wrong_field_count": 1}),
    Case(
        "record_of_separators_only",
        file_of([*good(3), [""] * 12]),
        loaded=3,
        quarantined={"missing_customer_id": 1, "invalid_date": 1, "invalid_amount": 1, "invalid_flag": 1},
    ),
    Case("line_of_spaces", file_of([*good(3), ["   "]]), loaded=3, quarantined={"wrong_field_count": 1}),
    Case(
        "record_of_a_quarter_megabyte",
        file_of([*good(3), record(9, city="x" * 250_000)]),
        rejected=rejected("record_too_long", "line 5"),
    ),
    # A copy that reserved the space and did not fill it.
    Case(
        "nul_bytes_after_the_last_record",
        file_of(good(80)) + bytes(300),
        loaded=80,
        quarantined={"invalid_character": 1, "wrong_field_count": 1},
    ),
)
