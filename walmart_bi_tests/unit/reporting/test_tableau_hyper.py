"""An extract holds the rows of the views exactly, tells nothing about a customer, and leaves nothing behind."""

import datetime as dt
import os
import shutil
import stat
import subprocess
import sys
from collections import Counter
from decimal import Decimal
from pathlib import Path

import pytest

from walmart_bi.kpis.privacy import CustomerColumn
from walmart_bi.reporting.tableau.hyper import ExtractError, query, read_table, table_columns, write_hyper
from walmart_bi.reporting.tableau.tables import STORY, Field, Table
from walmart_bi.reporting.tableau.workbook import Contents
from walmart_bi_tests.tableau.contents import make_contents

CHECKOUT = Path(__file__).parents[3]


@pytest.fixture(scope="module")
def contents(tmp_path_factory: pytest.TempPathFactory) -> Contents:
    return make_contents(tmp_path_factory.mktemp("contents"))


@pytest.fixture(scope="module")
def extract(contents: Contents, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("extract") / "walmart_bi.hyper"
    write_hyper(path, contents.tables)
    return path


def test_every_value_of_every_view_comes_back_with_its_type(extract: Path, contents: Contents) -> None:
    for table in contents.tables:
        found = read_table(extract, table.name, [field.name for field in table.columns])
        assert Counter(found) == Counter(tuple(row) for row in table.rows), table.name
        for row, expected in zip(sorted(found, key=repr), sorted(map(tuple, table.rows), key=repr), strict=True):
            assert [type(value) for value in row] == [type(value) for value in expected]


def test_every_type_of_a_header_is_kept_with_its_nulls(tmp_path: Path) -> None:
    fields = (
        Field("day", "DATE", "date"),
        Field("big", "BIGINT", "count"),
        Field("small", "INTEGER", "years"),
        Field("flag", "BOOLEAN", "label"),
        Field("words", "VARCHAR", "label"),
        Field("share", "DOUBLE PRECISION", "share"),
        Field("money", "DECIMAL(38, 2)", "usd"),
    )
    row = (dt.date(1900, 1, 1), 2**62, -1, True, "\u202ea\n'\"\U0001f600", 0.1, Decimal("9" * 36 + ".99"))
    table = Table("kpi_types", "Types", fields, [row, (None,) * len(fields)])
    write_hyper(tmp_path / "types.hyper", [table])

    found = read_table(tmp_path / "types.hyper", "kpi_types", [field.name for field in fields])
    assert Counter(found) == Counter(table.rows)


@pytest.mark.parametrize(
    ("dimension", "view"),
    [
        ("month", "kpi_revenue_by_month"),
        ("category", "kpi_revenue_by_category"),
        ("payment_method", "kpi_revenue_by_payment_method"),
        ("discount_applied", "kpi_revenue_by_discount"),
        ("customer_type", "kpi_revenue_by_customer_type"),
        ("age_group", "kpi_revenue_by_age_group"),
    ],
)
def test_the_story_cube_sums_to_the_view_in_every_dimension(
    dimension: str, view: str, extract: Path, contents: Contents
) -> None:
    summed = query(extract, f'SELECT {dimension}, SUM(revenue), SUM(orders) FROM "Extract"."{STORY}" GROUP BY 1')
    published = next(table for table in contents.published if table.name == view)
    names = [field.name for field in published.columns]
    places = [names.index(name) for name in (dimension, "revenue", "orders")]
    assert len(summed) > 1
    assert set(summed) == {tuple(row[place] for place in places) for row in published.rows}


def test_the_extract_has_one_table_a_view_and_no_column_that_no_kpi_needs(extract: Path, contents: Contents) -> None:
    tables = table_columns(extract)
    assert tables.keys() == {STORY, *(kpi.name for kpi in contents.catalog)}
    everything = {column for columns in tables.values() for column in columns}
    assert not everything & {"customer_id", "age", "gender", "product_name", "rating", "source_line", "load_id"}


@pytest.mark.parametrize("name", ["customer_id", "Age", "load_id"])
def test_a_customer_level_column_is_refused_before_anything_is_written(name: str, tmp_path: Path) -> None:
    table = Table("kpi_leak", "Leak", (Field(name, "VARCHAR", "label"),), [("1",)])
    with pytest.raises(CustomerColumn, match=f"kpi_leak: The view has {name}"):
        write_hyper(tmp_path / "leak.hyper", [table])
    assert list(tmp_path.iterdir()) == []


def test_the_file_may_be_read_by_everybody(extract: Path) -> None:
    assert stat.S_IMODE(extract.stat().st_mode) == 0o644


def test_equal_tables_say_the_same_and_others_do_not(contents: Contents, tmp_path: Path) -> None:
    again = make_contents(tmp_path)
    assert [table.content_sha256 for table in again.tables] == [table.content_sha256 for table in contents.tables]
    shorter = Table(STORY, contents.story.caption, contents.story.fields, contents.story.rows[1:])
    assert shorter.content_sha256 != contents.story.content_sha256


@pytest.mark.parametrize(
    ("act", "told"),
    [
        (lambda folder: write_hyper(folder / "no" / "x.hyper", []), "Hyper refused"),
        (lambda folder: query(folder / "broken.hyper", "SELECT 1"), "Hyper refused"),
        (lambda folder: query(folder / "gone.hyper", "SELECT 1"), "Hyper refused"),
    ],
)
def test_what_hyper_refuses_is_told_in_one_line(act: object, told: str, tmp_path: Path) -> None:
    (tmp_path / "broken.hyper").write_bytes(b"not an extract")
    with pytest.raises(ExtractError, match=told) as refused:
        act(tmp_path)  # type: ignore[operator]
    assert "\n" not in str(refused.value) and "Context" not in str(refused.value)
    assert str(tmp_path) not in refused.value.place


def test_without_pantab_the_error_names_it(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setitem(sys.modules, "pantab", None)
    with pytest.raises(ExtractError, match=r"pantab.*cannot be loaded"):
        write_hyper(tmp_path / "x.hyper", [])


WRITE_AND_READ = """
import os, sys
from pathlib import Path
from walmart_bi.reporting.tableau.hyper import query, write_hyper
from walmart_bi.reporting.tableau.tables import Field, Table
path = Path(sys.argv[1]) / "made.hyper"
write_hyper(path, [Table("Extract", "One", (Field("n", "BIGINT", "count"),), [(41,), (1,)])])
(total,), = query(path, 'SELECT SUM(n) FROM "Extract"."Extract"')
children = Path(f"/proc/{os.getpid()}/task/{os.getpid()}/children")
print(total, [Path(f"/proc/{child}/comm").read_text() for child in children.read_text().split()])
print([line.split(":")[0].strip() for line in Path("/proc/net/dev").read_text().splitlines()[2:]])
"""


def run(folder: Path, *prefix: str) -> list[str]:
    environment = {"PYTHONPATH": str(CHECKOUT), "PATH": os.environ["PATH"], "TMPDIR": str(folder / "tmp")}
    (folder / "tmp").mkdir()
    done = subprocess.run(
        [*prefix, sys.executable, "-c", WRITE_AND_READ, str(folder)],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


def test_no_process_no_log_and_no_temporary_file_is_left(tmp_path: Path) -> None:
    assert run(tmp_path)[0] == "42 []"
    assert {path.name for path in tmp_path.iterdir()} == {"made.hyper", "tmp"}
    assert list((tmp_path / "tmp").iterdir()) == []


def test_it_works_with_the_network_cut(tmp_path: Path) -> None:
    """Where the system lets nobody cut the network, this shows less; the next test shows the same in another way."""
    cut = ("unshare", "--net", "--map-root-user", "--user")
    can_cut = (
        shutil.which("unshare") and subprocess.run([*cut, "true"], capture_output=True, check=False).returncode == 0
    )
    total, networks = run(tmp_path, *(cut if can_cut else ()))
    assert total == "42 []"
    assert not can_cut or networks == "['lo']"


def test_the_database_process_opens_no_internet_socket(tmp_path: Path) -> None:
    loop = WRITE_AND_READ.replace("write_hyper(path", "for _ in range(200): write_hyper(path")
    process = subprocess.Popen(
        [sys.executable, "-c", loop, str(tmp_path)],
        cwd=tmp_path,
        env={"PYTHONPATH": str(CHECKOUT)},
        stdout=subprocess.PIPE,
    )
    seen: set[str] = set()
    try:
        while process.poll() is None and len(seen) < 20:
            seen |= set(sockets_of_children(process.pid))
    finally:
        process.kill()
        process.communicate()
    assert seen and {kind for kind, _ in (each.split() for each in seen)} == {"unix"}


def sockets_of_children(process: int) -> list[str]:
    """`kind inode` of every socket that a child of the process has open now; a child that just ended has none."""
    found = []
    for child in Path(f"/proc/{process}/task/{process}/children").read_text().split():
        try:
            handles = [str(handle.readlink()) for handle in Path(f"/proc/{child}/fd").iterdir()]
            tables = {
                kind: Path(f"/proc/{child}/net/{kind}").read_text() for kind in ("tcp", "tcp6", "udp", "udp6", "unix")
            }
        except OSError:
            continue
        inodes = [handle.removeprefix("socket:[").rstrip("]") for handle in handles if handle.startswith("socket:")]
        for inode in inodes:
            found += [f"{kind} {inode}" for kind, table in tables.items() if f" {inode} " in table.replace("\n", " \n")]
    return found
