"""That a short run leaves no fault out where it matters, and that a new statement moves no other one's."""

from __future__ import annotations

import dataclasses
import subprocess
import sys
from collections.abc import Iterable

import pytest

from walmart_bi_tests.faults import test_duckdb as duckdb
from walmart_bi_tests.faults import test_files as files
from walmart_bi_tests.faults.choice import ALL_FAULTS, chosen, statement_of
from walmart_bi_tests.faults.sites import sites_of
from walmart_bi_tests.faults.test_session import CASES, FAULTS, LOGIN, SITES

STATEMENTS = [SITES[name] for name in CASES if name != LOGIN]


@pytest.fixture(autouse=True)
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(ALL_FAULTS, raising=False)


def test_given_a_commit_when_faults_are_chosen_then_a_lost_answer_and_a_conflict_are_among_them():
    commits = [site for site in STATEMENTS if "COMMIT" in statement_of(site)]

    assert {site.function for site in commits} >= {"RedshiftWarehouse._transaction", "RedshiftWarehouse._prepare"}
    assert all({"cut before", "cut after", "conflict"} <= set(chosen(site, list(FAULTS))) for site in commits)


def test_given_a_copy_when_faults_are_chosen_then_a_lost_answer_and_an_error_are_among_them():
    copies = [site for site in STATEMENTS if "COPY " in statement_of(site)]

    assert [site.function for site in copies] == ["copy_parquet"]
    assert {"cut before", "cut after", "disk full"} <= set(chosen(copies[0], list(FAULTS)))


def test_given_every_statement_when_faults_are_chosen_then_each_meets_one_and_each_fault_is_met():
    met = [chosen(site, list(FAULTS)) for site in STATEMENTS]

    assert all(met)
    assert {fault for faults in met for fault in faults} == set(FAULTS)
    assert sum(len(faults) == 1 for faults in met) > 0.8 * len(met)


def test_given_a_place_that_moved_when_a_fault_is_chosen_by_another_process_then_it_is_the_same():
    asked = (
        "from walmart_bi_tests.faults.choice import chosen\n"
        "from walmart_bi_tests.faults.sites import sites_of\n"
        f"print([chosen(site, {list(FAULTS)}) for site in sites_of('session')])"
    )
    done = subprocess.run([sys.executable, "-c", asked], capture_output=True, text=True, check=True)
    ordinary = [site for site in sites_of("session") if len(chosen(site, list(FAULTS))) == 1]

    assert done.stdout.strip() == str([chosen(site, list(FAULTS)) for site in sites_of("session")])
    moved = [dataclasses.replace(site, lines=(1, 1)) for site in ordinary]
    assert [chosen(site, list(FAULTS)) for site in moved] == [chosen(site, list(FAULTS)) for site in ordinary]


@pytest.mark.parametrize(
    ("names", "faults", "each"),
    [(files.CASES, files.FAULTS, "vanished"), (duckdb.CASES, duckdb.FAULTS, duckdb.CONFLICT)],
    ids=["files", "duckdb"],
)
def test_given_a_call_of_files_or_duckdb_when_faults_are_chosen_then_it_meets_the_one_of_each_and_one_more(
    names: Iterable[str], faults: Iterable[str], each: str
):
    sites = {**files.SITES, **duckdb.SITES}
    met = [chosen(sites[name], list(faults), each=[each]) for name in names]

    assert all(each in faults and len(faults) == 2 for faults in met)
    assert {fault for faults in met for fault in faults} == set(faults)


def test_given_the_variable_when_faults_are_chosen_then_all_are(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv(ALL_FAULTS, "1")
    assert chosen(STATEMENTS[0], list(FAULTS)) == list(FAULTS)
    assert chosen(STATEMENTS[0], list(FAULTS), each=["conflict"]) == list(FAULTS)
