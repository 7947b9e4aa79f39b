"""Every place that asks something of the outside has a case that lets a fault meet it; a new place is seen at once."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from walmart_bi_tests.faults import test_aws, test_duckdb, test_files, test_network, test_readers, test_session
from walmart_bi_tests.faults.sites import SOURCE, find_sites, product_sites

# Each module runs every case of its registry against every fault, and fails when a fault does not meet its call.
REGISTRIES = {
    "aws": (test_aws.CASES,),
    "session": (test_session.CASES,),
    "duckdb": (test_duckdb.CASES,),
    "reader": (test_readers.CASES,),
    "network": (test_network.CASES,),
    "file": (test_files.CASES, test_aws.FILE_CASES, test_session.FILE_CASES),
}


def registered(kind: str) -> set[str]:
    return {name for registry in REGISTRIES[kind] for name in registry}


@pytest.mark.parametrize("kind", REGISTRIES)
def test_every_call_in_the_source_has_a_fault_case_and_every_case_a_call(kind: str):
    found = {site.name for site in product_sites() if site.kind == kind}

    assert found - registered(kind) == set(), "calls without a fault case"
    assert registered(kind) - found == set(), "cases of calls that are no more"
    assert found


def test_there_is_no_kind_of_call_without_a_registry():
    assert {site.kind for site in product_sites()} == set(REGISTRIES)


# (file, code that is added at its end, the kind and the name of the call that must be found)
ADDED = [
    ("stores/s3.py", "def more(client):\n    return client.get_object_attributes()\n", "aws", "client.get_object_attr"),
    ("cli/doctor/bucket.py", "def more(ask):\n    return ask('get_bucket_logging')\n", "aws", "get_bucket_logging"),
    ("arrival_queue.py", "def more(sqs):\n    sqs.purge_queue()\n", "aws", "sqs.purge_queue"),
    (
        "warehouse/redshift_stage.py",
        "def more(session):\n    session.execute('VACUUM')\n",
        "session",
        "more session.ex",
    ),
    ("warehouse/duckdb_warehouse.py", "def more(it):\n    it.execute('CHECKPOINT')\n", "duckdb", "more it.execute"),
    ("kpis/insights/facts.py", "def more(reader):\n    reader.query('SELECT 1')\n", "reader", "more reader.query"),
    ("stores/directory.py", "def more(path):\n    os.truncate(path, 0)\n", "file", "more os.truncate"),
    ("reporting/manifest.py", "def more(path):\n    path.write_text('')\n", "file", "more path.write_text"),
    ("sales/landing.py", "def more(path):\n    path.open('w')\n", "file", "more path.open"),
    ("alert_channels.py", "def more(server):\n    server.noop()\n", "network", "more server.noop"),
    ("lookout.py", "def more():\n    urllib.request.urlopen('x')\n", "network", "more urllib.request.urlopen"),
]


@pytest.mark.parametrize(("file", "code", "kind", "call"), ADDED, ids=[f"{kind}: {call}" for _, _, kind, call in ADDED])
def test_given_a_new_call_when_the_source_is_read_then_it_has_no_case(
    tmp_path: Path, file: str, code: str, kind: str, call: str
):
    shutil.copytree(SOURCE, tmp_path / "source", ignore=shutil.ignore_patterns("__pycache__"))
    with (tmp_path / "source" / file).open("a") as source:
        source.write(f"\n\n{code}")

    known = {site.name for site in product_sites()}
    (new,) = [site for site in find_sites(tmp_path / "source") if site.name not in known]
    assert new.kind == kind and call in new.name
    assert new.name not in registered(kind)
