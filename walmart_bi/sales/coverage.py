"""Which months a delivered file covers by its name.

Months found in the dates of a file without a month in its name: `inspection.py`. Which file supplies: `landing.py`.
"""

from __future__ import annotations

import re
from pathlib import PurePosixPath

from walmart_bi.months import months_between

# A month is a year of this or the last century and 01 to 12, with an optional day 01 to 31 in the same style, and no
# digit around it: so a number such as 20250399 or 1202503 names none.
_MONTH = re.compile(
    r"(?<!\d)(?P<year>(?:19|20)\d\d)(?P<mark>[-_]?)(?P<month>0[1-9]|1[0-2])"
    r"(?:(?P=mark)(?:0[1-9]|[12]\d|3[01]))?(?!\d)"
)


def declared_months(key: str) -> tuple[str, ...]:
    """The months that a file's name declares: one, the range between two, or none.

    A name with three or more different months gives the range from the first to the last of them.
    """
    named = sorted({f"{match['year']}-{match['month']}" for match in _MONTH.finditer(PurePosixPath(key).name)})
    return months_between(named[0], named[-1]) if named else ()
