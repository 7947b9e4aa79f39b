"""The assembled graph: what every asset tells about itself, and how its parts hang together."""

import dataclasses
import itertools
from pathlib import Path

import dagster as dg
import pytest

from walmart_bi.build import build_definitions
from walmart_bi.kpis.catalog import load_catalog
from walmart_bi.settings import Settings
from walmart_bi.settings_aws import ArrivalQueues, AwsSettings
from walmart_bi.stores.s3_settings import S3Settings
from walmart_bi.warehouse.redshift_settings import RedshiftSettings

CHAIN = ["raw_sales_file", "cleaned_sales", "monthly_sales_object", "walmart_sales"]
MONTHLY = set(CHAIN)


AWS = AwsSettings(
    S3Settings("retail-sales", "bi"),
    RedshiftSettings("sales", "arn:aws:iam::123456789012:role/copy", workgroup="retail"),
)


@pytest.fixture(scope="module", params=[None, AWS], ids=["local", "aws"])
def settings(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Settings:
    return Settings(home=tmp_path_factory.mktemp("home"), aws=request.param)


@pytest.fixture(scope="module")
def definitions(settings: Settings) -> dg.Definitions:
    return build_definitions(settings)


def specs(definitions: dg.Definitions) -> dict[str, dg.AssetSpec]:
    return {spec.key.to_user_string(): spec for spec in definitions.resolve_all_asset_specs()}


def test_given_the_graph_when_listed_then_it_is_the_designed_one(definitions: dg.Definitions):
    expected = {*CHAIN, *(kpi.name for kpi in load_catalog()), "kpi_insights", "tableau_snapshot", "story_dashboard"}
    assert set(specs(definitions)) == expected


def test_given_any_asset_when_looked_at_then_it_explains_itself(definitions: dg.Definitions):
    for name, spec in specs(definitions).items():
        assert spec.description and len(spec.description) > 40, name
        assert spec.owners, name
        assert spec.kinds, name
        assert spec.group_name and spec.group_name != "default", name
        assert {"dagster/uri", "dagster/table_name"} & set(spec.metadata), name
        schema = spec.metadata["dagster/column_schema"]
        assert schema.columns, name
        assert all(column.type and column.description for column in schema.columns), name


def test_given_a_target_when_the_graph_is_shown_then_kinds_and_addresses_are_those_of_the_target(
    settings: Settings, definitions: dg.Definitions
):
    by_name = specs(definitions)
    kinds = set().union(*(spec.kinds for spec in by_name.values()))
    shown = {
        by_name["walmart_sales"].metadata["dagster/table_name"],
        by_name["tableau_snapshot"].metadata["dagster/uri"],
    }
    if settings.aws:
        assert {"s3", "redshift"} <= kinds and not {"duckdb", "file"} & kinds
        assert {"sales.public.walmart_sales"} <= shown and any(
            str(x).startswith("s3://retail-sales/bi/") for x in shown
        )
    else:
        assert {"file", "duckdb"} <= kinds and not {"s3", "redshift"} & kinds


def test_given_the_chain_when_followed_then_each_layer_depends_on_the_one_before(definitions: dg.Definitions):
    by_name = specs(definitions)
    for upstream, downstream in itertools.pairwise(CHAIN):
        assert [dep.asset_key.to_user_string() for dep in by_name[downstream].deps] == [upstream]
    for kpi in load_catalog():
        assert [dep.asset_key.to_user_string() for dep in by_name[kpi.name].deps] == ["walmart_sales"]
        assert by_name[kpi.name].group_name == kpi.persona
    snapshot = {dep.asset_key.to_user_string() for dep in by_name["tableau_snapshot"].deps}
    assert snapshot == {kpi.name for kpi in load_catalog()} | {"kpi_insights"}
    insights = {dep.asset_key.to_user_string() for dep in by_name["kpi_insights"].deps}
    assert insights == {kpi.name for kpi in load_catalog()}


def test_given_the_monthly_assets_when_partitioned_then_the_current_month_is_included(definitions: dg.Definitions):
    for name, spec in specs(definitions).items():
        assert (spec.partitions_def is not None) == (name in MONTHLY), name
    partitions = specs(definitions)["walmart_sales"].partitions_def
    assert partitions is not None
    keys = partitions.get_partition_keys()
    assert keys[0] == "2024-01"
    import datetime as dt

    assert keys[-1] == f"{dt.datetime.now(dt.UTC):%Y-%m}"


def test_given_every_kpi_when_checked_then_a_blocking_check_guards_it(definitions: dg.Definitions):
    checks = [spec for definition in definitions.asset_checks or () for spec in definition.check_specs]
    blocking = {spec.asset_key.to_user_string() for spec in checks if spec.blocking}
    assert {"kpi_insights", *(kpi.name for kpi in load_catalog())} <= blocking
    assert MONTHLY | {"tableau_snapshot", "kpi_insights", "story_dashboard"} <= {
        spec.asset_key.to_user_string() for spec in checks
    }
    assert all(spec.description for spec in checks)


def test_given_the_jobs_and_sensors_when_loaded_then_they_are_complete_and_on(definitions: dg.Definitions):
    assert {job.name for job in definitions.jobs or ()} == {"monthly_load", "load_monthly_object"}
    sensors = {sensor.name: sensor for sensor in definitions.sensors or ()}
    assert set(sensors) == {"raw_file_sensor", "monthly_data_sensor", "failure_sensor"}
    for sensor in sensors.values():
        assert sensor.default_status == dg.DefaultSensorStatus.RUNNING
    dg.Definitions.validate_loadable(definitions)


def test_given_queues_when_assembled_then_their_sensors_look_often_and_the_others_seldom(tmp_path: Path):
    told = dataclasses.replace(AWS, queues=ArrivalQueues(raw_data="https://sqs.example/1/raw"))
    intervals = {
        sensor.name: sensor.minimum_interval_seconds
        for sensor in build_definitions(Settings(home=tmp_path, aws=told)).sensors or ()
    }
    assert (intervals["raw_file_sensor"], intervals["monthly_data_sensor"]) == (4, 30)


def test_given_a_freshness_day_when_assembled_then_only_the_sales_table_has_the_policy(tmp_path: Path):
    fresh = specs(build_definitions(Settings(home=tmp_path, freshness_day=5)))
    assert fresh["walmart_sales"].freshness_policy is not None
    assert [name for name, spec in fresh.items() if spec.freshness_policy is not None] == ["walmart_sales"]


def test_given_no_freshness_day_when_assembled_then_nothing_is_due(definitions: dg.Definitions):
    assert all(spec.freshness_policy is None for spec in specs(definitions).values())


def test_given_replaced_resources_when_assembled_then_the_graph_uses_them(tmp_path: Path):
    class Elsewhere:
        def uri(self, key: str) -> str:
            return f"s3://bucket/{key}"

    replaced = build_definitions(Settings(home=tmp_path), resources={"store": Elsewhere()})
    assert specs(replaced)["raw_sales_file"].metadata["dagster/uri"] == "s3://bucket/raw_data"
