"""Exact repeats inside one file: found whatever the batches are, and only when every raw field is equal."""

import dataclasses
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from walmart_bi.sales import duplicates
from walmart_bi.sales.duplicates import SeenRecords
from walmart_bi.sales.reading import open_raw
from walmart_bi.sales.record_hashes import RecordHasher
from walmart_bi_tests.corpus.case import HEADER, good, record, text_of

RECORDS = st.lists(st.tuples(st.integers(0, 6), st.integers(0, 3)), max_size=60)


@settings(max_examples=300, deadline=None)
@given(RECORDS, st.integers(1, 20))
def test_every_repeat_names_the_line_of_the_first(records: list[tuple[int, int]], size: int) -> None:
    seen, first, expected, found = SeenRecords(len(records)), {}, [], []
    for line, key in enumerate(records, start=2):
        expected.append(first.get(key, 0))
        first.setdefault(key, line)
    for start in range(0, len(records), size):
        part = records[start : start + size]
        ids = np.array([customer for customer, _ in part], np.uint64)
        hashes = np.array([(customer * 4 + rest) << 58 for customer, rest in part], np.uint64)
        found += seen.first_lines(ids, hashes, np.arange(start, start + len(part), dtype=np.int64) + 2).tolist()
    assert found == expected
    assert seen.distinct_ids() == len({customer for customer, _ in records})


# Records by id and hash: hashes that agree in their highest bits, in all but the lowest, or in none; ids that repeat,
# and that lie on both sides of a sign bit.
SPREAD = st.sampled_from(
    [
        *((0, 1), (0, 2), (1, 3), (2, 2**20), (8, 2**40), (9, 2**63 - 1), (2**63, 2**63), (0, 2**63 + 1)),
        *((2**64 - 16, 7), (2**64 - 8, 2**64 - 2), (2**64 - 1, 2**64 - 1)),
    ]
)


@settings(max_examples=300, deadline=None)
@given(
    records=st.lists(SPREAD, max_size=40),
    size=st.integers(1, 6),
    runs=st.integers(2, 3),
    first_line=st.sampled_from([1, 2, 2**33]),
)
def test_runs_that_were_merged_several_times_still_name_the_first_line(
    records: list[tuple[int, int]], size: int, runs: int, first_line: int
) -> None:
    expected, first = [], {}
    for line, key in enumerate(records, start=first_line):
        expected.append(first.get(key, 0))
        first.setdefault(key, line)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(duplicates, "_RUNS_A_LEVEL", runs)
        seen, found = SeenRecords(len(records)), []
        for start in range(0, len(records), size):
            part = np.array(records[start : start + size], np.uint64)
            lines = np.arange(start, start + len(part), dtype=np.int64) + first_line
            found += seen.first_lines(part[:, 0].copy(), part[:, 1].copy(), lines).tolist()
    assert found == expected
    assert seen.distinct_ids() == len({customer for customer, _ in records})


def test_runs_of_one_size_are_merged_when_there_are_as_many_as_a_level_takes() -> None:
    """Else each lookup would go through one run a batch, thousands for a large file."""
    seen = SeenRecords(3000)
    for number in range(duplicates._RUNS_A_LEVEL**2 + 1):
        seen.first_lines(*(np.array([number + 1], dtype) for dtype in (np.uint64, np.uint64, np.int64)))
    assert [len(level) for level in seen._levels] == [1, 0, 1]
    assert [len(run) for level in seen._levels for run in level] == [1, duplicates._RUNS_A_LEVEL**2]


@pytest.mark.parametrize(("expected", "slots"), [(0, 2**10), (127, 2**10), (128, 2**11), (1000, 2**13), (2**40, 2**26)])
def test_the_table_of_prefixes_has_eight_places_a_record_within_limits(expected: int, slots: int) -> None:
    """Fewer, and every record would be looked up; more, and it would not fit into the memory."""
    seen = SeenRecords(expected)
    assert (len(seen._taken), seen._taken.itemsize) == (slots, 1)
    assert int(seen._shift) == 64 - slots.bit_length() + 1


def test_of_many_equal_records_in_one_batch_the_first_is_named_and_lines_are_whole_numbers() -> None:
    """Hashes that differ in their lowest bits only are sorted another way."""
    hashes, lines = np.tile(np.array([3, 2, 1], np.uint64), 400), np.arange(1200, dtype=np.int64) + 2
    found = SeenRecords(1200).first_lines(hashes.copy(), hashes, lines)
    assert found.tolist() == [0, 0, 0, *[2, 3, 4] * 399]
    assert found.dtype == np.int64


@pytest.mark.parametrize("size", [1, 2])
@pytest.mark.parametrize("other", [(0, 1), (2**64 - 2, 2**64 - 1)])
def test_one_equal_hash_is_not_enough(size: int, other: tuple[int, int]) -> None:
    seen, found = SeenRecords(2), []
    for start in range(0, 2, size):
        ids, lines = np.array(other[start : start + size], np.uint64), np.arange(start, start + size) + 2
        found += seen.first_lines(ids, np.full(size, 5, np.uint64), lines).tolist()
    assert found == [0, 0]


def hashes_of(path: Path, rows: list[list[str]], header: list[str] = HEADER) -> list[tuple[int, int]]:
    path.write_text(text_of(rows, header=header), encoding="utf-8")
    batch = next(open_raw(path, "f.csv").batches)
    ids, records = RecordHasher().hashes(batch)
    return list(zip(ids.tolist(), records.tolist(), strict=True))


def test_records_differ_when_any_field_differs_in_any_byte(tmp_path: Path) -> None:
    changed = [[*record(1)[:position], record(1)[position] + " ", *record(1)[position + 1 :]] for position in range(12)]
    hashes = hashes_of(tmp_path / "f.csv", [record(1), *changed])
    assert len(set(hashes)) == 13
    assert len({customer for customer, _ in hashes}) == 2


def test_equal_values_in_other_columns_are_another_record(tmp_path: Path) -> None:
    one, other = record(1, discount_applied="Yes", repeat_customer="No"), record(1, discount_applied="No")
    other[-1] = "Yes"
    assert len(set(hashes_of(tmp_path / "f.csv", [one, other, one]))) == 2


def test_a_column_outside_the_contract_tells_records_apart(tmp_path: Path) -> None:
    rows = [[*record(1), "till 1"], [*record(1), "till 2"], [*record(1), "till 1"]]
    first, second, third = hashes_of(tmp_path / "f.csv", rows, [*HEADER, "Till"])
    assert first == third != second


def test_the_same_record_has_the_same_hashes_in_every_batch_of_a_run(tmp_path: Path) -> None:
    path = tmp_path / "f.csv"
    path.write_text(text_of(good(5)))
    batch, hasher = next(open_raw(path, "f.csv").batches), RecordHasher()
    whole = hasher.hashes(batch)
    tail = hasher.hashes(dataclasses.replace(batch, table=batch.table.slice(3), lines=batch.lines[3:]))
    assert [part.tolist() for part in tail] == [part[3:].tolist() for part in whole]
