"""That the proof counts the faults which met their calls, and that nothing which fails there is passed over."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from walmart_bi_tests.faults.choice import ALL_FAULTS
from walmart_bi_tests.proof import faults
from walmart_bi_tests.proof.faults import every_fault, faults_section, run_tests
from walmart_bi_tests.proof.journal import Journal
from walmart_bi_tests.proof.parts import Size

SIZE = Size(seeds={"local": 1, "aws": 1}, graph_seeds=1, loads=8, histories=1, steps=3, inputs=40, processes=1)
HEAD = "import os\nimport pytest\n\n"
TWO_MET = f'''@pytest.mark.parametrize("n", [1, 2])
def test_given_a_fault(n):
    assert os.environ["{ALL_FAULTS}"]
'''
ONE_FAILS = '@pytest.mark.parametrize("n", ["cut"])\ndef test_given_a_lost_row(n):\n    assert n == "a row is lost"\n'
OTHER = "def test_no_call_is_without_a_case():\n    assert True\n"
ALL_MET = dict.fromkeys(faults.KINDS, 5)


@pytest.fixture
def journal(tmp_path: Path) -> Journal:
    return Journal(tmp_path / "journal.jsonl", run="2026-01-01 00:00:00")


def module(folder: Path, name: str, *tests: str) -> Path:
    path = folder / f"{name}.py"
    path.write_text(HEAD + "\n\n".join(tests))
    return path


def test_given_tests_that_hold_and_fail_when_run_then_met_and_failed_are_counted_with_all_faults_asked_for(
    tmp_path: Path,
):
    found = run_tests(
        [module(tmp_path, "test_aws", TWO_MET, ONE_FAILS, OTHER), module(tmp_path, "test_files", TWO_MET)]
    )

    assert found["met"] == {"test_aws": 2, "test_files": 2}
    ((name, told),) = found["failed"]
    assert name == "test_aws test_given_a_lost_row[cut]" and "a row is lost" in told


@pytest.mark.parametrize("text", ["import nothing_of_this_name", "def broken(:", ""])
def test_given_tests_that_cannot_run_when_run_then_they_have_failed(tmp_path: Path, text: str):
    assert run_tests([module(tmp_path, "test_session", text)])["failed"]


def test_given_a_test_that_is_skipped_when_run_then_it_does_not_hold(tmp_path: Path):
    skipped = 'def test_given_a_fault():\n    pytest.skip("not today")\n'
    assert "not today" in run_tests([module(tmp_path, "test_session", skipped)])["failed"][0][1]


def test_given_every_fault_met_when_written_then_the_section_holds_and_the_part_is_not_done_again(
    journal: Journal, monkeypatch: pytest.MonkeyPatch
):
    runs: list[Any] = []
    monkeypatch.setattr(faults, "run_tests", lambda what: runs.append(what) or {"met": ALL_MET, "failed": []})
    for _ in range(2):
        every_fault(SIZE, journal)

    section = faults_section(SIZE, journal)
    assert runs == [[faults.ROOM]]
    assert section.held and section.complete
    assert "35 times a fault met" in section.text and "| DuckDB | 5 | 0 |" in section.text


def test_given_a_fault_that_did_not_hold_when_written_then_the_section_says_where(journal: Journal):
    failed = [["test_aws test_x[cut]", "a wrong\nanswer"], ["test_every_call_has_a_case test_y", "without a case"]]
    journal.add("faults", sites=9, met=ALL_MET, failed=failed)

    section = faults_section(SIZE, journal)
    assert not section.held
    assert "- `test_aws test_x[cut]`: a wrong answer" in section.text
    assert "| S3, SQS and STS | 6 | 1 |" in section.text and "1 of them not about one fault" in section.text


@pytest.mark.parametrize("met", [{}, dict.fromkeys(list(ALL_MET)[1:], 5)])
def test_given_a_kind_that_met_no_fault_when_written_then_less_was_done_than_asked_for(
    journal: Journal, met: dict[str, int]
):
    assert not faults_section(SIZE, journal).complete
    journal.add("faults", sites=9, met=met, failed=[])
    assert not faults_section(SIZE, journal).complete
