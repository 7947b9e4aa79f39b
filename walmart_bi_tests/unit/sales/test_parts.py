"""A file cut into parts: whole records, each in one part, on the line where it stands in the file."""

import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from walmart_bi.sales import decoding
from walmart_bi.sales.errors import RejectedFile
from walmart_bi.sales.parts import cut
from walmart_bi.sales.raw_batch import RawBatch
from walmart_bi.sales.reading import open_raw, read_part
from walmart_bi_tests.corpus.case import HEADER, good, text_of
from walmart_bi_tests.unit.sales.test_conservation import PIECES

HEAD = (",".join(HEADER) + "\n").encode()


def records(batches: Any) -> list[tuple[Any, ...]]:
    """Each record with its line and bytes, and each damaged one with its reasons."""
    found: list[tuple[Any, ...]] = []
    for batch in batches:
        assert isinstance(batch, RawBatch)
        found += [
            (line, batch.raw(row), tuple(batch.table.slice(row, 1).to_pylist()[0].values()))
            for row, line in enumerate(batch.lines.tolist())
        ]
        found += [(each.line, each.raw, each.reasons, each.columns) for each in batch.damaged]
    return sorted(found, key=lambda record: record[0])


@settings(max_examples=150, deadline=None)
@given(st.lists(PIECES, max_size=40), st.sampled_from([1, 40, 200, 1000]), st.booleans(), st.sampled_from([64, 2**22]))
def test_any_bytes_are_cut_into_the_records_of_the_whole(
    pieces: list[bytes], part_bytes: int, marked: bool, chunk_bytes: int
) -> None:
    content = (b"\xef\xbb\xbf" if marked else b"") + HEAD + b"".join(pieces)
    with tempfile.TemporaryDirectory() as directory, pytest.MonkeyPatch.context() as patch:
        path = Path(directory) / "f.csv"
        path.write_bytes(content)
        try:
            whole = records(open_raw(path, "f").batches)
        except RejectedFile as expected:
            with pytest.raises(RejectedFile) as caught:
                cut(path, "f", part_bytes=part_bytes)
            assert str(caught.value) == str(expected)
            return
        patch.setattr(decoding, "CHUNK_BYTES", chunk_bytes)
        seen: list[bytes] = []
        outline = cut(path, "f", seen.append, part_bytes=part_bytes)
        assert outline is not None
    assert b"".join(seen) == content
    parts = [records(read_part(outline.header, p.first_line, content[p.start : p.stop], "f")) for p in outline.parts]
    assert [record for part in parts for record in part] == whole
    assert [len(part) for part in parts] == [part.records for part in outline.parts]
    assert [part.number for part in outline.parts] == list(range(len(outline.parts)))


def test_parts_are_about_as_large_as_asked_for(tmp_path: Path) -> None:
    path = tmp_path / "f.csv"
    path.write_text(text_of(good(500)))
    outline = cut(path, "f", part_bytes=4_000)
    assert outline is not None
    sizes = [part.stop - part.start for part in outline.parts]
    assert all(4_000 <= size < 4_300 for size in sizes[:-1])
    assert outline.parts[-1].stop == path.stat().st_size
    assert sum(part.records for part in outline.parts) == 500


@pytest.mark.parametrize("content", [b"\x1f\x8b\x08", b"PAR1", b"\xff\xfea\0", b"\xfe\xff\0a"])
def test_a_file_whose_bytes_are_not_its_text_is_not_cut(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "f.csv"
    path.write_bytes(content)
    assert cut(path, "f") is None
