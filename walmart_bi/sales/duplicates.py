"""Records that equal an earlier one of the same file in every raw field, found in bounded memory.

Every record is known by two 64-bit hashes under keys that are new in each process: one of its customer id, and one of
all its fields. Records with different ids are taken for equal with probability 2^-128 a pair; with the same id, 2^-64
a pair. Even ten million records of one customer give an expected 3e-6 false pairs in a file, so a match counts as
equality. What is kept of a record is 24 bytes: both hashes and its line.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from walmart_bi.sales.columns import column
from walmart_bi.sales.raw_batch import RawBatch

Hashes = npt.NDArray[np.uint64]
Ints = npt.NDArray[np.int64]

_SLOTS_A_RECORD = 8
_MAX_SLOTS = 2**26


class RecordHasher:
    """Hashes of records by their raw fields, under one random key."""

    def __init__(self) -> None:
        self._key = secrets.token_hex(8)
        self._factors: list[np.uint64] = []

    def hashes(self, batch: RawBatch) -> tuple[Hashes, Hashes]:
        """For each record of the batch: the hash of its customer id, and the hash of all fields."""
        ids = np.zeros(len(batch.lines), np.uint64)
        records = np.zeros(len(batch.lines), np.uint64)
        while len(self._factors) < batch.table.num_columns:
            self._factors.append(np.uint64(secrets.randbits(64) | 1))
        for name, factor in zip(batch.table.column_names, self._factors, strict=False):
            values = column(batch.table[name])
            texts = values.texts.to_numpy(zero_copy_only=False)
            if name == "Customer_ID":
                ids = values.spread(pd.util.hash_array(texts, hash_key=self._key, categorize=False))
            # Python's own hash of texts is a second keyed one, independent of the first.
            hashed = np.fromiter(map(hash, texts), np.int64, len(texts)).view(np.uint64)
            records += values.spread(hashed * factor)
        return ids, records


@dataclass(frozen=True)
class _Run:
    """Records in the order of their hash."""

    records: Hashes
    ids: Hashes
    lines: Ints

    def __len__(self) -> int:
        return len(self.records)


class SeenRecords:
    """The records of a file so far: sorted runs that are merged as they grow, behind a table of hash prefixes."""

    def __init__(self, expected: int) -> None:
        slots = min(_MAX_SLOTS, 1 << max(10, (expected * _SLOTS_A_RECORD).bit_length()))
        self._shift = np.uint64(64 - (slots.bit_length() - 1))
        self._taken = np.zeros(slots, np.bool_)
        self._runs: list[_Run] = []

    def first_lines(self, ids: Hashes, records: Hashes, lines: Ints) -> Ints:
        """Add a batch; for each record the line of the first one that equals it, or 0 when it is the first itself."""
        found = self._earlier(ids, records)
        order = np.argsort(records, kind="stable")
        run = _Run(records[order], ids[order], lines[order])
        again = np.flatnonzero((run.records[1:] == run.records[:-1]) & (run.ids[1:] == run.ids[:-1])) + 1
        for position in again.tolist():  # in order, so that a third copy gets the line of the first
            row, previous = order[position], order[position - 1]
            found[row] = found[row] or found[previous] or lines[previous]
        self._taken[records >> self._shift] = True
        self._add(run)
        return found

    def distinct_ids(self) -> int:
        """How many different customer ids there are."""
        ids = np.sort(np.concatenate([np.empty(0, np.uint64), *(run.ids for run in self._runs)]))
        return int(np.count_nonzero(ids[1:] != ids[:-1])) + (1 if len(ids) else 0)

    def _earlier(self, ids: Hashes, records: Hashes) -> Ints:
        found = np.zeros(len(records), np.int64)
        candidates = np.flatnonzero(self._taken[records >> self._shift])
        candidates = candidates[np.argsort(records[candidates])]
        wanted, wanted_ids = records[candidates], ids[candidates]
        for run in self._runs:
            place = np.minimum(np.searchsorted(run.records, wanted), len(run) - 1)
            equal = (run.records[place] == wanted) & (run.ids[place] == wanted_ids)
            earlier = found[candidates[equal]]
            lines = run.lines[place[equal]]
            found[candidates[equal]] = np.where(earlier == 0, lines, np.minimum(earlier, lines))
        return found

    def _add(self, run: _Run) -> None:
        while self._runs and len(self._runs[-1]) <= len(run):
            last = self._runs.pop()
            records = np.concatenate((last.records, run.records))
            order = np.argsort(records, kind="stable")
            run = _Run(
                records[order],
                np.concatenate((last.ids, run.ids))[order],
                np.concatenate((last.lines, run.lines))[order],
            )
        if len(run):
            self._runs.append(run)
