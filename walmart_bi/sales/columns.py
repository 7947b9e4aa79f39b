"""Columns of text in which every distinct value is handled once: mechanics under `cleaning.py`, no rules."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from walmart_bi.sales.contract import UNICODE_FORM, WHITE_SPACE
from walmart_bi.sales.values import Fault, fold, normal_form

Bools = npt.NDArray[np.bool_]
Scalar = TypeVar("Scalar", bound=np.generic)

# Nothing to fold: single spaces between characters that are no white space to Python's `str.split`.
_FOLDED = r"\A(?:[^\s\x0b\x1c-\x1f\x85\p{Z}]+(?: [^\s\x0b\x1c-\x1f\x85\p{Z}]+)*)?\z"
SPACE, DELETE = 32, 127
_YEAR_LAST = r"\A\s*[0-9]{1,2}/[0-9]{1,2}/[0-9]{4}\s*\z"


@dataclass(frozen=True)
class Column:
    """Texts and, where values repeat, the position of each record's text among them (`codes`)."""

    texts: Any
    codes: npt.NDArray[np.int32] | None

    def spread(self, per_text: npt.NDArray[Scalar]) -> npt.NDArray[Scalar]:
        """What holds for the texts, for the records."""
        return per_text if self.codes is None else per_text[self.codes]

    def plain(self) -> Any:
        """The records' texts as a string array."""
        return self.texts if self.codes is None else self.texts.take(pa.array(self.codes))

    def encoded(self) -> Any:
        """The records' texts as a dictionary array without repeated values."""
        distinct = recode(self.texts, self)
        return pa.DictionaryArray.from_arrays(pa.array(distinct.codes), distinct.texts)


@dataclass(frozen=True)
class Normalised:
    """Texts in normal form and, by kind of repair, which of them were changed."""

    texts: Any
    changed: dict[str, Bools]


def column(values: Any) -> Column:
    """A column of a raw batch's table, plain or dictionary-encoded."""
    array = values.combine_chunks()
    if pa.types.is_dictionary(array.type):
        return Column(array.dictionary, array.indices.to_numpy())
    return Column(array, None)


def recode(texts: Any, column: Column) -> Column:
    """The column with these texts instead of its own, each of them there only once again."""
    encoded = pc.dictionary_encode(texts)
    codes = encoded.indices.to_numpy()
    return Column(encoded.dictionary, codes if column.codes is None else codes[column.codes])


def byte_lengths(texts: Any) -> npt.NDArray[np.int32]:
    """The size of every text in UTF-8."""
    sizes: npt.NDArray[np.int32] = pc.binary_length(texts).to_numpy()
    return sizes


def replaced(texts: Any, where: Bools, replacement: str) -> Any:
    """The texts with each of those at `where` replaced."""
    return pc.replace_with_mask(texts, pa.array(where), pa.scalar(replacement, pa.string()))


def normalise(texts: Any) -> Normalised:
    """Unicode normal form C, trimmed, inner white space folded."""
    odd, foreign = _odd_and_foreign(texts)
    if foreign.any():
        odd |= _odd_among(texts, foreign)
    if not odd.any():
        return Normalised(texts, {})
    given = texts.filter(pa.array(odd)).to_pylist()
    composed = [normal_form(text) for text in given]
    folded = [fold(text) for text in composed]
    changed = {
        UNICODE_FORM: _scattered(odd, [text != other for text, other in zip(given, composed, strict=True)]),
        WHITE_SPACE: _scattered(odd, [text != other for text, other in zip(composed, folded, strict=True)]),
    }
    return Normalised(pc.replace_with_mask(texts, pa.array(odd), pa.array(folded, pa.string())), changed)


def _odd_and_foreign(texts: Any) -> tuple[Bools, Bools]:
    """Texts with a space at an edge, two in a row or a control character, and texts beyond ASCII.

    Looks at the bytes of all texts at once: a regular expression costs twenty times as much.
    """
    odd, foreign = np.zeros(len(texts), np.bool_), np.zeros(len(texts), np.bool_)
    content, offsets = content_of(texts)
    special = np.flatnonzero(content - np.uint8(33) >= 94)  # wraps around below 33
    if len(special) == 0:
        return odd, foreign
    values = content[special]
    spaces = special[values == SPACE]
    filled = np.flatnonzero(offsets[1:] > offsets[:-1])
    odd[filled] = (content[offsets[filled]] == SPACE) | (content[offsets[filled + 1] - 1] == SPACE)
    doubled = spaces[1:][spaces[1:] == spaces[:-1] + 1]
    control = special[(values < SPACE) | (values == DELETE)]
    odd[np.searchsorted(offsets, np.concatenate((doubled, control)), "right") - 1] = True
    foreign[np.searchsorted(offsets, special[values > DELETE], "right") - 1] = True
    return odd, foreign


def _odd_among(texts: Any, foreign: Bools) -> Bools:
    """Which of the texts beyond ASCII are not in normal form, or may not be."""
    some = texts.filter(pa.array(foreign))
    odd = ~matches(some, _FOLDED)
    if not unicodedata.is_normalized("NFC", "\n".join(some.to_pylist())):
        odd[:] = True
    return _scattered(foreign, odd)


def content_of(texts: Any) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.int32]]:
    """The bytes of all texts in a row, and where in them each begins and the last ends."""
    offsets = np.frombuffer(texts.buffers()[1] or b"\0\0\0\0", np.int32)[texts.offset : texts.offset + len(texts) + 1]
    content = np.frombuffer(texts.buffers()[2] or b"", np.uint8)[offsets[0] : offsets[-1]]
    return content, offsets - offsets[0]


def converted(
    texts: Any,
    plain: Callable[[Any], tuple[Bools, npt.NDArray[np.int64]]] | None,
    parse: Callable[[str], int | Fault],
) -> tuple[npt.NDArray[np.int64], dict[str, Bools]]:
    """The number of every text and, by reason, the texts that are none (their number is 0).

    `plain` converts the texts of the common form at once, `parse` each of the others.
    """
    numbers = np.zeros(len(texts), np.int64)
    odd = np.ones(len(texts), np.bool_)
    if plain is not None:
        common, values = plain(texts)
        numbers[common], odd = values, ~common
    faults: dict[str, Bools] = {}
    for position, text in zip(np.flatnonzero(odd).tolist(), texts.filter(pa.array(odd)).to_pylist(), strict=True):
        value = parse(text)
        if isinstance(value, Fault):
            faults.setdefault(value.reason, np.zeros(len(texts), np.bool_))[position] = True
        else:
            numbers[position] = value
    return numbers, faults


def dates(days: npt.NDArray[np.int64]) -> Any:
    """Days since 1970-01-01 as dates."""
    return pa.array(days.astype(np.int32)).view(pa.date32())


def any_year_last(texts: Any) -> bool:
    """Whether a text has the form D/M/YYYY or M/D/YYYY."""
    return bool(matches(texts, _YEAR_LAST).any())


def matches(texts: Any, pattern: str) -> Bools:
    """Which of the texts the regular expression finds something in."""
    found: Bools = pc.match_substring_regex(texts, pattern).to_numpy(zero_copy_only=False).copy()
    return found


def _scattered(where: Bools, values: list[bool] | Bools) -> Bools:
    spread = np.zeros(len(where), np.bool_)
    spread[where] = values
    return spread
