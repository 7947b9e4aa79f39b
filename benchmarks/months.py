"""Which months the benchmarks' files hold."""

from __future__ import annotations

from walmart_bi.months import months_between

FIRST_MONTH, LAST_MONTH = "2024-02", "2025-01"


def month_names(months: int) -> tuple[str, ...]:
    """The months that a file of so many months holds, the last of them 2025-01."""
    return months_between(FIRST_MONTH, LAST_MONTH)[-months:]
