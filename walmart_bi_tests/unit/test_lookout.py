"""Listing, messages and crashes in any order: no arrival is lost, none is requested twice.

The bucket and the queue are small models here, so that thousands of histories run; the same promise over real messages
is held in `end_to_end/test_event_driven_arrival.py`.
"""

import datetime as dt
import itertools
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from urllib.parse import quote_plus

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from walmart_bi.arrival_queue import Message, QueueError
from walmart_bi.arrivals import LISTING_PERIOD, Plan, plan, read_cursor
from walmart_bi.lookout import MESSAGES_PER_TICK, Landing, look
from walmart_bi.sales.coverage import declared_months
from walmart_bi.stores.base import ObjectInfo, ObjectNotFound, StoreError

START = dt.datetime(2025, 3, 10, 12, 0, tzinfo=dt.UTC)
NAMES = ["2025-01.csv", "2025-02.csv", "2025-03 (late) + ü.csv", "2024-10_2024-12.csv"]


@dataclass
class Bucket:
    """Objects by key; requests for single objects may fail, and listing may be switched off."""

    objects: dict[str, ObjectInfo] = field(default_factory=dict)
    broken: bool = False
    listable: bool = True

    def list(self, prefix: str) -> Iterator[ObjectInfo]:
        assert self.listable, "the listing was read although messages tell everything"
        return (info for key, info in sorted(self.objects.items()) if key.startswith(prefix))

    def head(self, key: str) -> ObjectInfo:
        if self.broken:
            raise StoreError("503 SlowDown.", place=key, next_step="wait.")
        if key not in self.objects:
            raise ObjectNotFound("There is nothing under this name.", place=key, next_step="look.")
        return self.objects[key]

    def uri(self, key: str) -> str:
        return f"s3://retail/bi/{key}"


@dataclass
class Queue:
    """Messages by receipt. What was received is hidden until the visibility timeout brings it back."""

    waiting: dict[str, Message] = field(default_factory=dict)
    hidden: dict[str, Message] = field(default_factory=dict)
    broken: bool = False
    undeletable: bool = False
    numbers: Iterator[int] = field(default_factory=itertools.count)

    def send(self, body: str) -> None:
        receipt = f"r{next(self.numbers)}"
        self.waiting[receipt] = Message(body, receipt, "the queue")

    def receive(self, most: int) -> list[Message]:
        if self.broken:
            raise QueueError("It does not answer.", place="the queue", next_step="wait.")
        batch = dict(itertools.islice(self.waiting.items(), most))
        for receipt in batch:
            self.hidden[receipt] = self.waiting.pop(receipt)
        return list(batch.values())

    def delete(self, messages: list[Message]) -> None:
        if self.undeletable:
            raise QueueError("It may not be deleted from.", place="the queue", next_step="allow it.")
        for message in messages:
            self.hidden.pop(message.receipt, None)

    def time_out(self) -> None:
        self.waiting |= self.hidden
        self.hidden.clear()


def notice(name: str) -> str:
    place = {"bucket": {"name": "retail"}, "object": {"key": quote_plus(f"bi/raw_data/{name}")}}
    return json.dumps({"Records": [{"eventName": "ObjectCreated:Put", "s3": place}]})


class Arrivals(RuleBasedStateMachine):
    """Deliveries, removals, messages that come twice, late or never, and ticks of which some are never stored.

    In half of the histories each event is told sooner or later, and then the listing is switched off after the first
    tick. In the others messages are lost, queues break down and the safety net has to hold.
    """

    def __init__(self) -> None:
        super().__init__()
        self.bucket, self.queue = Bucket(), Queue()
        self.cursor: str | None = None
        self.now = START
        self.versions = itertools.count()
        self.unsent: list[str] = []
        self.stored: list[str] = []

    @initialize(names=st.sets(st.sampled_from(NAMES)), messages_alone=st.booleans())
    def files_from_before_the_queue(self, names: set[str], messages_alone: bool) -> None:
        for name in names:
            self.put(name)
        self.messages_alone = messages_alone
        if messages_alone:
            self.tick(20)
            self.bucket.listable = False

    def put(self, name: str) -> None:
        self.now += dt.timedelta(seconds=1)
        key = f"raw_data/{name}"
        self.bucket.objects[key] = ObjectInfo(key, 10, f"v{next(self.versions)}", self.now)

    @rule(name=st.sampled_from(NAMES), fate=st.sampled_from(["told", "told twice", "told late", "never told"]))
    def deliver(self, name: str, fate: str) -> None:
        self.put(name)
        self.tell(name, fate)

    @rule(name=st.sampled_from(NAMES), fate=st.sampled_from(["told", "told twice", "told late", "never told"]))
    def remove(self, name: str, fate: str) -> None:
        if self.bucket.objects.pop(f"raw_data/{name}", None):
            self.tell(name, fate)

    def tell(self, name: str, fate: str) -> None:
        if fate == "told late":
            self.unsent.append(name)
        elif fate != "never told" or self.messages_alone:
            for _ in range(2 if fate == "told twice" else 1):
                self.queue.send(notice(name))

    @precondition(lambda self: self.unsent)
    @rule(data=st.data())
    def late_message(self, data: st.DataObject) -> None:
        name = data.draw(st.sampled_from(self.unsent))
        self.unsent.remove(name)
        self.queue.send(notice(name))

    @rule(body=st.sampled_from(["no JSON", '{"Event": "s3:TestEvent"}', notice("../../x"), notice(".hidden.csv")]))
    def other_message(self, body: str) -> None:
        self.queue.send(body)

    @rule()
    def visibility_timeout(self) -> None:
        self.queue.time_out()

    @rule(store=st.booleans(), queue=st.booleans(), deleting=st.booleans())
    def trouble(self, store: bool, queue: bool, deleting: bool) -> None:
        self.bucket.broken, self.queue.undeletable = store, deleting
        self.queue.broken = queue and not self.messages_alone

    @precondition(lambda self: not self.messages_alone)
    @rule(minutes=st.sampled_from([1, 4, 9, 10]))
    def time_goes_by(self, minutes: int) -> None:
        self.now += dt.timedelta(minutes=minutes)

    @rule(limit=st.sampled_from([1, 20]))
    def tick(self, limit: int) -> None:
        decided = self.evaluate(limit)
        self.cursor = decided.cursor
        self.stored += [request.run_key for request in decided.requests]

    @rule(limit=st.sampled_from([1, 20]))
    def tick_that_dies_before_dagster_stores_it(self, limit: int) -> None:
        self.evaluate(limit)

    def evaluate(self, limit: int = 20) -> Plan:
        view = look(self.bucket, Landing("raw_data/"), self.cursor, self.queue, self.now)
        return plan(
            view.listing,
            self.cursor,
            asked=view.asked,
            covers=lambda info: declared_months(info.key),
            now=self.now,
            settle=dt.timedelta(0),
            limit=limit,
        )

    @invariant()
    def nothing_is_requested_twice(self) -> None:
        assert len(self.stored) == len(set(self.stored))

    def teardown(self) -> None:
        """When all is well again, the messages alone bring the rest; what was never told, the next listing brings."""
        self.trouble(store=False, queue=False, deleting=False)
        for name in self.unsent:
            self.queue.send(notice(name))
        if not self.messages_alone:
            self.now += LISTING_PERIOD
            self.tick(20)
        for _ in range(2 * (len(self.queue.waiting) + len(self.queue.hidden)) // MESSAGES_PER_TICK + 3):
            self.queue.time_out()
            self.tick(20)
        self.queue.time_out()
        assert len(self.stored) == len(set(self.stored))
        requested = {run_key.rpartition(":")[0] for run_key in self.stored}
        assert {f"{info.key}@{info.etag}" for info in self.bucket.objects.values()} <= requested
        assert set(read_cursor(self.cursor).seen) == set(self.bucket.objects), "what is gone is forgotten"
        assert {message.body for message in self.queue.waiting.values()} <= {"no JSON"}, "only poison is left"


TestArrivals = Arrivals.TestCase
TestArrivals.settings = settings(max_examples=150, stateful_step_count=30, deadline=None)


def test_given_messages_that_may_not_be_deleted_when_looked_at_then_it_is_said_and_the_arrivals_are_seen():
    arrival = ObjectInfo("raw_data/2025-01.csv", 10, "v1", START)
    bucket, queue = Bucket({arrival.key: arrival}), Queue(undeletable=True)
    queue.send(notice("2025-01.csv"))
    listed = plan([], None, covers=lambda info: (), now=START, settle=dt.timedelta(0), limit=20).cursor
    view = look(bucket, Landing("raw_data/"), listed, queue, START)
    assert view.listing == (arrival,) and view.asked == {arrival.key}
    assert len(view.problems) == 1 and view.problems[0].endswith("The messages come again.")
