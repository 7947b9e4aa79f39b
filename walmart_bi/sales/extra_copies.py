"""Good records that equal an earlier one, kept on disk until the whole file tells whether to keep or to remove them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa

from walmart_bi.sales.month_files import SCHEMA, as_table

_STORED = pa.schema(
    [
        *(pa.field(field.name, pa.string() if pa.types.is_dictionary(field.type) else field.type) for field in SCHEMA),
        pa.field("first_line", pa.int64()),
        pa.field("raw", pa.binary()),
    ]
)


class ExtraCopies:
    """Typed rows with the line of their first occurrence and their raw bytes; memory does not grow with them."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._writer: Any = None

    def add(self, frame: pd.DataFrame, first_lines: list[int], raws: list[bytes]) -> None:
        """Copies of one batch."""
        if self._writer is None:
            self._writer = pa.ipc.new_stream(str(self._path), _STORED)
        rows = as_table(frame).append_column("first_line", pa.array(first_lines, pa.int64()))
        self._writer.write_table(rows.append_column("raw", pa.array(raws, pa.binary())).cast(_STORED))

    def take(self) -> Iterator[tuple[Any, list[int], list[bytes]]]:
        """Everything that was added, batch by batch; afterwards the file is gone."""
        if self._writer is None:
            return
        self._writer.close()
        with pa.ipc.open_stream(str(self._path)) as stream:
            for batch in stream:
                rows = pa.Table.from_batches([batch])
                yield rows.select(SCHEMA.names).cast(SCHEMA), rows["first_line"].to_pylist(), rows["raw"].to_pylist()
        self._path.unlink()
