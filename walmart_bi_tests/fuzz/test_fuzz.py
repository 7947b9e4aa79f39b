"""The short form of the fuzz run, and that a violation of the property is seen. What once failed is in the corpus."""

import dataclasses
import io
import time
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from walmart_bi.sales.cleaned_file import CleanedFile, clean_file
from walmart_bi_tests.corpus.containers import workbook
from walmart_bi_tests.fuzz import runs, trial
from walmart_bi_tests.fuzz.independent import find_records
from walmart_bi_tests.fuzz.mutations import MUTATIONS, make_input
from walmart_bi_tests.fuzz.runs import Figures, run_here, run_in_processes, save
from walmart_bi_tests.fuzz.trial import try_input

SEED = 20_240_320
INPUTS = 240


@pytest.fixture(scope="module")
def figures() -> Figures:
    # In processes of their own: this one has the memory of every test before.
    return run_in_processes(SEED, INPUTS, 2, report=lambda _: None)


def test_given_mutated_files_when_processed_then_each_is_loaded_quarantined_or_rejected_and_counts_add_up(figures):
    assert figures.violations == {}
    assert figures.inputs == INPUTS


def test_given_mutated_files_when_processed_then_every_kind_of_ending_was_met(figures):
    assert set(figures.endings) == {"loaded", "quarantined", "rejected"}
    assert len(figures.reasons) > 10
    assert figures.records > 2_000


def test_given_a_seed_and_a_number_when_made_twice_then_the_input_is_the_same():
    first, again = make_input(7, 11), make_input(7, 11)
    assert first == again
    assert first.content != make_input(8, 11).content
    assert {name for number in range(300) for name in make_input(7, number).mutations} == set(MUTATIONS)


def test_given_another_time_of_day_when_an_archive_is_made_then_it_is_the_same_bytes(monkeypatch):
    made = workbook()
    monkeypatch.setattr(time, "time", lambda: 2_000_000_000.0)
    monkeypatch.setattr(time, "localtime", lambda _seconds=None: time.gmtime(2_000_000_000))
    assert workbook() == made


def accepted_input(tmp_path: Path) -> tuple[int, Path]:
    """A number whose input has loaded rows and all its months asked for."""
    for number in range(100):
        scratch = tmp_path / str(number)
        scratch.mkdir()
        made = try_input(make_input(SEED, number), scratch)
        if made.kind == "loaded" and made.records > 20:
            return number, scratch
    raise AssertionError("no input of the first hundred was loaded")


def test_given_a_cleaning_that_miscounts_when_an_input_is_tried_then_it_is_seen(tmp_path, monkeypatch):
    number, _ = accepted_input(tmp_path)

    def miscounting(*arguments, **options) -> CleanedFile:
        cleaned = clean_file(*arguments, **options)
        counts = dataclasses.replace(cleaned.counts, raw_records=cleaned.counts.raw_records - 1)
        return dataclasses.replace(cleaned, counts=counts)

    monkeypatch.setattr(trial, "clean_file", miscounting)
    (tmp_path / "again").mkdir()
    assert try_input(make_input(SEED, number), tmp_path / "again").violations


def test_given_an_inspection_that_raises_something_else_when_an_input_is_tried_then_it_is_seen(tmp_path, monkeypatch):
    def failing(*_arguments, **_options):
        raise KeyError("unexpected")

    monkeypatch.setattr(trial, "inspect_source", failing)
    ending = try_input(make_input(SEED, 0), tmp_path)
    assert (ending.kind, ending.reason) == ("crashed", "KeyError")
    assert ending.violations


def test_given_more_memory_than_the_cap_when_figures_are_added_then_it_is_a_violation():
    figures = Figures()
    figures.add(3, trial.Ending("rejected", "zip", 0, ()), runs.MEMORY_CAP + 1)
    assert "memory" in figures.violations[3][0]


def test_given_two_processes_when_they_share_the_inputs_then_each_input_is_tried_once(figures):
    alone = Figures()
    for part in run_here(SEED, range(INPUTS)):
        alone.merge(part)
    assert (figures.endings, figures.records, figures.violations) == (alone.endings, alone.records, {})


def test_given_a_violation_when_it_is_saved_then_the_input_and_its_story_are_kept(tmp_path):
    path = save(SEED, 5, ("what is wrong",), tmp_path / "kept")
    assert path.read_bytes() == make_input(SEED, 5).content
    assert "what is wrong" in path.with_suffix(".txt").read_text()


def test_given_a_cleaning_that_swaps_customers_when_an_input_is_tried_then_it_is_seen(tmp_path, monkeypatch):
    number, _ = accepted_input(tmp_path)
    rows = trial._rows

    def swapped(cleaned: CleanedFile) -> list[dict[str, object]]:
        found = rows(cleaned)
        found[0]["customer_id"], found[-1]["customer_id"] = found[-1]["customer_id"], found[0]["customer_id"]
        return found

    monkeypatch.setattr(trial, "_rows", swapped)
    (tmp_path / "again").mkdir()
    ending = try_input(make_input(SEED, number), tmp_path / "again")
    assert [problem for problem in ending.violations if "customer" in problem]


def test_given_text_that_parquet_has_as_bytes_when_counted_independently_then_it_is_the_same_text():
    out = io.BytesIO()
    pq.write_table(pa.table({"Customer_ID": [b"c1", None], "Age": [30, 31]}), out)

    found = find_records(out.getvalue())
    assert [record.fields for record in found.records] == [(b"c1", b"30"), (b"", b"31")]
