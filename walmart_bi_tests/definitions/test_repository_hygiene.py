"""Rules about the repository itself that neither the linter nor the type checker holds."""

import ast
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path

import yaml

CHECKOUT = Path(__file__).parents[2]
DIRECTORIES = ("walmart_bi", "walmart_bi_tests", "benchmarks", "sql", "docs", "tools", "deploy", ".ci")
TEXT = {".py", ".sql", ".md", ".toml", ".yaml", ".yml", ".json", ".sh", ".lock", ".txt", ".html", ".svg", ""}
PICKLING = {"pickle", "shelve", "marshal", "dill", "cloudpickle", "joblib"}


def text_files() -> Iterator[Path]:
    """The project's own text files, found without git: a source archive is checked too."""
    places = [CHECKOUT / name for name in DIRECTORIES]
    inside = [path for place in places for path in place.rglob("*") if "__pycache__" not in path.parts]
    yield from (path for path in [*CHECKOUT.glob("[!.]*"), *inside] if path.is_file() and path.suffix in TEXT)


def imported_modules(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def shown(path: Path) -> str:
    return path.relative_to(CHECKOUT).as_posix()


def test_no_file_names_a_place_on_somebodys_machine() -> None:
    personal = re.compile(rf"(?<![\w.$}}/-])/(?:home|root|Users)/\w|{re.escape(str(CHECKOUT))}(?![\w-])")
    found = [shown(path) for path in text_files() if personal.search(path.read_text(encoding="utf-8"))]
    assert found == []


def test_only_public_dagster_modules_are_imported() -> None:
    private = re.compile(r"^dagster\w*\.(?:\w+\.)*_")
    python = [path for path in text_files() if path.suffix == ".py"]
    assert len(python) > 50
    assert [(shown(path), name) for path in python for name in imported_modules(path) if private.match(name)] == []


def test_nothing_is_handed_over_as_a_pickle() -> None:
    python = (CHECKOUT / "walmart_bi").rglob("*.py")
    found = [
        (shown(path), name) for path in python for name in imported_modules(path) if name.split(".")[0] in PICKLING
    ]
    assert found == []


def test_every_sql_file_is_utf8_with_unix_lines_and_ends_with_one() -> None:
    files = list((CHECKOUT / "sql").rglob("*.sql"))
    assert files
    contents = {shown(path): path.read_bytes() for path in files}
    wrong = [
        name
        for name, content in contents.items()
        if b"\r" in content or not content.endswith(b"\n") or content.endswith(b"\n\n") or not content.decode("utf-8")
    ]
    assert wrong == []


def test_plain_dagster_dev_reads_the_workspace_because_pyproject_names_no_code_location() -> None:
    tools = tomllib.loads((CHECKOUT / "pyproject.toml").read_text())["tool"]
    workspace = yaml.safe_load((CHECKOUT / "workspace.yaml").read_text())
    assert {"dagster", "dg"} & set(tools) == set()
    assert workspace["load_from"] == [
        {"python_module": {"module_name": "walmart_bi.definitions", "location_name": "walmart_bi"}}
    ]


def test_every_command_of_the_makefile_is_explained_by_make_help() -> None:
    makefile = (CHECKOUT / "Makefile").read_text()
    phony = re.findall(r"^\.PHONY: (.*)$", makefile, flags=re.MULTILINE)[0].split()
    explained = re.findall(r"^([a-z-]+):.*## ", makefile, flags=re.MULTILINE)
    assert explained == [name for name in phony if name != "setup-run"]  # what the others begin with


def test_every_test_is_run_before_a_change_lands() -> None:
    assert re.findall(r"\bmake ([a-z-]+) </dev/null$", (CHECKOUT / ".ci/run").read_text(), flags=re.MULTILINE) == [
        "test",
        "test-tools",
    ]
    tools = re.findall(r"^TOOLS := .*,(.*)\)$", (CHECKOUT / "Makefile").read_text(), flags=re.MULTILINE)[0].split()
    assert tools and [tool for tool in tools if not (CHECKOUT / "walmart_bi_tests" / tool).exists()] == []
