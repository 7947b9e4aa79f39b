"""Sums by dimensions as compact text for the page: only how cells are packed; `script/cube.js` unpacks them.

A cell's place is one number, made of its place in each dimension. Places are kept as steps from one cell to the next,
so that a full cube costs next to nothing for them and an empty one stays small. Every column of numbers is cut into
planes of equal bytes (all lowest bytes, then all second bytes, ...), because the high ones hardly vary and deflate
away; the text is base64, which HTML and JSON take as it is.
"""

from __future__ import annotations

import base64
import zlib
from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from operator import add, getitem, sub

Cell = tuple[Sequence[Hashable], Sequence[int]]

# Level 9 takes 23 ms instead of 4 for the cubes of 10,000,000 rows, and saves one byte in a hundred.
_LEVEL = 6


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
    places, stride = list[dict[Hashable, int]](), 1
    for values in reversed(list(members.values())):
        places.insert(0, {value: at * stride for at, value in enumerate(values)})
        stride *= len(values)
    sums: dict[int, Sequence[int]] = {}
    for key, numbers in cells:
        place = sum(map(getitem, places, key))
        before = sums.get(place)
        sums[place] = numbers if before is None else tuple(map(add, before, numbers))
    taken = sorted(sums)
    steps = list(map(sub, taken, [-1, *taken]))
    columns = [steps, *zip(*map(sums.__getitem__, taken), strict=True)] if taken else [()] * (1 + len(measures))
    widths = [max((max(column, default=0).bit_length() + 7) // 8, 1) for column in columns]
    raw = b"".join(_planes(column, width) for column, width in zip(columns, widths, strict=True))
    return PackedCube(
        dimensions=tuple(members),
        sizes=tuple(len(values) for values in members.values()),
        measures=tuple(measures),
        cells=len(taken),
        widths=tuple(widths),
        data=base64.b64encode(zlib.compress(raw, _LEVEL)).decode("ascii"),
    )


def _planes(column: Sequence[int], width: int) -> bytes:
    numbers = b"".join(value.to_bytes(width, "little") for value in column)
    return b"".join(numbers[byte::width] for byte in range(width))
