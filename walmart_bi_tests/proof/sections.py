"""What each part came to, in words and tables, from the journal alone."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable
from typing import Any

from walmart_bi_tests.fuzz.runs import MEMORY_CAP
from walmart_bi_tests.histories.runs import ROUND
from walmart_bi_tests.proof.document import Section, table
from walmart_bi_tests.proof.findings import KINDS, Finding, counted
from walmart_bi_tests.proof.journal import Journal
from walmart_bi_tests.proof.matrix import MIDDLE
from walmart_bi_tests.proof.parts import (
    BY_SENSOR,
    CONVICTED_AT,
    CONVICTION,
    Size,
    findings_of,
    finished_seeds,
    run_races,
)
from walmart_bi_tests.proof.places import TARGETS
from walmart_bi_tests.proof.races import BI_TOOL, RACERS, ROLL_BACK, SAME_FILE, SAME_MONTHS, TWO_SENSORS

Result = dict[str, Any]
_COLUMNS = {
    ("local", "real"): "DuckDB",
    ("aws", "real"): "stand-in and S3 server",
    ("local", "graph"): "DuckDB, sensor and graph",
    ("aws", "graph"): "stand-in, sensor and graph",
}
_TARGETS = {"local": "DuckDB", "aws": "stand-in"}


def matrix_section(size: Size, journal: Journal) -> Section:
    """The matrix as a table: a line a point, a column a target."""
    tried = list(journal.results("matrix"))
    done = [each for each in tried if each["died"] or each["findings"]]
    if not done:
        return Section("Kill matrix", True, "", complete=False)
    by_column = {column: [each for each in done if (each["target"], each["way"]) == column] for column in _COLUMNS}
    rows = []
    for point in sorted({each["point"] for each in done}):
        cells = ([each for each in column if each["point"] == point] for column in by_column.values())
        rows.append((f"`{point}`", *(_cell(cell) for cell in cells)))
    found = [finding for each in done for finding in findings_of(each)]
    asked = {("local", "real"): size.seeds["local"], ("aws", "real"): size.seeds["aws"]}
    asked.update({(target, "graph"): size.graph_seeds for target in TARGETS})
    finished = finished_seeds(journal)
    sizes = "\n".join(
        f"- {_COLUMNS[column]}: {_extent(each, len(finished[column]), asked[column])}"
        for column, each in by_column.items()
    )
    text = (
        f"{len(done):,} loads were killed by SIGKILL, each at a named point (`adr/0017`), or a random moment after it "
        f"(`{MIDDLE.strip()}`). Each was given again once, and then everything was compared with the oracle, row by "
        f"row and KPI by KPI. Before, as the death left them, rows, ledger, sums and KPIs had to be of one state. "
        f"{len(tried) - len(done)} loads were done before their death came and are not counted. "
        f"{_sum(done, 'looks'):,} times somebody looked meanwhile; {_sum(done, 'not_let_in'):,} times a "
        "DuckDB file was being written and the look, which does not wait, was not let in. A cell is kills that "
        f"held / kills.\n\n{sizes}\n\n"
        f"{table(['found', *KINDS], [('', *counted(found).values())])}\n\n"
        f"{table(['point', *_COLUMNS.values()], rows)}"
        f"{_listed((_name(each), findings_of(each)) for each in done)}"
    )
    complete = all(finished[column] >= set(size.numbers(seeds)) for column, seeds in asked.items())
    return Section(
        "Kill matrix",
        not found,
        text,
        complete,
        (
            "A power cut: SIGKILL ends a process, the kernel still writes what it was given.",
            "A Redshift or an S3 that dies itself; the stand-in's own limits are in `adr/0011`.",
            "Readers of `dashboard_data/latest/` who do not compare its files with its manifest: while it is written, "
            "and after a death in the middle until the next load, it holds files of two snapshots, which the manifest "
            "gives away. A snapshot's own folder is never mixed.",
            f"Through sensor and graph: only {len(BY_SENSOR)} points. The other kills call the functions of "
            "the assets in the graph's order.",
        ),
        f"{asked['local', 'real']} seeds on DuckDB, {asked['aws', 'real']} on the stand-in, {asked['local', 'graph']} "
        "through sensor and graph on both",
    )


def _cell(trials: list[Result]) -> str:
    return f"{sum(not each['findings'] for each in trials)} / {len(trials)}" if trials else "-"


def _extent(trials: list[Result], finished: int, asked: int) -> str:
    points = {each["point"] for each in trials}
    named = len({point.removesuffix(MIDDLE) for point in points})
    return (
        f"{len(trials):,} kills at {len(points)} places ({named} named points); {finished} of the {asked} seeds that "
        "are asked for were tried at every place"
    )


def _name(each: Result) -> str:
    return f"{each['target']}, {each['way']}, {each['point']}, seed {each['seed']}"


def _sum(results: Iterable[Result], what: str) -> int:
    return sum(each[what] for each in results)


def _listed(named: Iterable[tuple[str, list[Finding]]]) -> str:
    lines = [f"- {name}: {each.kind}: {each.text}" for name, found in named for each in found]
    return "\n\n" + "\n".join(lines) if lines else ""


def sight_section(size: Size, journal: Journal) -> Section:
    """Whether the matrix convicts loaders that are wrong on purpose."""
    by_loader: dict[tuple[str, str], list[Result]] = defaultdict(list)
    for each in journal.results("sight"):
        by_loader[each["way"], each["target"]].append(each)
    if not by_loader:
        return Section("That the suite can see", True, "", complete=False)
    rows, convicted = [], []
    for (loader, target), trials in by_loader.items():
        found = Counter(finding.kind for each in trials for finding in findings_of(each))
        convicted.append(any(found[kind] for kind in CONVICTION))
        seen = sum(bool(each["findings"]) for each in trials)
        rows.append((loader, _TARGETS[target], len(trials), seen, *(found[kind] for kind in KINDS)))
    text = (
        "The same trials with loaders that are wrong on purpose (`walmart_bi_tests/proof/broken.py`): each must be "
        f"convicted.\n\n{table(['loader', 'target', 'kills', 'convicted', *KINDS], rows)}"
    )
    asked = {
        (loader, target): len(points) * size.sight_seeds
        for target, at in CONVICTED_AT.items()
        for loader, points in at.items()
    }
    complete = all(len(by_loader[place]) >= kills for place, kills in asked.items())
    there = ", ".join(f"`{loader}`" for loader in CONVICTED_AT["aws"])
    gap = (f"On the stand-in only {there}; the others were tried on DuckDB.",)
    seeds = f"{size.sight_seeds} seeds for each point"
    return Section("That the suite can see", all(convicted), text, complete, gap, seeds)


def races_section(size: Size, journal: Journal) -> Section:
    """The races as a table."""
    together: dict[tuple[str, str], list[Result]] = defaultdict(list)
    for each in run_races(journal):
        together[each["name"], each["target"]].append(each)
    if not together:
        return Section("Races", True, "", complete=False)
    rows = []
    for (name, target), each in sorted(together.items()):
        found = counted([finding for race in each for finding in findings_of(race)])
        figures = (_sum(each, what) for what in ("rounds", "loads", "looks", "not_let_in", "told_why"))
        rows.append((name, _TARGETS[target], *figures, *found.values()))
    results = [race for each in together.values() for race in each]
    loads = _sum(results, "loads")
    text = (
        f"{loads:,} loads and roll-backs raced, up to {RACERS} processes at a time, with a reader who looks all the "
        "while at rows, sums and snapshots. `not let in`: a look that waited in vain for the others. When all had "
        "ended, rows, ledger, sums and KPIs were compared, before anything was loaded again. `told why`: a load that "
        "ended with one line that names cause and next step, because another one had overtaken it; it was given "
        "again.\n\n"
        f"{table(['race', 'target', 'rounds', 'loads', 'looks', 'not let in', 'told why', *KINDS], rows)}"
        f"{_listed((each['name'], findings_of(each)) for each in results)}"
    )
    held = not any(each["findings"] for each in results)
    everywhere = {(name, target) for name in (SAME_MONTHS, ROLL_BACK, SAME_FILE, TWO_SENSORS) for target in TARGETS}
    # A race at which nobody got to look has shown only its end.
    looked_at = all(_sum(each, "looks") > _sum(each, "not_let_in") for each in together.values())
    complete = loads >= size.loads and set(together) >= {*everywhere, (BI_TOOL, "local")} and looked_at
    return Section(
        "Races",
        held,
        text,
        complete,
        ("Two machines: the processes of a race share one.",),
        f"{size.loads:,} loads, each race on both targets, and looked at",
    )


def histories_section(size: Size, journal: Journal) -> Section:
    """The random histories."""
    done = list(journal.results("histories"))
    if not done:
        return Section("Random histories", True, "", complete=False)
    figures: dict[str, Counter[str]] = {target: Counter() for target in TARGETS}
    asked_of = {"local": size.histories, "aws": size.aws_histories}
    long_ones: Counter[str] = Counter()
    for each in done:
        figures[each["target"]] += Counter(each["figures"])
        long_ones[each["target"]] += each["figures"].get("histories", 0) if each["steps"] >= size.steps else 0
    found = [each for each in done if each["problem"]]
    rows = [
        (what, *(f"{of_target[what]:,}" for of_target in figures.values()))
        for what in sorted({what for of_target in figures.values() for what in of_target})
    ]
    lines = "".join(
        f"\n- {each['target']}, seed {each['seed']}: `{_error_in(each['problem'])[:300]}`" for each in found
    )
    text = (
        f"{figures['local']['histories']:,} histories on DuckDB and {figures['aws']['histories']:,} on the stand-in "
        f"of up to {max(each['steps'] for each in done)} random steps each, by hypothesis, with the first seed "
        f"{size.first_seed}: deliveries, corrections, loads, crashes, races, roll-backs, restarts, lost cursors. After "
        "each step table and ledger were compared with a model that is a dictionary. Beside them hypothesis tries the "
        f"simplest history, of a single step. {len(found)} differ.{lines}\n\n"
        f"{table(['what happened', 'DuckDB', 'stand-in'], rows)}"
    )
    # A round of histories in which nothing of the kind happened has shown nothing.
    rounds = [target for target, histories in asked_of.items() if histories >= ROUND]
    happened = all(figures[target][what] for target in rounds for what in ("loads", "crashes", "races"))
    complete = all(long_ones[target] >= histories for target, histories in asked_of.items()) and happened
    asked = f"{size.histories:,} histories on DuckDB and {size.aws_histories:,} on the stand-in of {size.steps} steps"
    return Section("Random histories", not found, text, complete, asked=asked)


def _error_in(problem: str) -> str:
    """The line that names the error, of a trace with the steps that lead to it."""
    lines = problem.strip().splitlines()
    return next((line for line in reversed(lines) if re.match(r"\w*(Error|Exception)\b", line)), lines[-1])


def fuzz_section(size: Size, journal: Journal) -> Section:
    """The mutated files."""
    done = list(journal.results("fuzz"))
    if not done:
        return Section("Mutated files", True, "", complete=False)
    endings: Counter[str] = Counter()
    reasons: Counter[str] = Counter()
    for each in done:
        endings += Counter(each["endings"])
        reasons += Counter(each["reasons"])
    violations = {number: problems for each in done for number, problems in each["violations"].items()}
    peak = max((each["peak_bytes"] for each in done), default=0) / 2**20
    rows = [(f"`{reason}`" if reason else "accepted", f"{count:,}") for reason, count in reasons.most_common()]
    lines = "".join(f"\n- input {number}: {problems[0][:300]}" for number, problems in sorted(violations.items()))
    kinds = ", ".join(f"{count:,} {kind}" for kind, count in sorted(endings.items()))
    text = (
        f"{endings.total():,} mutated files of seed {size.first_seed}: {kinds}; {_sum(done, 'records'):,} records "
        f"accounted for by independent counting. At most {peak:,.0f} MB of memory were used, the cap is "
        f"{MEMORY_CAP / 2**20:,.0f} MB. Each column of each row was compared with an oracle of its own reading. "
        f"{len(violations)} inputs ended otherwise, with counts that do not add up, or with another value."
        f"{lines}\n\n{table(['ending', 'inputs'], rows)}"
    )
    complete = endings.total() >= size.inputs
    return Section("Mutated files", not violations, text, complete, asked=f"{size.inputs:,} files")
