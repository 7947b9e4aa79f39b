"""What all checks share: the months they are about, and how findings become a result."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal

import dagster as dg

from walmart_bi.partitions import run_months
from walmart_bi.stores.base import STAGING, ObjectStore


def months_to_check(context: dg.AssetCheckExecutionContext, store: ObjectStore, asset: str) -> tuple[str, ...]:
    """The months of the run; for a run without months, all that the asset has handed over."""
    months = run_months(context.run.tags)
    if months:
        return months
    prefix = f"{STAGING}handover/{asset}/"
    return tuple(info.key.removeprefix(prefix).removesuffix(".json") for info in store.list(prefix))


def result(
    asset: str,
    name: str,
    problems: Sequence[str],
    counts: Mapping[str, int | float | Decimal],
    *,
    severity: dg.AssetCheckSeverity = dg.AssetCheckSeverity.ERROR,
    next_step: str = 'see "A check failed" in docs/runbook.md',
) -> dg.AssetCheckResult:
    """A result that passes when there is no problem, and else lists every one, with what to do."""
    description = "; ".join(problems[:20]) or "in order"
    if problems and "Next step: " not in description:
        description = f"{description.removesuffix('.')}. Next step: {next_step}."
    return dg.AssetCheckResult(
        asset_key=asset,
        check_name=name,
        passed=not problems,
        severity=severity,
        description=description,
        metadata={name: _exact(count) for name, count in {**counts, "problems": len(problems)}.items()},
    )


def _exact(count: int | float | Decimal) -> int | float | str:
    """Metadata keeps no decimals; their text is exact."""
    return str(count) if isinstance(count, Decimal) else count
