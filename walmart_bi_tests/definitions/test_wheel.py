"""The project as others get it: a source archive and a wheel, installed away from the checkout."""

import os
import shutil
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).parents[2]
ADDED_LATER = Path("sql/tables/one/level/deeper/added_later.sql")

LOAD_DEFINITIONS = """
import walmart_bi.definitions
from walmart_bi.sql_files import sql_directory
print(walmart_bi.__file__)
print(sql_directory())
for key in walmart_bi.definitions.defs.resolve_asset_graph().get_all_asset_keys():
    print("asset", key.to_user_string())
"""


def run(*command: object, cwd: Path, path: Path | None = None) -> str:
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(("WALMART_BI_", "COV_"))}
    environment = inherited | ({"PYTHONPATH": str(path)} if path else {})
    done = subprocess.run(
        [sys.executable, *map(str, command)], cwd=cwd, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def archives(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Both archives, the wheel built from the source archive, as `python -m build` does it, without a download."""
    source = tmp_path_factory.mktemp("source")
    for name in ("pyproject.toml", "setup.py", "README.md", "LICENSE"):
        shutil.copy(CHECKOUT / name, source)
    for name in ("walmart_bi", "sql"):
        shutil.copytree(CHECKOUT / name, source / name, ignore=shutil.ignore_patterns("__pycache__"))
    (source / ADDED_LATER).parent.mkdir(parents=True)
    (source / ADDED_LATER).write_text("SELECT 1\n")
    out = tmp_path_factory.mktemp("archives")
    run("-m", "build", "--no-isolation", "--outdir", out, source, cwd=out)
    return out


@pytest.fixture(scope="module")
def installed(archives: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    target = tmp_path_factory.mktemp("installed")
    (wheel,) = archives.glob("*.whl")
    run("-m", "pip", "-qq", "install", "--no-deps", "--no-index", "--target", target, wheel, cwd=target)
    return target


def sql_files_of_the_source() -> set[str]:
    return {path.relative_to(CHECKOUT).as_posix() for path in CHECKOUT.glob("sql/**/*.sql")} | {ADDED_LATER.as_posix()}


def test_the_source_archive_carries_every_sql_file(archives: Path) -> None:
    (archive,) = archives.glob("*.tar.gz")
    with tarfile.open(archive) as members:
        names = {name.partition("/")[2] for name in members.getnames()}
    assert {name for name in names if name.endswith(".sql")} == sql_files_of_the_source()


def test_the_wheel_carries_every_sql_file_the_type_marker_and_no_tests(archives: Path) -> None:
    (wheel,) = archives.glob("*.whl")
    names = set(zipfile.ZipFile(wheel).namelist())
    assert {name for name in names if name.endswith(".sql")} == {
        f"walmart_bi/{name}" for name in sql_files_of_the_source()
    }
    assert "walmart_bi/py.typed" in names
    assert {name.split("/")[0].split("-")[0] for name in names} == {"walmart_bi"}


def test_the_definitions_load_from_the_wheel_with_an_asset_for_each_kpi(installed: Path, tmp_path: Path) -> None:
    printed = run("-c", LOAD_DEFINITIONS, cwd=tmp_path, path=installed).splitlines()
    assert Path(printed[0]).is_relative_to(installed)
    assert Path(printed[1]) == installed / "walmart_bi" / "sql"
    assets = {line.removeprefix("asset ").split("/")[-1] for line in printed[2:]}
    kpis = {path.stem for path in CHECKOUT.glob("sql/kpis/**/*.sql")}
    assert kpis
    assert kpis <= assets
    assert list(tmp_path.iterdir()) == []


def test_the_command_is_installed(installed: Path, tmp_path: Path) -> None:
    assert run(installed / "bin" / "walmart-bi", "--version", cwd=tmp_path, path=installed).startswith("walmart-bi ")
