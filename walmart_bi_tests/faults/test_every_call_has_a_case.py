"""Every place that asks something of the outside has a case that lets a fault meet it; a new place is seen at once."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from walmart_bi_tests.faults import (
    test_aws,
    test_dask,
    test_duckdb,
    test_files,
    test_network,
    test_readers,
    test_session,
)
from walmart_bi_tests.faults.holders import HARMLESS
from walmart_bi_tests.faults.sites import SOURCE, find_sites, product_sites

# Each module runs every case of its registry against every fault, and fails when a fault does not meet its call.
REGISTRIES = {
    "aws": (test_aws.CASES,),
    "session": (test_session.CASES, test_session.CLOSE_CASES),
    "duckdb": (test_duckdb.CASES,),
    "reader": (test_readers.CASES,),
    "network": (test_network.CASES, test_dask.CASES),
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
    # Calls of what holds a way to the outside, by whatever name.
    (
        "stores/s3.py",
        "def more(client):\n    client.download_file('b', 'k', 'f')\n",
        "aws",
        "more client.download_file",
    ),
    ("stores/s3.py", "def more(client):\n    client.meta.client.copy({}, 'b', 'k')\n", "aws", "meta.client.copy"),
    ("stores/s3.py", "def more(self):\n    self._client.not_yet_invented()\n", "aws", "_client.not_yet_invented"),
    ("stores/s3.py", "def more(client):\n    client.upload_fileobj(1, 'b', 'k')\n", "aws", "more client.upload_file"),
    ("stores/s3.py", "def more():\n    boto3.resource('s3').Object('b', 'k').get()\n", "aws", "more boto3.resource"),
    ("arrival_queue.py", "def more(it):\n    that = it.client('sqs')\n    that.close_all()\n", "aws", "that.close_all"),
    ("cli/doctor/queues.py", "def more():\n    _client().ping()\n", "aws", "more _client().ping"),
    ("dask_cluster.py", "def more(client):\n    client.scatter(1)\n", "network", "more client.scatter"),
    ("warehouse/redshift_connection.py", "def more(cursor):\n    cursor.fetchone()\n", "session", "cursor.fetchone"),
    ("warehouse/redshift_connection.py", "def more(cursor):\n    cursor.fetchall()\n", "session", "cursor.fetchall"),
    ("warehouse/redshift_connection.py", "def more(it: Connection):\n    it.commit()\n", "session", "more it.commit"),
    ("warehouse/redshift_stage.py", "def more(it):\n    it._connection.rollback()\n", "session", "connection.rollb"),
    ("warehouse/redshift_stage.py", "def more(it: Session):\n    it.vacuum()\n", "session", "more it.vacuum"),
    (
        "cli/doctor/redshift.py",
        "def more():\n    with session(1) as it:\n        it.cancel()\n",
        "session",
        "it.cancel",
    ),
    ("warehouse/redshift_warehouse.py", "def more(found):\n    found.nextset()\n", "session", "more found.nextset"),
    ("warehouse/duckdb_warehouse.py", "def more(connection):\n    connection.begin()\n", "duckdb", "connection.begin"),
    ("warehouse/duckdb_warehouse.py", "def more(it):\n    it.fetch_df_chunk()\n", "duckdb", "more it.fetch_df_chunk"),
    ("warehouse/duckdb_warehouse.py", "def more(connection):\n    connection.checkpoint()\n", "duckdb", "n.checkpoint"),
    ("warehouse/duckdb_file.py", "def more(connection):\n    connection.from_parquet('x')\n", "duckdb", "from_parq"),
    ("warehouse/duckdb_file.py", "def more():\n    duckdb.read_csv('x')\n", "duckdb", "more duckdb.read_csv"),
    # Files, beside the rooms where every call of theirs counts.
    ("sales/parquet_reading.py", "def more(path):\n    pq.ParquetFile(path)\n", "file", "more pq.ParquetFile"),
    ("sales/parquet_reading.py", "def more(path):\n    pq.read_table(path)\n", "file", "more pq.read_table"),
    ("sales/cleaning.py", "def more(frame):\n    frame.to_csv('x')\n", "file", "more frame.to_csv"),
    ("sales/cleaning.py", "def more(frame):\n    frame.to_parquet('x')\n", "file", "more frame.to_parquet"),
    ("sales/cleaning.py", "def more(file):\n    file.write('x')\n", "file", "more file.write"),
    ("sales/cleaning.py", "def more(file):\n    json.dump({}, file)\n", "file", "more json.dump"),
    ("sales/set_aside.py", "def more(self):\n    self._writer.close()\n", "file", "more self._writer.close"),
    ("reporting/snapshot.py", "def more(path):\n    zipfile.ZipFile(path, 'a')\n", "file", "more zipfile.ZipFile"),
    ("lookout.py", "def more():\n    urllib.request.urlopen('x')\n", "network", "more urllib.request.urlopen"),
]


@pytest.mark.parametrize(("file", "code", "kind", "call"), ADDED, ids=[f"{kind}: {call}" for _, _, kind, call in ADDED])
def test_given_a_new_call_when_the_source_is_read_then_it_has_no_case(
    tmp_path: Path, file: str, code: str, kind: str, call: str
):
    (tmp_path / file).parent.mkdir(parents=True, exist_ok=True)
    (tmp_path / file).write_text(f"{(SOURCE / file).read_text()}\n\n{code}")

    known = {site.name for site in product_sites()}
    (new,) = [site for site in find_sites(tmp_path) if site.name not in known]
    assert new.kind == kind and call in new.name
    assert new.name not in registered(kind)


def test_every_call_that_is_held_to_be_harmless_is_made_and_has_a_reason():
    calls = {
        (path.relative_to(SOURCE).as_posix(), ast.unparse(node.func))
        for path in SOURCE.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call)
    }
    assert HARMLESS.keys() - calls == set()
    assert all(len(reason.split()) > 4 for reason in HARMLESS.values())


def test_given_a_harmless_call_in_another_file_when_the_source_is_read_then_it_has_no_case(tmp_path: Path):
    (tmp_path / "warehouse").mkdir()
    (tmp_path / "warehouse" / "new.py").write_text("def more(session):\n    session.close()\n")

    assert [site.name for site in find_sites(tmp_path)] == ["warehouse/new.py more session.close"]
