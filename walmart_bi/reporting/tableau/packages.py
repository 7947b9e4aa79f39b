"""Packs a document and the extract into one `.twbx` or `.tdsx`, and takes them out again."""

from __future__ import annotations

import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from walmart_bi.errors import WalmartBiError
from walmart_bi.reporting.tableau.workbook import EXTRACT

# The earliest date of the format: a package must not differ because of when it was made.
_DATE = (1980, 1, 1, 0, 0, 0)
_READABLE = 0o100644 << 16


class PackageError(WalmartBiError):
    """A Tableau package is not one that this project writes."""


def pack(package: Path, document_name: str, document: bytes, extract: Path) -> None:
    """Write the package: the document first, then the extract at the place that the document names."""
    with zipfile.ZipFile(package, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(_entry(document_name), document)
        with archive.open(_entry(EXTRACT), "w") as target, extract.open("rb") as source:
            while block := source.read(1 << 20):
                target.write(block)


def read_document(package: Path) -> bytes:
    """The `.twb` or `.tds` inside. Raises PackageError."""
    with _opened(package) as archive:
        names = [name for name in archive.namelist() if name.endswith((".twb", ".tds"))]
        if len(names) != 1:
            raise _broken(package, f"it holds {len(names)} workbooks or data sources")
        return archive.read(names[0])


def entry_names(package: Path) -> list[str]:
    """The names inside. Raises PackageError."""
    with _opened(package) as archive:
        return archive.namelist()


@contextmanager
def unpacked_extract(package: Path) -> Iterator[Path]:
    """The extract inside, as a file for as long as the block lasts. Raises PackageError."""
    with TemporaryDirectory(prefix="walmart_bi_extract_") as folder:
        path = Path(folder) / "extract.hyper"
        with _opened(package) as archive:
            if EXTRACT not in archive.namelist():
                raise _broken(package, f"it has no {EXTRACT}")
            with archive.open(EXTRACT) as source, path.open("wb") as target:
                while block := source.read(1 << 20):
                    target.write(block)
        yield path


def _entry(name: str) -> zipfile.ZipInfo:
    entry = zipfile.ZipInfo(name, date_time=_DATE)
    entry.compress_type = zipfile.ZIP_DEFLATED
    entry.create_system = 3
    entry.external_attr = _READABLE
    return entry


@contextmanager
def _opened(package: Path) -> Iterator[zipfile.ZipFile]:
    try:
        with zipfile.ZipFile(package) as archive:
            yield archive
    except zipfile.BadZipFile as error:
        raise _broken(package, "it is not a zip archive, or a damaged one") from error


def _broken(package: Path, reason: str) -> PackageError:
    return PackageError(
        f"The Tableau package cannot be used: {reason}.",
        place=package.name,
        next_step="materialize the snapshot again.",
    )
