"""Which columns of a text file are read as dictionaries, decided batch by batch from what was seen.

It is only a matter of speed, never of what the rows are. In a dictionary each distinct value is cleaned once, but
making it costs more than it saves where values hardly repeat.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pyarrow as pa

from walmart_bi.sales.raw_batch import REPEATING_SHARE

REPEATING = pa.dictionary(pa.int32(), pa.string())
# Nearly every record has a customer id of its own, so the first batches do not try.
_SELDOM_REPEATS = "Customer_ID"
# A column that did not repeat is tried again after so many batches: files are often sorted.
_TRY_AGAIN_AFTER = 16


class Encodings:
    """The types of the columns in the next batch of a file."""

    def __init__(self, names: Sequence[str]) -> None:
        self._plain_batches = {name: _TRY_AGAIN_AFTER if name == _SELDOM_REPEATS else 0 for name in names}

    def schema(self) -> Any:
        """The columns to read: as dictionaries, or as plain texts."""
        return pa.schema([(name, pa.string() if left else REPEATING) for name, left in self._plain_batches.items()])

    def learn(self, table: Any) -> None:
        """Take a batch into account that was read with the schema."""
        for name, left in self._plain_batches.items():
            if left:
                self._plain_batches[name] = left - 1
            elif any(len(part.dictionary) > len(part) * REPEATING_SHARE for part in table[name].chunks):
                self._plain_batches[name] = _TRY_AGAIN_AFTER
