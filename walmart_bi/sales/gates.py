"""The limits that stop a load: lost records and too many records in quarantine. Checks and publishing both ask here."""

from __future__ import annotations

from dataclasses import dataclass

from walmart_bi.records import MonthlyObject
from walmart_bi.sales.contract import QUARANTINE_BLOCK_SHARE, QUARANTINE_WARN_SHARE


@dataclass(frozen=True)
class Refusal:
    """Why a month must not be published: a stable word for programs and a sentence for people."""

    reason: str
    text: str


def refusals(month: MonthlyObject) -> list[Refusal]:
    """Every reason against publishing the month; none means that it may be published."""
    return [
        *(Refusal("conservation", text) for text in conservation_problems(month)),
        *(Refusal("quarantine_share", text) for text in quarantine_problems(month)),
    ]


def conservation_problems(month: MonthlyObject) -> list[str]:
    """How the counts of the month's file contradict each other, or the independent count."""
    counts, source = month.counts, month.source
    problems = []
    if counts.raw_records != source.records:
        problems.append(
            f"{source.key}: cleaning saw {counts.raw_records:,} records, the independent count says {source.records:,}."
        )
    fates = counts.loaded + counts.quarantined + counts.duplicates_removed + counts.other_months
    if fates != source.records:
        problems.append(
            f"{source.key}: {source.records:,} records came in, but {counts.loaded:,} loaded + "
            f"{counts.quarantined:,} quarantined + {counts.duplicates_removed:,} duplicates + "
            f"{counts.other_months:,} of other months are {fates:,}."
        )
    if month.totals.rows > counts.loaded:  # summed on the way into the month's file; `loaded` is read from the files
        problems.append(
            f"{source.key}: month {month.month} has {month.totals.rows:,} rows, its whole file only {counts.loaded:,}."
        )
    return problems


def quarantine_share(month: MonthlyObject) -> float:
    """The share of the file's records that are in quarantine, 0 to 1."""
    return month.counts.quarantined / month.source.records if month.source.records else 0.0


def quarantine_problems(month: MonthlyObject) -> list[str]:
    """Too many records in quarantine to trust the file."""
    return _over(month, QUARANTINE_BLOCK_SHARE)


def quarantine_warnings(month: MonthlyObject) -> list[str]:
    """More records in quarantine than usual."""
    return _over(month, QUARANTINE_WARN_SHARE)


def _over(month: MonthlyObject, limit: float) -> list[str]:
    share = quarantine_share(month)
    if share <= limit:
        return []
    by_reason = sorted(month.counts.quarantined_by_reason.items(), key=lambda item: (-item[1], item[0]))
    reasons = ", ".join(f"{reason} {rows:,}" for reason, rows in by_reason)
    return [
        f"{month.source.key}: {month.counts.quarantined:,} of {month.source.records:,} records ({share:.1%}) are in "
        f"quarantine, more than {limit:.1%}: {reasons}."
    ]
