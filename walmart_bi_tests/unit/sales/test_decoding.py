"""Bytes of a delivered file as UTF-8 text in bounded chunks, whatever the text came in."""

import codecs
import gzip
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from walmart_bi.sales import decoding
from walmart_bi.sales.decoding import text_chunks
from walmart_bi.sales.errors import RejectedFile

TEXTS = st.text(st.characters(codec="utf-8", exclude_characters="\0\ufeff<{["), min_size=1, max_size=300)
# More than the part that is looked at to know the kind of file, with pairs of UTF-16 units and little to compress.
LONG = "".join(chr(0x1F300 + number * 7919 % 700) for number in range(2000))
UTF16 = [("utf-16-le", codecs.BOM_UTF16_LE), ("utf-16-be", codecs.BOM_UTF16_BE)]


@pytest.fixture(scope="module")
def scratch(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("decoding") / "file"


def decoded(path: Path, content: bytes) -> bytes:
    path.write_bytes(content)
    seen: list[bytes] = []
    text = b"".join(text_chunks(path, "f.csv", seen.append))
    assert b"".join(seen) == content
    return text


@example(text=LONG, size=1, packed=False)
@example(text=LONG, size=1, packed=True)
@settings(max_examples=200, deadline=None)
@given(text=TEXTS, size=st.integers(1, 64), packed=st.booleans())
def test_text_is_the_same_in_every_encoding_and_chunk_size(scratch: Path, text: str, size: int, packed: bool) -> None:
    forms = [codecs.BOM_UTF8 + text.encode(), *(mark + text.encode(encoding) for encoding, mark in UTF16)]
    if packed:
        forms = [gzip.compress(form) for form in forms]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(decoding, "CHUNK_BYTES", size)
        assert [decoded(scratch, form) for form in forms] == [text.encode()] * 3


@pytest.mark.parametrize(("encoding", "mark"), UTF16)
def test_what_is_no_text_in_utf16_becomes_bytes_that_are_no_text_in_utf8(
    scratch: Path, encoding: str, mark: bytes
) -> None:
    content = mark + "ab\ud800cd".encode(encoding, "surrogatepass") + b"x"
    assert decoded(scratch, content) == b"ab\xed\xa0\x80cd\xff"


def test_zero_bytes_after_a_gzip_member_are_padding(scratch: Path) -> None:
    assert decoded(scratch, gzip.compress(b"a,b\n") + bytes(512)) == b"a,b\n"


def test_other_bytes_after_a_gzip_member_are_damage(scratch: Path) -> None:
    with pytest.raises(RejectedFile) as caught:
        decoded(scratch, gzip.compress(b"a,b\n") + b"garbage")
    assert caught.value.reason == "damaged_gzip"


@pytest.mark.parametrize(
    ("head", "reason"),
    [
        (b"BZh91AY", "compressed"),
        (b"\xfd7zXZ\x00", "compressed"),
        (b"\x28\xb5\x2f\xfd", "compressed"),
        (b"7z\xbc\xaf\x27\x1c", "compressed"),
        (b"Rar!\x1a\x07", "compressed"),
        (b"SQLite format 3\x00", "database"),
        (gzip.compress(b"PAR1 and so on", mtime=0), "compressed"),
        (codecs.BOM_UTF32_BE + b"\0\0\0a", "other_encoding"),
        (b"  <!doctype HTML>", "html"),
        (b"<note>", "xml"),
        (b'\n{"a": 1}', "json"),
    ],
)
def test_a_file_of_another_kind_is_named(scratch: Path, head: bytes, reason: str) -> None:
    with pytest.raises(RejectedFile, match="not CSV text") as caught:
        decoded(scratch, head)
    assert caught.value.reason == reason


def test_given_more_text_than_a_file_may_have_it_is_rejected(scratch: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(decoding, "MAX_TEXT_BYTES", 10)
    assert decoded(scratch, b"a" * 10) == b"a" * 10
    with pytest.raises(RejectedFile, match="more than 10 bytes") as caught:
        decoded(scratch, b"a" * 11)
    assert caught.value.reason == "too_large"


def test_a_decompression_bomb_is_left_after_its_first_megabytes(scratch: Path) -> None:
    scratch.write_bytes(gzip.compress(bytes([97]) * 100_000_000, 9))
    taken = 0
    with pytest.raises(RejectedFile) as caught:
        for chunk in text_chunks(scratch, "f.csv"):
            taken += len(chunk)
    assert caught.value.reason == "expansion"
    assert taken <= decoding.EXPANSION_GRACE_BYTES
