"""What files hold for whoever opens them: members of packages, texts of Parquet files and of Tableau's extracts.

These are compressed, so that a search of their bytes finds nothing.
"""

from __future__ import annotations

import io
import json
import tempfile
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path

import pyarrow.parquet as pq

from walmart_bi.reporting.tableau.hyper import read_tables

PACKAGES = (".twbx", ".tdsx")


def contents(files: Mapping[str, bytes]) -> Iterator[tuple[str, bytes]]:
    """Every file by its name, and what is inside of those that are more than their bytes."""
    for name, content in files.items():
        yield name, content
        if name.endswith(PACKAGES):
            with zipfile.ZipFile(io.BytesIO(content)) as package:
                inside = {f"{name}/{member}": package.read(member) for member in package.namelist()}
                inside[f"{name}/comments"] = package.comment + b"".join(each.comment for each in package.infolist())
            yield from contents(inside)
        elif name.endswith(".parquet"):
            yield f"{name}/texts", _of_parquet(content)
        elif name.endswith(".hyper"):
            yield f"{name}/texts", _of_hyper(content)


def holding(files: Mapping[str, bytes], text: str) -> list[str]:
    """The names of the files, and of what is inside, that hold the text or are named by it."""
    return [name for name, content in contents(files) if text.encode() in name.encode() + content]


def _of_parquet(content: bytes) -> bytes:
    file = pq.ParquetFile(io.BytesIO(content))
    told = [(str(key), str(value)) for key, value in (file.metadata.metadata or {}).items()]
    return _as_text([file.metadata.created_by, told, file.schema_arrow.names, file.read().to_pylist()])


def _of_hyper(content: bytes) -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "extract.hyper"
        path.write_bytes(content)
        return _as_text([[table, *found] for table, found in read_tables(path).items()])


def _as_text(found: object) -> bytes:
    """With quotes around each text, as a search for a whole value needs them."""
    return json.dumps(found, ensure_ascii=False, default=str).encode()
