"""A part to look at, and the line that is printed for it. What the parts are is in the modules beside this one."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from walmart_bi.errors import WalmartBiError

_NAME_WIDTH = 11


class NotInOrder(WalmartBiError):
    """A part can be reached and is not as the project needs it."""


class NotKnown(WalmartBiError):
    """Whether the part is in order cannot be told, for want of a right to ask; loads may work all the same."""


@dataclass(frozen=True)
class Probe:
    """One part: `ask` gives what to tell when it is in order, else it raises; `needs` names what has to be before."""

    name: str
    ask: Callable[[], str]
    needs: tuple[str, ...] = ()


def examine(probes: Iterable[Probe]) -> bool:
    """Print a line for every part, not up to the first that is out of order; whether none was."""
    parts = list(probes)
    width = max(_NAME_WIDTH, *(len(part.name) for part in parts))
    out_of_order: set[str] = set()
    for part in parts:
        missing = [name for name in part.needs if name in out_of_order]
        state, told = ("not asked", f"{' and '.join(missing)} first") if missing else _asked(part)
        if state in ("NOT IN ORDER", "not asked"):
            out_of_order.add(part.name)
        print(f"  {part.name:<{width}} {state:<12}  {told}", flush=True)
    return not out_of_order


def _asked(part: Probe) -> tuple[str, str]:
    try:
        return "ok", part.ask()
    except NotKnown as unknown:
        return "not known", str(unknown)
    except WalmartBiError as error:
        return "NOT IN ORDER", str(error)
    except OSError as error:  # a full disk, a directory that cannot be written to
        place, cause = error.filename or "file system", error.strerror or error
        return "NOT IN ORDER", f"{place}: {cause}. Next step: check that disk and path, then look again."
