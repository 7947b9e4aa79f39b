"""The problems of a delivered file as a whole; what is wrong with single rows is quarantined, not raised."""

from __future__ import annotations

from walmart_bi.errors import WalmartBiError


class RejectedFile(WalmartBiError):
    """A delivered file cannot be cleaned as a whole. `reason` is the cause as a stable word for programs."""

    def __init__(self, reason: str, cause: str, *, place: str, next_step: str) -> None:
        super().__init__(cause, place=place, next_step=next_step)
        self.reason = reason


class SourceChanged(WalmartBiError):
    """The file's bytes are no longer those that were inspected."""
