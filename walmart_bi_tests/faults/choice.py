"""Which faults a short run lets a call meet: one by the name of its place, and more where more may be lost.

By the name, so that a place keeps its fault when others come or go.
"""

from __future__ import annotations

import os
import zlib
from collections.abc import Collection, Sequence

from walmart_bi_tests.faults.sites import SOURCE, CallSite

ALL_FAULTS = "WALMART_BI_ALL_FAULTS"
# What a statement says, and what it always meets: where an answer that is lost, or work done twice, would show.
_ALWAYS_MET = {
    'execute("COMMIT")': ("cut before", "cut after", "conflict"),
    'execute(f"COPY ': ("cut before", "cut after", "disk full"),
}


def chosen(site: CallSite, faults: Sequence[str], each: Collection[str] = ()) -> list[str]:
    """The faults for a call, in their order, with those that `each` call meets and one of the others; all of them when
    the environment says so."""
    if os.environ.get(ALL_FAULTS):
        return list(faults)
    others = [fault for fault in faults if fault not in each]
    by_name = others[zlib.crc32(site.name.encode()) % len(others)]  # `hash` differs from process to process
    statement = statement_of(site)
    always = {fault for said, met in _ALWAYS_MET.items() if said in statement for fault in met}
    return [fault for fault in faults if fault == by_name or fault in {*each, *always}]


def statement_of(site: CallSite) -> str:
    """The call as it is written, on one line."""
    lines = (SOURCE / site.file).read_text(encoding="utf-8").splitlines()[site.lines[0] - 1 : site.lines[1]]
    return "".join(line.strip() for line in lines)
