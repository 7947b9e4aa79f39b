"""The benchmarks run, compare equal work, and keep what they have. At tiny size; no figure is looked at."""

import contextlib
import datetime as dt
import hashlib
import io
import re
import runpy
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path

import pyarrow.csv as pa_csv
import pytest

import benchmarks.__main__ as whole_run
from benchmarks import comparisons, measuring, rollups
from benchmarks.__main__ import ROUNDS, SECTIONS, SIZES, is_whole, main
from benchmarks.comparisons import overhead
from benchmarks.measuring import CHECKOUT, Comparison, Contender, Sample, is_json, python
from benchmarks.report import shown, write_report
from benchmarks.sales_file import write_sales
from walmart_bi.records import SourceFile
from walmart_bi.sales.inspection import inspect_source
from walmart_bi.warehouse import duckdb_warehouse
from walmart_bi_tests.command_line import in_directory
from walmart_bi_tests.proof.document import commit

ROWS = 3_000


@pytest.fixture
def started_here(monkeypatch: pytest.MonkeyPatch) -> None:
    """Commands run in this process, which imports Dagster, pandas and polars once; what they take is not looked at."""

    def said_by(command: Sequence[str], cwd: Path | None) -> str:
        _, _, module, *arguments = command
        with (
            monkeypatch.context() as patch,
            in_directory(cwd or Path.cwd()),
            contextlib.redirect_stdout(io.StringIO()) as said,
        ):
            patch.setattr(sys, "argv", [module, *arguments])
            with pytest.raises(SystemExit, match=r"^0$"):
                runpy.run_module(module, run_name="__main__")
        return said.getvalue()

    def measured(contender: Contender) -> Sample:
        if contender.before is not None:
            contender.before()
        said = said_by(contender.command, contender.cwd)
        contender.answer = said_by(contender.asked, None) if contender.asked else said
        assert is_json(contender.answer)
        return Sample(1.0, 1.0, 1.0)

    monkeypatch.setattr(measuring, "measured", measured)


@pytest.mark.usefixtures("started_here")
def test_given_any_kind_of_file_then_the_page_shows_that_every_peer_gives_the_project_s_answer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = tmp_path / "benchmarks.md"
    # Four processes that make a file each are no part of the comparison.
    monkeypatch.setattr(
        comparisons, "made", lambda file, rows, cities, dirty: write_sales(file, rows, cities=cities, dirty=dirty)
    )
    assert main(["--rows", f"{ROWS}", "--rounds", "1", "--only", "cleaning", "--output", f"{page}"]) == 0
    text = page.read_text()
    for kind in (
        "repeating cities, clean",
        "repeating cities, 2% dirty",
        "distinct cities, clean",
        "distinct cities, 2% dirty",
    ):
        assert f"## Cleaning {ROWS:,} rows, {kind}" in text
    for name in ("DuckDB SQL", "polars", "careful pandas", "notebook pandas", "walmart_bi, cleaning"):
        assert text.count(f"\n| {name} |") == 4
    assert "did not give the same answer" not in text
    assert "was stopped" not in text


@pytest.mark.usefixtures("started_here")
def test_given_two_months_then_the_page_shows_the_graph_beside_the_script(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = tmp_path / "benchmarks.md"
    # Each of the benchmark's twelve months costs about a second and does what the two do.
    monkeypatch.setattr("benchmarks.__main__.overhead", partial(overhead, months=2))
    assert main(["--rows", f"{ROWS}", "--rounds", "1", "--only", "graph", "--output", f"{page}"]) == 0
    text = page.read_text()
    assert f"{ROWS:,} rows in 2 months" in text
    assert "\n| script |" in text
    assert "\n| walmart-bi load |" in text
    assert "did not give the same answer" not in text


def test_given_a_run_is_interrupted_then_the_page_has_what_was_measured(tmp_path: Path) -> None:
    page = tmp_path / "benchmarks.md"
    options = ("--rows", ROWS, "--rounds", 50, "--only", "definitions", "--output", page)
    command = python("benchmarks", *options)
    with subprocess.Popen(command, cwd=CHECKOUT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as run:
        deadline = time.monotonic() + 120
        while time.monotonic() < deadline and not (page.exists() and "| definitions |" in page.read_text()):
            time.sleep(0.1)
        run.send_signal(signal.SIGINT)
        assert run.wait(60) == 130
    assert "**The run was stopped before its end" in page.read_text()
    assert "| definitions |" in page.read_text()


def test_given_an_earlier_page_when_a_run_is_stopped_before_it_measured_anything_then_that_page_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def stopped(_scratch: Path, _rows: Sequence[int], _rounds: int) -> Iterator[Comparison]:
        yield Comparison("Two loads", "Say a number.", "walmart_bi", [saying("walmart_bi", 1)], 0)
        raise KeyboardInterrupt

    page = tmp_path / "part.md"
    page.write_text("an earlier run")
    monkeypatch.setattr(whole_run, "SECTIONS", {"two": stopped})
    assert main(["--output", str(page)]) == 130
    assert page.read_text() == "an earlier run"
    assert "nothing was measured, and no page is written" in capsys.readouterr().err


@pytest.mark.parametrize("cities", ["repeating", "distinct"])
def test_a_file_is_the_same_bytes_each_time_and_what_its_record_says(tmp_path: Path, cities: str) -> None:
    digests = set()
    for name in ("a.csv", "b.csv"):
        write_sales(tmp_path / name, ROWS, cities=cities, dirty=0.02, months=2)
        digests.add(hashlib.sha256((tmp_path / name).read_bytes()).hexdigest())
    assert len(digests) == 1
    said = SourceFile.from_json((tmp_path / "a.csv.json").read_text())
    assert (said.sha256, said.records) == (digests.pop(), ROWS)
    assert (distinct(tmp_path / "a.csv") > 2_900) == (cities == "distinct")


def distinct(path: Path) -> int:
    return len(pa_csv.read_csv(path)["City"].unique())


def test_ratios_are_taken_inside_a_round_and_different_answers_are_said(tmp_path: Path) -> None:
    base = Contender("base", [], samples=[Sample(1.0, 2.0, 10.0), Sample(2.0, 4.0, 10.0)], answer='{"loaded": 1}')
    other = Contender("other", [], samples=[Sample(3.0, 1.0, 20.0), Sample(2.0, 4.0, 20.0)], answer='{"loaded": 2}')
    comparison = Comparison("Title", "The work.", "base", [base, other], rounds=2)
    assert comparison.ratios(other, "cpu") == [3.0, 1.0]
    assert "| other | 2.50 [2.00..3.00] | 2.00 [1.00..3.00] | 2.50 [1.00..4.00] | 0.75 [0.50..1.00] |" in shown(
        comparison
    )
    write_report(tmp_path / "page.md", [comparison], arguments="", finished=True)
    assert "did not give the same answer" in (tmp_path / "page.md").read_text()


def test_the_record_beside_a_file_is_what_the_raw_layer_says(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    write_sales(path, ROWS, cities="repeating", dirty=0.02)
    said = SourceFile.from_json((tmp_path / "a.csv.json").read_text())
    found = inspect_source(path, key=said.key, etag=said.etag, modified=dt.datetime.fromisoformat(said.modified))
    assert found == said


def test_scale_compares_one_process_with_parts_of_the_same_file(tmp_path: Path) -> None:
    options = ("--rows", ROWS, "--rounds", 1, "--workers", 1, "--part-bytes", 100_000)
    done = subprocess.run(
        python("benchmarks.scale", *options), cwd=CHECKOUT, check=True, capture_output=True, text=True
    )
    names = ["hash and count", "cut", "start of workers", "one process", "in parts"]
    assert [line.split(" | ")[1] for line in done.stdout.splitlines()[2:]] == names
    assert '"parts": 4' in done.stderr


@pytest.mark.parametrize(
    ("sections", "rows", "rounds", "whole"),
    [
        (list(SECTIONS), SIZES, ROUNDS, True),
        (list(SECTIONS), [*SIZES, 5_000_000], ROUNDS + 1, True),
        (list(SECTIONS), SIZES[:2], ROUNDS, False),
        (list(SECTIONS)[1:], SIZES, ROUNDS, False),
        (list(SECTIONS), SIZES, 1, False),
    ],
)
def test_given_less_than_every_section_size_and_round_when_measured_then_it_is_not_the_whole(
    sections: list[str], rows: list[int], rounds: int, whole: bool
):
    assert is_whole(sections, rows, rounds) == whole


@pytest.mark.parametrize(("second", "ended"), [(1, 0), (2, 1)])
def test_given_a_whole_run_when_contenders_differ_then_the_page_in_docs_stays_and_the_run_fails(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], second: int, ended: int
):
    def two(_scratch: Path, _rows: Sequence[int], rounds: int) -> Iterator[Comparison]:
        loads = [saying("walmart_bi", 1), saying("peer", second)]
        yield Comparison("Two loads", "Say a number.", "walmart_bi", loads, rounds)

    monkeypatch.setattr(whole_run, "SECTIONS", {"two": two})
    monkeypatch.setattr(whole_run, "PAGE", tmp_path / "docs.md")
    monkeypatch.setattr(whole_run, "PART", tmp_path / "part.md")
    assert main([]) == ended
    assert "| peer |" in (tmp_path / "part.md").read_text()
    assert f"commit `{commit()}`" in (tmp_path / "part.md").read_text()
    assert (tmp_path / "docs.md").exists() == (ended == 0)
    assert ("not the same answer, so no figures: Two loads" in capsys.readouterr().err) == (ended == 1)


def test_given_a_contender_with_a_place_when_measured_then_it_is_prepared_runs_there_and_is_asked_afterwards(
    tmp_path: Path,
) -> None:
    work = "import os; os.rename('prepared', 'done')"
    question = "import json, os, sys; print(json.dumps(os.listdir(sys.argv[1])[0] == 'done' and {'done': 1}))"
    contender = Contender(
        "own place",
        [sys.executable, "-c", work],
        tmp_path,
        before=(tmp_path / "prepared").touch,
        asked=[sys.executable, "-c", question, f"{tmp_path}"],
    )
    taken = measuring.measured(contender)
    assert contender.answer == '{"done": 1}'
    assert taken.cpu > 0 and taken.memory > 0


def saying(name: str, number: int) -> Contender:
    """Answers when it is asked afterwards, as a load does."""
    said = [sys.executable, "-c", f"print('{{\"orders\": {number}}}')"]
    return Contender(name, [sys.executable, "-c", "pass"], asked=said)


def test_given_a_contender_without_an_answer_when_others_have_one_then_they_differ() -> None:
    told = Contender("told", [], samples=[Sample(1.0, 1.0, 1.0)], answer='{"loaded": 1}')
    silent = Contender("silent", [], samples=[Sample(1.0, 1.0, 1.0)])
    comparison = Comparison("Title", "The work.", "told", [told, silent], rounds=1)
    assert comparison.disagreement() == 'told: {"loaded": 1}; silent: nothing'


def test_given_few_rows_when_loads_onto_a_history_are_measured_then_median_mean_and_the_dearest_are_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(duckdb_warehouse, "_LOADS_TO_TIDY_AFTER", 2)
    rollups.measure_loading(tmp_path, [1, 2], rows=200, cities=20, rounds=1)
    told = capsys.readouterr().out
    assert re.search(r"2 months over 1, with: median [\d.]+ x, mean [\d.]+ x; the dearest of 2 took", told)


def test_given_rollups_that_are_not_what_the_rows_say_when_measured_then_it_stops_and_names_what_differs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wrong = rollups.OF_A_ROW | {
        "sales_by_city": rollups.OF_A_ROW["sales_by_city"].replace("1 AS orders", "2 AS orders")
    }
    monkeypatch.setattr(rollups, "OF_A_ROW", wrong)
    with pytest.raises(SystemExit, match=r"views of 2,000 rows: not the same"):
        rollups.measure_reading(tmp_path, [2_000], cities=20, rounds=1)
