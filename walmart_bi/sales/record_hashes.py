"""Keyed hashes of a record's raw fields, for whole columns at once. What equal hashes mean is in `duplicates.py`.

A text is taken as 32-bit words, zeros after its end, with its length as one word more. Its hash is the sum of each word
times a random 64-bit number of that column and place, modulo 2^64, of which the upper half counts: two different texts
have equal upper halves for one key in 2^32, whoever wrote them and whatever else he knows (multilinear hashing). A
record's sum is that of its fields, so the same holds for records; two sums under separate keys make 64 bits.
"""

from __future__ import annotations

import hashlib
import secrets
from typing import Any

import numpy as np
import numpy.typing as npt

from walmart_bi.sales.columns import column, content_of
from walmart_bi.sales.raw_batch import RawBatch

Hashes = npt.NDArray[np.uint64]

_IDENTIFYING = "Customer_ID"
# Longer texts stand for themselves by a keyed digest of this many bytes: they are too few to be worth whole columns.
_LONG, _DIGEST = 128, 16
_LOW_HALF, _HALF = np.uint64(2**32 - 1), np.uint64(32)
# So many at a time that what is computed stays in the processor's cache.
_ROWS = 8192
_FIRST_BYTES = np.array([256**count - 1 for count in range(9)], np.uint64)


class RecordHasher:
    """Hashes of records by their raw fields, under one set of random keys.

    The keys of the first `columns` are made at once, so that copies of the hasher in other processes agree on them.
    """

    def __init__(self, columns: int = 0) -> None:
        self._digest_key = secrets.token_bytes(32)
        self._keys: list[Hashes] = [_random_keys(2) for _ in range(columns)]

    def hashes(self, batch: RawBatch) -> tuple[Hashes, Hashes]:
        """For each record of the batch: the hash of its customer id, and that plus the hash of its other fields."""
        names = batch.table.column_names
        while len(self._keys) < len(names):
            self._keys.append(_random_keys(2))
        ids, rest = np.zeros((2, 2, len(batch.lines)), np.uint64)
        for name, keys in zip(names, self._keys, strict=False):
            values = column(batch.table[name])
            sums = self._sums(values.texts, keys)
            sums = sums if values.codes is None else sums.take(values.codes, axis=1)
            if name == _IDENTIFYING:
                ids = sums
            else:
                rest += sums
        hashed = _combined(ids)
        return hashed, hashed + _combined(rest)

    def _sums(self, texts: Any, keys: Hashes) -> Hashes:
        """For each text its sum under each of the keys, one row a key."""
        content, offsets = content_of(texts)
        starts, lengths = offsets[:-1], np.diff(offsets)
        sums = lengths.astype(np.uint64) * keys[:, :1]
        if len(lengths) and lengths.max() > _LONG:
            content, starts, lengths = self._shortened(content, starts, lengths)
        _add_words(sums, content, starts, lengths, keys[:, 1:])
        return sums

    def _shortened(self, content: Any, starts: Any, lengths: Any) -> tuple[Any, Any, Any]:
        """The same texts with the digest of each long one in its place."""
        starts, lengths, digests = starts.astype(np.int64), lengths.copy(), []
        for row in np.flatnonzero(lengths > _LONG).tolist():
            text = content[starts[row] : starts[row] + lengths[row]]
            digests.append(hashlib.blake2b(text, digest_size=_DIGEST, key=self._digest_key).digest())
            starts[row], lengths[row] = len(content) + _DIGEST * (len(digests) - 1), _DIGEST
        return np.concatenate((content, np.frombuffer(b"".join(digests), np.uint8))), starts, lengths


def _random_keys(columns: int) -> Hashes:
    words = 1 + _LONG // 4
    return np.frombuffer(secrets.token_bytes(8 * words * columns), np.uint64).reshape(columns, words)


def _add_words(sums: Hashes, content: Any, starts: Any, lengths: Any, keys: Hashes) -> None:
    """Add to the sums of each text its words times their keys, eight bytes at a time."""
    padded = np.concatenate((content, np.zeros(8, np.uint8)))
    for first in range(0, len(starts), _ROWS):
        part = slice(first, first + _ROWS)
        filled = np.flatnonzero(lengths[part])
        if len(filled) == len(lengths[part]):
            _add_words_of_some(sums[:, part], padded, starts[part], lengths[part], keys)
        elif len(filled):
            some = sums[:, part].take(filled, axis=1)
            _add_words_of_some(some, padded, starts[part][filled], lengths[part][filled], keys)
            sums[:, part][:, filled] = some


def _add_words_of_some(sums: Hashes, content: Any, starts: Any, lengths: Any, keys: Hashes) -> None:
    shortest, longest = int(lengths.min()), int(lengths.max())
    same_length = shortest == longest and int(starts[-1] - starts[0]) == longest * (len(starts) - 1)
    if same_length:  # as UUIDs are: each begins at the same distance from the one before
        at_byte: Any = np.ndarray((len(starts), longest), "<u8", content, int(starts[0]), (longest, 1))
    else:
        at_byte = np.ndarray(len(content) - 7, "<u8", content, strides=(1,))
    for place in range(0, longest, 8):
        words = at_byte[:, place].copy() if same_length else at_byte[np.minimum(starts + place, len(content) - 8)]
        if shortest < place + 8:
            words &= _FIRST_BYTES[np.clip(lengths - place, 0, 8)]
        for half, offset in ((words & _LOW_HALF, 0), (words >> _HALF, 1)):
            for row, key in zip(sums, keys[:, place // 4 + offset], strict=True):
                row += half * key


def _combined(sums: Hashes) -> Hashes:
    """The upper halves of both sums."""
    hashes: Hashes = (sums[0] & ~_LOW_HALF) | (sums[1] >> _HALF)
    return hashes
