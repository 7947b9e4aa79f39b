"""What a rule set found: counts, and each broken rule in words. Asset checks report it, the snapshot refuses on it.

Plain data only; the rules are in `warehouse/integrity.py` and `kpis/validity.py`.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal


@dataclass(frozen=True)
class Verdict:
    """The outcome of one rule set; it passed when no problem was found."""

    counts: dict[str, int | Decimal | float]
    problems: tuple[str, ...]

    @property
    def passed(self) -> bool:
        """Whether every rule held."""
        return not self.problems
