"""The independent count of records: it agrees with the reader on every file that the reader can read."""

import csv
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from walmart_bi.sales import decoding
from walmart_bi.sales.contract import MAX_RECORD_BYTES
from walmart_bi.sales.counting import MAX_LINE_BYTES, count_records
from walmart_bi.sales.errors import RejectedFile
from walmart_bi.sales.reading import open_raw
from walmart_bi_tests.corpus.case import each, good, record, text_of

HEAD = text_of([]).encode()
PIECES = st.sampled_from(
    [b"a", b",", b'"', b'""', b"\n", b"\r", b"\r\n", b" ", b"\0", b"\xe9", "é".encode(), b',"', b'",', b'"\n', b"\n\n"]
)


@pytest.fixture(scope="module")
def scratch(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("counting") / "file.csv"


# The first chunk is at least 1,024 bytes long, so what is to be cut into chunks comes after as many.
LONG_HEAD = text_of(good(20)).encode()


@settings(max_examples=200, deadline=None)
@given(head=st.sampled_from([HEAD, LONG_HEAD]), pieces=st.lists(PIECES, max_size=40), size=st.integers(1, 40))
def test_whatever_the_bytes_are_the_count_is_the_reader_s(
    scratch: Path, head: bytes, pieces: list[bytes], size: int
) -> None:
    scratch.write_bytes(head + b"".join(pieces))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(decoding, "CHUNK_BYTES", size)
        try:
            read = sum(batch.records for batch in open_raw(scratch, "f.csv").batches)
        except RejectedFile:
            return
        try:
            assert count_records(scratch, "f.csv", ",") == read
        except RejectedFile as rejected:
            assert rejected.reason == "other_encoding"


def counted(path: Path, content: bytes, delimiter: str = ",") -> int:
    path.write_bytes(content)
    return count_records(path, "f.csv", delimiter)


def test_lines_that_chunks_cut_anywhere_are_counted_once(scratch: Path) -> None:
    scratch.write_bytes(LONG_HEAD + text_of(good(30), header=None).replace("\n", "\r\n").encode())
    for size in (1, 7, 64):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(decoding, "CHUNK_BYTES", size)
            assert count_records(scratch, "f.csv", ",") == 50


def test_every_byte_of_the_file_is_seen_whatever_its_kind_is(scratch: Path, tmp_path: Path) -> None:
    parquet = tmp_path / "f.parquet"
    pq.write_table(pa.table({"a": pa.array(range(100_000))}), parquet, compression="none")
    assert parquet.stat().st_size > MAX_RECORD_BYTES
    scratch.write_bytes(text_of(good(30)).encode())
    for path, records in ((parquet, 100_000), (scratch, 30)):
        seen: list[bytes] = []
        assert count_records(path, "f", ",", seen.append) == records
        assert b"".join(seen) == path.read_bytes()
        assert count_records(path, "f", ",") == records
        assert max(map(len, seen)) <= max(MAX_RECORD_BYTES, 2000)


def test_an_empty_file_is_named_as_it_was_delivered(scratch: Path) -> None:
    with pytest.raises(RejectedFile) as caught:
        counted(scratch, b"PK\x03\x04")
    assert caught.value.place.startswith("f.csv")


def test_a_quoted_text_after_another_delimiter_may_have_line_ends(scratch: Path) -> None:
    assert counted(scratch, b'a;b\nc;"d\ne"\nf;"g""\n"\n', ";") == 2


def test_the_line_of_what_is_wrong_counts_those_inside_quoted_texts(scratch: Path) -> None:
    head = HEAD + b'a,"b\nc\nd"\n' + b'e,"f\ng"\n'
    with pytest.raises(RejectedFile) as caught:
        counted(scratch, head + b"x" * (MAX_LINE_BYTES + 1))
    assert caught.value.place == "f.csv, line 7"
    with pytest.raises(RejectedFile) as caught:
        counted(scratch, head + b"\xe1\n\xe2\n\xe3\n")
    assert caught.value.place == "f.csv, line 7, byte 1 of the line (0xE1)"


def test_a_line_of_exactly_the_greatest_length_is_counted(scratch: Path) -> None:
    longest = b"x" * MAX_RECORD_BYTES + b"\r\n"
    assert counted(scratch, LONG_HEAD + longest) == 21
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(decoding, "CHUNK_BYTES", MAX_RECORD_BYTES + 2)
        assert counted(scratch, LONG_HEAD + longest * 2) == 22


def test_a_line_of_the_letter_x_is_a_record(scratch: Path) -> None:
    assert counted(scratch, HEAD + b"X\nXX\n\n\r\n") == 2


def in_latin1(accented: int, plain: int) -> bytes:
    records = each("city", *["Málaga"] * accented)
    return text_of([*good(plain), *records]).encode("latin-1")


@pytest.mark.parametrize(("accented", "plain"), [(1, 3), (9, 91), (10, 190)])
def test_a_few_records_in_another_encoding_do_not_condemn_the_file(scratch: Path, accented: int, plain: int) -> None:
    assert counted(scratch, in_latin1(accented, plain)) == accented + plain


@pytest.mark.parametrize(("accented", "plain"), [(1, 1), (1, 0), (10, 90)])
def test_another_encoding_throughout_is_named_with_its_first_byte(scratch: Path, accented: int, plain: int) -> None:
    with pytest.raises(RejectedFile) as caught:
        counted(scratch, in_latin1(accented, plain))
    assert caught.value.reason == "other_encoding"
    assert f"{accented} of {accented + plain} records" in caught.value.cause
    column = in_latin1(accented, plain).splitlines()[plain + 1].index(b"\xe1") + 1
    assert caught.value.place == f"f.csv, line {plain + 2}, byte {column} of the line (0xE1)"
    assert caught.value.cause.endswith("in another encoding, such as Windows-1252 or Latin-1.")
    assert caught.value.next_step == "save the file as UTF-8 and deliver it again."


@pytest.mark.parametrize(("undecodable", "plain", "refused"), [(1, 2, False), (2, 3, False), (2, 2, True)])
def test_half_of_the_records_in_another_encoding_are_the_whole_file(
    scratch: Path, undecodable: int, plain: int, refused: bool
) -> None:
    content = in_latin1(undecodable, plain)
    if refused:
        with pytest.raises(RejectedFile):
            counted(scratch, content)
    else:
        assert counted(scratch, content) == undecodable + plain


def test_the_first_byte_of_another_encoding_may_stand_in_the_header(scratch: Path) -> None:
    with pytest.raises(RejectedFile) as caught:
        counted(scratch, HEAD.rstrip() + b",\xe9\n" + in_latin1(3, 0).partition(b"\n")[2])
    assert caught.value.place == f"f.csv, line 1, byte {len(HEAD.rstrip()) + 2} of the line (0xE9)"


def test_a_quote_that_stays_open_until_the_end_is_one_record(scratch: Path) -> None:
    """Whether it may is for the reader to say."""
    assert counted(scratch, HEAD + b'a,"b\nc\n') == 1


def test_a_header_alone_in_another_encoding_has_no_records_to_refuse(scratch: Path) -> None:
    assert counted(scratch, HEAD.rstrip() + b",\xe9\n") == 0


def test_proper_characters_elsewhere_show_that_the_file_is_utf8(scratch: Path) -> None:
    proper = text_of(each("city", "Zürich"), header=None).encode()
    assert counted(scratch, in_latin1(10, 90) + proper) == 101


def test_a_quote_that_swallows_more_than_a_record_may_hold_is_named(scratch: Path) -> None:
    with pytest.raises(RejectedFile) as caught:
        counted(scratch, HEAD + b'a\n"' + b"b\n" * 100_000)
    assert (caught.value.reason, caught.value.place) == ("unclosed_quote", "f.csv, line 3")
    assert caught.value.next_step == (
        'close the quote, or write a quote inside a quoted text twice (""), and deliver again.'
    )


@pytest.mark.parametrize(
    ("limit", "swallowed", "refused"), [(10_000_000, 100_000, True), (1_000, 50_000, False)], ids=["raised", "lowered"]
)
def test_the_limit_of_a_quoted_text_is_ours_whatever_another_library_has_set(
    scratch: Path, limit: int, swallowed: int, refused: bool
) -> None:
    content = HEAD + b'a\n"' + b"b\n" * swallowed + b'"\n'
    before = csv.field_size_limit(limit)
    try:
        if refused:
            with pytest.raises(RejectedFile, match="its quote is not closed"):
                counted(scratch, content)
        else:
            assert counted(scratch, content) == 2
        assert csv.field_size_limit() == limit
    finally:
        csv.field_size_limit(before)


@pytest.mark.parametrize(
    "content",
    [b"b" * 200_000, text_of([record(2, city="x" * 200_000), record(3)], header=None).encode()],
    ids=["no line ends", "one large field"],
)
def test_a_line_that_is_too_long_is_named_with_both_possible_causes(scratch: Path, content: bytes) -> None:
    with pytest.raises(RejectedFile) as caught:
        counted(scratch, HEAD + text_of(good(1), header=None).encode() + content)
    assert (caught.value.reason, caught.value.place) == ("record_too_long", "f.csv, line 3")
    assert "a field is too large, or line ends are missing" in caught.value.cause
    assert caught.value.next_step == (
        "shorten that field, or put each record on its own line, and deliver the file again."
    )


def test_more_text_is_counted_for_a_file_that_is_cleaned_in_parts(
    scratch: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scratch.write_bytes(LONG_HEAD)
    monkeypatch.setattr(decoding, "MAX_TEXT_BYTES", len(LONG_HEAD) - 1)
    with pytest.raises(RejectedFile, match="bytes of text"):
        count_records(scratch, "f.csv", ",")
    assert count_records(scratch, "f.csv", ",", in_parts=True) == 20
