"""The contract of every object store, kept by the S3 store on the configured bucket."""

import functools

import pytest

from walmart_bi_tests.contracts.test_object_store import *  # noqa: F403
from walmart_bi_tests.live.place import open_store as _open
from walmart_bi_tests.live.place import scratch_prefix


@pytest.fixture
def open_store():
    with scratch_prefix() as prefix:
        yield functools.partial(_open, prefix)
