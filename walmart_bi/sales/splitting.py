"""Where records begin and end in a block of UTF-8 bytes, and which of them are damaged as bytes.

The block reader of pyarrow is fast but neither says on which line a record began nor keeps what it cannot decode.
So records are found here first, with the same rules for quotes and line ends, for whole blocks at a time: a record ends
at LF, CR or CRLF outside quotes; a quote opens only at the start of a field; blank lines are no records. What
lies inside a record's fields is not looked at.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from walmart_bi.sales.contract import INVALID_CHARACTER, INVALID_ENCODING, MALFORMED_QUOTES

Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]

LF, CR, QUOTE = 10, 13, 34
_PIECE = 2**17


@dataclass(frozen=True)
class Block:
    """Whole records: their bytes `data[starts[i]:ends[i]]` without the line end, and the lines where they begin."""

    data: bytes
    starts: Ints
    ends: Ints
    lines: Ints
    damaged: dict[int, str]

    def __len__(self) -> int:
        return len(self.starts)

    def raw(self, record: int) -> bytes:
        """The bytes of a record."""
        return self.data[self.starts[record] : self.ends[record]]


@dataclass(frozen=True)
class Split:
    """A block, how many bytes it took, the line after it, and the line of a quote that was still open at the end."""

    block: Block
    consumed: int
    next_line: int
    open_quote_line: int | None


def split(data: bytes, delimiter: str, first_line: int, *, at_end: bool) -> Split:
    """Cut whole records off the front of `data`, which must begin at the start of a record on `first_line`."""
    buffer = np.frombuffer(data, np.uint8)
    breaks, is_line_end = _line_breaks(data, buffer, at_end=at_end)
    lines_before = first_line + np.concatenate(([0], np.cumsum(is_line_end)))
    stops, malformed, open_quote = breaks, np.empty(0, np.int64), None
    if b'"' in data:
        quotes = _quotes(buffer, ord(delimiter))
        outside = np.searchsorted(quotes.toggles, breaks) % 2 == 0
        stops, malformed = breaks[outside], quotes.malformed
        lines_before = np.concatenate((lines_before[:1], lines_before[1:][outside]))
        if len(quotes.toggles) % 2:
            position = quotes.toggles[-1]
            open_quote = int(first_line + is_line_end[: np.searchsorted(breaks, position)].sum())
    if at_end and (len(stops) == 0 or stops[-1] < len(data) - 1):
        stops = np.append(stops, len(data))
        lines_before = np.append(lines_before, lines_before[-1])
    starts = np.concatenate((np.zeros(1, np.int64), stops + 1))[:-1]
    filled = stops > starts
    starts, ends, lines = starts[filled], stops[filled], lines_before[:-1][filled]
    consumed = min(int(stops[-1]) + 1, len(data)) if len(stops) else 0
    damaged = _damaged(data, buffer[:consumed], starts, ends, malformed[malformed < consumed])
    return Split(Block(data, starts, ends, lines, damaged), consumed, int(lines_before[-1]), open_quote)


def _line_breaks(data: bytes, buffer: npt.NDArray[np.uint8], *, at_end: bool) -> tuple[Ints, Bools]:
    """Positions of every LF and CR, and which of them end a line (the CR of a CRLF does not)."""
    if b"\r" not in data:
        breaks = _positions(buffer, LF)
        return breaks, np.ones(len(breaks), np.bool_)
    breaks = np.sort(np.concatenate((_positions(buffer, LF), _positions(buffer, CR))))
    if not at_end and buffer[-1] == CR:  # whether it ends a line is known with the next byte
        breaks = breaks[:-1]
    following = np.append(buffer, np.uint8(0))[breaks + 1]
    return breaks, (buffer[breaks] == LF) | (following != LF)


def _positions(buffer: npt.NDArray[np.uint8], byte: int) -> Ints:
    """Where the byte is. In pieces: memory that stays in the processor's cache is not asked of the system each time."""
    pieces = range(0, max(len(buffer), 1), _PIECE)
    return np.concatenate([np.flatnonzero(buffer[piece : piece + _PIECE] == byte) + piece for piece in pieces])


@dataclass(frozen=True)
class _Quotes:
    toggles: Ints
    malformed: Ints


def _quotes(buffer: npt.NDArray[np.uint8], delimiter: int) -> _Quotes:
    """The quotes that open or close a field, alternating, and the closing ones that are followed by other text."""
    quotes = _positions(buffer, QUOTE)
    before = np.where(quotes > 0, buffer[quotes - 1], LF)
    follows_quote = np.zeros(len(quotes), np.bool_)
    follows_quote[1:] = np.diff(quotes) == 1
    opens = (before == delimiter) | (before == LF) | (before == CR) | follows_quote
    toggles = quotes
    if not opens[::2].all():  # a quote inside an unquoted text: only a walk through all of them is exact
        toggles = _walk(quotes, opens & ~follows_quote)
    closing = toggles[1::2]
    after = np.append(buffer, np.uint8(LF))[closing + 1]
    fine = (after == delimiter) | (after == LF) | (after == CR)
    if len(toggles) > 2:
        reopened = np.isin(closing + 1, toggles[2::2])  # a doubled quote
        fine |= reopened
    return _Quotes(toggles, closing[~fine])


def _walk(quotes: Ints, at_field_start: Bools) -> Ints:
    """The quotes that open or close, found one after the other."""
    toggles: list[int] = []
    inside, closed_at = False, -2
    for position, starts_field in zip(quotes.tolist(), at_field_start.tolist(), strict=True):
        if inside:
            toggles.append(position)
            inside, closed_at = False, position
        elif starts_field or position == closed_at + 1:
            toggles.append(position)
            inside = True
    return np.array(toggles, np.int64)


def _damaged(data: bytes, buffer: npt.NDArray[np.uint8], starts: Ints, ends: Ints, malformed: Ints) -> dict[int, str]:
    """The records that must not reach the field parser, each with its quarantine reason, in order."""
    damaged = dict.fromkeys(_records_at(starts, malformed), MALFORMED_QUOTES)
    # A look at the bytes after the last record too costs less than a copy without them.
    if b"\0" in data:
        damaged |= dict.fromkeys(_records_at(starts, _positions(buffer, 0)), INVALID_CHARACTER)
    if not data.isascii() and not is_utf8(data[: len(buffer)]):
        for record in _records_at(starts, np.flatnonzero(buffer >= 0x80)):
            if not is_utf8(data[starts[record] : ends[record]]):
                damaged[record] = INVALID_ENCODING
    return dict(sorted(damaged.items()))


def is_utf8(data: bytes) -> bool:
    """Whether the bytes are text in UTF-8."""
    try:
        data.decode()
    except UnicodeDecodeError:
        return False
    return True


def _records_at(starts: Ints, positions: Ints) -> list[int]:
    """The records that hold the bytes at these positions."""
    records: list[int] = np.unique(np.searchsorted(starts, positions, "right") - 1).tolist()
    return records
