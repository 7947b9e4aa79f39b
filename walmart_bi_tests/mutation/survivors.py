"""The mutants that no test sees, each with the reason: `survivors.toml`, and whether it says what a run found."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from walmart_bi_tests.mutation.mutants import Record

FILE = Path(__file__).with_name("survivors.toml")
KINDS = {
    "equivalent": "nothing that can be observed differs",
    "message": "a text for people differs, not what happens",
    "log": "a line of the log differs",
    "speed": "the same result, more or less quickly or in more or less memory",
    "endless": "it never ends, and the tool stops it",
}


@dataclass(frozen=True)
class Explanation:
    """Why nothing sees some changes of a function. A change is written as the tool shows it: what was -> what is."""

    module: str
    function: str
    kind: str
    why: str
    changes: tuple[str, ...]


@dataclass(frozen=True)
class Survivor:
    """A mutant that no test killed."""

    module: str
    function: str
    verdict: str
    change: str

    def entry(self) -> str:
        """What to write into the file when no test can see it."""
        return (
            f"[[survivor]]  # {self.verdict}\nmodule = {json.dumps(self.module)}\n"
            f"function = {json.dumps(self.function)}\n"
            f'kind = ""\nwhy = ""\nchanges = [{json.dumps(self.change, ensure_ascii=False)}]\n'
        )


def read(path: Path = FILE) -> list[Explanation]:
    """The explanations, in the file's order."""
    entries = tomllib.loads(path.read_text(encoding="utf-8")).get("survivor", [])
    return [Explanation(**{**entry, "changes": tuple(entry["changes"])}) for entry in entries]


def survivors(name: str, record: Record) -> list[Survivor]:
    """The module's mutants that were tried and that no test killed."""
    return [
        Survivor(name, function_of(mutant), record.verdicts[mutant], change)
        for mutant, change in record.alive().items()
        if record.verdicts[mutant] != "not tried"
    ]


def function_of(mutant: str) -> str:
    """The function that a mutant is of, by the mutant's name."""
    mangled = mutant.rpartition("__mutmut_")[0].rpartition(".")[2]
    return ".".join(mangled.split("ǁ")[1:]) if "ǁ" in mangled else mangled.removeprefix("x_")


def unexplained(found: Iterable[Survivor], explanations: Iterable[Explanation]) -> list[Survivor]:
    """The survivors that the file does not have."""
    explained = {(each.module, each.function, change) for each in explanations for change in each.changes}
    return [each for each in found if (each.module, each.function, each.change) not in explained]


def outlived(found: Iterable[Survivor], explanations: Iterable[Explanation], modules: Iterable[str]) -> list[Survivor]:
    """What the file explains of these modules, all of whose mutants were tried, and what does not survive any more."""
    alive, judged = {(each.module, each.function, each.change) for each in found}, set(modules)
    return [
        Survivor(each.module, each.function, "explained", change)
        for each in explanations
        for change in each.changes
        if each.module in judged and (each.module, each.function, change) not in alive
    ]
