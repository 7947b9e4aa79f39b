"""The PostgreSQL behind the stand-in: it ends with its owner, however that goes, and a cluster can be kept."""

from __future__ import annotations

import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from walmart_bi_tests.dagster_dev import eventually
from walmart_bi_tests.kept import CHECKOUT, NotStarted, kept
from walmart_bi_tests.redshift_standin.backend import session
from walmart_bi_tests.redshift_standin.postgres import postgres_in, throw_away_postgres

OWNER = """
import sys
from walmart_bi_tests.kept import kept
from walmart_bi_tests.redshift_standin.postgres import throw_away_postgres
with kept(throw_away_postgres) as postgres:
    print(postgres, flush=True)
    sys.stdin.read()
"""


@pytest.mark.parametrize("sign", [signal.SIGTERM, signal.SIGKILL])
def test_given_an_owner_that_is_killed_then_its_server_ends_and_its_directory_is_removed(sign):
    command = [sys.executable, "-c", OWNER]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=CHECKOUT) as owner:
        assert owner.stdout is not None
        postgres = Path(owner.stdout.readline().strip())
        with socket.socket(socket.AF_UNIX) as client:
            client.connect(str(postgres))
            owner.send_signal(sign)
            assert owner.wait() == -sign
            assert client.recv(1) == b""  # the server is gone
    eventually(lambda: not postgres.parent.exists(), f"{postgres.parent} is still there")


def test_given_a_block_that_ends_then_the_server_is_gone_before_the_next_line():
    with kept(throw_away_postgres) as postgres, session(Path(postgres), "postgres") as admin:
        assert admin.query("SHOW fsync") == [("off",)]
    assert not Path(postgres).parent.exists()


def test_given_a_kept_cluster_when_started_again_then_its_data_are_there_and_writes_are_durable(tmp_path):
    with kept(postgres_in, str(tmp_path / "data")) as postgres, session(Path(postgres), "postgres") as admin:
        admin.query("CREATE TABLE notes AS SELECT 'kept' AS note")
        durable = [admin.query(f"SHOW {name}")[0][0] for name in ("fsync", "synchronous_commit", "full_page_writes")]
    with kept(postgres_in, str(tmp_path / "data")) as postgres, session(Path(postgres), "postgres") as admin:
        assert admin.query("SELECT note FROM notes") == [("kept",)]
    assert durable == ["on", "on", "on"]


def test_given_a_cluster_half_made_when_started_then_it_is_made_anew(tmp_path):
    (tmp_path / "data.new").mkdir()
    (tmp_path / "data.new" / "PG_VERSION").write_text("18\n")
    with kept(postgres_in, str(tmp_path / "data")) as postgres, session(Path(postgres), "postgres") as admin:
        assert admin.query("SELECT 1") == [("1",)]
    assert [path.name for path in tmp_path.iterdir()] == ["data"]


def test_given_a_cluster_that_is_in_use_when_started_then_it_is_refused_and_stays_in_use(tmp_path):
    with kept(postgres_in, str(tmp_path / "data")) as postgres:
        with pytest.raises(NotStarted, match="pg_ctl ended with 1"), kept(postgres_in, str(tmp_path / "data")):
            pass
        with session(Path(postgres), "postgres") as admin:
            assert admin.query("SELECT 1") == [("1",)]
    assert [path.name for path in tmp_path.iterdir()] == ["data"]
