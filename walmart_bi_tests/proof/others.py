"""The parts of the proof that packages beside this one bring: random histories, and mutated files."""

from __future__ import annotations

from walmart_bi_tests.fuzz import runs as fuzz
from walmart_bi_tests.histories.runs import ROUND, one_round, seed_of_round
from walmart_bi_tests.proof.document import CHECKOUT
from walmart_bi_tests.proof.journal import Journal
from walmart_bi_tests.proof.parts import Size, in_processes, tell

# Inputs that are tried before the journal hears of them.
_BLOCK = 2_500
KEPT = CHECKOUT / "build" / "fuzz"


def histories(size: Size, journal: Journal) -> None:
    """Random histories on both targets, in rounds that can be drawn again by their seed."""
    done = {(each["target"], each["seed"]) for each in journal.results("histories") if each["steps"] == size.steps}
    rounds = [
        (target, min(ROUND, asked - first), size.steps, seed_of_round(size.first_seed, first))
        for target, asked in (("local", size.histories), ("aws", size.aws_histories))
        for first in range(0, asked, ROUND)
    ]
    left = [each for each in rounds if (each[0], each[3]) not in done]
    in_processes(size, _histories, [(journal, part) for part in (left[at::_SHARES] for at in range(_SHARES)) if part])


# A process goes through so many of the rounds, which costs less than a process for each.
_SHARES = 10


def _histories(journal: Journal, rounds: list[tuple[str, int, int, int]]) -> None:
    for target, count, steps, seed in rounds:
        _, figures, problem = one_round((target, count, steps, seed))
        told = problem[-2_000:]
        journal.add("histories", target=target, seed=seed, histories=count, steps=steps, figures=figures, problem=told)
        tell(f"histories on {target} of seed {seed}: {told or 'held'}")


def fuzzing(size: Size, journal: Journal) -> None:
    """Mutated files."""
    done = {each["first"] for each in journal.results("fuzz") if each["seed"] == size.first_seed}
    for first in range(0, size.inputs, _BLOCK):
        if first in done:
            continue
        count = min(_BLOCK, size.inputs - first)
        found = fuzz.run_in_processes(size.first_seed, count, size.processes, lambda _: None, first=first)
        violations = {number: list(problems) for number, problems in found.violations.items()}
        journal.add(
            "fuzz",
            seed=size.first_seed,
            first=first,
            inputs=found.inputs,
            endings=found.endings,
            reasons=found.reasons,
            records=found.records,
            peak_bytes=found.peak_bytes,
            violations=violations,
        )
        for number, problems in found.violations.items():
            fuzz.save(size.first_seed, number, problems, KEPT)
        tell(f"{first + found.inputs:,} of {size.inputs:,} mutated files, {len(violations)} violations in this block")
