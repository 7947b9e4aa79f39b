"""Whether published Tableau files are sound and show the numbers of the views: what the snapshot's check asks.

The files are opened as a reader would open them: the numbers come from the extract inside the package, by a query.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from walmart_bi.reporting.manifest import file_sha256
from walmart_bi.reporting.tableau.files import DATA_SOURCE, WORKBOOK
from walmart_bi.reporting.tableau.hyper import read_tables
from walmart_bi.reporting.tableau.lint import lint_data_source, lint_workbook
from walmart_bi.reporting.tableau.packages import entry_names, read_document, unpacked_extract
from walmart_bi.reporting.tableau.tables import Table

PACKAGES = (WORKBOOK, DATA_SOURCE)
Found = dict[str, tuple[tuple[str, ...], list[tuple[Any, ...]]]]
"""Tables of an extract, each with its columns and rows."""
ReadTables = Callable[[Path], Found]


def reading_once() -> ReadTables:
    """`read_tables`, which reads an extract of the same content only once: both packages carry the same one."""
    found: dict[str, Found] = {}

    def read(extract: Path) -> Found:
        content = file_sha256(extract)
        if content not in found:
            found[content] = read_tables(extract)
        return found[content]

    return read


def package_problems(
    package: Path, name: str, tables: Sequence[Table], read: ReadTables = read_tables
) -> Iterator[str]:
    """What is wrong in a package: its document, or rows that are not those of the tables. `name` is its own name."""
    lint = lint_workbook if name == WORKBOOK else lint_data_source
    with unpacked_extract(package) as extract:
        found = read(extract)
        columns_of = {table: columns for table, (columns, _) in found.items()}
        for problem in lint(read_document(package), columns_of, entry_names(package)):
            yield f"{name}: {problem}"
        for table in tables:
            columns, rows = found.get(table.name, ((), []))
            if columns != tuple(field.name for field in table.columns):
                yield f"{name}: the extract's table {table.name} has other columns than the view"
            elif Counter(rows) != Counter(tuple(row) for row in table.rows):
                yield f"{name}: the extract's table {table.name} has other rows than the view"
        for table_name in sorted(found.keys() - {table.name for table in tables}):
            yield f"{name}: the extract has a table {table_name}, which is no view"
