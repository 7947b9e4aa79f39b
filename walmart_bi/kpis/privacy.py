"""What may never leave the warehouse: the one list of customer-level columns, and the refusal of a view that has one.

Whoever holds a file can read it, so every writer of a snapshot file asks here before it writes. That goes by the names
that a view returns; what a view makes out of such a column under another name is refused by `lineage.py`, before the
view is created.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

from walmart_bi.errors import WalmartBiError

# What singles out a customer or a purchase. A grain that is checked to be unique does not keep these inside: a grain
# may hold one purchase a row, and then each of its values is that purchase's. Columns that many customers share
# (gender, product, rating, the age band) may leave; `age_group` is the coarse form of `age` that is made for it.
CUSTOMER_LEVEL_COLUMNS = frozenset({"customer_id", "age", "source_line", "load_id"})


# Who may see a snapshot: readers inside the company, or anybody, to whom no number tells of fewer than ten people.
Profile = Literal["internal", "public"]
PROFILES: tuple[Profile, ...] = ("internal", "public")


class CustomerColumn(WalmartBiError):
    """A view would carry a customer-level column out of the warehouse."""


def refuse_customer_columns(view: str, columns: Iterable[str]) -> None:
    """Raise CustomerColumn, naming them, when any of the view's columns is about one customer or purchase."""
    found = [column for column in columns if column.lower() in CUSTOMER_LEVEL_COLUMNS]
    if found:
        raise CustomerColumn(
            f"The view has {', '.join(found)}, and no customer-level column leaves the warehouse.",
            place=view,
            next_step="remove the column from the KPI's SQL file, or return its COUNT, SUM or AVG under another name.",
        )
