"""Arrivals told by S3 through SQS: real messages over HTTP, sensors on a real instance, the listing switched off."""

import dataclasses
import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import dagster as dg
import pytest

from walmart_bi.arrival_queue import ArrivalQueue
from walmart_bi.arrivals import read_cursor
from walmart_bi.partitions import run_months
from walmart_bi.stores.base import StoreError
from walmart_bi.stores.s3_transfer import PART_BYTES
from walmart_bi_tests.arrival_queues import TestQueue, notify, sqs
from walmart_bi_tests.project import TestProject, month_csv, new_aws_project_with_queues
from walmart_bi_tests.redshift_standin.standin import shared_standin

GIVE_UP_SECONDS = 30


@dataclasses.dataclass
class Site:
    """A project with queues, and the cursors that its instance would keep."""

    project: TestProject
    raw_data: TestQueue
    monthly_data: TestQueue
    patch: pytest.MonkeyPatch
    cursors: dict[str, str] = dataclasses.field(default_factory=dict)

    def evaluate(self, sensor: str = "raw_file_sensor") -> dg.SensorResult:
        """A tick of which nothing is stored."""
        definition = next(each for each in self.project.definitions.sensors or () if each.name == sensor)
        context = dg.build_sensor_context(
            instance=self.project.instance,
            cursor=self.cursors.get(sensor),
            resources={"store": self.project.store},
            definitions=self.project.definitions,
        )
        result = definition(context)
        assert isinstance(result, dg.SensorResult)
        return result

    def tick(self, sensor: str = "raw_file_sensor") -> dg.SensorResult:
        """A tick as the daemon makes it: the cursor is stored."""
        result = self.evaluate(sensor)
        self.cursors[sensor] = result.cursor or ""
        return result

    def requested(self, sensor: str = "raw_file_sensor") -> list[str]:
        """The files for which the next tick requests runs."""
        return [request.tags["file"] for request in self.tick(sensor).run_requests or ()]

    def ticks_until(self, reached: Callable[[], bool], sensor: str = "raw_file_sensor") -> list[str]:
        """Tick on until it is so; the files that were requested meanwhile."""
        files, give_up = [], time.monotonic() + GIVE_UP_SECONDS
        while not reached():
            assert time.monotonic() < give_up, "it never came to that"
            files += self.requested(sensor)
        return files

    def put(self, key: str, content: str = "x\n") -> None:
        self.project.store.write_bytes(key, content.encode())

    def switch_listing_off(self) -> None:
        """From here on every listing of the landing prefixes is an error, which would fail the tick."""

        def refuse(store: object, prefix: str) -> None:
            raise StoreError("The listing is switched off.", place=prefix, next_step="read the messages.")

        self.patch.setattr(type(self.project.store), "list", refuse)

    def switch_listing_on(self) -> None:
        self.patch.undo()


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    """A project after its first ticks, which list; from then on only messages tell of arrivals."""
    with new_aws_project_with_queues(tmp_path) as (project, raw_data, monthly_data):
        made = Site(project, raw_data, monthly_data, monkeypatch)
        for sensor in ("raw_file_sensor", "monthly_data_sensor"):
            assert made.requested(sensor) == []
        made.switch_listing_off()
        yield made


def test_given_a_delivered_file_when_its_message_is_read_then_it_is_requested_and_loaded_without_a_listing(
    site: Site, tmp_path: Path
):
    arrival = site.project.deliver("2024-05.csv", month_csv("2024-05", directory=tmp_path))
    (request,) = site.tick().run_requests
    assert request.run_key == f"raw_data/2024-05.csv@{arrival.etag}:2024-05..2024-05"
    site.switch_listing_on()  # the load itself looks which file supplies the month
    assert site.project.load(*run_months(request.tags)).success
    assert site.project.rows_by_month() == {"2024-05": 40}


def test_given_the_test_event_when_read_then_it_is_deleted_without_a_word(site: Site):
    assert site.raw_data.left() == 1
    assert site.tick().skip_reason.skip_message == "nothing new has arrived"
    assert site.raw_data.left() == 0


@pytest.mark.parametrize(
    "name", ["sales of 2024-05.csv", "2024-05+corrected.csv", "Übersicht 2024-05 – é.csv", "50% 2024-05&a=b.csv"]
)
def test_given_a_name_that_urls_cannot_hold_when_its_message_is_read_then_that_very_file_is_requested(
    site: Site, name: str
):
    site.put(f"raw_data/{name}")
    assert site.requested() == [f"raw_data/{name}"]


def test_given_a_tick_that_died_before_it_was_stored_when_its_message_comes_again_then_the_file_is_requested(
    site: Site,
):
    site.put("raw_data/2024-05.csv")
    assert site.evaluate().run_requests, "decided, and lost with its process"
    assert site.ticks_until(lambda: "2024-05" in site.cursors["raw_file_sensor"]) == ["raw_data/2024-05.csv"]


def test_given_a_stored_decision_when_its_message_comes_again_then_it_is_deleted_and_nothing_requested_twice(
    site: Site,
):
    site.put("raw_data/2024-05.csv")
    assert site.requested() == ["raw_data/2024-05.csv"]
    assert site.raw_data.left() == 1, "it stays until the cursor is known to be stored"
    assert site.ticks_until(lambda: site.raw_data.left() == 0) == []


def test_given_messages_out_of_order_and_doubled_when_read_then_the_version_that_is_there_is_requested_once(
    site: Site,
):
    for number in range(3):
        site.put("raw_data/2024-05.csv", f"version {number}\n")
    site.put("raw_data/2024-06.csv")
    current = site.project.store.head("raw_data/2024-05.csv").etag
    for body in [*reversed(site.raw_data.take_all()), *site.raw_data.take_all()] * 2:
        site.raw_data.send(body)
    requests = site.tick().run_requests or ()
    assert sorted(request.tags["file"] for request in requests) == ["raw_data/2024-05.csv", "raw_data/2024-06.csv"]
    assert current in "".join(request.run_key or "" for request in requests)
    assert site.ticks_until(lambda: site.raw_data.left() == 0) == []


def test_given_a_late_message_about_an_older_file_when_read_then_the_newest_file_keeps_its_month(site: Site):
    site.put("raw_data/2024-05_a.csv")
    late = site.raw_data.take_all()
    # Of the same second, the greater name counts as the newer.
    site.put("raw_data/2024-05_b.csv")
    assert site.requested() == ["raw_data/2024-05_b.csv"]
    for body in late:
        site.raw_data.send(body)
    result = site.tick()
    assert not result.run_requests
    assert "2024-05_a.csv is older than another file" in result.skip_reason.skip_message


def test_given_a_removed_file_when_its_message_is_read_then_it_is_forgotten_and_counts_again_when_it_comes_back(
    site: Site,
):
    site.put("raw_data/2024-05.csv")
    assert site.requested() == ["raw_data/2024-05.csv"]
    site.project.store.delete("raw_data/2024-05.csv")
    assert site.ticks_until(lambda: site.raw_data.left() == 0) == []
    assert read_cursor(site.cursors["raw_file_sensor"]).seen == {}
    site.put("raw_data/2024-05.csv")
    assert site.requested() == ["raw_data/2024-05.csv"]


def test_given_the_same_bytes_again_when_their_message_is_read_then_it_is_the_version_that_is_known(site: Site):
    site.put("raw_data/2024-05.csv")
    assert site.requested() == ["raw_data/2024-05.csv"]
    site.put("raw_data/2024-05.csv")
    assert site.ticks_until(lambda: site.raw_data.left() == 0) == []


def test_given_a_large_file_in_parts_when_its_message_is_read_then_it_is_requested(site: Site, tmp_path: Path):
    large = tmp_path / "large.csv"
    large.write_bytes(b"x" * (PART_BYTES + 1))
    site.project.store.put("raw_data/2024-05.csv", large)
    (request,) = site.tick().run_requests
    etag = site.project.store.head("raw_data/2024-05.csv").etag
    assert request.run_key == f"raw_data/2024-05.csv@{etag}:2024-05..2024-05"


def test_given_names_that_are_no_arrivals_when_their_messages_are_read_then_they_are_deleted_at_once(site: Site):
    for key in ("raw_data/.hidden.csv", "raw_data/2024-05.csv.part"):
        site.put(key)
    site.raw_data.send(event("another-bucket", "retail/bi/raw_data/2024-05.csv"))
    bucket = site.project.settings.aws.s3.bucket
    for key in ("raw_data/2024-05.csv", "retail/bi/monthly_data/2024-05/x.csv", "retail/bi/raw_data/../../2024-05.csv"):
        site.raw_data.send(event(bucket, key))
    assert site.requested() == []
    assert site.raw_data.left() == 0


def event(bucket: str, key: str) -> str:
    return json.dumps({"Records": [{"s3": {"bucket": {"name": bucket}, "object": {"key": key}}}]})


def test_given_a_poison_message_when_read_then_people_learn_of_it_others_go_on_and_it_becomes_a_dead_letter(
    site: Site,
):
    site.raw_data.allow_receives(3)
    site.raw_data.send("canary-77aa is not JSON")
    site.put("raw_data/2024-05.csv")
    result = site.tick()
    assert [request.tags["file"] for request in result.run_requests or ()] == ["raw_data/2024-05.csv"]
    said: list[str] = []
    give_up = time.monotonic() + GIVE_UP_SECONDS
    while not site.raw_data.dead() and time.monotonic() < give_up:
        skipped = site.tick().skip_reason
        said.append(skipped.skip_message if skipped else "")
    assert site.raw_data.dead() == ["canary-77aa is not JSON"]
    assert any("no event notification of S3: it is not JSON" in words for words in said)
    assert not any("canary" in words for words in said)
    assert site.ticks_until(lambda: site.raw_data.left() == 0) == []


def test_given_own_and_foreign_objects_when_told_then_only_the_foreign_one_is_requested(site: Site):
    site.put("monthly_data/2024-05/walmart_sales_2024-05_0123456789abcdef.parquet")
    site.put("monthly_data/2024-06/theirs of June.csv")
    (request,) = site.tick("monthly_data_sensor").run_requests
    assert request.run_config == {
        "ops": {"walmart_sales": {"config": {"object_key": "monthly_data/2024-06/theirs of June.csv"}}}
    }
    assert site.ticks_until(lambda: site.monthly_data.left() == 0, "monthly_data_sensor") == []


def test_given_a_store_that_is_out_of_order_when_the_message_is_read_then_it_stays_and_the_file_comes_later(
    site: Site,
):
    site.put("raw_data/2024-05.csv")

    def unavailable(store: object, key: str) -> None:
        raise StoreError("503.", place=key, next_step="wait.")

    with pytest.MonkeyPatch.context() as broken:
        broken.setattr(type(site.project.store), "head", unavailable)
        assert "Its message comes again" in site.tick().skip_reason.skip_message
    assert site.ticks_until(lambda: site.raw_data.left() == 0) == ["raw_data/2024-05.csv"]


def test_given_a_queue_that_cannot_be_read_when_ticked_then_the_listing_is_read_and_the_tick_says_so(site: Site):
    site.switch_listing_on()
    sqs().delete_queue(QueueUrl=site.raw_data.url)
    site.put("raw_data/2024-05.csv")
    assert site.requested() == ["raw_data/2024-05.csv"]
    words = site.tick().skip_reason.skip_message
    assert "There is no such queue" in words and "The listing is read instead" in words
    assert site.raw_data.url in words


def test_given_arrivals_that_no_message_told_when_ten_minutes_have_gone_by_then_the_listing_brings_them(site: Site):
    notify(shared_standin().s3, site.project.settings.aws.s3.bucket, {})
    site.put("raw_data/2024-05.csv")
    assert site.requested() == []
    cursor = json.loads(site.cursors["raw_file_sensor"])
    cursor["listed"] = "2024-01-01T00:00:00+00:00"
    site.cursors["raw_file_sensor"] = json.dumps(cursor)
    site.switch_listing_on()
    assert site.requested() == ["raw_data/2024-05.csv"]
    site.switch_listing_off()
    assert site.requested() == []


def test_given_a_lost_cursor_when_ticked_then_the_listing_brings_everything_and_messages_find_it_known(site: Site):
    site.put("raw_data/2024-05.csv")
    site.cursors.clear()
    site.switch_listing_on()
    assert site.requested() == ["raw_data/2024-05.csv"]
    site.switch_listing_off()
    assert site.ticks_until(lambda: site.raw_data.left() == 0) == []


def test_given_more_messages_than_a_tick_takes_when_ticked_on_then_each_file_is_requested_once(site: Site):
    keys = [f"raw_data/{2024 + month // 12}-{month % 12 + 1:02d}.csv" for month in range(24)]
    for key in keys:
        site.put(key)
    assert sorted(site.ticks_until(lambda: site.raw_data.left() == 0)) == keys


def test_given_the_queue_when_received_then_about_as_many_messages_as_asked_for(site: Site):
    for month in range(1, 13):
        site.put(f"raw_data/2024-{month:02d}.csv")
    assert len(ArrivalQueue(site.raw_data.url).receive(3)) == 3
