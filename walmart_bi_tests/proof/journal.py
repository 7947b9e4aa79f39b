"""What a long run has come to so far, line by line in a file, so that a run that is stopped leaves it and can go on.

Any process of the run adds lines, each with one write. The lines are of one product (`walmart_bi/`, `sql/`); what
another came to is another file. So a tool of the proof can be mended without doing all again: each run says its commit.
A journal grows under `build/`; what is kept of it in the repository goes on in another clone, and is behind the page.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from walmart_bi_tests.proof.document import CHECKOUT, product

FOLDER = CHECKOUT / "build" / "proof"
# In the repository: a run takes hours, and each figure of the page can be looked up, down to the single kill.
RECORDS = Path(__file__).with_name("records")


@dataclass(frozen=True)
class Journal:
    """A file of results, and a name for this run among those that add to it."""

    path: Path
    run: str

    def add(self, part: str, **result: Any) -> None:
        """Note one result of a part."""
        line = json.dumps({"part": part, "run": self.run, **result}) + "\n"
        self.path.parent.mkdir(parents=True, exist_ok=True)
        file = os.open(self.path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
        try:
            os.write(file, line.encode())
        finally:
            os.close(file)

    def results(self, part: str) -> Iterator[dict[str, Any]]:
        """What was noted of a part, by this run and those before, in its order. A line cut off by a death is none."""
        if not self.path.exists():
            return
        for line in self.path.read_text(encoding="utf-8").splitlines():
            try:
                result = json.loads(line)
            except ValueError:
                continue
            if result["part"] == part:
                yield result


def open_journal(run: str, *, anew: bool) -> Journal:
    """The journal of this product, begun with what the repository has of it.

    A new one when asked for, or when the code has changes that no commit names.
    """
    code = product()
    path = FOLDER / f"{code.replace(' ', '_')}.jsonl"
    if anew or " " in code:
        path.unlink(missing_ok=True)
    elif not path.exists() and (kept := RECORDS / path.name).exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(kept, path)
    return Journal(path, run)


def keep(journal: Journal) -> None:
    """Put the journal into the repository, in place of those of earlier products."""
    RECORDS.mkdir(exist_ok=True)
    for old in RECORDS.glob("*.jsonl"):
        old.unlink()
    shutil.copy(journal.path, RECORDS)
