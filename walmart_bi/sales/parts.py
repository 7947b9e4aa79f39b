"""A delivered CSV file cut into parts that can be cleaned apart: byte ranges that begin and end with whole records.

Where a record begins is known only when everything before it was looked at, for a quote may hold line ends. So the file
is cut in one pass from its beginning, by the same code that cuts records for cleaning; nothing is parsed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from walmart_bi.sales.decoding import plain_text_start
from walmart_bi.sales.header import Header
from walmart_bi.sales.reading import open_splits
from walmart_bi.sales.splitting import Split

# Large enough that starting a task costs nothing beside its work, small enough that a worker holds it in memory.
PART_BYTES = 64 * 2**20


@dataclass(frozen=True)
class Part:
    """The bytes from `start` to `stop` of a file, with at least one record; the first begins on `first_line`."""

    number: int
    start: int
    stop: int
    first_line: int
    records: int


@dataclass(frozen=True)
class Outline:
    """A file's header and its parts, which hold every record once, in their order."""

    header: Header
    parts: list[Part]


def cut(
    path: Path, name: str, on_bytes: Callable[[bytes], object] | None = None, *, part_bytes: int | None = None
) -> Outline | None:
    """The parts of a file, or None when its bytes are not its text (gzip, UTF-16, Parquet) and it has to stay whole.

    `on_bytes` sees every byte. Raises RejectedFile for what cannot be cut into records.
    """
    begin = plain_text_start(path)
    if begin is None:
        return None
    header, after_header, splits = open_splits(path, name, on_bytes)
    return Outline(header, list(_parts(splits, begin + after_header, part_bytes or PART_BYTES)))


def _parts(splits: Iterator[Split], position: int, part_bytes: int) -> Iterator[Part]:
    """`position` is where the first split begins in the file."""
    number = records = 0
    start, first_line = -1, 0
    for split in splits:
        block, row = split.block, 0
        if len(block) and start < 0:
            start, first_line = position + int(block.starts[0]), int(block.lines[0])
        while len(block):
            end = int(np.searchsorted(block.starts, start + part_bytes - position))
            records += end - row
            row = end
            if end == len(block):
                break
            stop = position + int(block.starts[end])
            yield Part(number, start, stop, first_line, records)
            number, start, first_line, records = number + 1, stop, int(block.lines[end]), 0
        position += split.consumed
    if records:
        yield Part(number, start, position, first_line, records)
