"""What the children do: real loads, looked at or ended at a named point.

`whole_load` calls the functions of the assets in the graph's order, without Dagster's bookkeeping; `graph_load` is the
job itself, asked for by the sensor as the daemon asks. Store, warehouse, snapshot and page are the real ones in both.
"""

from __future__ import annotations

import datetime as dt
import os
import signal
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any
from unittest import mock

import dagster as dg

from walmart_bi import build, points
from walmart_bi.abandoned_runs import process_tag
from walmart_bi.assets.common import CLEANED_SALES, MONTHLY_SALES_OBJECT, RAW_SALES_FILE
from walmart_bi.cli.project import Project
from walmart_bi.handover import Handover
from walmart_bi.kpis.catalog import Kpi, load_catalog
from walmart_bi.records import MonthlyObject
from walmart_bi.reporting.page.publish import publish_story
from walmart_bi.reporting.snapshot import build_snapshot
from walmart_bi.reporting.story_files import story_files
from walmart_bi.sales.landing import suppliers
from walmart_bi.sales.publishing import clean_into_store, inspect_delivered, publish
from walmart_bi.warehouse.base import Warehouse
from walmart_bi_tests.proof.broken import LOADERS

QUIET = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}


@dataclass(frozen=True)
class Death:
    """The process dies the n-th time that it reaches the point, or so many seconds after."""

    point: str
    occurrence: int
    delay: float | None = None

    def arm(self, line: Connection) -> None:
        """From now on the process dies there. Before, it says so and waits until somebody has looked."""
        left = self.occurrence

        def at(name: str) -> None:
            nonlocal left
            if name != self.point:
                return
            left -= 1
            if left:
                return
            line.send(("there", name))
            line.recv()
            if self.delay is None:
                _die()
            threading.Thread(target=lambda: (time.sleep(self.delay or 0), _die()), daemon=True).start()

        points.observe(at)


def _die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def watched(project: Project, line: Connection, how: str, months: Sequence[str]) -> list[tuple[str, float]]:
    """A load that nothing happens to: each point that it reached, and when."""
    reached: list[tuple[str, float]] = []
    points.observe(lambda name: reached.append((name, time.perf_counter())))
    WAYS[how](project, line, months)
    return reached


def ended(project: Project, line: Connection, how: str, months: Sequence[str], death: Death) -> None:
    """A load that is to die."""
    death.arm(line)
    WAYS[how](project, line, months)


def load(project: Project, line: Connection, how: str, months: Sequence[str]) -> None:
    """A load, from the file that was delivered to the page."""
    WAYS[how](project, line, months)


def whole_load(project: Project, _line: Connection, months: Sequence[str], loader: str = "real") -> None:
    """The steps of the graph, one after the other."""
    warehouse = LOADERS[loader](project)
    for month, published in published_months(project, months).items():
        Handover(project.store).write(MONTHLY_SALES_OBJECT, month, published)
        warehouse.replace_month(published, run_id="proof", code_version="proof")
    show(project)


def published_months(project: Project, months: Sequence[str]) -> dict[str, MonthlyObject]:
    """From the delivered files to the months' objects."""
    store, handover, today = project.store, Handover(project.store), dt.datetime.now(dt.UTC).date()
    chosen = suppliers(store, months, today=today, on_unreadable=lambda delivered, error: None)
    published = {}
    for delivered in {info.key: info for info in chosen.values()}.values():
        source = inspect_delivered(store, delivered)
        supplied = [month for month, info in chosen.items() if info.key == delivered.key]
        for month in supplied:
            handover.write(RAW_SALES_FILE, month, source)
        policy = project.settings.duplicate_policy
        for month, staged in clean_into_store(store, source, months=supplied, today=today, policy=policy).items():
            handover.write(CLEANED_SALES, month, staged)
    for month in months:
        published[month] = publish(store, handover.read(CLEANED_SALES, month, MonthlyObject))
    return published


def make_views(project: Project) -> Sequence[Kpi]:
    """The KPI views alone."""
    catalog = load_catalog()
    project.warehouse.create_views({kpi.name: kpi.select for kpi in catalog})
    return catalog


def show(project: Project) -> None:
    """Views, snapshot and page."""
    catalog = make_views(project)
    build_snapshot(
        project.warehouse,
        project.store,
        catalog,
        created_at=dt.datetime.now(dt.UTC),
        code_version="proof",
        producers=[story_files(catalog)],
    )
    publish_story(project.warehouse, project.store, catalog)


def graph_load(project: Project, _line: Connection, _months: Sequence[str], instance_of: str = "dagster") -> int:
    """A tick of the sensor, the runs that it asks for, then its cursor is stored: the order of Dagster's daemon.

    How many runs there were. `instance_of` is the folder of Dagster's history and the cursor.
    """
    # A file counts as settled a second after it was written, and a look lasts seconds; this does not wait for that.
    build.SETTLE = build.LINGER = dt.timedelta(0)
    home = project.settings.home.parent / instance_of
    home.mkdir(exist_ok=True)
    cursor_file = home / "cursor"
    definitions = project.definitions()
    with dg.DagsterInstance.local_temp(str(home)) as instance, _seen_between_request_and_run(instance):
        result = _tick(definitions, instance, project, cursor_file.read_text() if cursor_file.exists() else None)
        for request in result.run_requests or ():
            outcome = definitions.resolve_job_def("monthly_load").execute_in_process(
                run_config=QUIET,
                instance=instance,
                tags={**request.tags, "dagster/run_key": str(request.run_key), **process_tag()},
                raise_on_error=False,
            )
            assert outcome.success, [event.message for event in outcome.all_events if event.is_failure]
        cursor_file.write_text(result.cursor or "")
        return len(result.run_requests or ())


def _seen_between_request_and_run(instance: dg.DagsterInstance) -> AbstractContextManager[Any]:
    """The moment when Dagster has written down a run and not begun it, as a point: `run.created`."""
    create = instance.create_run_for_job

    def created(*arguments: Any, **named: Any) -> dg.DagsterRun:
        run = create(*arguments, **named)
        points.reached("run.created")
        return run

    return mock.patch.object(instance, "create_run_for_job", created)


def _tick(
    definitions: dg.Definitions, instance: dg.DagsterInstance, project: Project, cursor: str | None
) -> dg.SensorResult:
    sensor = next(each for each in definitions.sensors or () if each.name == "raw_file_sensor")
    context = dg.build_sensor_context(
        instance=instance, cursor=cursor, resources={"store": project.store}, definitions=definitions
    )
    result = sensor(context)
    assert isinstance(result, dg.SensorResult)
    return result


def _with(loader: str) -> Callable[[Project, Connection, Sequence[str]], None]:
    return lambda project, line, months: whole_load(project, line, months, loader)


WAYS: dict[str, Callable[[Project, Connection, Sequence[str]], object]] = {
    "graph": graph_load,
    **{name: _with(name) for name in LOADERS},
}


# --- races ------------------------------------------------------------------------------------------------------------


def load_objects(project: Project, line: Connection, objects: Sequence[MonthlyObject]) -> list[str]:
    """Load the objects when told to; what each load did."""
    line.send(("ready", None))
    line.recv()
    return [
        project.warehouse.replace_month(each, run_id="proof", code_version="proof", allow_superseded=True).action
        for each in objects
    ]


def restore(project: Project, line: Connection, month: str, load_id: str) -> list[str]:
    """Make an earlier load active again when told to."""
    line.send(("ready", None))
    line.recv()
    return [project.warehouse.restore_load(month, load_id).action]


def at_once(project: Project, line: Connection, how: str, months: Sequence[str], number: int) -> object:
    """A whole load when told to; by a sensor it is another installation's, which knows nothing of the first."""
    line.send(("ready", None))
    line.recv()
    if how == "graph":
        return graph_load(project, line, months, instance_of=f"dagster_{number}")
    return WAYS[how](project, line, months)


def publish_only(project: Project, _line: Connection, months: Sequence[str]) -> dict[str, MonthlyObject]:
    """The months' objects, not yet loaded."""
    return published_months(project, months)


def views_alone(project: Project, _line: Connection) -> None:
    """The KPI views, in a process of their own."""
    make_views(project)


def hold(project: Project, line: Connection, path: str) -> None:
    """Keep the DuckDB file open for reading, as a BI tool does that knows nothing of the lock file."""
    import duckdb

    with duckdb.connect(Path(path), read_only=True) as connection:
        connection.execute("SELECT COUNT(*) FROM walmart_sales").fetchall()
        line.send(("ready", None))
        line.recv()


def patient(project: Project, busy_timeout: float) -> Warehouse:
    """The place's DuckDB file, for somebody who waits only so long."""
    from walmart_bi.warehouse.duckdb_warehouse import DuckDbWarehouse

    return DuckDbWarehouse(project.settings.warehouse_file, project.store, busy_timeout=busy_timeout)


def load_impatiently(
    project: Project, _line: Connection, objects: Sequence[MonthlyObject], busy_timeout: float
) -> list[str]:
    """Load the objects into the DuckDB file; raises WarehouseBusy after the wait."""
    warehouse = patient(project, busy_timeout)
    return [warehouse.replace_month(each, run_id="proof", code_version="proof").action for each in objects]
