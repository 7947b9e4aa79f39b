"""The assembly: the only place where settings, stores, warehouse, assets, checks, jobs and sensors are wired.

Building opens no connection and writes no file; it reads the environment and the SQL catalog.
"""

from __future__ import annotations

import datetime as dt
import functools
from collections.abc import Mapping
from typing import Any

import dagster as dg

from walmart_bi.arrival_queue import ArrivalQueue
from walmart_bi.assets.bi import build_bi_assets
from walmart_bi.assets.cleaned import build_cleaned_assets
from walmart_bi.assets.common import Site
from walmart_bi.assets.insights import build_insights_assets
from walmart_bi.assets.kpis import build_kpi_assets
from walmart_bi.assets.published import build_published_assets
from walmart_bi.assets.published_tableau import build_published_tableau_assets
from walmart_bi.assets.raw import build_raw_assets
from walmart_bi.assets.story import build_story_assets
from walmart_bi.assets.warehouse import build_warehouse_assets
from walmart_bi.checks.bi import build_bi_checks
from walmart_bi.checks.cleaned import build_cleaned_checks
from walmart_bi.checks.insights import build_insights_checks
from walmart_bi.checks.kpis import build_kpi_checks
from walmart_bi.checks.published import build_published_checks
from walmart_bi.checks.raw import build_raw_checks
from walmart_bi.checks.story import build_story_checks
from walmart_bi.checks.warehouse import build_warehouse_checks
from walmart_bi.dask_cluster import open_dask_cluster
from walmart_bi.jobs import build_jobs
from walmart_bi.kpis.catalog import load_catalog
from walmart_bi.partitions import monthly_partitions
from walmart_bi.sales.cluster import OpenCluster
from walmart_bi.sensors import Watch, build_sensors
from walmart_bi.settings import Settings
from walmart_bi.stores.directory import DirectoryStore
from walmart_bi.stores.s3 import S3Store
from walmart_bi.warehouse.duckdb_warehouse import DuckDbWarehouse
from walmart_bi.warehouse.redshift_warehouse import RedshiftWarehouse

# The daemon looks every five seconds and skips a sensor that ran less than its interval ago: with an interval of five
# it finds 4.99 seconds gone and waits for the next look, so that the sensor runs every ten.
SENSOR_INTERVAL_SECONDS = 4
# On AWS without a queue every look is a paid listing of each landing prefix.
AWS_LISTING_INTERVAL_SECONDS = 30
# A file that was written to within this time may still be growing. An S3 object is seen only when it is complete.
SETTLE = dt.timedelta(seconds=1)
# A file that lands between two looks waits for the next, so a local look lasts most of the daemon's five seconds. It
# leaves the rest to the other sensors: the daemon asks one after the other.
LINGER = dt.timedelta(seconds=4)
AWS_SETTLE = dt.timedelta(0)


def build_resources(settings: Settings) -> dict[str, Any]:
    """The store and the warehouse of the target; nothing is opened yet."""
    if settings.aws is None:
        directory = DirectoryStore(settings.bucket_directory)
        return {"store": directory, "warehouse": DuckDbWarehouse(settings.warehouse_file, directory)}
    s3 = settings.aws.s3
    bucket = S3Store(s3.bucket, s3.prefix, encryption=s3.encryption)
    return {"store": bucket, "warehouse": RedshiftWarehouse(settings.aws.redshift, bucket)}


def build_definitions(
    settings: Settings | None = None, *, resources: Mapping[str, Any] | None = None
) -> dg.Definitions:
    """Fresh definitions for the settings (default: the environment's), with resources replaced where given."""
    settings = settings or Settings.from_environment()
    wired = {**build_resources(settings), **(resources or {})}
    catalog = load_catalog()
    site = Site(
        months=monthly_partitions(settings.first_month),
        store_kind="s3" if settings.aws else "file",
        warehouse_kind="redshift" if settings.aws else "duckdb",
        store_uri=wired["store"].uri,
        table_name=wired["warehouse"].table_name,
    )
    jobs = build_jobs()
    return dg.Definitions(
        assets=[
            *build_raw_assets(site, in_parts=settings.cleaning_cluster is not None),
            *build_cleaned_assets(site, settings.duplicate_policy, _cluster(settings)),
            *build_published_assets(site),
            *build_warehouse_assets(site, settings.duplicate_policy, _freshness(settings)),
            *build_kpi_assets(site, catalog),
            *build_insights_assets(site, catalog),
            *build_bi_assets(site, catalog, settings.profile),
            *build_story_assets(site, catalog, settings.profile),
            *build_published_tableau_assets(settings.tableau),
        ],
        asset_checks=[
            *build_raw_checks(),
            *build_cleaned_checks(),
            *build_published_checks(),
            *build_warehouse_checks(),
            *build_kpi_checks(catalog),
            *build_insights_checks(),
            *build_bi_checks(catalog, settings.profile),
            *build_story_checks(catalog, settings.profile),
        ],
        jobs=[jobs.monthly_load, jobs.load_monthly_object],
        sensors=build_sensors(
            jobs,
            first_month=settings.first_month,
            raw_data=_watch(settings, settings.aws.queues.raw_data if settings.aws else None, linger=LINGER),
            monthly_data=_watch(settings, settings.aws.queues.monthly_data if settings.aws else None),
            alerts=settings.alerts,
        ),
        resources=wired,
        # A process per step costs about twelve times as much as the steps themselves (docs/adr).
        executor=dg.in_process_executor,
    )


def _cluster(settings: Settings) -> OpenCluster | None:
    return functools.partial(open_dask_cluster, settings.cleaning_cluster) if settings.cleaning_cluster else None


def _watch(settings: Settings, queue_url: str | None, linger: dt.timedelta = dt.timedelta(0)) -> Watch:
    """How often a landing prefix is looked at: what costs nothing or next to nothing, often."""
    if settings.aws is None:
        return Watch(SENSOR_INTERVAL_SECONDS, SETTLE, linger=linger)
    if queue_url is None:
        return Watch(AWS_LISTING_INTERVAL_SECONDS, AWS_SETTLE)
    return Watch(SENSOR_INTERVAL_SECONDS, AWS_SETTLE, ArrivalQueue(queue_url))


def _freshness(settings: Settings) -> dg.FreshnessPolicy | None:
    """A load is due every month. 28 days is the shortest gap between two monthly deadlines, so the longest window."""
    if settings.freshness_day is None:
        return None
    return dg.FreshnessPolicy.cron(
        deadline_cron=f"0 9 {settings.freshness_day} * *", lower_bound_delta=dt.timedelta(days=28)
    )
