"""Checks of the BI layer: what was published is whole, and is what the warehouse says."""

# No postponed annotations here: Dagster reads those of decorated functions when it defines them.

import tempfile
from collections.abc import Iterator, Sequence
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING

import dagster as dg

from walmart_bi.assets.common import TABLEAU_SNAPSHOT, explained
from walmart_bi.checks.common import result
from walmart_bi.errors import WalmartBiError
from walmart_bi.kpis.catalog import Kpi
from walmart_bi.kpis.privacy import Profile
from walmart_bi.stores.base import ObjectStore
from walmart_bi.warehouse.base import Warehouse
from walmart_bi.warehouse.integrity import Loads

if TYPE_CHECKING:
    from walmart_bi.reporting.artifacts import PreparedFile, Views
    from walmart_bi.reporting.tableau.workbook import Contents

WHOLE = "snapshot_is_whole"
EQUALS_VIEWS = "snapshot_equals_the_views"
TABLEAU_SOUND = "tableau_files_equal_the_views"


def build_bi_checks(catalog: Sequence[Kpi], profile: Profile) -> list[dg.AssetChecksDefinition]:
    """The checks of the BI layer."""

    @dg.multi_asset_check(
        name="tableau_snapshot_checks",
        specs=[
            dg.AssetCheckSpec(
                WHOLE,
                asset=TABLEAU_SNAPSHOT,
                blocking=True,
                description="Every file of `dashboard_data/latest/` is the one that the manifest names, by sha256.",
            ),
            dg.AssetCheckSpec(
                EQUALS_VIEWS,
                asset=TABLEAU_SNAPSHOT,
                blocking=True,
                description="The snapshot was made from the active loads, its revenue and orders are those of the "
                "sales table, and each view, written again, gives the file that the manifest names, by sha256. The "
                "other files say what the warehouse says.",
            ),
            dg.AssetCheckSpec(
                TABLEAU_SOUND,
                asset=TABLEAU_SNAPSHOT,
                blocking=True,
                description="The rows queried from the extract inside the workbook and the data source are those of "
                "the views and of the story cube, to the cent; every sheet, field, story point and path that they "
                "name is there. Not opened in Tableau: only a person can confirm that.",
            ),
        ],
    )
    def tableau_snapshot_checks(
        store: dg.ResourceParam[ObjectStore],
        warehouse: dg.ResourceParam[Warehouse],
    ) -> Iterator[dg.AssetCheckResult]:
        from walmart_bi.kpis.public.edition import published_reader
        from walmart_bi.reporting.manifest import verify_snapshot
        from walmart_bi.reporting.snapshot import LATEST
        from walmart_bi.reporting.story_files import prepare_story, read_story
        from walmart_bi.reporting.view_files import read_view
        from walmart_bi.warehouse.integrity import read_loads

        with explained():
            problems = verify_snapshot(store, LATEST)
            yield result(TABLEAU_SNAPSHOT, WHOLE, problems, {"views": len(catalog)})
            with warehouse.read() as reader:
                loads = read_loads(reader)
                shown = published_reader(reader, catalog, profile)
                views = {kpi.name: read_view(shown, kpi) for kpi in catalog}
                insights, contents = read_story(shown, views, catalog)
            yield _equals_views(store, loads, views, prepare_story(insights, contents), catalog)
            yield _tableau_sound(store, contents)

    return [tableau_snapshot_checks]


def _equals_views(
    store: ObjectStore, loads: Loads, views: "Views", prepared: "Sequence[PreparedFile]", catalog: Sequence[Kpi]
) -> dg.AssetCheckResult:
    from walmart_bi.reporting.manifest import read_manifest
    from walmart_bi.reporting.snapshot import LATEST
    from walmart_bi.reporting.view_files import differences

    manifest = read_manifest(store, LATEST)
    if manifest is None:
        return result(TABLEAU_SNAPSHOT, EQUALS_VIEWS, ["there is no manifest that can be read"], {})
    with tempfile.TemporaryDirectory(prefix="walmart_bi_check_") as folder:
        problems = list(differences(manifest, loads, views, prepared, catalog, Path(folder)))
    totals: dict[str, int | float | Decimal] = {"revenue": Decimal(manifest.revenue), "orders": manifest.orders}
    return result(TABLEAU_SNAPSHOT, EQUALS_VIEWS, problems, totals)


def _tableau_sound(store: ObjectStore, contents: "Contents") -> dg.AssetCheckResult:
    from walmart_bi.reporting.snapshot import LATEST
    from walmart_bi.reporting.tableau.checking import PACKAGES, package_problems, reading_once
    from walmart_bi.stores.base import ObjectNotFound

    problems: list[str] = []
    read = reading_once()
    for name in PACKAGES:
        try:
            with store.fetch(LATEST + name) as package:
                problems += package_problems(package, name, contents.tables, read)
        except ObjectNotFound:
            problems.append(f"{name} is missing")
        except WalmartBiError as error:  # no package, or an extract that cannot be read: the finding, not a failure
            problems.append(f"{name}: {error.cause}")
    rows = sum(len(table.rows) for table in contents.tables)
    counts = {"packages": len(PACKAGES), "tables": len(contents.tables), "rows": rows}
    return result(TABLEAU_SNAPSHOT, TABLEAU_SOUND, problems, counts)
