"""`docs/proof.md` from the sections that the parts of a run return. Numbers come from the run, words from the part."""

from __future__ import annotations

import datetime as dt
import importlib.metadata
import os
import platform
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

CHECKOUT = Path(__file__).parents[2]
DOCUMENT = CHECKOUT / "docs" / "proof.md"
_PACKAGES = ["dagster", "duckdb", "pandas", "pyarrow", "pantab", "redshift-connector", "boto3", "moto"]


@dataclass(frozen=True)
class Section:
    """One part's account of itself, and whether everything that it looked at held."""

    title: str
    held: bool
    text: str
    not_covered: tuple[str, ...] = ()


def table(columns: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """A Markdown table."""
    lines = [columns, ["---"] * len(columns), *rows]
    return "\n".join("| " + " | ".join(str(cell).replace("|", "\\|") for cell in line) + " |" for line in lines)


def document(sections: Sequence[Section], *, seconds: float, command: str, now: dt.datetime) -> str:
    """The whole text."""
    held = all(section.held for section in sections)
    machine = f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}"
    versions = [(name, importlib.metadata.version(name)) for name in _PACKAGES]
    intro = [
        "# Proof",
        "",
        "What was done to this pipeline to make it lose, double or half show a month, and what came of it. A run wrote",
        "this file, and nobody edits it; `make proof` writes it again.",
        "",
        f"**{'Everything held.' if held else 'Something did not hold: see below.'}**",
        "",
        table(["", ""], [
            ("run", f"`{command}`, {now:%Y-%m-%d %H:%M} UTC, {seconds / 60:,.0f} minutes"),
            ("code", f"`{_commit()}`"),
            ("machine", machine),
            ("versions", ", ".join(f"{name} {version}" for name, version in versions)),
        ]),
    ]  # fmt: skip
    body = [f"\n## {each.title}\n\n{'Held.' if each.held else '**Did not hold.**'} {each.text}" for each in sections]
    gaps = [f"- {gap}" for section in sections for gap in section.not_covered]
    return "\n".join([*intro, *body, "\n## Not covered\n", *gaps]) + "\n"


def _commit() -> str:
    def git(*arguments: str) -> str:
        return subprocess.run(["git", *arguments], cwd=CHECKOUT, capture_output=True, text=True).stdout.strip()

    changed = " with changes" if git("status", "--porcelain", "--", "walmart_bi", "sql") else ""
    return (git("rev-parse", "--short=12", "HEAD") or "not a checkout") + changed
