"""The real project below Dagster's executor: sensor, asset bodies, store, warehouse, and the record of its runs."""

from __future__ import annotations

import contextlib
import dataclasses
import datetime as dt
import logging
import socket
import tempfile
import threading
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any, NamedTuple

import dagster as dg

from walmart_bi.abandoned_runs import PROCESS_TAG
from walmart_bi.alerts import AlertSettings
from walmart_bi.assets.warehouse import MonthLoadConfig
from walmart_bi.build import build_definitions, build_resources
from walmart_bi.jobs import build_jobs
from walmart_bi.sensors import Watch, build_sensors
from walmart_bi.settings import Settings
from walmart_bi.stores.base import ObjectInfo
from walmart_bi.warehouse.base import WarehouseError
from walmart_bi.warehouse.integrity import check_ledger, read_loads
from walmart_bi_tests.histories.files import MONTHS, Row
from walmart_bi_tests.histories.interruptions import PointedStore, Points, pointed_databases
from walmart_bi_tests.project import aws_environment
from walmart_bi_tests.rollups import rollup_problems

STEPS = ("raw_sales_file", "cleaned_sales", "monthly_sales_object", "walmart_sales")
# A process number that Linux never gives out.
DEAD_PROCESS = f"{socket.gethostname()} 4194999 1"
_log = logging.getLogger(__name__)


@dg.op
def nothing() -> None: ...


@dg.job
def run_of_a_history() -> None:
    """What a run's record needs a job for."""
    nothing()


class State(NamedTuple):
    """The rows of each month, its active load's source, how many loads it has had, and what the rules say.

    The rules are those of ledger and rollups, these over every cell.
    """

    rows: dict[str, Counter[Row]]
    active: dict[str, str]
    loads: dict[str, int]
    problems: list[str]


class Place:
    """One project in a directory of its own. `restart` makes everything that holds a connection or a file anew.

    The definitions are made once: they are functions, which are given store and warehouse with each call.
    """

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.points = Points()
        self.cursor: str | None = None
        self.instance = dg.DagsterInstance.ephemeral()
        # An instance in memory cannot be used by two threads at once; a deployment's is no matter of this place.
        self._run_storage = threading.Lock()
        self.restart()
        wired = {"store": self.store, "warehouse": self.warehouse}
        definitions = build_definitions(self.settings, resources=wired)
        self._bodies = {name: _body(definitions, name) for name in STEPS}
        watch = Watch(5, dt.timedelta(0))
        sensors = build_sensors(
            build_jobs(), first_month=MONTHS[0], raw_data=watch, monthly_data=watch, alerts=AlertSettings()
        )
        self._sensor = next(sensor for sensor in sensors if sensor.name == "raw_file_sensor")

    def restart(self) -> None:
        resources = build_resources(self.settings)
        self.store = PointedStore(resources["store"], self.points)
        self.warehouse = type(resources["warehouse"])(*_places(resources["warehouse"], self.store))

    def forget_runs(self) -> None:
        """Dagster's history is wiped."""
        self.instance = dg.DagsterInstance.ephemeral()

    def deliver(self, name: str, data: bytes) -> ObjectInfo:
        return self.store.write_bytes(f"raw_data/{name}", data)

    def remove(self, name: str) -> None:
        self.store.delete(f"raw_data/{name}")

    def tick(self) -> list[dg.RunRequest]:
        """One evaluation of the sensor; its cursor is kept."""
        context = dg.build_sensor_context(instance=self.instance, cursor=self.cursor, resources={"store": self.store})
        with context:
            result = self._sensor(context)
        self.cursor = result.cursor
        return list(result.run_requests or [])

    def run(self, months: Sequence[str], tags: dict[str, str] | None = None) -> str | None:
        """The bodies of the load's assets, one after the other; what a person reads when one of them fails."""
        with self._run_storage:
            record = self.instance.create_run_for_job(run_of_a_history, tags=tags, status=dg.DagsterRunStatus.STARTED)
        context = SimpleNamespace(
            partition_keys=list(months),
            run=SimpleNamespace(run_id=record.run_id),
            instance=SimpleNamespace(add_run_tags=self._tag),
            log=_log,
            add_asset_metadata=lambda *_arguments, **_options: None,
        )
        try:
            for name in STEPS:
                self._bodies[name](context, store=self.store, warehouse=self.warehouse)
        except dg.Failure as failure:
            return failure.description
        except BaseException:
            self._tag(record.run_id, {PROCESS_TAG: DEAD_PROCESS})
            raise
        return None

    def _tag(self, run_id: str, tags: dict[str, str]) -> None:
        with self._run_storage:
            self.instance.add_run_tags(run_id, tags)

    def state(self) -> State:
        """What a reader finds, all of it from the same committed state."""
        try:
            with self.warehouse.read() as reader:
                found = reader.query(
                    "SELECT month, customer_id, purchase_date, purchase_amount FROM walmart_sales"
                ).rows
                loads = read_loads(reader)
                rollups = rollup_problems(reader)
        except WarehouseError as error:
            if "Nothing is loaded yet" not in str(error):
                raise
            return State({}, {}, {}, [])
        months: dict[str, Counter[Row]] = {}
        for month, customer, day, amount in found:
            months.setdefault(f"{month:%Y-%m}", Counter())[customer, day.isoformat(), int(amount * 100)] += 1
        problems = [problem for verdict in check_ledger(loads).values() for problem in verdict.problems] + rollups
        return State(
            months,
            {load.month: load.source_sha256 for load in loads.active},
            Counter(load.month for load in loads.ledger),
            problems,
        )


def _places(warehouse: Any, store: PointedStore) -> tuple[Any, Any]:
    """What the warehouse was made with, but for the store."""
    return (getattr(warehouse, "_settings", None) or warehouse._path), store


def _body(definitions: dg.Definitions, name: str) -> Any:
    """The asset's own function, called with what it asks for."""
    asset = next(
        asset
        for asset in definitions.assets or []
        if isinstance(asset, dg.AssetsDefinition) and asset.key.path == [name]
    )
    function: Any = asset.op.compute_fn
    function = function.decorated_fn

    def call(context: Any, **resources: Any) -> None:
        if name == "walmart_sales":
            function(context, MonthLoadConfig(), resources["store"], resources["warehouse"])
        else:
            function(context, resources["store"])

    return call


@contextlib.contextmanager
def local_place() -> Iterator[Place]:
    """A directory and DuckDB."""
    with (
        tempfile.TemporaryDirectory(prefix="walmart_bi_history_") as home,
        _opened(Settings(home=Path(home), first_month=MONTHS[0])) as place,
    ):
        yield place


@contextlib.contextmanager
def aws_place() -> Iterator[Place]:
    """An S3 server and the stand-in for Redshift."""
    with tempfile.TemporaryDirectory(prefix="walmart_bi_history_") as home, aws_environment() as variables:
        settings = Settings.from_environment({**variables, "WALMART_BI_HOME": home})
        with _opened(dataclasses.replace(settings, first_month=MONTHS[0])) as place:
            yield place


@contextlib.contextmanager
def _opened(settings: Settings) -> Iterator[Place]:
    place = Place(settings)
    with pointed_databases(place.points):
        yield place


PLACES = {"local": local_place, "aws": aws_place}
