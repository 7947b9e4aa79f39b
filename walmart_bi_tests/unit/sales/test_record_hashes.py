"""Hashes of records tell texts apart by every byte and by nothing else, wherever they stand in a batch."""

import dataclasses

import numpy as np
import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st

from walmart_bi.sales.raw_batch import RawBatch
from walmart_bi.sales.record_hashes import RecordHasher

CHARACTERS = st.sampled_from("ab\u00e9\U0001f600 ") | st.characters(codec="utf-8", exclude_characters="\0")
# 128 bytes is where texts begin to stand for themselves by a digest, 8 the width of a word.
TEXTS = st.text(CHARACTERS, max_size=20) | st.integers(6, 300).flatmap(
    lambda size: st.text("ab", min_size=size, max_size=size)
)
RECORDS = st.lists(st.tuples(TEXTS, TEXTS), min_size=1, max_size=30)


def batch_of(records: list[tuple[str, str]], *, encoded: bool) -> RawBatch:
    columns = [pa.array(values, pa.string()) for values in zip(*records, strict=True)]
    arrays = [column.dictionary_encode() if encoded else column for column in columns]
    return RawBatch(pa.table(arrays, names=["Customer_ID", "City"]), np.arange(len(records)), lambda row: b"", ())


@settings(max_examples=300, deadline=None)
@given(RECORDS, st.integers(0, 29))
def test_equal_records_and_only_those_have_equal_hashes(records: list[tuple[str, str]], start: int) -> None:
    hasher = RecordHasher()
    ids, whole = hasher.hashes(batch_of(records, encoded=False))
    assert len(set(whole.tolist())) == len(set(records))
    assert len(set(ids.tolist())) == len({customer for customer, _ in records})
    encoded = hasher.hashes(batch_of(records, encoded=True))
    assert [part.tolist() for part in encoded] == [ids.tolist(), whole.tolist()]
    batch = batch_of(records, encoded=False)
    tail = dataclasses.replace(batch, table=batch.table.slice(start), lines=batch.lines[start:])
    assert [part.tolist() for part in hasher.hashes(tail)] == [ids[start:].tolist(), whole[start:].tolist()]


def test_texts_of_one_length_hash_as_they_do_among_others() -> None:
    same, hasher = [(f"{number:036}", "Pune") for number in range(20_000)], RecordHasher()
    together = hasher.hashes(batch_of(same, encoded=False))
    mixed = hasher.hashes(batch_of([*same, ("short", "Pune"), ("", "Pune")], encoded=False))
    assert [part[:20_000].tolist() for part in mixed] == [part.tolist() for part in together]
    assert len(set(mixed[0].tolist())) == 20_002


def test_another_file_has_other_keys() -> None:
    batch = batch_of([("a", "b")], encoded=False)
    assert RecordHasher().hashes(batch)[1].tolist() != RecordHasher().hashes(batch)[1].tolist()
