"""`docs/proof.md` from the sections of a run's parts. Numbers come from the run, words from the part."""

from __future__ import annotations

import hashlib
import importlib.metadata
import os
import platform
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

CHECKOUT = Path(__file__).parents[2]
DOCUMENT = CHECKOUT / "docs" / "proof.md"
_CODE = ("walmart_bi", "walmart_bi_tests", "sql")
_PACKAGES = [
    *("dagster", "duckdb", "pandas", "pyarrow", "pantab", "redshift-connector", "boto3", "moto", "hypothesis"),
]


@dataclass(frozen=True)
class Section:
    """One part's account of itself: whether everything that it looked at held, and whether it did all it was asked.

    A part that was not run has no text. `asked` is what it is to do, in words.
    """

    title: str
    held: bool
    text: str
    complete: bool = True
    not_covered: tuple[str, ...] = ()
    asked: str = ""


@dataclass(frozen=True)
class Run:
    """A run that had a share in the document."""

    started: str
    command: str
    minutes: float
    commit: str


def table(columns: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """A Markdown table."""
    lines = [columns, ["---"] * len(columns), *rows]
    return "\n".join("| " + " | ".join(str(cell).replace("|", "\\|") for cell in line) + " |" for line in lines)


def document(sections: Sequence[Section], runs: Sequence[Run]) -> str:
    """The whole text."""
    machine = f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}"
    versions = ", ".join(f"{name} {importlib.metadata.version(name)}" for name in _PACKAGES)
    intro = [
        "# Proof",
        "",
        "What was done to this pipeline to make it lose, double or half show a month, and what came of it. A run wrote",
        "this file, and nobody edits it; `make proof` writes it again.",
        "",
        f"**{_verdict(sections)}**",
        "",
        table(
            ["", ""],
            [
                *(
                    ("run", f"`{run.command}`, {run.started} UTC, {run.minutes:,.0f} minutes, commit `{run.commit}`")
                    for run in runs
                ),
                (
                    "code",
                    f"`walmart_bi/` and `sql/` are the same at each of these commits; hash of both: `{product()}`",
                ),
                ("machine", machine),
                ("versions", versions),
            ],
        ),
    ]
    body = [f"\n## {each.title}\n\n{_state(each)} {each.text}".rstrip() for each in sections]
    gaps = [f"- {each.title}: {gap}" for each in sections for gap in each.not_covered]
    return "\n".join([*intro, *body, "\n## Not covered\n", *gaps]) + "\n"


def _verdict(sections: Sequence[Section]) -> str:
    partial = [section.title for section in sections if not section.complete]
    if not all(section.held for section in sections):
        return "Something did not hold: see below."
    if partial:
        return f"What was done held. Less was done than is asked for: {', '.join(partial)}."
    return "Everything held."


def _state(section: Section) -> str:
    if not section.text:
        return "**Not run.**"
    held = "Held." if section.held else "**Did not hold.**"
    asked = f" ({section.asked})" if section.asked else ""
    return held if section.complete else f"{held} **Not all that is asked for{asked} was done.**"


def commit() -> str:
    """The commit of the checkout, and whether the code has changes that it does not name."""
    return (_git("rev-parse", "--short=12", "HEAD") or "not a checkout") + _changes(*_CODE, "benchmarks")


def product() -> str:
    """What is proven, by its content: the same for each commit that leaves it as it is."""
    trees = _git("rev-parse", "HEAD:walmart_bi", "HEAD:sql")
    return (hashlib.sha256(trees.encode()).hexdigest()[:12] if trees else "not a checkout") + _changes(*_CODE)


def _changes(*places: str) -> str:
    return " with changes" if _git("status", "--porcelain", "--", *places) else ""


def _git(*arguments: str) -> str:
    return subprocess.run(["git", *arguments], cwd=CHECKOUT, capture_output=True, text=True).stdout.strip()
