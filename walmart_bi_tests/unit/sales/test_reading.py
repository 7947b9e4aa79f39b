"""A file as batches of text: nothing is converted, nothing is lost, and every record knows its line and bytes."""

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from walmart_bi.sales import decoding, reading
from walmart_bi.sales.counting import count_records
from walmart_bi.sales.errors import RejectedFile
from walmart_bi.sales.raw_batch import DamagedRecord
from walmart_bi.sales.reading import open_header, open_raw
from walmart_bi_tests.corpus.case import HEADER, good, record, text_of

HEAD = text_of([])
FIELDS = st.text(st.sampled_from('ab1é,;"\n\r \t='), max_size=6)
ROWS = st.lists(st.lists(FIELDS, min_size=12, max_size=12).filter(lambda row: row[0] != ""), min_size=1, max_size=12)


@pytest.fixture(scope="module")
def scratch(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("reading") / "file.csv"


def read(path: Path, content: bytes) -> tuple[list[list[str]], list[int], list[bytes], list[DamagedRecord]]:
    """Fields, lines and raw bytes of the readable records, and the damaged ones."""
    path.write_bytes(content)
    rows, lines, raws, damaged = [], [], [], []
    for batch in open_raw(path, "f.csv").batches:
        columns = [batch.table[name].to_pylist() for name in batch.table.column_names]
        rows += [list(row) for row in zip(*columns, strict=True)]
        lines += batch.lines.tolist()
        raws += [batch.raw(row) for row in range(len(batch.lines))]
        damaged += batch.damaged
        assert batch.records == len(batch.lines) + len(batch.damaged)
    return rows, lines, raws, damaged


@settings(max_examples=300, deadline=None)
@given(rows=ROWS, delimiter=st.sampled_from(",;\t"), end=st.sampled_from(["\n", "\r\n", "\r"]), size=st.integers(1, 99))
def test_whatever_the_fields_hold_they_are_read_as_written(
    scratch: Path, rows: list[list[str]], delimiter: str, end: str, size: int
) -> None:
    content = text_of(rows, delimiter=delimiter, end=end).encode()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(decoding, "CHUNK_BYTES", size)
        found, lines, raws, damaged = read(scratch, content)
        assert count_records(scratch, "f.csv", delimiter) == len(rows)
    assert found == rows
    assert damaged == []
    written = [text_of([row], header=None, delimiter=delimiter, end="").encode() for row in rows]
    assert raws == written
    assert lines == [2 + sum(len(raw.splitlines()) for raw in written[:row]) for row in range(len(rows))]


def test_damaged_records_keep_their_line_bytes_and_every_reason(scratch: Path) -> None:
    short = text_of([record(1)[:4]], header=None).encode()
    latin = text_of([record(2, city="Málaga")], header=None).encode("latin-1")
    both = text_of([record(3, city="Málaga", gender="\0")], header=None).encode("latin-1")
    latin_and_long = latin.rstrip(b"\n") + b",\xe9\n"
    quote = text_of([record(4)], header=None).replace("Home", '"Ho"me').encode()
    parts = [text_of(good(2)).encode(), short, latin, b"\n", both, latin_and_long, quote]
    rows, lines, _, damaged = read(scratch, b"".join(parts) + text_of([record(9)], header=None).encode())
    assert (len(rows), lines) == (3, [2, 3, 10])
    assert [(bad.line, bad.reasons, bad.columns) for bad in damaged] == [
        (4, ("wrong_field_count",), ()),
        (5, ("invalid_encoding",), ("City",)),
        (7, ("invalid_encoding", "invalid_character"), ("Gender", "City")),
        (8, ("invalid_encoding", "wrong_field_count"), ("City",)),
        (9, ("malformed_quotes",), ()),
    ]
    assert [bad.raw for bad in damaged] == [part.rstrip(b"\n") for part in (short, latin, both, latin_and_long, quote)]


def test_a_batch_in_which_every_record_is_damaged_has_no_rows(scratch: Path) -> None:
    rows, lines, _, damaged = read(scratch, HEAD.encode() + b"\0\n\0\n")
    assert (rows, lines, len(damaged)) == ([], [], 2)


def test_the_header_alone_is_read_without_the_records(scratch: Path) -> None:
    scratch.write_text("\n" + text_of(good(1), delimiter=";"))
    header = open_header(scratch, "f.csv")
    assert (header.delimiter, header.line, header.contract_columns) == (";", 2, HEADER)


@pytest.mark.parametrize("size", [1, 7, 200])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_blank_lines_around_the_header_count_as_lines(
    scratch: Path, monkeypatch: pytest.MonkeyPatch, size: int, end: str
) -> None:
    monkeypatch.setattr(decoding, "CHUNK_BYTES", size)
    content = end * 2 + HEAD.replace("\n", end) + end + text_of(good(2), header=None, end=end)
    assert read(scratch, content.encode())[1] == [5, 6]


@pytest.mark.parametrize(
    ("content", "reason", "place"),
    [
        (b"", "empty_file", "f.csv"),
        (b" \n\t\n", "empty_file", "f.csv"),
        (HEAD.encode() + b"\n\n", "header_only", "f.csv, line 1"),
        (b"x" * 200_000, "record_too_long", "f.csv, line 1"),
        (b"\n" + b"x" * 200_000 + b"\nx", "record_too_long", "f.csv, line 2"),
        (HEAD.encode() + b"a\n\n" + b"x" * 200_000, "record_too_long", "f.csv, line 4"),
        (HEAD.encode() + b"a\n" + b"x" * 200_000 + b"\nb\n", "record_too_long", "f.csv, line 3"),
        (HEAD.encode() + b'a\nb,"c\n' + b"x\n" * 100_000, "unclosed_quote", "f.csv, line 3"),
        (HEAD.encode() + b'a\nb,"c\n' + b"x\n" * 100_000 + b'","\nd', "unclosed_quote", "f.csv, line 3"),
    ],
)
@pytest.mark.parametrize("size", [10_000, 2**20])
def test_what_cannot_be_read_is_refused_with_its_place(
    scratch: Path, monkeypatch: pytest.MonkeyPatch, content: bytes, reason: str, place: str, size: int
) -> None:
    monkeypatch.setattr(decoding, "CHUNK_BYTES", size)
    with pytest.raises(RejectedFile) as caught:
        read(scratch, content)
    assert (caught.value.reason, caught.value.place) == (reason, place)
    assert ("a field is too large, or line ends are missing" in caught.value.cause) == (reason == "record_too_long")


def test_given_more_records_than_a_file_may_have_it_is_rejected(scratch: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "MAX_RECORDS", 2)
    assert len(read(scratch, text_of(good(2)).encode())[0]) == 2
    with pytest.raises(RejectedFile, match="more than 2 records"):
        read(scratch, text_of(good(3)).encode())
