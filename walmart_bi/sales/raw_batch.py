"""The common form of what the readers deliver: a batch of records as text, and the records that could not be read."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from walmart_bi.sales.header import Header

# A dictionary pays while it has at most this share of the records. Measured on 8 MiB of sales: with a quarter as many
# cities as records, plain texts are read and cleaned in a tenth less time; with a tenth as many it is even.
REPEATING_SHARE = 0.1


@dataclass(frozen=True)
class DamagedRecord:
    """A record that has no fields to clean: where it is, why, and its bytes as they came."""

    line: int
    reasons: tuple[str, ...]
    columns: tuple[str, ...]
    raw: bytes


@dataclass(frozen=True)
class RawBatch:
    """Records as text. `table` (a pyarrow Table) has one column for each field of the header, by its field name.

    A column is `string`, or `dictionary<int32, string>` where values repeat (which of them is only a matter of speed);
    none has nulls. `lines[i]` is where record i begins and `raw(i)` its bytes.
    """

    table: Any
    lines: npt.NDArray[np.int64]
    raw: Callable[[int], bytes]
    damaged: tuple[DamagedRecord, ...]

    @property
    def records(self) -> int:
        """All records of the batch, damaged ones included."""
        return len(self.lines) + len(self.damaged)


@dataclass(frozen=True)
class RawFile:
    """An opened file: its header, and its records in batches of bounded size, in the file's order."""

    header: Header
    batches: Iterator[RawBatch]
