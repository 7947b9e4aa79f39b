"""Who looks at a race while it runs, and judges it when all have ended, before another load repairs what is wrong.

What races and how it is started is in `races.py`.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from walmart_bi.cli.project import Project
from walmart_bi.warehouse.base import WarehouseBusy, WarehouseError
from walmart_bi_tests.proof import findings
from walmart_bi_tests.proof.findings import Finding
from walmart_bi_tests.proof.loads import make_views, patient
from walmart_bi_tests.proof.truth import State, Truth

# Long enough to be let in between two loads; a race of whole loads is at it for longer.
LOOK_PATIENCE_SECONDS = 2.0


@dataclass
class Race:
    """What came of one kind of race."""

    name: str
    target: str
    rounds: int = 0
    loads: int = 0
    looks: int = 0
    not_let_in: int = 0
    refused: Counter[str] = field(default_factory=Counter)
    findings: list[Finding] = field(default_factory=list)


@dataclass
class Onlooker:
    """Somebody who looks at one round of a race. A month that was loaded, or seen, is never empty again."""

    project: Project
    truth: Truth
    race: Race
    loaded: set[str]
    _listed: list[tuple[str, str]] = field(default_factory=list)

    def look(self) -> None:
        """Read rows, sums and snapshots as anybody might, now; let in within a while or not at all."""
        self.race.looks += 1
        try:
            with self._reading().read() as reader:
                seen = findings.visible_months(reader)
                self.race.findings += findings.wrong_rollups(reader, seen)
        except WarehouseBusy:
            self.race.not_let_in += 1
            return
        except WarehouseError as error:
            if "Nothing is loaded yet" not in str(error):
                raise
            seen = {}
        self.race.findings += findings.half_visible(seen, self._allowed())
        self.loaded |= set(seen)
        listed = [(info.key, info.etag) for info in self.project.store.list("dashboard_data/")]
        if listed != self._listed:
            self.race.findings += findings.snapshots(self.project.store, self.truth, at_rest=False)
            self._listed = listed

    def judge(self, *, loads: int, views_are_made: bool) -> None:
        """Each month is the active entry's version, with its sums and KPIs; as many entries as loads that say so."""
        entries = self.project.warehouse.ledger()
        state: State = frozenset((entry.month, entry.source_sha256) for entry in entries if entry.is_active)
        with self.project.warehouse.read() as reader:
            seen = findings.visible_months(reader)
            wanted = {month: self.truth.month(month, sha256) for month, sha256 in state}
            self.race.findings += findings.wrong_rows(seen, wanted)
            self.race.findings += findings.wrong_rollups(reader, seen)
            self.race.findings += findings.wrong_ledger(self.project, reader)
        if len(entries) != loads:
            self.race.findings.append(Finding("lost", f"{loads} loads say that they loaded, there are {len(entries)}"))
        for month in sorted(self.loaded - set(seen)):
            self.race.findings.append(Finding("lost", f"{month} was loaded and is empty"))
        if not views_are_made:  # making them would make stale sums anew, so it comes after these were judged
            make_views(self.project)
        with self.project.warehouse.read() as reader:
            self.race.findings += findings.wrong_kpis(reader, self.truth, state)

    def _allowed(self) -> dict[str, list[Counter[Any]]]:
        """Every state of each month that somebody may commit."""
        allowed: dict[str, list[Counter[Any]]] = {}
        for month, sha256 in self.truth.rows:
            states = allowed.setdefault(month, [] if month in self.loaded else [Counter()])
            states.append(self.truth.month(month, sha256))
        return allowed

    def _reading(self) -> Any:
        """The warehouse for somebody who has a little patience."""
        if self.project.settings.aws is None:
            return patient(self.project, LOOK_PATIENCE_SECONDS)
        return self.project.warehouse
