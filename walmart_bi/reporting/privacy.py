"""What may never leave the warehouse: the one list of customer-level columns, and the refusal of a view that has one.

Whoever holds a file can read it, so every writer of a snapshot file asks here before it writes.
"""

from __future__ import annotations

from collections.abc import Iterable

from walmart_bi.errors import WalmartBiError

# What singles out a customer or a purchase. Dimensions that a KPI groups by (gender, product, rating, the age band) may
# leave, because a view's grain is checked to be unique: it cannot hold single purchases.
CUSTOMER_LEVEL_COLUMNS = frozenset({"customer_id", "age", "source_line", "load_id"})


class CustomerColumn(WalmartBiError):
    """A view would carry a customer-level column out of the warehouse."""


def refuse_customer_columns(view: str, columns: Iterable[str]) -> None:
    """Raise CustomerColumn, naming them, when any of the view's columns is about one customer or purchase."""
    found = [column for column in columns if column.lower() in CUSTOMER_LEVEL_COLUMNS]
    if found:
        raise CustomerColumn(
            f"The view has {', '.join(found)}, and no customer-level column leaves the warehouse.",
            place=view,
            next_step="remove the column from the KPI's SQL file, or aggregate it under another name.",
        )
