"""The independent count of records: it agrees with the reader on every file that the reader can read."""

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from walmart_bi.sales import decoding
from walmart_bi.sales.counting import count_records
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


@settings(max_examples=500, deadline=None)
@given(pieces=st.lists(PIECES, max_size=40), size=st.integers(1, 40))
def test_whatever_the_bytes_are_the_count_is_the_reader_s(scratch: Path, pieces: list[bytes], size: int) -> None:
    scratch.write_bytes(HEAD + b"".join(pieces))
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


def counted(path: Path, content: bytes) -> int:
    path.write_bytes(content)
    return count_records(path, "f.csv", ",")


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


def test_proper_characters_elsewhere_show_that_the_file_is_utf8(scratch: Path) -> None:
    proper = text_of(each("city", "Zürich"), header=None).encode()
    assert counted(scratch, in_latin1(10, 90) + proper) == 101


def test_a_quote_that_swallows_more_than_a_record_may_hold_is_named(scratch: Path) -> None:
    with pytest.raises(RejectedFile) as caught:
        counted(scratch, HEAD + b'a\n"' + b"b\n" * 100_000)
    assert (caught.value.reason, caught.value.place) == ("unclosed_quote", "f.csv, line 3")


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
    assert "shorten that field" in caught.value.next_step
