"""A whole project in a directory of its own, for tests that run the real graph on a real Dagster instance."""

from __future__ import annotations

import dataclasses
import datetime as dt
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest import mock

import dagster as dg

from walmart_bi.build import build_definitions, build_resources
from walmart_bi.months import first_day, next_month
from walmart_bi.partitions import range_tags
from walmart_bi.sales.sample import HEADER, write_sample
from walmart_bi.settings import Settings
from walmart_bi.stores.base import ObjectInfo, ObjectStore
from walmart_bi.warehouse.base import Warehouse
from walmart_bi_tests.arrival_queues import TestQueue, new_queue, notify
from walmart_bi_tests.redshift_standin.standin import COPY_ROLE, WORKGROUP, shared_standin

LOAD = ("raw_sales_file", "cleaned_sales", "monthly_sales_object", "walmart_sales")
QUIET = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}


@dataclass
class TestProject:
    """One project: its store, its warehouse, its definitions and its instance."""

    __test__ = False

    directory: Path
    settings: Settings
    store: ObjectStore
    warehouse: Warehouse
    definitions: dg.Definitions
    instance: dg.DagsterInstance

    def deliver(self, name: str, content: bytes | str) -> ObjectInfo:
        """Put a file into the landing directory, as a person would."""
        data = content.encode() if isinstance(content, str) else content
        return self.store.write_bytes(f"raw_data/{name}", data)

    def run(
        self,
        *months: str,
        job: str = "monthly_load",
        config: Mapping[str, Any] | None = None,
        assets: Sequence[str] | None = None,
    ) -> dg.ExecuteInProcessResult:
        """Run a job for the range of months (or for none) and return its result, failed or not."""
        run_config = {**QUIET, **({"ops": {"walmart_sales": {"config": dict(config)}}} if config else {})}
        return self.definitions.resolve_job_def(job).execute_in_process(
            run_config=run_config,
            instance=self.instance,
            tags=range_tags(months) if months else {},
            asset_selection=[dg.AssetKey(name) for name in assets] if assets else None,
            raise_on_error=False,
        )

    def load(self, *months: str, config: Mapping[str, Any] | None = None) -> dg.ExecuteInProcessResult:
        """The monthly load up to the sales table, with its checks: views and files after it cost ten times as much."""
        return self.run(*months, config=config, assets=LOAD)

    def load_object(self, month: str, **config: Any) -> dg.ExecuteInProcessResult:
        """The load of an object that is there already, up to the sales table, with its checks."""
        return self.run(month, job="load_monthly_object", config=config, assets=["walmart_sales"])

    def query(self, sql: str) -> list[tuple[Any, ...]]:
        """Rows of the warehouse."""
        with self.warehouse.read() as reader:
            return reader.query(sql).rows

    def rows_by_month(self) -> dict[str, int]:
        """Rows in the sales table by month."""
        counted = self.query("SELECT month, COUNT(*) FROM walmart_sales GROUP BY month ORDER BY month")
        return {f"{month:%Y-%m}": rows for month, rows in counted}


@contextmanager
def new_project(directory: Path, **settings: Any) -> Iterator[TestProject]:
    """An empty project on one machine, below the directory."""
    with _opened(directory, Settings(home=directory / "home", **settings)) as project:
        yield project


@contextmanager
def new_aws_project(directory: Path, **settings: Any) -> Iterator[TestProject]:
    """An empty project on S3 and the stand-in for Redshift; inside the block the environment leads to both."""
    with aws_environment() as variables:
        chosen = Settings.from_environment({**variables, "WALMART_BI_HOME": str(directory / "home")})
        with _opened(directory, dataclasses.replace(chosen, **settings)) as project:
            yield project


@contextmanager
def aws_environment() -> Iterator[dict[str, str]]:
    """The variables of an empty bucket and database, as an operator sets them; set in this process in the block."""
    standin = shared_standin()
    variables = {
        **standin.environment,
        "AWS_ENDPOINT_URL_SQS": standin.environment["AWS_ENDPOINT_URL_S3"],
        "WALMART_BI_TARGET": "aws",
        "WALMART_BI_BUCKET": standin.new_bucket(),
        "WALMART_BI_PREFIX": "retail/bi",
        "WALMART_BI_REDSHIFT_WORKGROUP": WORKGROUP,
        "WALMART_BI_REDSHIFT_DATABASE": standin.new_database(),
        "WALMART_BI_REDSHIFT_COPY_ROLE_ARN": COPY_ROLE,
    }
    with mock.patch.dict(os.environ, variables):
        yield variables


@contextmanager
def new_aws_project_with_queues(directory: Path) -> Iterator[tuple[TestProject, TestQueue, TestQueue]]:
    """An empty project on AWS whose bucket tells of `raw_data/` and of `monthly_data/` in a queue each."""
    with aws_environment() as variables:
        raw_data, monthly_data = new_queue(), new_queue()
        bucket, folder = variables["WALMART_BI_BUCKET"], variables["WALMART_BI_PREFIX"]
        notify(shared_standin().s3, bucket, {f"{folder}/raw_data/": raw_data, f"{folder}/monthly_data/": monthly_data})
        chosen = Settings.from_environment(
            {
                **variables,
                "WALMART_BI_HOME": str(directory / "home"),
                "WALMART_BI_RAW_DATA_QUEUE_URL": raw_data.url,
                "WALMART_BI_MONTHLY_DATA_QUEUE_URL": monthly_data.url,
            }
        )
        with _opened(directory, chosen) as project:
            yield project, raw_data, monthly_data


@contextmanager
def project_of_environment(directory: Path) -> Iterator[TestProject]:
    """The project that the environment leads to, with a history of its own; the directory is where a test writes."""
    with _opened(directory, Settings.from_environment()) as project:
        yield project


TARGETS: dict[str, Callable[[Path], AbstractContextManager[TestProject]]] = {
    "local": new_project,
    "aws": new_aws_project,
}


@contextmanager
def _opened(directory: Path, settings: Settings) -> Iterator[TestProject]:
    resources = build_resources(settings)
    with dg.DagsterInstance.ephemeral() as instance:
        yield TestProject(
            directory=directory,
            settings=settings,
            store=resources["store"],
            warehouse=resources["warehouse"],
            definitions=build_definitions(settings, resources=resources),
            instance=instance,
        )


def month_csv(month: str, rows: int = 40, *, seed: int = 1, bad: int = 0, directory: Path) -> str:
    """A clean month as CSV text; the first `bad` records have a negative amount."""
    path = directory / f"made_{month}_{rows}_{seed}.csv"
    last_day = first_day(next_month(month)) - dt.timedelta(days=1)
    write_sample(path, rows=rows, first_day=first_day(month), last_day=last_day, seed=seed, dirty_share=0)
    lines = path.read_text().splitlines()
    amount = HEADER.split(",").index("Purchase_Amount")
    for number in range(1, bad + 1):
        fields = lines[number].split(",")
        fields[amount] = "-" + fields[amount]
        lines[number] = ",".join(fields)
    return "\n".join(lines) + "\n"


def failure_of(result: dg.ExecuteInProcessResult) -> str:
    """What a person reads about the first failed step."""
    assert not result.success
    failed = next(event for event in result.all_events if event.is_step_failure)
    given = failed.step_failure_data.user_failure_data
    assert given is not None and given.description, f"{failed.step_key} failed with a stack trace"
    return given.description


def failed_checks(result: dg.ExecuteInProcessResult) -> set[str]:
    """Names of the checks of a run that did not pass."""
    evaluations = result.get_asset_check_evaluations()
    return {evaluation.check_name for evaluation in evaluations if not evaluation.passed}
