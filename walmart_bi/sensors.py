"""The sensors of arrivals: a thin shell that looks (`lookout.py`), plans (`arrivals.py`) and requests runs.

None of them queries the warehouse: a poll would keep a serverless workgroup awake and billed. A listing error fails
the tick, so the cursor stays where it is. An arrival that has a run is not requested again, also when the cursor was
lost, the command line loaded it, or the run failed; only when the process of that run was killed.
"""

# No postponed annotations here: Dagster reads those of decorated functions when it defines them.

import dataclasses
import datetime as dt
import re
import time
from dataclasses import dataclass

import dagster as dg

from walmart_bi.abandoned_runs import ABANDONED_TAG, report_abandoned_runs
from walmart_bi.alerts import Alert, AlertSettings, send
from walmart_bi.arrival_queue import ArrivalQueue
from walmart_bi.arrivals import Covers, LoadRequest, Plan, Rejection, plan
from walmart_bi.assets.common import FILE_TAG, WALMART_SALES
from walmart_bi.errors import WalmartBiError
from walmart_bi.failure_sensor import build_failure_sensor
from walmart_bi.jobs import Jobs
from walmart_bi.lookout import Landing, look
from walmart_bi.partitions import range_tags, require_partitions, run_months
from walmart_bi.points import reached
from walmart_bi.sales.coverage import declared_months
from walmart_bi.sales.landing import months_covered
from walmart_bi.sales.rejection import report_rejected
from walmart_bi.stores.base import MONTHLY_DATA, RAW_DATA, ObjectInfo, ObjectStore

# The tag in which Dagster keeps a run's `run_key`; the command line sets it too. The Runs page does not show it.
DELIVERY_TAG = "dagster/run_key"
# The version of the file that a run was for. `file` will not do: the run replaces it by what it found to be the newest.
ARRIVAL_TAG = "walmart_bi/arrival"
REQUESTS_PER_TICK = 20
# Files without a month in their name are read within the tick, of which Dagster allows 60 s.
TICK_BUDGET = dt.timedelta(seconds=20)
LOOK_AGAIN_SECONDS = 0.25
OWN_OBJECT = re.compile(rf"{MONTHLY_DATA}(\d{{4}}-\d{{2}})/walmart_sales_\1_[0-9a-f]{{16}}\.parquet")


@dataclass(frozen=True)
class Watch:
    """How a sensor watches.

    How often it is asked, how long a file must have been left alone, the queue that tells of arrivals, and how long a
    tick that finds nothing to do keeps looking.
    """

    interval_seconds: int
    settle: dt.timedelta
    queue: ArrivalQueue | None = None
    linger: dt.timedelta = dt.timedelta(0)


class NoMonthInName(WalmartBiError):
    """An object under `monthly_data/` whose name does not say which month it holds."""


def build_sensors(
    jobs: Jobs, *, first_month: str, raw_data: Watch, monthly_data: Watch, alerts: AlertSettings
) -> list[dg.SensorDefinition]:
    """The sensors of the graph."""

    @dg.sensor(
        job=jobs.monthly_load,
        minimum_interval_seconds=raw_data.interval_seconds,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description="A new or changed file in `raw_data/` -> one run of `monthly_load` for each range of its months.",
    )
    def raw_file_sensor(context: dg.SensorEvaluationContext, store: dg.ResourceParam[ObjectStore]) -> dg.SensorResult:
        now = dt.datetime.now(dt.UTC)
        for run_id in report_abandoned_runs(context.instance):
            context.log.error(f"the process of run {run_id} was killed; the run is reported as failed")

        def covers(delivered: ObjectInfo) -> tuple[str, ...]:
            months = months_covered(store, delivered, today=now.date())
            require_partitions(months, first_month=first_month, today=now.date(), place=delivered.key)
            return months

        decided = _decide(context, store, Landing(RAW_DATA), raw_data, covers)
        return _act(context, store, decided, alerts, now)

    @dg.sensor(
        job=jobs.load_monthly_object,
        minimum_interval_seconds=monthly_data.interval_seconds,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description="A new or changed object in `monthly_data/` that another producer put there -> one run of "
        "`load_monthly_object` for its month.",
    )
    def monthly_data_sensor(
        context: dg.SensorEvaluationContext, store: dg.ResourceParam[ObjectStore]
    ) -> dg.SensorResult:
        now = dt.datetime.now(dt.UTC)

        def covers(delivered: ObjectInfo) -> tuple[str, ...]:
            months = object_month(delivered.key)
            require_partitions(months, first_month=first_month, today=now.date(), place=delivered.key)
            return months

        decided = _decide(context, store, Landing(MONTHLY_DATA, is_foreign), monthly_data, covers)
        return _act(context, store, decided, alerts, now, load_object=True)

    return [raw_file_sensor, monthly_data_sensor, build_failure_sensor(alerts)]


def is_foreign(key: str) -> bool:
    """Whether an object under `monthly_data/` is one that this pipeline did not publish itself."""
    return not OWN_OBJECT.fullmatch(key)


def _decide(
    context: dg.SensorEvaluationContext, store: ObjectStore, landing: Landing, watch: Watch, covers: Covers
) -> Plan:
    """What to do about what has arrived: as soon as that is something, at the latest when the lingering is over."""
    last_look = time.monotonic() + watch.linger.total_seconds()
    while True:
        problems, decided = _look_and_plan(context.cursor, store, landing, watch, covers)
        if decided.requests or decided.rejections or time.monotonic() >= last_look:
            break
        time.sleep(LOOK_AGAIN_SECONDS)
    for problem in problems:
        context.log.error(problem)
    for note in decided.notes:
        context.log.info(note)
    return dataclasses.replace(decided, notes=(*problems, *decided.notes))


def _look_and_plan(
    cursor: str | None, store: ObjectStore, landing: Landing, watch: Watch, covers: Covers
) -> tuple[tuple[str, ...], Plan]:
    """What was wrong with looking, and what follows from what was seen."""
    now = dt.datetime.now(dt.UTC)
    view = look(store, landing, cursor, watch.queue, now)
    reached("sensor.looked")
    return view.problems, plan(
        view.listing,
        cursor,
        asked=view.asked,
        covers=covers,
        now=now,
        settle=watch.settle,
        limit=REQUESTS_PER_TICK,
        out_of_time=lambda: dt.datetime.now(dt.UTC) - now > TICK_BUDGET,
    )


def _act(
    context: dg.SensorEvaluationContext,
    store: ObjectStore,
    decided: Plan,
    alerts: AlertSettings,
    now: dt.datetime,
    *,
    load_object: bool = False,
) -> dg.SensorResult:
    for rejection in decided.rejections:
        _reject(context, store, rejection, alerts, now)
    reasons = [*(str(rejection.error) for rejection in decided.rejections), *decided.notes]
    requests = []
    reached("sensor.before_request")
    for request in decided.requests:
        known = _requested_months(context.instance, request) & set(request.months)
        if known:
            reasons.append(
                f"{request.key}: this version has a run already for {', '.join(sorted(known))}; "
                "to repeat it, re-execute that run"
            )
        requests += [_run_request(rest, load_object=load_object) for rest in request.without(known)]
    reached("sensor.after_request")
    if requests:
        return dg.SensorResult(run_requests=requests, cursor=decided.cursor)
    return dg.SensorResult(skip_reason="; ".join(reasons) or "nothing new has arrived", cursor=decided.cursor)


def delivery_tags(request: LoadRequest) -> dict[str, str]:
    """Tags that name the months and the arrival of a run, whoever starts it."""
    tags = {DELIVERY_TAG: request.run_key, ARRIVAL_TAG: request.arrival, FILE_TAG: request.key}
    return {**range_tags(request.months), **tags}


def _run_request(request: LoadRequest, *, load_object: bool) -> dg.RunRequest:
    config = {"ops": {WALMART_SALES: {"config": {"object_key": request.key}}}} if load_object else {}
    return dg.RunRequest(run_key=request.run_key, run_config=config, tags=delivery_tags(request))


def _requested_months(instance: dg.DagsterInstance, request: LoadRequest) -> set[str]:
    """The months of this arrival that a run was for, whoever started it and however it ended; but for killed runs.

    By months and not by the run's key: when a newer file has taken one of a range's months, what is left of the range
    has another key.
    """
    records = instance.get_run_records(dg.RunsFilter(tags={ARRIVAL_TAG: request.arrival}))
    runs = [record.dagster_run for record in records]
    return {month for run in runs if ABANDONED_TAG not in run.tags for month in run_months(run.tags)}


def _reject(
    context: dg.SensorEvaluationContext,
    store: ObjectStore,
    rejection: Rejection,
    alerts: AlertSettings,
    now: dt.datetime,
) -> None:
    report = report_rejected(store, rejection.arrival, rejection.error, at=now)
    context.log.error(f"{rejection.error} Report: {store.uri(report)}")
    error = rejection.error
    send(Alert(f"{rejection.arrival.key} was rejected", error.cause, error.place, error.next_step, None), alerts)


def object_month(key: str) -> tuple[str, ...]:
    """The month of an object under `monthly_data/`: its folder's, else its name's. Raises NoMonthInName."""
    folder = key.removeprefix(MONTHLY_DATA).split("/")[0]
    months = declared_months(folder) or declared_months(key)
    if len(months) != 1:
        raise NoMonthInName(
            f"Its name declares {len(months)} months; an object here holds exactly one.",
            place=key,
            next_step=f"put it under {MONTHLY_DATA}YYYY-MM/, or deliver the file to {RAW_DATA} instead.",
        )
    return months
