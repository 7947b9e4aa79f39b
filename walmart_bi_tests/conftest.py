"""What holds for all tests: files lie in memory, what is dear and always equal is done once, coverage is sought where
it is found, servers end."""

import functools
import hashlib
import os
import shutil
import sys
import tempfile
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import Any

import pantab
import pytest
from alembic.config import Config
from alembic.script import ScriptDirectory
from botocore.loaders import JSONFileLoader, Loader
from coverage import Coverage

# Whole runs and many rounds through lines that other tests reach: under the tracer of branch coverage they take one and
# a half times to five times as long (a gzip bomb of blank lines 24 s instead of 5), and add a line in a hundred to it.
MEASURED_ELSEWHERE = (
    *("/browser/", "/faults/", "/fuzz/", "/histories/", "/proof/"),
    *("/contracts/test_limits.py", "/contracts/test_rollups.py", "/contracts/test_warehouse.py"),
    *("/end_to_end/test_aws_command_line.py", "/end_to_end/test_aws_faults.py", "/end_to_end/test_aws_kills.py"),
    *("/end_to_end/test_aws_load.py", "/end_to_end/test_aws_pipeline.py", "/end_to_end/test_aws_secrets.py"),
    *("/end_to_end/test_checks.py", "/end_to_end/test_event_driven_arrival.py", "/end_to_end/test_months.py"),
    *("/end_to_end/test_new_kpi.py", "/end_to_end/test_other_producers.py", "/end_to_end/test_public_profile.py"),
    *("/test_corpus_parity.py", "gzip_bomb", "test_on_pure_noise"),
)


MEMORY = Path("/dev/shm")
ENOUGH_BYTES = 4 << 30


def pytest_configure() -> None:
    """Temporary files go to memory where there is enough of it, unless TMPDIR says where they belong.

    Dagster's SQLite opens, commits and closes a file for each event, which waits for a disk 15 ms and for memory 0.4.
    A worker of xdist inherits the variable from its controller.
    """
    if "TMPDIR" in os.environ or not os.access(MEMORY, os.W_OK) or shutil.disk_usage(MEMORY).free < ENOUGH_BYTES:
        return
    os.environ["TMPDIR"] = str(MEMORY)
    tempfile.tempdir = None  # it may have been asked for already


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, object, object]:
    """No coverage of what is measured elsewhere; the mark `no_cover` would leave out the test, and not its fixtures."""
    coverage = Coverage.current()
    if coverage is None or not any(part in item.nodeid for part in MEASURED_ELSEWHERE):
        return (yield)
    coverage.stop()
    try:
        return (yield)
    finally:
        coverage.start()


@pytest.fixture(scope="session", autouse=True)
def aws_descriptions_found_and_parsed_once() -> Iterator[None]:
    """botocore looks through 400 directories and parses megabytes of JSON for each session anew, and the driver of
    Redshift makes a session for each login: that was most of the time of what speaks to AWS here."""
    parsed = functools.cache(JSONFileLoader().load_file)
    known: dict[tuple[str, ...], list[str]] = {}
    list_available_services = Loader.list_available_services

    def list_once(self: Loader, type_name: str) -> list[str]:
        key = (type_name, *self.search_paths)
        if key not in known:
            known[key] = list_available_services(self, type_name)
        return known[key]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(JSONFileLoader, "load_file", lambda _, path: parsed(path))
        patch.setattr(Loader, "list_available_services", list_once)
        yield


@pytest.fixture(scope="session", autouse=True)
def migrations_read_once() -> Iterator[None]:
    """Each SQLite file of Dagster's history is compared with the migrations, a hundred modules that are run for it."""
    known: dict[str | None, ScriptDirectory] = {}
    from_config = ScriptDirectory.from_config

    def from_config_once(config: Config) -> ScriptDirectory:
        place = config.get_main_option("script_location")
        if place not in known:
            known[place] = from_config(config)
        return known[place]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ScriptDirectory, "from_config", from_config_once)
        yield


@pytest.fixture(scope="session", autouse=True)
def extracts_queried_once() -> Iterator[None]:
    """Equal bytes give a query equal rows; each query starts a database process, 0.3 CPU seconds, and a run asks four.

    The workbook and the data source hold the same extract, and most tests break something else than the extract.
    """
    query, known = pantab.frame_from_hyper_query, {}

    def query_once(source: Path, sql: str, **options: Any) -> Any:
        if not Path(source).is_file():
            return query(source, sql, **options)
        key = (hashlib.sha256(Path(source).read_bytes()).digest(), sql, repr(sorted(options.items())))
        if key not in known:
            known[key] = query(source, sql, **options)
        return known[key]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pantab, "frame_from_hyper_query", query_once)
        yield


def pytest_sessionfinish() -> None:
    standin = sys.modules.get("walmart_bi_tests.redshift_standin.standin")
    if standin is not None:
        standin.stop_shared()
