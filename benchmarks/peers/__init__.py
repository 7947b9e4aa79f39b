"""What a user would write instead of the project's cleaning: scripts of one page in pandas, polars and DuckDB SQL.

They apply the same rules to the benchmark's files, and print the same counts. What they leave out of
the cleaning contract is in `LEFT_OUT`; each of it would cost them something.
"""

from __future__ import annotations

import json

from walmart_bi.sales.contract import AGE_GROUPS, KNOWN_VALUES, UNKNOWN

KNOWN = {name: {value.lower(): value for value in values} for name, values in KNOWN_VALUES.items()}
FLAGS = {"yes": True, "no": False}
GROUPS, NO_GROUP = AGE_GROUPS, UNKNOWN

LEFT_OUT = (
    "the line and the raw bytes of a quarantined record (they keep its fields; the notebook what is left of them)",
    "more than the first reason of a record; counts of repairs and of unknown values",
    "the line of the first record that a copy equals",
    "a count of records by independent code, and hashes of source and result",
    "damaged bytes, wrong numbers of fields, unclosed quotes: they fail, or read something",
    "gzip, UTF-16, other delimiters, header aliases, caps against bombs",
    "Unicode normal form, inner white space, empty texts as Unknown, widths",
    "D/M/YYYY and M/D/YYYY by proof of the whole file, time stamps, future dates",
    "thousands commas, currency symbols, the refusal of a third decimal",
    "one file a month (they write one file; the notebook writes CSV, the others Parquet)",
    "money as decimals, copies by the text as delivered (the notebook takes what pandas guesses: floats)",
    "bounded memory (DuckDB has it when a limit is set)",
)


def answer(loaded: int, quarantined: int, copies: int, cents: int) -> None:
    """The last line of every contender."""
    print(json.dumps({"loaded": loaded, "quarantined": quarantined, "copies": copies, "cents": cents}))
