"""Where a sensor's tick looks: at the whole listing, or only at the objects that an arrival queue speaks of.

The reading belongs here; what follows from it is decided in `arrivals.py`.

A message is deleted when the cursor, as Dagster stored it after an earlier tick, already says what the store says of
the message's objects: then nothing hangs on it any more. Until then it comes back after the queue's visibility
timeout, so a tick that dies after its decision loses nothing, and nothing has to be remembered between ticks.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from walmart_bi.arrival_messages import UnknownMessage, addresses
from walmart_bi.arrival_queue import ArrivalQueue, Message, QueueError
from walmart_bi.arrivals import Known, read_cursor
from walmart_bi.stores.base import ObjectInfo, ObjectNotFound, ObjectStore, StoreError
from walmart_bi.stores.s3 import is_shown

MESSAGES_PER_TICK = 20


@dataclass(frozen=True)
class Landing:
    """Where arrivals of one kind land: the prefix, and which of its keys are arrivals."""

    prefix: str
    is_arrival: Callable[[str], bool] = lambda _key: True


@dataclass(frozen=True)
class View:
    """What was seen: objects, the keys that were asked for (None: all), and what is wrong, for people."""

    listing: tuple[ObjectInfo, ...]
    asked: frozenset[str] | None = None
    problems: tuple[str, ...] = ()


def look(
    store: ObjectStore, landing: Landing, cursor: str | None, queue: ArrivalQueue | None, now: dt.datetime
) -> View:
    """The whole listing without a queue, when it is due, and when the queue cannot be read; else what messages name."""
    known = read_cursor(cursor)
    if queue is None or known.needs_listing(now):
        return _everything(store, landing)
    try:
        messages = queue.receive(MESSAGES_PER_TICK)
    except QueueError as error:
        return _everything(store, landing, f"{error} The listing is read instead.")
    return _named(store, landing, known, queue, messages)


def _everything(store: ObjectStore, landing: Landing, *problems: str) -> View:
    listing = (info for info in store.list(landing.prefix) if landing.is_arrival(info.key))
    return View(tuple(listing), problems=problems)


def _named(
    store: ObjectStore, landing: Landing, known: Known, queue: ArrivalQueue, messages: Iterable[Message]
) -> View:
    """Look at each object that the messages name, and delete the messages that have nothing more to tell."""
    keys, problems = _keys_by_message(store, landing, messages)
    found: dict[str, ObjectInfo | None] = {}
    for key in dict.fromkeys(key for named in keys.values() for key in named):
        try:
            found[key] = store.head(key)
        except ObjectNotFound:
            found[key] = None
        except StoreError as error:
            problems.append(f"{error} Its message comes again.")
    decided = {key for key, info in found.items() if known.says(key, info.etag if info else None)}
    try:
        queue.delete([message for message, named in keys.items() if decided.issuperset(named)])
    except QueueError as error:
        problems.append(f"{error} The messages come again.")
    return View(tuple(info for info in found.values() if info), frozenset(found), tuple(problems))


def _keys_by_message(
    store: ObjectStore, landing: Landing, messages: Iterable[Message]
) -> tuple[dict[Message, list[str]], list[str]]:
    """The arrivals that each message names, and what is wrong with messages that are none."""
    keys: dict[Message, list[str]] = {}
    problems = []
    for message in messages:
        try:
            named = addresses(message.body, place=message.place)
        except UnknownMessage as error:
            problems.append(str(error))
        else:
            keys[message] = list(_arrivals(store, landing, named))
    return keys, problems


def _arrivals(store: ObjectStore, landing: Landing, named: Iterable[str]) -> Iterator[str]:
    """The keys of those addresses that lie in the landing and that a listing would show."""
    below = store.uri(landing.prefix.rstrip("/")) + "/"
    for address in named:
        key = landing.prefix + address.removeprefix(below)
        if address.startswith(below) and is_shown(key) and landing.is_arrival(key):
            yield key
