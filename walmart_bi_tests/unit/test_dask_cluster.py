"""Cleaning in parts on Dask: two processes of this machine, what they lose when they die, and who cannot be reached."""

import os
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import dask
import pytest
from distributed import LocalCluster
from distributed.security import Security

from walmart_bi import dask_cluster
from walmart_bi.dask_cluster import open_dask_cluster
from walmart_bi.sales.cluster import Cluster, ClusterError
from walmart_bi.sales.errors import RejectedFile
from walmart_bi_tests.unit.sales.in_parts import Delivered, outcome
from walmart_bi_tests.unit.sales.test_cleaned_file import MONTHS
from walmart_bi_tests.unit.sales.test_cleaned_in_parts import nasty


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    """Two workers. A call is given up with the second worker that dies of it, so that a test need not kill four."""
    with (
        dask.config.set({"distributed.scheduler.allowed-failures": 1}),
        open_dask_cluster("local", workers=2) as opened,
    ):
        yield opened


class Open:
    """A cluster that is open already, as something that opens it."""

    def __init__(self, cluster: Any) -> None:
        self._cluster = cluster

    def __call__(self) -> "Open":
        return self

    def __enter__(self) -> Any:
        return self._cluster

    def __exit__(self, *_: object) -> None:
        """It is closed by its fixture."""


class Dying:
    """A cluster in which the worker of each third call of one kind is killed in the middle, for the first time."""

    def __init__(self, cluster: Any, directory: Path, name: str) -> None:
        self._cluster, self._directory, self._name = cluster, directory, name

    def map(self, function: Any, items: Any) -> Any:
        if function.func.__name__ == self._name:
            function = _KilledOnce(function, self._directory)
        return self._cluster.map(function, items)


class _KilledOnce:
    def __init__(self, function: Any, directory: Path) -> None:
        self._function, self._directory = function, directory

    def __call__(self, item: Any) -> Any:
        done = self._function(item)
        number = getattr(item, "part", item).number
        mark = self._directory / f"killed {number}"
        if number == 2 and not mark.exists():
            mark.touch()
            os.kill(os.getpid(), signal.SIGKILL)  # its objects are written, and nobody has heard of them
        return done


def process_of(number: int) -> tuple[int, int]:
    return number, os.getpid()


def die(number: int) -> int:
    if number == 1:
        os.kill(os.getpid(), signal.SIGKILL)
    return number


def refuse(number: int) -> int:
    raise RejectedFile("odd", f"Number {number} is odd.", place="here", next_step="take another.")


def test_results_come_in_the_order_of_the_items_from_other_processes(cluster: Cluster) -> None:
    results = list(cluster.map(process_of, range(20)))
    assert [number for number, _ in results] == list(range(20))
    assert os.getpid() not in {process for _, process in results}


def test_every_port_of_a_local_cluster_is_on_loopback_and_asks_for_a_certificate(cluster: Any) -> None:
    scheduler = cluster._client.cluster.scheduler
    assert scheduler.address.startswith("tls://127.0.0.1:")
    assert scheduler.http_server.address == "127.0.0.1"
    workers = cluster._client.scheduler_info()["workers"]
    assert len(workers) == 2 and all(address.startswith("tls://127.0.0.1:") for address in workers)


def test_what_a_call_raises_arrives_whole(cluster: Cluster) -> None:
    with pytest.raises(RejectedFile) as caught:
        list(cluster.map(refuse, [7]))
    assert (caught.value.reason, str(caught.value)) == ("odd", "here: Number 7 is odd. Next step: take another.")


def test_given_a_nasty_file_when_cleaned_by_two_workers_then_it_is_as_from_one_process(
    cluster: Cluster, tmp_path: Path
) -> None:
    file = Delivered(nasty(), "sales.csv", tmp_path)
    cleaned = file.in_parts(10_000, cluster=Open(cluster), months=MONTHS)
    assert outcome(cleaned) == outcome(file.whole(months=MONTHS))
    assert file.left_behind() == [] and file.said == []


@pytest.mark.parametrize("task", ["survey", "clean_part"])
def test_given_a_worker_is_killed_in_the_middle_then_nothing_is_lost_or_counted_twice(
    cluster: Cluster, tmp_path: Path, task: str
) -> None:
    marks = tmp_path / "marks"
    marks.mkdir()
    file = Delivered(nasty(), "sales.csv", tmp_path)
    cleaned = file.in_parts(10_000, cluster=Open(Dying(cluster, marks, task)), months=MONTHS)
    assert [mark.name for mark in marks.iterdir()] == ["killed 2"]
    assert outcome(cleaned) == outcome(file.whole(months=MONTHS))


def test_given_workers_that_die_of_a_call_again_and_again_then_it_is_given_up_with_one_line(cluster: Cluster) -> None:
    with pytest.raises(ClusterError) as caught:
        list(cluster.map(die, range(3)))
    assert "worker that cleaned it died" in str(caught.value) and "\n" not in str(caught.value)
    assert [number for number, _ in cluster.map(process_of, [5])] == [5]


def test_given_nothing_answers_at_the_address_then_one_line_names_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dask_cluster, "_SECONDS_TO_REACH", 0.2)
    said = r"^tcp://127\.0\.0\.1:1: .*cannot be reached.*WALMART_BI_CLEANING_CLUSTER"
    with pytest.raises(ClusterError, match=said), open_dask_cluster("tcp://127.0.0.1:1"):
        pytest.fail("there is nobody")


@pytest.mark.parametrize(
    ("settings", "cause"),
    [
        ({}, "Dask is told of no certificates for an address of tls://"),
        (
            {"distributed.comm.tls.ca-file": "no_such.pem", "distributed.comm.tls.client.cert": "no_such.pem"},
            r"certificates that Dask is told of cannot be read \(FileNotFoundError\)",
        ),
    ],
)
def test_given_an_encrypted_address_without_its_certificates_then_one_line_says_what_to_set(
    settings: dict[str, str], cause: str
) -> None:
    said = rf"^tls://127\.0\.0\.1:1: .*{cause}.*DASK_DISTRIBUTED__COMM__TLS__CA_FILE.*CLIENT__CERT"
    with (
        dask.config.set(settings),
        pytest.raises(ClusterError, match=said),
        open_dask_cluster("tls://127.0.0.1:1"),
    ):
        pytest.fail("there is nobody")


def test_given_an_encrypted_address_and_its_certificates_then_its_workers_do_the_work() -> None:
    security = Security.temporary()
    known = {
        "distributed.comm.tls.ca-file": security.tls_ca_file,
        "distributed.comm.tls.client.cert": security.tls_client_cert,
        "distributed.comm.tls.client.key": security.tls_client_key,
    }
    with (
        LocalCluster(
            n_workers=1, processes=False, protocol="tls", host="127.0.0.1", dashboard_address=None, security=security
        ) as scheduler,
        dask.config.set(known),
        open_dask_cluster(scheduler.scheduler_address) as cluster,
    ):
        assert scheduler.scheduler_address.startswith("tls://127.0.0.1:")
        assert list(cluster.map(abs, [-1, 2])) == [1, 2]


def test_given_dask_is_not_installed_then_one_line_says_how_to_install_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "distributed", None)
    said = r"not installed.*pip install -e '.\[scale\]'"
    with pytest.raises(ClusterError, match=said), open_dask_cluster("local"):
        pytest.fail("there is no Dask")


def need(name: str) -> int:
    __import__(name)
    return 0


def wait(seconds: float) -> float:
    time.sleep(seconds)
    return seconds


def test_given_a_worker_without_a_package_then_one_line_names_it(cluster: Cluster) -> None:
    with pytest.raises(ClusterError, match=r"not what the load needs \(no_such_package\)"):
        list(cluster.map(need, ["no_such_package"]))


def test_given_the_address_of_a_scheduler_then_its_workers_do_the_work() -> None:
    with scheduler() as address, open_dask_cluster(address) as opened:
        assert list(opened.map(abs, [-1, 2])) == [1, 2]


def test_given_a_scheduler_that_is_lost_in_the_middle_then_one_line_says_so() -> None:
    with ExitStack() as running:
        address = running.enter_context(scheduler())
        with (
            pytest.raises(ClusterError, match="was lost while it worked") as caught,
            open_dask_cluster(address) as opened,
        ):
            results = opened.map(wait, [0.0, 5.0, 5.0])
            assert next(results) == 0.0
            running.close()
            list(results)
        assert "\n" not in str(caught.value)


def test_given_a_scheduler_without_workers_then_one_line_says_how_to_start_them(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(dask_cluster, "_SECONDS_FOR_A_WORKER", 0.2)
    said = r"no worker.*dask worker ADDRESS --nthreads 1"
    with pytest.raises(ClusterError, match=said), open_dask_cluster("local", workers=0):
        pytest.fail("nobody works there")


@contextmanager
def scheduler() -> Iterator[str]:
    """A scheduler with one worker, without certificates, in threads of this process."""
    with LocalCluster(
        n_workers=1, processes=False, host="127.0.0.1", protocol="tcp://", dashboard_address="127.0.0.1:0"
    ) as running:
        yield running.scheduler_address
