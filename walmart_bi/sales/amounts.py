"""Whole columns of amounts: from text to cents, and from cents to decimals. What another form means is in `values.py`.

Nearly every amount is written with a point, two decimals and few digits before them. Such texts fit one 64-bit word
each, so they are checked and converted together, eight characters at a time.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from walmart_bi.sales.columns import content_of, matches

Bools = npt.NDArray[np.bool_]
Ints = npt.NDArray[np.int64]
Words = npt.NDArray[np.uint64]

_PLAIN = r"\A0*[0-9]{1,10}(?:\.[0-9]{1,2})?\z"
_SHORTEST, _WORD = len("0.00"), 8
# By the length of a text: zeros before its digits, once its point is gone and they stand at the end of the word.
_LEADING_ZEROS = np.array([int.from_bytes(b"0" * (9 - length), "little") for length in range(1, 9)], np.uint64)


def plain_cents(texts: Any) -> tuple[Bools, Ints]:
    """Which texts are amounts of the common form (digits, a point, at most two decimals) above 0, and their cents."""
    common, cents = _cents_of_words(texts)
    others = np.flatnonzero(~common)
    if len(others):
        rest = texts.take(pa.array(others))
        plain = matches(rest, _PLAIN)
        common[others] = plain
        cents[others[plain]] = _cents(pc.cast(rest.filter(pa.array(plain)), pa.decimal128(12, 2)))
    common &= cents > 0
    return common, cents[common]


def decimals(cents: Ints) -> Any:
    """Cents that are not negative as DECIMAL(12,2)."""
    words = np.zeros((len(cents), 2), np.int64)
    words[:, 0] = cents
    return pa.Array.from_buffers(pa.decimal128(12, 2), len(cents), [None, pa.py_buffer(words)])


def _cents_of_words(texts: Any) -> tuple[Bools, Ints]:
    """Which texts are one to five digits, a point and two digits, and the cents of those."""
    content, offsets = content_of(texts)
    lengths = np.diff(offsets)
    short = (lengths >= _SHORTEST) & (lengths <= _WORD)
    lengths = np.where(short, lengths, _WORD)
    # The eight bytes that end with the text: the first is the lowest, as processors of today have it.
    padded = np.concatenate((np.full(_WORD, ord("0"), np.uint8), content))
    words = np.ndarray(len(content) + 1, "<u8", padded, strides=(1,))[offsets[1:]]
    point = (words >> np.uint64(40)) & np.uint64(0xFF)
    # Without the point, and with zeros for what stands before the text.
    before = (words & np.uint64(0xFF_FFFF_FFFF)) << np.uint64(8)
    digits = (words & np.uint64(0xFFFF_0000_0000_0000)) | before
    kept = np.uint64(2**64 - 1) << (np.uint64(72) - np.uint64(8) * lengths.astype(np.uint64))
    digits = (digits & kept) | _LEADING_ZEROS[lengths - 1]
    short &= (point == ord(".")) & _all_digits(digits)
    return short, np.where(short, _value(digits), 0).astype(np.int64)


def _all_digits(words: Words) -> Bools:
    """Whether all eight bytes are digits: 3 in the upper half, and still when 6 more would make ten of the lower."""
    high = np.uint64(0xF0F0_F0F0_F0F0_F0F0)
    digits: Bools = (
        (words & high) | (((words + np.uint64(0x0606_0606_0606_0606)) & high) >> np.uint64(4))
    ) == np.uint64(0x3333_3333_3333_3333)
    return digits


def _value(words: Words) -> Words:
    """The number that eight digits make, the first of them in the lowest byte: pairs first, then fours, then all."""
    pairs = (words & np.uint64(0x0F0F_0F0F_0F0F_0F0F)) * np.uint64(10 * 2**8 + 1) >> np.uint64(8)
    fours = (pairs & np.uint64(0x00FF_00FF_00FF_00FF)) * np.uint64(100 * 2**16 + 1) >> np.uint64(16)
    value: Words = (fours & np.uint64(0x0000_FFFF_0000_FFFF)) * np.uint64(10_000 * 2**32 + 1) >> np.uint64(32)
    return value


def _cents(amounts: Any) -> Ints:
    """The low words of 128-bit decimals that fit 64 bits, which twelve digits do."""
    words = np.frombuffer(amounts.buffers()[1] or b"", np.int64)
    return words[2 * amounts.offset : 2 * (amounts.offset + len(amounts)) : 2]
