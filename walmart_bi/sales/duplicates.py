"""Records that equal an earlier one of the same file in every raw field, found in 24 bytes a record.

Every record is known by two 64-bit hashes under keys that are new for each file (`record_hashes.py`): one of its
customer id, and one of all its fields. Two records are taken for equal only when both agree: with probability 2^-64
when they differ in the id alone or in the other fields alone, 2^-128 when in both. Even ten million records of one
customer give an expected 3e-6 false pairs in a file, so a match counts as equality. What is kept of a record are both
hashes, its number and its line; the table of hash prefixes adds 8 to 16 bytes, at most 64 MiB in all.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from walmart_bi.sales.record_hashes import Hashes

Ints = npt.NDArray[np.int64]
Numbers = npt.NDArray[np.uint32]

_SLOTS_A_RECORD = 8
_MAX_SLOTS = 2**26
# Runs of one size before they are merged. Few records are looked up, so many runs cost less than merging them often.
# Merging takes three times their memory for a moment; ten million records never need it for all of them.
_RUNS_A_LEVEL = 32
# Ids are counted a part at a time, which takes less memory.
_PARTS = 8


@dataclass(frozen=True)
class _Run:
    """Different records in the order of their hash, each with its number in the file."""

    records: Hashes
    numbers: Numbers

    def __len__(self) -> int:
        return len(self.records)


class SeenRecords:
    """The records of a file so far: sorted runs that are merged as they grow, behind a table of hash prefixes."""

    def __init__(self, expected: int) -> None:
        slots = min(_MAX_SLOTS, 1 << max(10, (expected * _SLOTS_A_RECORD).bit_length()))
        self._shift = np.uint64(64 - (slots.bit_length() - 1))
        self._taken = np.zeros(slots, np.bool_)
        self._levels: list[list[_Run]] = [[]]
        self._file = _RecordsInOrder()

    def first_lines(self, ids: Hashes, records: Hashes, lines: Ints) -> Ints:
        """Add a batch; for each record the line of the first one that equals it, or 0 when it is the first itself."""
        found = self._earlier(ids, records)
        order = _by_hash(records)
        _mark_repeats(found, order, ids, records, lines)
        new = order[found[order] == 0]
        self._taken[records[new] >> self._shift] = True
        self._add(_Run(records[new], (len(self._file) + new).astype(np.uint32)))
        self._file.add(ids, lines)
        return found

    def distinct_ids(self) -> int:
        """How many different customer ids there are."""
        return sum(_distinct(self._file.ids_in_part(part)) for part in range(_PARTS))

    def _earlier(self, ids: Hashes, records: Hashes) -> Ints:
        """For each record the line of the one in an earlier batch that equals it, or 0."""
        found = np.zeros(len(records), np.int64)
        candidates = np.flatnonzero(self._taken[records >> self._shift])
        candidates = candidates[np.argsort(records[candidates])]
        wanted = records[candidates]
        for run in (run for level in self._levels for run in level):
            place = np.minimum(np.searchsorted(run.records, wanted), len(run) - 1)
            equal = np.flatnonzero(run.records[place] == wanted)
            if len(equal):
                earlier_ids, lines = self._file.at(run.numbers[place[equal]])
                rows = candidates[equal]
                same = earlier_ids == ids[rows]
                found[rows[same]] = lines[same]
        return found

    def _add(self, run: _Run) -> None:
        if len(run):
            self._levels[0].append(run)
        for number, level in enumerate(self._levels):
            if len(level) == _RUNS_A_LEVEL:
                if number + 1 == len(self._levels):
                    self._levels.append([])
                self._levels[number + 1].append(_merged(level))
                level.clear()


class _RecordsInOrder:
    """What is known of every record beside its hash, by its number in the file: 12 bytes."""

    def __init__(self) -> None:
        self._ids: list[Hashes] = []
        # A batch's lines lie close together, so all but the first are kept as the distance from it.
        self._lines: list[Numbers] = []
        self._first_lines: list[int] = []
        self._starts: list[int] = []
        self._records = 0

    def __len__(self) -> int:
        return self._records

    def add(self, ids: Hashes, lines: Ints) -> None:
        """The records of a batch."""
        if len(ids):
            self._ids.append(ids)
            self._first_lines.append(int(lines[0]))
            self._lines.append((lines - lines[0]).astype(np.uint32))
            self._starts.append(self._records)
            self._records += len(ids)

    def at(self, numbers: Numbers) -> tuple[Hashes, Ints]:
        """The ids and lines of some records."""
        ids, lines = np.empty(len(numbers), np.uint64), np.empty(len(numbers), np.int64)
        batches = np.searchsorted(self._starts, numbers, "right") - 1
        for batch in np.unique(batches).tolist():
            here = batches == batch
            rows = numbers[here] - np.uint32(self._starts[batch])
            ids[here] = self._ids[batch][rows]
            lines[here] = self._first_lines[batch] + self._lines[batch][rows].astype(np.int64)
        return ids, lines

    def ids_in_part(self, part: int) -> Hashes:
        """The ids of the records whose id belongs to that part of all, as an array of its own."""
        return np.concatenate((np.empty(0, np.uint64), *(ids[ids % np.uint64(_PARTS) == part] for ids in self._ids)))


def _by_hash(records: Hashes) -> Ints:
    """The rows in the order of their hash, equal ones in the order of the file."""
    # Numbers alone sort many times faster than rows by number, so the row takes the place of the lowest bits.
    bits = np.uint64(len(records).bit_length())
    keys = np.sort((records >> bits << bits) | np.arange(len(records), dtype=np.uint64))
    order = (keys & ((np.uint64(1) << bits) - np.uint64(1))).astype(np.int64)
    ordered = records[order]
    if np.any(ordered[1:] < ordered[:-1]):  # hashes that differ in those bits only
        order = np.argsort(records, kind="stable")
    return order


def _mark_repeats(found: Ints, order: Ints, ids: Hashes, records: Hashes, lines: Ints) -> None:
    """Enter into `found` the records that equal an earlier one of their own batch."""
    ordered, ordered_ids = records[order], ids[order]
    again = np.flatnonzero((ordered[1:] == ordered[:-1]) & (ordered_ids[1:] == ordered_ids[:-1])) + 1
    if len(again):
        heads = np.arange(len(order))
        heads[again] = 0
        first = order[np.maximum.accumulate(heads)[again]]
        found[order[again]] = np.where(found[first] > 0, found[first], lines[first])


def _distinct(ids: Hashes) -> int:
    ids.sort()
    return int(np.count_nonzero(ids[1:] != ids[:-1])) + (1 if len(ids) else 0)


def _merged(runs: list[_Run]) -> _Run:
    records = np.concatenate([run.records for run in runs])
    order = np.argsort(records)
    return _Run(records[order], np.concatenate([run.numbers for run in runs])[order])
