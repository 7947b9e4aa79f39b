"""A load whose large files are cleaned in parts ends as any other, and says in one line when nobody cleans them."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from walmart_bi import build, dask_cluster
from walmart_bi.cli.doctor import cluster as doctor_of_cluster
from walmart_bi.sales import parts
from walmart_bi.sales.cluster import Cluster
from walmart_bi.stores.base import ObjectStore
from walmart_bi_tests.command_line import in_directory, run
from walmart_bi_tests.project import failure_of, month_csv, new_project
from walmart_bi_tests.unit.sales.in_parts import Here


def test_given_a_cluster_when_a_file_of_many_parts_is_loaded_then_the_warehouse_is_as_without(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    opened: list[str] = []

    @contextmanager
    def this_process(address: str) -> Iterator[Cluster]:
        opened.append(address)
        yield Here()

    monkeypatch.setattr(build, "open_dask_cluster", this_process)
    monkeypatch.setattr(parts, "PART_BYTES", 2_000)
    rows = []
    for name, cluster in (("one", None), ("parts", "tcp://scheduler:8786")):
        with new_project(tmp_path / name, cleaning_cluster=cluster) as project:
            project.deliver("sales_2024-05.csv", month_csv("2024-05", 200, bad=3, directory=tmp_path))
            result = project.load("2024-05")
            assert result.success, failure_of(result)
            rows.append(project.query("SELECT * FROM walmart_sales ORDER BY source_line"))
            assert [info.key for info in project.store.list("staging/parts/")] == []
    assert rows[0] == rows[1] and len(rows[0]) > 190
    assert opened == ["tcp://scheduler:8786"]


def test_given_a_scheduler_that_does_not_answer_when_loaded_then_one_line_says_so_and_nothing_is_loaded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(dask_cluster, "_SECONDS_TO_REACH", 0.2)
    monkeypatch.setattr(parts, "PART_BYTES", 2_000)
    with new_project(tmp_path, cleaning_cluster="tcp://127.0.0.1:1") as project:
        project.deliver("sales_2024-05.csv", month_csv("2024-05", 60, directory=tmp_path))
        result = project.load("2024-05")
        assert not result.success
        assert "The Dask scheduler cannot be reached" in failure_of(result)
        assert "\n" not in failure_of(result).strip()
        assert list(project.store.list("monthly_data/")) == []


@pytest.fixture
def asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A project with a cluster, which this process stands for."""

    @contextmanager
    def this_process(address: str) -> Iterator[Cluster]:
        yield Here()

    with in_directory(tmp_path):
        monkeypatch.setenv("WALMART_BI_CLEANING_CLUSTER", "tcp://scheduler:8786")
        monkeypatch.setattr(doctor_of_cluster, "open_dask_cluster", this_process)
        yield


@pytest.mark.usefixtures("asked")
def test_given_workers_that_reach_the_store_when_the_doctor_looks_then_they_are_in_order():
    assert re.search(r"cluster +ok +tcp://scheduler:8786: a worker lists the store", run("doctor").out)


@pytest.mark.usefixtures("asked")
def test_given_workers_of_another_version_when_the_doctor_looks_then_it_says_so(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(doctor_of_cluster, "version_of_worker", of_another_time)
    done = run("doctor")
    assert done.code == 1
    assert re.search(
        r"cluster +NOT IN ORDER +tcp://scheduler:8786: .* version 0 .*same version of walmart_bi", done.out
    )


def of_another_time(store: ObjectStore, prefix: str) -> str:
    return "0"
