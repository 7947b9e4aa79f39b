"""Names that can be put into a statement as they are. What a name stands for belongs elsewhere."""

from __future__ import annotations

import re
from collections.abc import Iterable

from walmart_bi.warehouse.base import WarehouseError

IDENTIFIER = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


def require_view_names(names: Iterable[str]) -> None:
    """Raises WarehouseError about the first that is none."""
    for name in names:
        if not IDENTIFIER.fullmatch(name):
            raise WarehouseError(
                "This cannot be the name of a view.",
                place=repr(name),
                next_step="use letters, digits and underscores, starting with a letter.",
            )
