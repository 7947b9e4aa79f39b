"""What holds for all tests: AWS descriptions are parsed once, coverage is sought where it is found, servers end."""

import functools
import sys
from collections.abc import Iterator

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


def pytest_sessionfinish() -> None:
    standin = sys.modules.get("walmart_bi_tests.redshift_standin.standin")
    if standin is not None:
        standin.stop_shared()
