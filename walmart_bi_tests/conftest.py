"""What holds for all tests: files lie in memory, what is dear and always equal is done once, coverage is sought where
it is found, servers end."""

import functools
import hashlib
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pantab
import pytest
from botocore.loaders import JSONFileLoader

# Many rounds through lines that other tests reach: under the tracer of branch coverage they take two to five times as
# long (a gzip bomb of blank lines 24 s instead of 5), and add no line to it.
MEASURED_ELSEWHERE = (
    "/browser/",
    "/fuzz/",
    "/histories/",
    "/proof/",
    "/test_corpus_parity.py",
    "gzip_bomb",
    "test_on_pure_noise",
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


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if any(part in item.nodeid for part in MEASURED_ELSEWHERE):
            item.add_marker(pytest.mark.no_cover)


@pytest.fixture(scope="session", autouse=True)
def aws_descriptions_parsed_once() -> Iterator[None]:
    """botocore parses megabytes of JSON for each session anew, which was half the time of what speaks to AWS here."""
    parsed = functools.cache(JSONFileLoader().load_file)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(JSONFileLoader, "load_file", lambda _, path: parsed(path))
        yield


@pytest.fixture(scope="session", autouse=True)
def extracts_queried_once() -> Iterator[None]:
    """Equal bytes give a query equal rows; each query starts a database process, 0.3 CPU seconds, and a run asks four.

    The workbook and the data source hold the same extract, and most tests break something else than the extract.
    """
    query, known = pantab.frame_from_hyper_query, {}

    def query_once(source: Path, sql: str, **options: Any) -> Any:
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
