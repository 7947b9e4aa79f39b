"""Many histories in several processes: figures, progress, and the shortest failing history as text.

Each process draws its share in rounds with seeds of their own, so that progress can be told and a finding can be drawn
again by its round alone.
"""

from __future__ import annotations

import logging
import multiprocessing
import sys
import time
import traceback
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, Phase, Verbosity, seed, settings
from hypothesis.reporting import with_reporter
from hypothesis.stateful import run_state_machine_as_test

from walmart_bi_tests.histories.machine import Histories
from walmart_bi_tests.histories.place import PLACES

ROUND = 10


def run_histories(target: str, histories: int, steps: int, seed_number: int, *, shrink: bool = True) -> Counter[str]:
    """Run so many histories here; raises what a history finds, with its shortest form in the notes of the error."""
    machine: Any = type(f"Histories_{target}", (Histories,), {"open_place": staticmethod(PLACES[target])})
    machine.figures = Counter()
    phases = [Phase.generate, *([Phase.shrink] if shrink else [])]
    chosen = settings(
        max_examples=histories,
        stateful_step_count=steps,
        database=None,
        deadline=None,
        phases=phases,
        suppress_health_check=list(HealthCheck),
        verbosity=Verbosity.normal,
        print_blob=False,
    )
    told: list[str] = []
    try:
        with with_reporter(lambda line: told.append(str(line))):
            run_state_machine_as_test(seed(seed_number)(machine), settings=chosen)
    except BaseException as error:
        error.add_note("\n".join(told))
        raise
    return machine.figures


def run_in_processes(
    target: str, histories: int, steps: int, first_seed: int, processes: int, *, keep: Path, say: Callable[[str], None]
) -> int:
    """Run the histories, `ROUND` of them at a time; 0 when none finds anything."""
    started = time.monotonic()
    rounds = [
        (target, min(ROUND, histories - first), steps, seed_of_round(first_seed, first))
        for first in range(0, histories, ROUND)
    ]
    total: Counter[str] = Counter()
    findings = 0
    with multiprocessing.get_context("spawn").Pool(processes) as pool:
        for seed_number, figures, problem in pool.imap_unordered(one_round, rounds):
            total += figures
            if problem:
                findings += 1
                keep.mkdir(parents=True, exist_ok=True)
                path = keep / f"{target}_seed{seed_number}.txt"
                path.write_text(problem)
                say(f"seed {seed_number} finds something; kept: {path}\n{problem[-3000:]}")
            say(_line(target, total, findings, time.monotonic() - started))
    say(f"done; {_line(target, total, findings, time.monotonic() - started)}; first seed {first_seed}")
    return 1 if findings else 0


def seed_of_round(first_seed: int, first: int) -> int:
    """The seed of the round that begins with history number `first`."""
    return first_seed * 1_000_000 + first


def one_round(arguments: tuple[str, int, int, int]) -> tuple[int, Counter[str], str]:
    target, histories, steps, seed_number = arguments
    disabled = logging.root.manager.disable
    logging.disable(logging.CRITICAL)
    try:
        return seed_number, run_histories(target, histories, steps, seed_number), ""
    except BaseException:  # noqa: BLE001 - what comes out of a history is what is looked for
        return seed_number, Counter(), traceback.format_exc()
    finally:
        logging.disable(disabled)
        sys.stdout.flush()


def _line(target: str, total: Counter[str], findings: int, seconds: float) -> str:
    told = ", ".join(f"{count:,} {what}" for what, count in sorted(total.items()))
    return f"{target}, {seconds:,.0f} s: {told or 'nothing yet'}; {findings} findings"
