"""The long form: `python -m walmart_bi_tests.mutation [module ...]`. Writes `docs/mutation.md`.

Exit code 1 when a mutant survives that `survivors.toml` does not explain, a group is below the limit, or a module that
was asked for was not tried to its end. What earlier runs found of a module stands until the module changes, and is kept
in `records/`; of one that is asked for, only mutants that no test killed yet are tried again. Without a name, every
module is gone through; a run that is stopped keeps what it found. Until every module was tried, the page is
`build/mutation/mutation.md`.
"""

from __future__ import annotations

import argparse
import os
import signal
import sys
from collections.abc import Sequence

from walmart_bi_tests.mutation import document, mutants
from walmart_bi_tests.mutation.modules import MODULES
from walmart_bi_tests.mutation.survivors import FILE, outlived, read, survivors, unexplained


def main() -> int:
    asked = _arguments()
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # ends in order, as Ctrl-C does
    try:
        for name in asked.modules or MODULES:
            record = mutants.judge(name, MODULES[name], anew=asked.anew, processes=asked.processes, tell=_tell)
            _tell(f"{name}: {', '.join(f'{count} {verdict}' for verdict, count in record.counts().most_common())}")
    except KeyboardInterrupt:
        _tell("stopped; what was found is kept")
    return conclude(asked.modules or list(MODULES))


def conclude(asked: Sequence[str]) -> int:
    """Write the document, and say what was not tried, and what the file of survivors lacks or has too much."""
    records = {name: mutants.load(name, module) for name, module in MODULES.items()}
    found = [each for name, record in records.items() for each in survivors(name, record)]
    explanations = read()
    # A page of some modules would take the figures of the others away.
    whole = all(record.complete() for record in records.values())
    path = document.DOCUMENT if whole else mutants.FOLDER / document.DOCUMENT.name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(document.text(records, explanations), encoding="utf-8")
    _tell(f"{path} is written" + ("" if whole else f"; {document.DOCUMENT} is, when every module was tried"))
    judged = [name for name, record in records.items() if record.complete()]
    for each in outlived(found, explanations, judged):
        _tell(f"{FILE.name} explains what does not survive any more; take it out: {each.function}: {each.change}")
    new = unexplained(found, explanations)
    for each in new:
        _tell(f"survives and is not in {FILE.name}:\n{each.entry()}")
    if new:
        _tell(f"{len(new)} survive unexplained: write a test that sees each, or add it to {FILE.name} with the reason")
    low = document.groups_below_the_limit(records)
    for group in low:
        _tell(f"{group}: fewer than {document.LIMIT:.0%} of the mutants are killed")
    left = [name for name in asked if not records[name].complete()]
    if left:
        _tell(f"not tried, or not to the end: {', '.join(left)}; run it again, it goes on from here")
    return 1 if new or low or left else 0


def _tell(line: str) -> None:
    sys.stdout.write(f"mutants: {line}\n")
    sys.stdout.flush()


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m walmart_bi_tests.mutation", description=__doc__)
    parser.add_argument("modules", nargs="*", metavar="module", help=f"of: {', '.join(MODULES)}; none: all")
    parser.add_argument("--anew", action="store_true", help="try again what a test killed, too")
    parser.add_argument("--processes", type=int, default=os.cpu_count() or 1)
    asked = parser.parse_args()
    if unknown := [name for name in asked.modules if name not in MODULES]:
        parser.error(f"no such module: {', '.join(unknown)}; there are {', '.join(MODULES)}")
    return asked


if __name__ == "__main__":
    sys.exit(main())
