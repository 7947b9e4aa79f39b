"""`docs/mutation.md` from what is known of each module. Numbers come from runs, reasons from `survivors.toml`."""

from __future__ import annotations

import os
import platform
from collections import Counter
from collections.abc import Mapping, Sequence

from walmart_bi_tests.mutation.modules import GROUPS, MODULES
from walmart_bi_tests.mutation.mutants import KILLED, SEED, Record
from walmart_bi_tests.mutation.survivors import KINDS, Explanation, survivors, unexplained
from walmart_bi_tests.proof.document import CHECKOUT, commit, table

DOCUMENT = CHECKOUT / "docs" / "mutation.md"
LIMIT = 0.85
_VERDICTS = ("killed", "survived", "timeout", "no tests")
_COLUMNS = ("module", "mutants", "tried", *_VERDICTS, "other", "killed of tried", "SHA-256")


def groups_below_the_limit(records: Mapping[str, Record]) -> list[str]:
    """The groups of which a smaller share is killed than is asked for, among what was tried."""
    shares = {group: _share(_sum(_of(group, records))) for group in GROUPS}
    return [group for group, share in shares.items() if share is not None and share < LIMIT]


def text(records: Mapping[str, Record], explanations: Sequence[Explanation]) -> str:
    """The whole text."""
    parts = [_intro(records, explanations)]
    for group in GROUPS:
        rows = [_row(f"`{name}`", record) for name, record in _of(group, records).items()]
        parts.append(f"## {group.capitalize()}\n\n{table(_COLUMNS, [*rows, _total(_of(group, records))])}")
    parts.append(_survivors(records, explanations))
    parts.append(_reading(records))
    return "\n\n".join(parts) + "\n"


def _of(group: str, records: Mapping[str, Record]) -> dict[str, Record]:
    return {name: record for name, record in records.items() if MODULES[name].group == group}


def _sum(records: Mapping[str, Record]) -> Counter[str]:
    return sum((record.counts() for record in records.values()), Counter())


def _share(counts: Counter[str]) -> float | None:
    tried = counts.total() - counts["not tried"]
    return counts[KILLED] / tried if tried else None


def _percent(counts: Counter[str]) -> str:
    share = _share(counts)
    return "not tried" if share is None else f"{share:.1%}"


def _figures(counts: Counter[str]) -> list[object]:
    other = sum(count for verdict, count in counts.items() if verdict not in (*_VERDICTS, "not tried"))
    return [counts.total() - counts["not tried"], *(counts[verdict] for verdict in _VERDICTS), other, _percent(counts)]


def _row(name: str, record: Record) -> list[object]:
    return [name, record.total, *_figures(record.counts()), f"`{record.source[:12]}`"]


def _total(records: Mapping[str, Record]) -> list[object]:
    return ["**all**", sum(record.total for record in records.values()), *_figures(_sum(records)), ""]


def _intro(records: Mapping[str, Record], explanations: Sequence[Explanation]) -> str:
    shares = ", ".join(f"{group} {_percent(_sum(_of(group, records)))}" for group in GROUPS)
    found = [each for name, record in records.items() for each in survivors(name, record)]
    new = len(unexplained(found, explanations))
    rest = "each of the others is explained below" if not new else f"{new} of the others are not explained"
    tried = sum(counts.total() - counts["not tried"] for counts in map(Record.counts, records.values()))
    total = sum(record.total for record in records.values())
    missing = [name for name, record in records.items() if not record.complete()]
    versions = sorted({f"mutmut {record.mutmut}" for record in records.values() if record.mutmut})
    pythons = sorted({f"Python {record.python}" for record in records.values() if record.python})
    machine = f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores"
    lines = [
        "# Mutation testing",
        "",
        "Small changes for the worse (mutants) to the modules that decide what becomes of a row, a file and a load: a",
        "`<` for a `<=`, a text for none, a call without an argument. A test that fails kills a mutant; one that",
        "survives is a gap in the tests, or changes nothing that can be seen. Runs wrote this file, and nobody edits",
        "it; `make mutants` writes it again.",
        "",
        f"**Killed: {shares} of the {tried:,} mutants that were tried, of {total:,}; {rest}.**",
        *([] if not missing else ["", f"Not tried, or not to the end: {', '.join(missing)}."]),
        "",
        table(
            ["", ""],
            [("written at", f"`{commit()}`"), ("machine", machine), ("versions", ", ".join([*versions, *pythons]))],
        ),
    ]
    return "\n".join(lines)


def _survivors(records: Mapping[str, Record], explanations: Sequence[Explanation]) -> str:
    alive = {
        (each.module, each.function, each.change)
        for name, record in records.items()
        for each in survivors(name, record)
    }
    parts = ["## Survivors", "From `walmart_bi_tests/mutation/survivors.toml`: " + _kinds() + "."]
    for name in MODULES:
        lines = []
        for each in (each for each in explanations if each.module == name):
            changes = [change for change in each.changes if (name, each.function, change) in alive]
            if changes:
                lines.append(f"- `{each.function}`, {each.kind}: {each.why}")
                lines += [f"  - {_code(change)}" for change in changes]
        if lines:
            parts.append(f"### {name}\n\n" + "\n".join(lines))
    return "\n\n".join(parts)


def _kinds() -> str:
    return "; ".join(f"*{kind}*, {meaning}" for kind, meaning in KINDS.items())


def _code(change: str) -> str:
    mark = "``" if "`" in change else "`"
    return f"{mark}{change}{mark}"


def _reading(records: Mapping[str, Record]) -> str:
    sampled = [
        f"{name} {module.sample}"
        for name, module in MODULES.items()
        if module.sample is not None and module.sample < records[name].total
    ]
    lines = [
        "## How to read it",
        "",
        "- *killed*: a test of the module's own failed, or pytest broke down. *timeout*: the tool stopped the mutant",
        "  after more than 15 times what the tests need, as it never ended. *no tests*: no test of the selection runs",
        "  the function. *other*: the process died or ended in a way that the tool does not know. Only *killed* counts",
        "  as killed.",
        f"- Of a module with many mutants so many are drawn with seed {SEED}: {', '.join(sampled)}. Of the others all",
        "  are tried.",
        "- *SHA-256* is the beginning of that of the module as it was tried; figures of another text are not shown.",
        "  What a test has killed is not tried again until the module changes, or with `ARGS=--anew`.",
        "- Which tests judge a module says `walmart_bi_tests/mutation/modules.py`. They are few, because every mutant",
        "  runs them: a survivor may still be killed by a test outside the selection.",
        "- What stands outside functions is not changed: tables, patterns, SQL, default arguments that are calls. Nor",
        "  are the names of the points at which `make proof` kills loads. `sales/contract.py` is tables, so it is not",
        "  among the modules.",
    ]
    return "\n".join(lines)
