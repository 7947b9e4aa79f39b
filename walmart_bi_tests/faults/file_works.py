"""Work that asks the file system for something, on a directory of its own, and what it gives when nothing fails."""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from walmart_bi.assets.common import explained
from walmart_bi.checks.bi import _equals_views
from walmart_bi.cli import open as opening
from walmart_bi.errors import WalmartBiError
from walmart_bi.kpis.catalog import load_catalog
from walmart_bi.reporting.snapshot import LATEST, latest_files
from walmart_bi.reporting.story_files import prepare_story, read_story, story_files
from walmart_bi.reporting.tableau.packages import pack, unpacked_extract
from walmart_bi.reporting.view_files import read_view
from walmart_bi.sales.cleaned_in_parts import Elsewhere
from walmart_bi.sales.publishing import clean_into_store, inspect_delivered, preview_rows
from walmart_bi.stores.directory import DirectoryStore
from walmart_bi.warehouse.integrity import read_loads
from walmart_bi.warehouse.locking import DatabaseLock
from walmart_bi_tests.builders import make_month, make_rows
from walmart_bi_tests.command_line import run
from walmart_bi_tests.contracts.warehouses import DuckDbSite
from walmart_bi_tests.corpus.case import HEADER, TODAY, each, file_of, good
from walmart_bi_tests.faults.outcomes import Work
from walmart_bi_tests.snapshots import Dashboard
from walmart_bi_tests.unit.sales.in_parts import here

KEY = "raw_data/folder/sales_2024-03.csv"
CONTENT = b"0123456789" * 40
MONTH = "2025-03"


@dataclass
class Place:
    """A directory for one case."""

    folder: Path
    store: DirectoryStore = field(init=False)
    file: Path = field(init=False)

    def __post_init__(self) -> None:
        self.store = DirectoryStore(self.folder / "bucket")
        self.file = self.folder / "local"
        self.file.write_bytes(CONTENT)


# The store


def listing(place: Place) -> Work:
    info = place.store.write_bytes(KEY, CONTENT)
    # What vanishes while one looks was not there.
    return Work(lambda: list(place.store.list("raw_data/")), [info], also_right=[])


def deleting(place: Place) -> Work:
    def delete() -> list[str]:
        place.store.write_bytes(KEY, CONTENT)
        place.store.delete(KEY)
        return [info.key for info in place.store.list("raw_data/")]

    return Work(delete, [], also_right=[KEY])


def looking(place: Place) -> Work:
    info = place.store.write_bytes(KEY, CONTENT)
    return Work(lambda: place.store.head(KEY), info)


def reading(place: Place) -> Work:
    place.store.write_bytes(KEY, CONTENT)
    return Work(lambda: place.store.read_bytes(KEY), CONTENT)


def writing(place: Place) -> Work:
    def write() -> bytes:
        place.store.put(KEY, place.file)
        return place.store.read_bytes(KEY)

    place.store.write_bytes(KEY, b"older content")
    return Work(write, CONTENT)


def writing_once(place: Place) -> Work:
    def write() -> bytes:
        place.store.put_new(KEY, place.file)
        return place.store.read_bytes(KEY)

    return Work(write, CONTENT)


# The warehouse


def loading(place: Place) -> Work:
    site = DuckDbSite(place.folder)
    month = make_month(site.store(), MONTH, make_rows(MONTH, 3))

    def load() -> list[tuple[Any, ...]]:
        site.warehouse().replace_month(month, run_id="run", code_version="1")
        with site.warehouse().read() as reader:
            return reader.query("SELECT load_id, COUNT(*) FROM walmart_sales GROUP BY load_id").rows

    return Work(load, [(f"{MONTH}-v1", 3)])


def being_busy(place: Place) -> Work:
    """Who holds the lock is told; a note that cannot be read or written keeps nobody from anything."""
    lock = DatabaseLock(place.folder / "warehouse.duckdb")

    def take() -> str:
        with lock.held(1.0):
            return ("another" in lock._holder() and "another process") or "named"

    return Work(take, "named", also_right="another process")


# Cleaning


def cleaning(place: Place) -> Work:
    """A file with good rows, rows that are set aside, and copies."""
    return _cleaning(place, None)


def cleaning_in_parts(place: Place) -> Work:
    """The same file, cut into parts."""
    return _cleaning(place, Elsewhere(here, place.store, [].append, 1_000))


def _cleaning(place: Place, elsewhere: Elsewhere | None) -> Work:
    content = file_of([*good(40), *good(3), *each("purchase_date", "never", "2024-02-31")])
    info = place.store.write_bytes("raw_data/sales_2024-03.csv", content)

    def clean() -> tuple[int, int, int]:
        with explained():
            source = inspect_delivered(place.store, info)
            policy: Any = "drop_exact"
            staged = clean_into_store(
                place.store, source, months=["2024-03"], today=TODAY, policy=policy, elsewhere=elsewhere
            )
        counts = staged["2024-03"].counts
        return counts.loaded, counts.quarantined, counts.duplicates_removed

    return Work(clean, clean())


def cleaning_parquet(place: Place) -> Work:
    """A Parquet file, which is opened to be counted, and again to be cleaned, in a thread of its own."""
    out = io.BytesIO()
    columns = dict(zip(HEADER, map(list, zip(*good(30), strict=True)), strict=True))
    pq.write_table(pa.table(columns), out)
    info = place.store.write_bytes("raw_data/sales_2024-03.parquet", out.getvalue())

    def clean() -> int:
        with explained():
            source = inspect_delivered(place.store, info)
            staged = clean_into_store(place.store, source, months=["2024-03"], today=TODAY, policy="auto")
        return staged["2024-03"].counts.loaded

    return Work(clean, 30)


def loading_an_object(place: Place) -> Work:
    """What is asked of a month's object before its rows are taken, as the asset does it."""
    right = loading(place)

    def load() -> object:
        with explained():
            return right.do()

    return Work(load, right.right)


def looking_at_rows(place: Place) -> Work:
    month = make_month(place.store, MONTH, make_rows(MONTH, 3))

    def look() -> int:
        with explained():
            return len(preview_rows(place.store, month)[1])

    return Work(look, 3)


# The snapshot and the command line


def publishing(place: Place) -> Work:
    """All files anew."""
    return _publishing(place, lambda key: True)


def publishing_again(place: Place) -> Work:
    """After a run that died before it wrote the manifest: the files that it wrote are taken as they are."""
    return _publishing(place, lambda key: key.endswith("manifest.json"))


def _publishing(place: Place, is_lost: Callable[[str], bool]) -> Work:
    catalog = tuple(kpi for kpi in load_catalog() if kpi.name in {"kpi_total_revenue", "kpi_revenue_by_city"})
    dashboard = Dashboard(place.folder / "dashboard", catalog, [story_files(catalog)])

    def publish() -> str:
        for key in [info.key for info in dashboard.store.list("dashboard_data/") if is_lost(info.key)]:
            dashboard.store.delete(key)
        with explained():
            return dashboard.build().id

    return Work(publish, publish())


def looking_at_the_snapshot(place: Place) -> Work:
    catalog = tuple(kpi for kpi in load_catalog() if kpi.name == "kpi_total_revenue")
    dashboard = Dashboard(place.folder / "dashboard", catalog, [story_files(catalog)])
    dashboard.build()

    def check() -> bool:
        with explained(), dashboard.warehouse.read() as reader:
            loads, views = read_loads(reader), {kpi.name: read_view(reader, kpi) for kpi in catalog}
            prepared = prepare_story(*read_story(reader, views, catalog))
            return bool(_equals_views(dashboard.store, loads, views, prepared, catalog).passed)

    return Work(check, True)


def handing_out_the_latest_files(place: Place) -> Work:
    catalog = tuple(kpi for kpi in load_catalog() if kpi.name == "kpi_total_revenue")
    dashboard = Dashboard(place.folder / "dashboard", catalog)
    dashboard.build()
    right = dashboard.store.read_bytes(f"{LATEST}kpi_total_revenue.csv")

    def hand_out() -> bytes:
        with explained(), latest_files(dashboard.store, ["kpi_total_revenue.csv"]) as (_, paths):
            return paths[0].read_bytes()

    return Work(hand_out, right)


def unpacking(place: Place) -> Work:
    package, extract = place.folder / "story.twbx", place.file
    pack(package, "story.twb", b"<workbook/>", extract)

    def unpack() -> bytes:
        with explained(), unpacked_extract(package) as path:
            return path.read_bytes()

    return Work(unpack, CONTENT)


def told_by_the_command(arguments: Callable[[], list[object]]) -> Callable[[], str]:
    """What is at the end of a command; a failure is one line, as the other errors are."""

    def give() -> str:
        done = run(*arguments())
        if done.code:
            assert done.err.count("\n") == 1 and done.err.startswith("error: "), done.err
            place, _, rest = done.err.removeprefix("error: ").partition(": ")
            cause, _, step = rest.partition("Next step: ")
            raise WalmartBiError(cause.strip(), place=place, next_step=step.strip())
        return "done"

    return give


def making_a_sample(place: Place) -> Work:
    path = place.folder / "made" / "sample.csv"
    asked: list[object] = ["sample", "--rows", 20, "--months", "2024-01", "2024-01", "--output", path]
    return Work(told_by_the_command(lambda: asked), "done")


def opening_the_story(place: Place) -> Work:
    place.store.write_bytes(opening.STORY, b"<html></html>")
    project: Any = type("Project", (), {"store": place.store})

    def fetch() -> bytes:
        with explained():
            return Path(opening._fetched(project).removeprefix("file://")).read_bytes()

    return Work(fetch, b"<html></html>")
