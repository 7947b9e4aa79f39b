"""Named points on the way from a file to the dashboards, at which a test can look at a process, or end it.

A point changes nothing and decides nothing: while nobody observes, it is one comparison with None. Nothing outside the
process can switch it on (docs/adr/0017-named-points.md). Names are `<what>.<moment>`, written out where they stand, so
that the list of all points can be read from the code.
"""

from __future__ import annotations

from collections.abc import Callable

Observer = Callable[[str], None]

_observer: Observer | None = None


def reached(name: str) -> None:
    """Say that the process is at this point."""
    if _observer is not None:
        _observer(name)


def observe(observer: Observer | None) -> None:
    """Have the observer called at every point of this process; None: nobody."""
    global _observer
    _observer = observer
