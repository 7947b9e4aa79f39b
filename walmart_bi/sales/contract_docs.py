"""`docs/cleaning.md` from the cleaning contract: `python -m walmart_bi.sales.contract_docs > docs/cleaning.md`."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping, Sequence

from walmart_bi.sales import contract
from walmart_bi.sales.contract import KNOWN_VALUES, OUTPUT_COLUMNS, QUARANTINE_REASONS, RAW_COLUMNS, REPAIR_KINDS


def cleaning_markdown() -> str:
    """The whole page."""
    sections = [
        "# How sales files are cleaned",
        f"Generated from `walmart_bi/sales/contract.py`, contract version {contract.CONTRACT_VERSION}. "
        "Do not edit; run `make docs`.",
        "Every record of a file is loaded, quarantined with each reason, removed as an exact duplicate, or belongs to "
        "a month that was not asked for. The four counts must add up to the number of records that other code counts; "
        "otherwise nothing is loaded.",
        "## The file",
        _FILE_RULES,
        "## Raw columns",
        "Columns are matched without regard to order, case, and spaces or hyphens for underscores. Texts are brought "
        "to Unicode normal form C, trimmed, and inner runs of white space folded to one space.",
        _table(
            ("column", "also accepted as", "accepted", "otherwise"),
            ((f"`{c.name}`", _codes(c.aliases), c.accepted, c.otherwise) for c in RAW_COLUMNS),
        ),
        "## Known values",
        "Matched without regard to case and written in this spelling.",
        _table(("column", "values"), ((f"`{name}`", ", ".join(values)) for name, values in KNOWN_VALUES.items())),
        "## Cleaned columns",
        "Widths are bytes of UTF-8.",
        _table(
            ("column", "type", "null", "meaning"),
            ((f"`{c.name}`", c.sql_type, "yes" if c.nullable else "no", c.description) for c in OUTPUT_COLUMNS),
        ),
        f"Age groups: {', '.join(f'`{name}`' for name, _ in contract.AGE_GROUPS)}, `{contract.UNKNOWN}`.",
        "## Reasons for quarantine",
        _meanings(QUARANTINE_REASONS),
        "## Repairs",
        "Counted by field in the rows that are loaded.",
        _meanings(REPAIR_KINDS),
        "## Exact duplicates",
        "Only records that are equal in every raw field (columns outside the contract included), inside one file. "
        "`auto` removes the extra copies when there are at least "
        f"{100 * contract.NEARLY_UNIQUE_SHARE:.0f} different customer ids for 100 different records, else it keeps "
        "all; `keep`, `drop_exact` and `quarantine` do what they say. Removed copies are stored with the line of the "
        "first occurrence.",
        "## Limits",
        _table(("limit", "value"), _limits()),
    ]
    return "\n\n".join(sections) + "\n"


_FILE_RULES = """\
- UTF-8 (with or without a byte order mark), UTF-16 with one, or either inside gzip; or Parquet of another producer,
  whose values are cleaned as if they had been written as text. Comma, semicolon or tab between fields.
- Lines end with LF, CRLF or CR. Blank lines are no records. Quotes follow RFC 4180; a quote inside an unquoted text is
  an ordinary character.
- Rejected as a whole: anything else (Excel, zip, PDF, HTML, JSON, another encoding throughout), an empty file, a header
  without records, missing or duplicate columns, a quote that is never closed, damaged or exploding gzip,
  exploding Parquet."""


def _limits() -> Iterable[Sequence[str]]:
    yield "records in quarantine: warning above", f"{contract.QUARANTINE_WARN_SHARE:.1%}"
    yield "records in quarantine: load stops above", f"{contract.QUARANTINE_BLOCK_SHARE:.0%}"
    yield "records outside the months of the file's name: file rejected above", f"{contract.OUTSIDE_MONTH_SHARE:.0%}"
    yield "bytes of a record", f"{contract.MAX_RECORD_BYTES:,}"
    yield "records of a file", f"{contract.MAX_RECORDS:,}"
    yield "bytes of a file's text", f"{contract.MAX_TEXT_BYTES:,}"
    yield "the same of a CSV file that is cleaned in parts: records", f"{contract.MAX_RECORDS_IN_PARTS:,}"
    yield "the same of a CSV file that is cleaned in parts: bytes of text", f"{contract.MAX_TEXT_BYTES_IN_PARTS:,}"
    yield "growth of a gzip or Parquet file (after its first 8 MiB)", f"{contract.MAX_EXPANSION} times"


def _meanings(texts: Mapping[str, str]) -> str:
    return _table(("name", "meaning"), ((f"`{name}`", text) for name, text in texts.items()))


def _codes(names: Iterable[str]) -> str:
    return ", ".join(f"`{name}`" for name in names)


def _table(heading: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [heading, ["---"] * len(heading), *rows]
    return "\n".join(f"| {' | '.join(cell.replace('|', '/') for cell in line)} |" for line in lines)


if __name__ == "__main__":
    sys.stdout.write(cleaning_markdown())
