"""The part of the proof that meets every call of the outside with every fault: the tests in `faults/`, all of them.

They run as a child of their own. What it came to is read from the report that pytest writes for machines.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

from walmart_bi_tests.faults.choice import ALL_FAULTS
from walmart_bi_tests.faults.sites import product_sites
from walmart_bi_tests.proof.document import CHECKOUT, Section, table
from walmart_bi_tests.proof.journal import Journal
from walmart_bi_tests.proof.parts import Size, tell

ROOM = CHECKOUT / "walmart_bi_tests" / "faults"
TITLE = "Faults of what it asks"
# The modules of cases, by what is asked there; each of their tests with parameters lets one fault meet one call.
KINDS = {
    "test_aws": "S3, SQS and STS",
    "test_session": "Redshift (stand-in)",
    "test_duckdb": "DuckDB",
    "test_readers": "queries of views and checks",
    "test_files": "file system",
    "test_network": "webhook, mail, Tableau",
    "test_dask": "Dask scheduler",
}
_LONGEST = 300


def every_fault(size: Size, journal: Journal) -> None:
    """Each call with each of its faults."""
    if list(journal.results("faults")):
        return
    found = run_tests([ROOM])
    journal.add("faults", sites=len(product_sites()), **found)
    tell(f"{sum(found['met'].values()):,} faults met their call, {len(found['failed'])} did not hold")


def run_tests(what: Sequence[Path]) -> dict[str, Any]:
    """Faults met by module, and what failed, by the tests' own names; a run that reports nothing has failed itself."""
    with tempfile.TemporaryDirectory(prefix="faults_") as folder:
        report = Path(folder) / "report.xml"
        command = [sys.executable, "-m", "pytest", "-q", "-n", "0", "-p", "no:cacheprovider", f"--junitxml={report}"]
        done = subprocess.run(
            [*command, *map(str, what)],
            cwd=CHECKOUT,
            env={**os.environ, ALL_FAULTS: "1"},
            capture_output=True,
            text=True,
        )
        found: dict[str, Any] = {"met": {}, "failed": []}
        if report.exists():
            found = _counted(ElementTree.parse(report).getroot())
        if done.returncode and not found["failed"]:
            found["failed"].append(["the tests", (done.stdout + done.stderr).strip()[-_LONGEST:]])
    return found


def _counted(report: ElementTree.Element) -> dict[str, Any]:
    met: dict[str, int] = {}
    failed = []
    for case in report.iter("testcase"):
        module = case.get("classname", "").rpartition(".")[2]
        name = case.get("name", "")
        problem = next(
            (case.find(kind) for kind in ("failure", "error", "skipped") if case.find(kind) is not None), None
        )
        if problem is not None:
            failed.append([f"{module} {name}", (problem.get("message") or problem.text or "")[:_LONGEST]])
        elif module in KINDS and "[" in name:
            met[module] = met.get(module, 0) + 1
    return {"met": met, "failed": failed}


def faults_section(_: Size, journal: Journal) -> Section:
    """The faults as a table: a line a kind of what is asked."""
    done = list(journal.results("faults"))
    if not done:
        return Section(TITLE, True, "", complete=False)
    last = done[-1]
    met: Mapping[str, int] = last["met"]
    failed: Sequence[Sequence[str]] = last["failed"]
    by_module = {module: [name for name, _ in failed if name.startswith(f"{module} ")] for module in KINDS}
    rows = [
        (what, f"{met.get(module, 0) + len(by_module[module]):,}", len(by_module[module]))
        for module, what in KINDS.items()
    ]
    others = len(failed) - sum(map(len, by_module.values()))
    lines = "".join(f"\n- `{name}`: {' '.join(told.split())}" for name, told in failed)
    text = (
        f"The source asks something of the outside in {last['sites']:,} places, which are found by reading it. "
        f"{sum(met.values()):,} times a fault met one of them and what came of it was right, or one line with cause, "
        "place and next step, and nothing was lost, doubled or shown that should not be. "
        f"{len(failed)} tests did not hold"
        f"{f', {others} of them not about one fault but that no call is without a case' if others else ''}.{lines}\n\n"
        f"{table(['what is asked', 'faults', 'did not hold'], rows)}"
    )
    complete = all(met.get(module) for module in KINDS)
    gap = "Two faults at once, and a fault while another one is answered."
    return Section(TITLE, not failed, text, complete, (gap,))
