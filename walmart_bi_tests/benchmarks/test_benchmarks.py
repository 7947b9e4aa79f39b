"""The benchmarks run, compare equal work, and keep what they have. At tiny size; no figure is looked at."""

import contextlib
import datetime as dt
import hashlib
import io
import runpy
import signal
import subprocess
import sys
import time
from functools import partial
from pathlib import Path

import pyarrow.csv as pa_csv
import pytest

from benchmarks import measuring
from benchmarks.__main__ import SECTIONS, SIZES, is_whole, main
from benchmarks.comparisons import overhead
from benchmarks.measuring import CHECKOUT, Comparison, Contender, Sample, is_json, python
from benchmarks.report import shown, write_report
from benchmarks.sales_file import write_sales
from walmart_bi.records import SourceFile
from walmart_bi.sales.inspection import inspect_source

ROWS = 3_000


@pytest.fixture
def started_here(monkeypatch: pytest.MonkeyPatch) -> None:
    """Commands run in this process, which imports pandas, polars and Arrow once; what they take is not looked at."""

    def measured(contender: Contender) -> Sample:
        _, _, module, *arguments = contender.command
        with monkeypatch.context() as patch, contextlib.redirect_stdout(io.StringIO()) as said:
            patch.setattr(sys, "argv", [module, *arguments])
            with pytest.raises(SystemExit, match=r"^0$"):
                runpy.run_module(module, run_name="__main__")
        contender.answer = said.getvalue()
        assert is_json(contender.answer)
        return Sample(1.0, 1.0, 1.0)

    monkeypatch.setattr(measuring, "measured", measured)


@pytest.mark.usefixtures("started_here")
def test_given_any_kind_of_file_then_the_page_shows_that_every_peer_gives_the_project_s_answer(tmp_path: Path) -> None:
    page = tmp_path / "benchmarks.md"
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


def test_given_two_months_then_the_page_shows_the_graph_beside_the_script_as_processes_of_their_own(
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


def test_given_a_run_is_interrupted_then_the_page_has_what_was_measured(tmp_path: Path) -> None:
    page = tmp_path / "benchmarks.md"
    options = ("--rows", ROWS, "--rounds", 50, "--only", "definitions", "cleaning", "--output", page)
    command = python("benchmarks", *options)
    with subprocess.Popen(command, cwd=CHECKOUT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as run:
        deadline = time.monotonic() + 120
        while time.monotonic() < deadline and not (page.exists() and "| definitions |" in page.read_text()):
            time.sleep(0.1)
        run.send_signal(signal.SIGINT)
        assert run.wait(60) == 130
    assert "**The run was stopped before its end" in page.read_text()
    assert "| definitions |" in page.read_text()


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
    ("sections", "rows", "whole"),
    [
        (list(SECTIONS), SIZES, True),
        (list(SECTIONS), [*SIZES, 5_000_000], True),
        (list(SECTIONS), SIZES[:2], False),
        (list(SECTIONS)[1:], SIZES, False),
    ],
)
def test_given_less_than_every_section_and_size_when_measured_then_the_page_in_docs_stays(
    sections: list[str], rows: list[int], whole: bool
):
    assert is_whole(sections, rows) == whole
