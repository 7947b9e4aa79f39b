"""Checks of the story page, on what was published: the file is read back as a browser would read it."""

# No postponed annotations here: Dagster reads those of decorated functions when it defines them.

from collections.abc import Iterator, Sequence

import dagster as dg

from walmart_bi.assets.common import STORY_DASHBOARD, explained
from walmart_bi.checks.common import result
from walmart_bi.kpis.catalog import Kpi
from walmart_bi.kpis.privacy import Profile
from walmart_bi.stores.base import ObjectStore
from walmart_bi.warehouse.base import Warehouse

EQUALS_VIEWS = "page_equals_the_views"
STANDS_ALONE = "page_stands_alone"


def build_story_checks(catalog: Sequence[Kpi], profile: Profile) -> list[dg.AssetChecksDefinition]:
    """The checks of the page."""

    @dg.multi_asset_check(
        name="story_dashboard_checks",
        specs=[
            dg.AssetCheckSpec(
                EQUALS_VIEWS,
                asset=STORY_DASHBOARD,
                blocking=True,
                description="The numbers in the published page, unpacked again, are those of the KPI views: revenue to "
                "the cent and orders, for each month, each segment and in total; so are the tables without scripts.",
            ),
            dg.AssetCheckSpec(
                STANDS_ALONE,
                asset=STORY_DASHBOARD,
                blocking=True,
                description="The published page is the same in `latest` and in the snapshot's folder, asks for nothing "
                "but itself, and has at most 1.5 MB.",
            ),
        ],
    )
    def story_dashboard_checks(
        store: dg.ResourceParam[ObjectStore],
        warehouse: dg.ResourceParam[Warehouse],
    ) -> Iterator[dg.AssetCheckResult]:
        with explained():
            yield from _check_page(store, warehouse, catalog, profile)

    return [story_dashboard_checks]


def _check_page(
    store: ObjectStore, warehouse: Warehouse, catalog: Sequence[Kpi], profile: Profile
) -> Iterator[dg.AssetCheckResult]:
    from walmart_bi.kpis.public.edition import published_reader
    from walmart_bi.reporting.manifest import read_manifest
    from walmart_bi.reporting.page.agreement import disagreements, outside_requests
    from walmart_bi.reporting.page.publish import LARGEST_PAGE, STORY
    from walmart_bi.reporting.page.published import read_published
    from walmart_bi.reporting.page.readback import read_page
    from walmart_bi.reporting.snapshot import LATEST
    from walmart_bi.stores.base import DASHBOARD_DATA

    content = store.read_bytes(LATEST + STORY)
    try:
        page = read_page(content.decode())
    except ValueError as error:
        problem = f"the page cannot be read: {error}"
        yield result(STORY_DASHBOARD, EQUALS_VIEWS, [problem], {})
        yield result(STORY_DASHBOARD, STANDS_ALONE, [problem], {"bytes": len(content)})
        return
    with warehouse.read() as reader:
        shown = published_reader(reader, catalog, profile)
        problems = list(disagreements(page, read_published(shown, catalog), catalog))
    orders, cents = page.sums_by("main").get((), (0, 0))
    yield result(STORY_DASHBOARD, EQUALS_VIEWS, problems, {"orders": orders, "cents": cents, "cards": len(catalog)})
    alone = outside_requests(page)
    if len(content) > LARGEST_PAGE:
        alone.append(f"it has {len(content):,} bytes")
    manifest = read_manifest(store, LATEST)
    if manifest is None or store.read_bytes(f"{DASHBOARD_DATA}{manifest.snapshot_id}/{STORY}") != content:
        alone.append("the snapshot's folder has another page")
    yield result(STORY_DASHBOARD, STANDS_ALONE, alone, {"bytes": len(content), "requests": 1 + len(page.loads)})
