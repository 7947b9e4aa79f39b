"""What a long run leaves when it is stopped, that it goes on from there, and that its document says what was done."""

import dataclasses
import itertools
import os
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from walmart_bi_tests.proof import document as document_module
from walmart_bi_tests.proof import journal as journal_module
from walmart_bi_tests.proof import others
from walmart_bi_tests.proof.__main__ import PARTS, place_of
from walmart_bi_tests.proof.document import DOCUMENT, Run, Section, document
from walmart_bi_tests.proof.faults import KINDS
from walmart_bi_tests.proof.findings import Finding
from walmart_bi_tests.proof.journal import Journal, keep, open_journal
from walmart_bi_tests.proof.matrix import Trial
from walmart_bi_tests.proof.parts import ASKED, CONVICTED_AT, Size, in_processes, kill_matrix, note_trial
from walmart_bi_tests.proof.places import TARGETS
from walmart_bi_tests.proof.races import BI_TOOL, ROLL_BACK, SAME_FILE, SAME_MONTHS, TWO_SENSORS

SIZE = Size(
    seeds={"local": 1, "aws": 1}, graph_seeds=1, loads=8, histories=1, steps=3, inputs=40, processes=1, first_seed=5
)


@pytest.fixture
def journal(tmp_path: Path) -> Journal:
    return Journal(tmp_path / "journal.jsonl", run="2026-01-01 00:00:00")


def written(journal: Journal, size: Size = SIZE) -> str:
    return document(
        [section(size, journal) for _, section in PARTS.values()], [Run(journal.run, "the command", 3.0, "abc123")]
    )


@pytest.fixture(scope="module")
def lines(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The journal of a run that is complete but for the races."""
    journal = Journal(tmp_path_factory.mktemp("lines") / "journal.jsonl", run="2026-01-01 00:00:00")
    for target, way in itertools.product(TARGETS, ("real", "graph")):
        note_trial(journal, "matrix", Trial(target, way, "commit.before", 5, looks=4))
        journal.add("finished seed", target=target, way=way, seed=5)
    for target, loader, points in [(target, *each) for target, at in CONVICTED_AT.items() for each in at.items()]:
        for point in points:
            convicted = Trial(target, loader, point, 5, [Finding("doubled", "2024-05: 3 rows too many")])
            note_trial(journal, "sight", convicted, aloud=False)
    others._histories(journal, [("local", 1, SIZE.steps, 5_000_000)])
    others.fuzzing(SIZE, journal)
    journal.add("faults", sites=9, met=dict.fromkeys(KINDS, 5), failed=[])
    return journal.path.read_text()


@pytest.fixture
def stopped(journal: Journal, lines: str) -> Journal:
    journal.path.write_text(lines)
    return journal


def test_given_a_line_that_a_death_cut_off_when_the_journal_is_read_then_the_others_are_there(journal: Journal):
    journal.add("matrix", point="one")
    journal.add("races", name="other")
    with journal.path.open("a") as file:
        file.write('{"part": "matrix", "poi')
    assert [each["point"] for each in journal.results("matrix")] == ["one"]


def test_given_parts_that_are_done_when_the_run_goes_on_then_they_are_not_done_again(stopped: Journal, lines: str):
    others.histories(SIZE, stopped)
    others.fuzzing(SIZE, stopped)
    kill_matrix(SIZE, stopped)
    assert stopped.path.read_text() == lines


def test_given_a_tool_that_was_mended_when_asked_then_it_is_the_same_product_at_another_commit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    def commit_all() -> tuple[str, str]:
        for arguments in (["add", "-A"], ["-c", "user.name=A", "-c", "user.email=a@b.c", "commit", "-qm", "change"]):
            subprocess.run(["git", *arguments], cwd=tmp_path, check=True)
        return document_module.product(), document_module.commit()

    monkeypatch.setattr(document_module, "CHECKOUT", tmp_path)
    subprocess.run(["git", "init", "-q"], cwd=tmp_path, check=True)
    for name in ("walmart_bi", "walmart_bi_tests", "sql"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "file").write_text("as it was")
    product, commit = commit_all()

    (tmp_path / "walmart_bi_tests" / "file").write_text("mended")
    assert document_module.product() == f"{product} with changes"
    again, later = commit_all()
    assert again == product and later != commit

    (tmp_path / "sql" / "file").write_text("another product")
    assert commit_all()[0] != product


def _is_at_work_or_fails(journal: Journal, role: str) -> None:
    if role == "at work":
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        journal.add("worker", pid=os.getpid())
        time.sleep(600)
    while not list(journal.results("worker")):
        time.sleep(0.05)
    raise RuntimeError("this ends the run")


def test_given_a_worker_that_is_at_work_when_the_run_ends_early_then_it_is_ended_and_adds_nothing(journal: Journal):
    with pytest.raises(RuntimeError, match="this ends the run"):
        in_processes(
            dataclasses.replace(SIZE, processes=2), _is_at_work_or_fails, [(journal, "at work"), (journal, "")]
        )
    (worker,) = journal.results("worker")
    with pytest.raises(ProcessLookupError):
        os.kill(worker["pid"], 0)


def test_given_a_run_that_was_stopped_when_written_then_the_document_says_what_was_not_done(stopped: Journal):
    text = written(stopped)
    assert "**What was done held. Less was done than is asked for: Races.**" in text
    assert "4 loads were killed by SIGKILL" in text
    assert "| `commit.before` | 1 / 1 | 1 / 1 | 1 / 1 | 1 / 1 |" in text
    assert "40 mutated files of seed 5" in text
    assert "## Races\n\n**Not run.**\n" in text


@pytest.mark.parametrize(
    ("line", "part"),
    [
        ('"finished seed", "run": "2026-01-01 00:00:00", "target": "aws"', "Kill matrix"),
        ('"sight", "run": "2026-01-01 00:00:00", "target": "local", "way": "append"', "That the suite can see"),
    ],
)
def test_given_a_part_that_lacks_one_of_its_trials_when_written_then_it_is_said_to_be_less_than_asked_for(
    journal: Journal, lines: str, line: str, part: str
):
    kept = [each for each in lines.splitlines(keepends=True) if line not in each]
    assert len(kept) < len(lines.splitlines())
    journal.path.write_text("".join(kept))
    assert f"Less was done than is asked for: {part}, Races.**" in written(journal)


def test_given_less_than_is_asked_for_when_written_then_the_document_in_docs_stays():
    sections = [Section("Kill matrix", True, "A table."), Section("Races", True, "Another.")]
    assert place_of(sections) == DOCUMENT
    assert place_of([*sections, Section("Mutated files", True, "", complete=False)]) != DOCUMENT


def test_given_a_journal_in_the_repository_when_another_clone_runs_then_it_goes_on_from_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, stopped: Journal
):
    monkeypatch.setattr(journal_module, "RECORDS", tmp_path / "records")
    monkeypatch.setattr(journal_module, "product", lambda: "abc")
    (tmp_path / "records").mkdir()
    (tmp_path / "records" / "of_an_earlier_product.jsonl").touch()
    keep(Journal(stopped.path.rename(tmp_path / "abc.jsonl"), stopped.run))
    assert [kept.name for kept in (tmp_path / "records").iterdir()] == ["abc.jsonl"]

    monkeypatch.setattr(journal_module, "FOLDER", tmp_path / "build")
    begun = open_journal("2026-01-02 00:00:00", anew=False)
    assert written(begun) == written(Journal(tmp_path / "abc.jsonl", stopped.run)).replace(stopped.run, begun.run)
    begun.add("fuzz", seed=0)
    again = open_journal("2026-01-03 00:00:00", anew=False)
    assert again.path == begun.path and list(again.results("fuzz"))[-1]["run"] == begun.run
    assert list(open_journal("2026-01-04 00:00:00", anew=True).results("matrix")) == []


def test_given_a_load_that_was_done_before_its_death_when_written_then_it_is_no_kill(stopped: Journal):
    note_trial(stopped, "matrix", Trial("aws", "real", "commit.before", 6, looks=4, died=False))
    text = written(stopped)
    assert "4 loads were killed by SIGKILL" in text and "1 loads were done before their death came" in text
    assert "| `commit.before` | 1 / 1 | 1 / 1 | 1 / 1 | 1 / 1 |" in text


def test_given_a_command_that_asked_for_little_when_written_then_the_document_measures_by_what_the_proof_asks_for(
    stopped: Journal,
):
    text = written(stopped, ASKED)
    assert "Less was done than is asked for: Kill matrix, That the suite can see, Races, Random histories" in text
    assert (
        "**Not all that is asked for (1,000 histories on DuckDB and 100 on the stand-in of 30 steps) was done.**"
        in text
    )
    assert "**Not all that is asked for (100,000 files) was done.**" in text


def test_given_a_history_that_differs_when_written_then_its_error_is_told_and_not_what_follows(journal: Journal):
    problem = "Traceback\nAssertionError: two rows too many\nFailing test case:\nstate.teardown()\n"
    journal.add("histories", target="aws", seed=6, histories=1, steps=3, figures={}, problem=problem)
    assert "\n- aws, seed 6: `AssertionError: two rows too many`\n" in PARTS["histories"][1](SIZE, journal).text


def test_given_a_round_of_histories_in_which_nothing_raced_when_written_then_it_is_less_than_asked_for(
    journal: Journal,
):
    size = dataclasses.replace(SIZE, histories=0, aws_histories=10)
    figures = {"histories": 10, "loads": 3, "crashes": 2}
    journal.add("histories", target="aws", seed=5, histories=10, steps=3, figures=figures, problem="")
    assert not PARTS["histories"][1](size, journal).complete
    journal.add("histories", target="aws", seed=6, histories=1, steps=3, figures={"races": 1}, problem="")
    assert PARTS["histories"][1](size, journal).complete


def test_given_enough_loads_but_not_every_kind_of_race_when_written_then_the_races_are_less_than_asked_for(
    stopped: Journal,
):
    result = {
        "target": "aws",
        "rounds": 1,
        "loads": SIZE.loads,
        "looks": 1,
        "not_let_in": 0,
        "told_why": 0,
        "findings": [],
    }
    stopped.add("races", name=SAME_MONTHS, **result)
    assert "Less was done than is asked for: Races.**" in written(stopped)


@pytest.mark.parametrize(("not_let_in", "expected"), [(4, "Held."), (5, "**Not all that is asked for (")])
def test_given_every_race_when_no_look_at_one_of_them_was_let_in_then_the_races_are_less_than_asked_for(
    journal: Journal, not_let_in: int, expected: str
):
    everywhere = [(name, target) for name in (SAME_MONTHS, ROLL_BACK, SAME_FILE, TWO_SENSORS) for target in TARGETS]
    for name, target in [*everywhere, (BI_TOOL, "local")]:
        out = not_let_in if (name, target) == (ROLL_BACK, "local") else 0
        journal.add(
            "races", name=name, target=target, rounds=1, loads=8, looks=5, not_let_in=out, told_why=0, findings=[]
        )
    text = written(journal)
    assert expected in text[text.index("## Races") :].splitlines()[2]
    assert ("**Not all" in text[text.index("## Races") :].splitlines()[2]) == (not_let_in == 5)


@pytest.mark.parametrize(
    "finds",
    [
        lambda journal: note_trial(
            journal, "matrix", Trial("aws", "real", "copy.after", 6, [Finding("lost", "2024-05: 2 rows are missing")])
        ),
        lambda journal: journal.add(
            "histories", target="aws", seed=6, histories=1, steps=3, figures={}, problem="a trace\nit differs"
        ),
        lambda journal: journal.add(
            "races",
            name="a race",
            target="aws",
            rounds=1,
            loads=8,
            looks=1,
            not_let_in=0,
            told_why=0,
            findings=[("torn", "half")],
        ),
    ],
)
def test_given_a_finding_of_any_part_when_written_then_the_document_and_its_first_line_say_so(
    stopped: Journal, finds: Callable[[Journal], None]
):
    finds(stopped)
    text = written(stopped)
    assert "**Something did not hold: see below.**" in text
    assert text.count("**Did not hold.**") == 1


def test_given_a_broken_loader_that_nothing_convicts_when_written_then_the_suite_is_said_not_to_see(journal: Journal):
    note_trial(journal, "sight", Trial("local", "append", "ledger.after", 5, [Finding("unexplained", "an error")]))
    assert "## That the suite can see\n\n**Did not hold.**" in written(journal)
