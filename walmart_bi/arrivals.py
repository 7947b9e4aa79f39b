"""What has arrived, decided from a listing and a cursor alone: pure functions without clock, store or Dagster.

An arrival's identity is (key, etag), never a time stamp, so files of the same second, overwrites under the same name,
deletions and a lost cursor are all told apart. `lookout.py` makes the listing, `sensors.py` turns a plan into run
requests.
"""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field

from walmart_bi.errors import WalmartBiError
from walmart_bi.months import contiguous_ranges
from walmart_bi.stores.base import ObjectInfo, StoreError

CURSOR_VERSION = 1
# How long the messages of a queue may stand for the listing. What they failed to tell is seen this much later.
LISTING_PERIOD = dt.timedelta(minutes=10)

Covers = Callable[[ObjectInfo], tuple[str, ...]]


@dataclass(frozen=True)
class Seen:
    """An arrival that was decided on: which version, when it was written, and the months that it covers."""

    etag: str
    modified: str
    months: tuple[str, ...]


@dataclass(frozen=True)
class Known:
    """What the cursor holds: the version of each arrival that was decided on, and when all of a listing last was."""

    seen: Mapping[str, Seen] = field(default_factory=dict)
    listed: dt.datetime | None = None

    def says(self, key: str, etag: str | None) -> bool:
        """Whether this version of the object was the last one decided on; None: whether the object is not known."""
        return (self.seen[key].etag if key in self.seen else None) == etag

    def needs_listing(self, now: dt.datetime) -> bool:
        """Whether the whole listing is due, whatever the messages of a queue tell."""
        return self.listed is None or not dt.timedelta(0) <= now - self.listed < LISTING_PERIOD


@dataclass(frozen=True)
class LoadRequest:
    """One run: a contiguous range of months from one arrival."""

    key: str
    etag: str
    months: tuple[str, ...]

    @property
    def arrival(self) -> str:
        """The arrival's identity: equal for equal versions of a file."""
        return f"{self.key}@{self.etag}"

    @property
    def run_key(self) -> str:
        """The request's identity, by which Dagster starts one run for equal requests."""
        return f"{self.arrival}:{self.months[0]}..{self.months[-1]}"

    def without(self, months: Collection[str]) -> tuple[LoadRequest, ...]:
        """What is left to request when these months are not: none, this, or a request for each range between them."""
        left = contiguous_ranges(month for month in self.months if month not in months)
        return tuple(LoadRequest(self.key, self.etag, rest) for rest in left)


@dataclass(frozen=True)
class Rejection:
    """An arrival for which no run can be requested, and why."""

    arrival: ObjectInfo
    error: WalmartBiError


@dataclass(frozen=True)
class Plan:
    """What one tick should do: runs to request, arrivals to reject, notes for people, and the next cursor."""

    requests: tuple[LoadRequest, ...]
    rejections: tuple[Rejection, ...]
    notes: tuple[str, ...]
    cursor: str


def plan(
    listing: Iterable[ObjectInfo],
    cursor: str | None,
    *,
    covers: Covers,
    now: dt.datetime,
    settle: dt.timedelta,
    limit: int,
    out_of_time: Callable[[], bool] = lambda: False,
    asked: Collection[str] | None = None,
) -> Plan:
    """Decide on every new or changed object of the listing.

    `covers` tells the months of an arrival and raises WalmartBiError for one that cannot be loaded. An object written
    less than `settle` ago may still be growing and waits for a later tick (with no `settle`, clocks are not compared:
    the store's may be ahead), as do arrivals past `limit`, those that
    come when the tick is `out_of_time`, and those that the store could not give just now (StoreError): that says
    nothing about the file. An arrival asks only for the months of which it is the newest file.

    `asked` are the keys that the listing speaks of (None: all there are). One of them that is not listed is gone; what
    the cursor knows of other keys stays.
    """
    objects = sorted(listing, key=lambda info: (info.modified, info.key))
    known = read_cursor(cursor)
    seen = _still_there(known, {info.key for info in objects}, asked)
    fresh = [info for info in objects if not known.says(info.key, info.etag)]
    settled = [info for info in fresh if not settle or now - info.modified >= settle]
    notes = [f"{info.key} is still being written" for info in fresh if info not in settled]
    taken: list[ObjectInfo] = []
    rejections: list[Rejection] = []
    for position, info in enumerate(settled):
        if len(taken) >= limit or (taken and out_of_time()):
            notes.append(f"{len(settled) - position} more arrivals wait for the next tick")
            break
        try:
            months = covers(info)
        except StoreError as error:
            notes.append(f"{info.key} is tried again at the next tick: {error}")
            continue
        except WalmartBiError as error:
            months = ()
            rejections.append(Rejection(info, error))
        taken.append(info)
        seen[info.key] = Seen(info.etag, info.modified.isoformat(timespec="microseconds"), months)
    requests, outdated = _requests(taken, seen)
    listed = known.listed if asked is not None else now if len(taken) == len(fresh) else None
    return Plan(tuple(requests), tuple(rejections), (*notes, *outdated), _write(Known(seen, listed)))


def _requests(taken: Iterable[ObjectInfo], seen: Mapping[str, Seen]) -> tuple[list[LoadRequest], list[str]]:
    """The runs of these arrivals, and notes on the months for which another file is newer."""
    requests, notes = [], []
    for info in taken:
        newest = [month for month in seen[info.key].months if _newest(seen, month) == info.key]
        requests += [LoadRequest(info.key, info.etag, months) for months in contiguous_ranges(newest)]
        older = sorted(set(seen[info.key].months) - set(newest))
        if older:
            notes.append(f"{info.key} is older than another file for {', '.join(older)}: not loaded")
    return requests, notes


def _still_there(known: Known, present: Collection[str], asked: Collection[str] | None) -> dict[str, Seen]:
    """What was decided on earlier, without the objects that are gone."""
    return {
        key: entry for key, entry in known.seen.items() if key in present or (asked is not None and key not in asked)
    }


def _newest(seen: Mapping[str, Seen], month: str) -> str:
    covering = [key for key, entry in seen.items() if month in entry.months]
    return max(covering, key=lambda key: (seen[key].modified, key))


def read_cursor(cursor: str | None) -> Known:
    """The cursor's content; nothing when it is lost, damaged or of another version: then all is decided anew."""
    try:
        content = json.loads(cursor or "{}")
    except ValueError:
        return Known()
    if not isinstance(content, dict) or content.get("v") != CURSOR_VERSION:
        return Known()
    seen = {key: Seen(etag, modified, tuple(months)) for key, (etag, modified, months) in content["seen"].items()}
    listed = content.get("listed")
    return Known(seen, dt.datetime.fromisoformat(listed) if listed else None)


def _write(known: Known) -> str:
    content = {
        "v": CURSOR_VERSION,
        "listed": known.listed and known.listed.isoformat(timespec="seconds"),
        "seen": {key: [entry.etag, entry.modified, list(entry.months)] for key, entry in sorted(known.seen.items())},
    }
    return json.dumps(content, separators=(",", ":"))
