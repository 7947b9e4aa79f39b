"""Mutants of one module: made and judged by mutmut in a folder of its own under `build/`, and what is known of them.

mutmut reads its settings from the `pyproject.toml` of the folder that it runs in, and writes into it. So each module
has a folder of links to the checkout beside a `pyproject.toml` with its settings; the checkout itself stays clean.
"""

from __future__ import annotations

import ast
import contextlib
import dataclasses
import hashlib
import importlib.metadata
import json
import os
import platform
import random
import shutil
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

from walmart_bi_tests.mutation.modules import Module
from walmart_bi_tests.proof.document import CHECKOUT

FOLDER = CHECKOUT / "build" / "mutation"
# In the repository: a run takes hours, and goes on in any clone from what others found.
RECORDS = Path(__file__).with_name("records")
SEED = 1
KILLED = "killed"
_COPIED = ("sql", "walmart_bi_tests", "docs", "deploy", "tools", "benchmarks")
_FILES = ("README.md", "CONTRIBUTING.md", "Makefile", "dagster.yaml", "workspace.yaml", "setup.py")
# The tool's clock starts with 15 times what the tests took when nothing was changed, plus this many seconds: a start of
# a database on a busy machine is no endless loop.
_PATIENCE_SECONDS = 45.0


@dataclasses.dataclass
class Record:
    """What is known of a module's mutants: those that were tried, by name, and what each survivor changes.

    `source` is the SHA-256 of the module as it was then; unlike a commit it stays the same when history is rewritten.
    """

    source: str
    total: int = 0
    verdicts: dict[str, str] = dataclasses.field(default_factory=dict)
    changes: dict[str, str] = dataclasses.field(default_factory=dict)
    python: str = ""
    mutmut: str = ""

    def counts(self) -> Counter[str]:
        """How many mutants have each verdict."""
        return Counter(self.verdicts.values())

    def complete(self) -> bool:
        """Whether each mutant that is to be tried was."""
        return bool(self.verdicts) and "not tried" not in self.verdicts.values()

    def alive(self) -> dict[str, str]:
        """Each mutant that the tests do not see, with its change."""
        return {name: self.changes[name] for name, verdict in self.verdicts.items() if verdict != KILLED}


def load(name: str, module: Module) -> Record:
    """What earlier runs found of the module as it is now; nothing when it has changed since."""
    source = hashlib.sha256((CHECKOUT / module.path).read_bytes()).hexdigest()
    kept = RECORDS / f"{name}.json"
    if kept.exists():
        known = {field.name for field in dataclasses.fields(Record)}
        facts = json.loads(kept.read_text(encoding="utf-8"))
        record = Record(**{fact: value for fact, value in facts.items() if fact in known})
        if record.source == source:
            return record
    return Record(source)


def judge(name: str, module: Module, *, anew: bool, processes: int, tell: Callable[[str], None]) -> Record:
    """Try the module's mutants, those that no test killed yet; keeps what it found, also when it is stopped."""
    record = Record(load(name, module).source) if anew else load(name, module)
    place = _workplace(name, module)
    with _in(place):
        from mutmut.mutation.file_mutation import mutate_file_contents

        stem = module.path.removesuffix(".py").replace("/", ".")
        made = mutate_file_contents(module.path, Path(module.path).read_text(encoding="utf-8"))
    names = [f"{stem}.{mutant}" for mutant in made.mutant_names]
    tried = names
    if module.sample is not None and len(names) > module.sample:
        tried = sorted(random.Random(SEED).sample(names, module.sample), key=names.index)
    record.total = len(names)
    record.verdicts = {mutant: record.verdicts.get(mutant, "not tried") for mutant in tried}
    due = [mutant for mutant, verdict in record.verdicts.items() if verdict != KILLED]
    tell(f"{name}: {len(names)} mutants, {len(tried)} to be tried, {len(due)} of them not known to be killed")
    if not due:
        return record
    try:
        _run(place, due, processes)
    finally:
        _harvest(place, module, record)
        _keep(name, record)
    return record


def _workplace(name: str, module: Module) -> Path:
    place = FOLDER / name
    shutil.rmtree(place, ignore_errors=True)
    place.mkdir(parents=True)
    for linked in (*_COPIED, *_FILES):
        (place / linked).symlink_to(CHECKOUT / linked)
    shutil.copytree(CHECKOUT / "walmart_bi", place / "walmart_bi", ignore=shutil.ignore_patterns("__pycache__"))
    changed = place / module.path
    changed.write_text(undecorated(changed.read_text(encoding="utf-8")), encoding="utf-8")
    settings = {
        "source_paths": ["walmart_bi/"],
        "only_mutate": [module.path],
        # Where a named point stands is seen by the tests that kill loads there (docs/adr/0017-named-points.md).
        "do_not_mutate_patterns": [r"^\s*reached\("],
        "also_copy": [*_COPIED, *_FILES],
        "pytest_add_cli_args_test_selection": list(module.tests),
        "pytest_add_cli_args": [
            "-q",
            "-n",
            "0",
            "-p",
            "no:cacheprovider",
            *(["-k", module.only] if module.only else []),
        ],
        "timeout_constant": _PATIENCE_SECONDS / 15,
        "track_dependencies": False,
        "use_git_change_detection": False,
    }
    lines = "".join(f"{key} = {json.dumps(value)}\n" for key, value in settings.items())
    project = (CHECKOUT / "pyproject.toml").read_text(encoding="utf-8")
    (place / "pyproject.toml").write_text(f"{project}\n[tool.mutmut]\n{lines}", encoding="utf-8")
    return place


def undecorated(source: str) -> str:
    """The same module with each decorator of a function as an assignment below it: mutmut leaves decorated ones alone.

    A cache is left out: it is filled before the mutants are forked, and would answer in their place.
    """
    lines = source.splitlines()
    functions = [node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.FunctionDef)]
    for node in sorted(functions, key=lambda node: -node.lineno):
        if not node.decorator_list:
            continue
        wrapped = node.name
        for decorator in reversed([ast.unparse(each) for each in node.decorator_list]):
            wrapped = wrapped if "cache" in decorator else f"{decorator}({wrapped})"
        if wrapped != node.name:
            lines.insert(node.end_lineno or node.lineno, f"{' ' * node.col_offset}{node.name} = {wrapped}")
        del lines[node.decorator_list[0].lineno - 1 : node.lineno - 1]
    return "\n".join(lines) + "\n"


@contextlib.contextmanager
def _in(place: Path) -> Iterator[None]:
    """In the folder, with the settings that mutmut finds there."""
    from mutmut.configuration import reset_config

    with contextlib.chdir(place):
        reset_config()
        yield
    reset_config()


def _run(place: Path, mutants: list[str], processes: int) -> None:
    command = [sys.executable, "-m", "mutmut", "run", "--max-children", str(processes), *mutants]
    with (place / "mutmut.log").open("wb") as log:
        # A group of its own, so that an end in order takes the mutants along.
        running = subprocess.Popen(command, cwd=place, stdout=log, stderr=subprocess.STDOUT, start_new_session=True)
        try:
            running.wait()
        except KeyboardInterrupt:
            os.killpg(running.pid, signal.SIGTERM)
            running.wait()
            raise
    if running.returncode:
        tail = (place / "mutmut.log").read_text(encoding="utf-8", errors="replace")[-3000:]
        raise SystemExit(f"mutmut ended with {running.returncode}: {tail}\nthe whole of it: {place / 'mutmut.log'}")


def _harvest(place: Path, module: Module, record: Record) -> None:
    """Take the verdicts of a run from where mutmut keeps them, and what the survivors change."""
    meta = place / "mutants" / f"{module.path}.meta"
    if not meta.exists():
        return
    from mutmut.mutation.diff_apply import get_diff_for_mutant
    from mutmut.stats import status_by_exit_code

    with _in(place):
        for mutant, code in json.loads(meta.read_text(encoding="utf-8"))["exit_code_by_key"].items():
            if mutant in record.verdicts and code is not None:
                record.verdicts[mutant] = status_by_exit_code[code]
        record.changes = {
            mutant: _change(get_diff_for_mutant(mutant, path=Path(module.path)))
            for mutant, verdict in record.verdicts.items()
            if verdict != KILLED
        }
    record.python, record.mutmut = platform.python_version(), importlib.metadata.version("mutmut")


def _change(diff: str) -> str:
    """The lines of a diff that differ, in one line: what was -> what is."""
    lines = [line for line in diff.splitlines() if not line.startswith(("---", "+++", "@@"))]
    was, now = ([line[1:].strip() for line in lines if line.startswith(mark)] for mark in "-+")
    return f"{' '.join(was)} -> {' '.join(now)}"


def _keep(name: str, record: Record) -> None:
    RECORDS.mkdir(exist_ok=True)
    part = RECORDS / f"{name}.json.part"
    part.write_text(json.dumps(dataclasses.asdict(record), indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    part.replace(RECORDS / f"{name}.json")
