"""Nasty files with their expected verdicts: what a delivery can look like, and what must become of it.

Every file is made in code. `CASES` is the whole corpus; its parts are sorted by what is nasty: the container (bytes,
encodings, compression), the shape (separators, line ends, headers, records), the values, and the shares of bad,
repeated or misplaced rows. Where the cleaning contract is silent, the case's comment says what a person would expect.
"""

from walmart_bi_tests.corpus import containers, shapes, shares, values
from walmart_bi_tests.corpus.case import TODAY, Case, Rejection

CASES: tuple[Case, ...] = (*containers.CASES, *shapes.CASES, *values.CASES, *shares.CASES)
# A rejected file for each reason. What follows a rejection knows the reason and the message alone, so it is tested with
# these; that each file is rejected, and in which words, is tested where it is read.
REJECTIONS: tuple[Case, ...] = tuple(
    {case.rejected.reason: case for case in reversed(CASES) if case.rejected is not None}.values()
)

__all__ = ["CASES", "REJECTIONS", "TODAY", "Case", "Rejection"]
