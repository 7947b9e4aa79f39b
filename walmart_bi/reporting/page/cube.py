"""Sums by dimensions as compact text for the page: only how cells are packed; `script/cube.js` unpacks them.

A cell's place is one number, made of its place in each dimension. Places are kept as steps from one cell to the next,
so that a full cube costs next to nothing for them and an empty one stays small. Every column of numbers is cut into
planes of equal bytes (all lowest bytes, then all second bytes, ...), because the high ones hardly vary and deflate
away; the text is base64, which HTML and JSON take as it is.
"""

from __future__ import annotations

import base64
import zlib
from collections import defaultdict
from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass

Cell = tuple[Sequence[Hashable], Sequence[int]]


@dataclass(frozen=True)
class PackedCube:
    """A cube as the page reads it. `widths` are the bytes of a number in the column of steps and of each measure."""

    dimensions: tuple[str, ...]
    sizes: tuple[int, ...]
    measures: tuple[str, ...]
    cells: int
    widths: tuple[int, ...]
    data: str


def pack_cube(members: Mapping[str, Sequence[Hashable]], measures: Sequence[str], cells: Iterable[Cell]) -> PackedCube:
    """Pack the cells, adding up those of equal place. `members` name and order the dimensions and their values."""
    places = [{value: place for place, value in enumerate(values)} for values in members.values()]
    sums: dict[int, list[int]] = defaultdict(lambda: [0] * len(measures))
    for key, values in cells:
        place = 0
        for dimension, value in zip(places, key, strict=True):
            place = place * len(dimension) + dimension[value]
        sums[place] = [total + value for total, value in zip(sums[place], values, strict=True)]
    taken = sorted(sums)
    steps = [place - before for before, place in zip([-1, *taken], taken, strict=False)]
    columns = [steps, *([sums[place][number] for place in taken] for number in range(len(measures)))]
    widths = [max((max(column, default=0).bit_length() + 7) // 8, 1) for column in columns]
    raw = b"".join(_planes(column, width) for column, width in zip(columns, widths, strict=True))
    return PackedCube(
        dimensions=tuple(members),
        sizes=tuple(len(values) for values in members.values()),
        measures=tuple(measures),
        cells=len(taken),
        widths=tuple(widths),
        data=base64.b64encode(zlib.compress(raw, 9)).decode("ascii"),
    )


def _planes(column: Sequence[int], width: int) -> bytes:
    numbers = b"".join(value.to_bytes(width, "little") for value in column)
    return b"".join(numbers[byte::width] for byte in range(width))
