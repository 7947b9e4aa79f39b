"""Puts the story page beside the snapshot that it belongs to: in the snapshot's own folder, and in `latest`.

The page shows the snapshot's sentences and the warehouse's numbers, so both have to be of the same loads: that is
looked at before, and again after writing. Another run may publish a newer snapshot with its page meanwhile; whoever
writes `latest` last has looked after writing, and leaves the page of the snapshot that is there.
"""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from dataclasses import dataclass

from walmart_bi.errors import WalmartBiError
from walmart_bi.kpis.insights.model import Insights
from walmart_bi.kpis.insights.personas import build_insights
from walmart_bi.kpis.model import Kpi
from walmart_bi.kpis.privacy import Profile
from walmart_bi.kpis.public.edition import published_facts, published_reader
from walmart_bi.points import reached
from walmart_bi.reporting.manifest import MANIFEST, Manifest, read_manifest, verify_snapshot
from walmart_bi.reporting.page.document import document
from walmart_bi.reporting.page.published import read_published
from walmart_bi.reporting.page.story import story
from walmart_bi.reporting.snapshot import LATEST, refuse_wrong_numbers
from walmart_bi.reporting.story_files import INSIGHTS
from walmart_bi.stores.base import DASHBOARD_DATA, ObjectNotFound, ObjectStore
from walmart_bi.warehouse.base import Reader, Warehouse
from walmart_bi.warehouse.integrity import read_loads

STORY = "story.html"
LARGEST_PAGE = 1_500_000
_ATTEMPTS = 3


class StoryRefused(WalmartBiError):
    """The page would not be what its readers take it for; the last one is still in place."""


@dataclass(frozen=True)
class PublishedStory:
    """Where the page is, how large, what it says, and which KPI's card follows the filters."""

    key: str
    snapshot_key: str
    size: int
    insights: Insights
    live: dict[str, bool]


def publish_story(
    warehouse: Warehouse, store: ObjectStore, catalog: Sequence[Kpi], profile: Profile = "internal"
) -> PublishedStory:
    """Verify the warehouse and the snapshot, then write the page. Raises SnapshotRefused, StoryRefused, SmallCell.

    The page follows from the snapshot and the code alone, so writing it again changes nothing.
    """
    for _ in range(_ATTEMPTS):
        manifest, published = _publish(warehouse, store, catalog, profile)
        is_latest = _put_back_what_is_newer(store, manifest.snapshot_id)
        active = {entry.load_id for entry in warehouse.ledger() if entry.is_active}
        if is_latest and active == {load.load_id for load in manifest.loads}:
            return published
    raise _overtaken(store, f"Months were loaded while the page was written, {_ATTEMPTS} times in a row")


def _publish(
    warehouse: Warehouse, store: ObjectStore, catalog: Sequence[Kpi], profile: Profile
) -> tuple[Manifest, PublishedStory]:
    """The page of the snapshot in `latest`, written to that snapshot's folder and to `latest`."""
    with warehouse.read() as reader:
        manifest = _snapshot_of_active_loads(reader, store, catalog)
        shown = published_reader(reader, catalog, profile)
        facts, views = published_facts(shown), read_published(shown, catalog)
    insights = Insights.from_json(store.read_bytes(LATEST + INSIGHTS))
    if profile == "public" and insights != build_insights(facts, [box.persona for box in insights.boxes]):
        raise StoryRefused(
            "The snapshot was made in another profile than public, so its sentences may tell of fewer than ten people.",
            place=store.uri(LATEST + INSIGHTS),
            next_step="materialize tableau_snapshot, then the page.",
        )
    content = story(facts, insights, catalog, views)
    page = document(content, views).encode()
    if len(page) > LARGEST_PAGE:
        raise StoryRefused(
            f"The page has {len(page):,} bytes; a page of more than {LARGEST_PAGE:,} does not travel by mail.",
            place=store.uri(LATEST + STORY),
            next_step="look for a KPI file with very long texts or very many rows.",
        )
    snapshot_key = f"{DASHBOARD_DATA}{manifest.snapshot_id}/{STORY}"
    for key in (snapshot_key, LATEST + STORY):
        reached("page.before")
        store.write_bytes(key, page)
        reached("page.after")
    live = {name: bool(card["live"]) for name, card in content["cards"].items()}
    return manifest, PublishedStory(LATEST + STORY, snapshot_key, len(page), insights, live)


def _put_back_what_is_newer(store: ObjectStore, page_of: str) -> bool:
    """Whether `latest` is still the snapshot whose page was written there; another one gets its own page again.

    One that has no page yet gets it from the run that made it, which writes after this one has.
    """
    is_latest = True
    while (manifest := read_manifest(store, LATEST)) and manifest.snapshot_id != page_of:
        is_latest, page_of = False, manifest.snapshot_id
        with contextlib.suppress(ObjectNotFound):
            store.write_bytes(LATEST + STORY, store.read_bytes(f"{DASHBOARD_DATA}{page_of}/{STORY}"))
    return is_latest


def _snapshot_of_active_loads(reader: Reader, store: ObjectStore, catalog: Sequence[Kpi]) -> Manifest:
    loads = read_loads(reader)
    refuse_wrong_numbers(reader, loads, catalog)
    manifest = read_manifest(store, LATEST)
    problems = verify_snapshot(store, LATEST)
    if manifest is None or problems:
        raise StoryRefused(
            f"The snapshot is not whole: {'; '.join(problems)}.",
            place=store.uri(LATEST + MANIFEST),
            next_step="materialize tableau_snapshot, then the page.",
        )
    if {load.load_id for load in loads.active} != {load.load_id for load in manifest.loads}:
        raise _overtaken(store, "The snapshot was not made from the active loads")
    return manifest


def _overtaken(store: ObjectStore, cause: str) -> StoryRefused:
    return StoryRefused(
        f"{cause}, so page and snapshot would differ.",
        place=store.uri(LATEST + STORY),
        next_step="materialize tableau_snapshot, then the page.",
    )
