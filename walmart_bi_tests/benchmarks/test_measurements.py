"""The measurements that are commands of their own end well and tell their figures. At tiny size; none is looked at."""

import re
import subprocess

from benchmarks.measuring import CHECKOUT, python


def run(module: str, *options: object) -> subprocess.CompletedProcess[str]:
    command = python(f"benchmarks.{module}", *options)
    done = subprocess.run(command, cwd=CHECKOUT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    return done


def test_given_few_rows_when_the_warm_graph_is_measured_then_it_is_set_against_both_scripts() -> None:
    told = run("warm_graph", "--rows", 500, "--rounds", 1).stdout
    for name in ("script", "unchecked", "graph"):
        assert re.search(rf"^{name} +[\d.]+ s CPU$", told, re.MULTILINE)
    assert re.findall(r"^graph over (\w+): [\d.]+$", told, re.MULTILINE) == ["script", "unchecked"]


def test_given_two_sizes_when_snapshot_and_page_are_measured_then_each_is_told_with_its_ratio_to_the_first() -> None:
    told = run("page_build", "--rows", 400, 800, "--rounds", 1).stdout
    sizes = re.findall(r"^ +(\d+) rows, page: +SQL .* the page alone .* the first; [\d,]+ bytes$", told, re.MULTILINE)
    assert sizes == ["400", "800"]
    snapshots = re.findall(r"^ +(\d+) rows, snapshot: SQL +[\d.]+ s CPU; beside it [\d.]+ s CPU", told, re.MULTILINE)
    assert snapshots == ["400", "800"]
    assert "1.00 times the first" in told.splitlines()[0]


def test_given_a_file_that_lands_when_dagster_runs_then_the_time_to_fresh_kpis_is_told() -> None:
    told = run("sensor_latency", "--drops", 1, "--rows", 200).stdout
    assert re.search(r"^file lands -> KPIs fresh, 200 rows: median [\d.]+ s, .* over 1 drops$", told, re.MULTILINE)


def test_given_an_engine_that_is_not_installed_when_engines_are_measured_then_it_is_named_and_the_others_are_told() -> (
    None
):
    done = run("engines", "--engines", "dask", "ray", "--rows", 500, "--parts", 2, "--workers", 1, "--rounds", 1)
    assert "ray is left out: ray is not installed" in done.stderr
    told = re.findall(
        r"^\| ([a-z ]+?)(?: [\d.]+)? \| ([a-z, ]+) \| [\d.]+ \| [\d.]+ \| \d+ \| \d+ \|$", done.stdout, re.MULTILINE
    )
    works = ("import", "start, four empty calls, stop", "clean")
    assert told == [("one process", "clean"), ("none", "clean"), *(("dask", work) for work in works)]
