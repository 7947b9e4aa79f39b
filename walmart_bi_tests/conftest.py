"""What holds for all tests: files lie in memory, what is dear and always equal is done once, servers end."""

import functools
import gc
import hashlib
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import FunctionType
from typing import Any
from weakref import WeakKeyDictionary

import pantab
import pytest
from alembic.config import Config
from alembic.script import ScriptDirectory
from botocore import hooks
from botocore.hooks import EVENT_ALIASES, EventAliaser
from botocore.loaders import JSONFileLoader, Loader
from redshift_connector import core as redshift_driver
from sqlalchemy import Engine, create_engine

MEMORY = Path("/dev/shm")
ENOUGH_BYTES = 4 << 30
ENGINES_KEPT = 16  # a history has two files, and one for each run


def pytest_configure() -> None:
    """What every process of the tests starts with; a worker of xdist inherits it from its controller."""
    # Nothing here multiplies matrices, but each process that imports NumPy starts threads for it, which wait busily.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    keep_files_in_memory()


def keep_files_in_memory() -> None:
    """Temporary files go to memory where there is enough of it, unless TMPDIR says where they belong.

    Dagster's SQLite opens, commits and closes a file for each event, which waits for a disk 15 ms and for memory 0.4.
    """
    if "TMPDIR" in os.environ or not os.access(MEMORY, os.W_OK) or shutil.disk_usage(MEMORY).free < ENOUGH_BYTES:
        return
    os.environ["TMPDIR"] = str(MEMORY)
    tempfile.tempdir = None  # it may have been asked for already


def pytest_collection_finish() -> None:
    """What is imported by now stays, so looking through it for garbage again and again was 7% of the tests' time."""
    gc.collect()
    gc.freeze()


@pytest.fixture(scope="session", autouse=True)
def aws_sessions_prepared_once() -> Iterator[None]:
    """botocore looks through 400 directories and parses megabytes of JSON for each session anew, translates the names
    of its events and looks at the arguments of each handler; and the driver of Redshift makes three sessions for each
    login, and reads each statement letter by letter on each connection. That was most of the time of what speaks to AWS
    here."""
    parsed = functools.cache(JSONFileLoader().load_file)
    services: dict[tuple[str, ...], list[str]] = {}
    list_available_services, begin, inspect = (
        Loader.list_available_services,
        EventAliaser.__init__,
        hooks.accepts_kwargs,
    )
    names: dict[str, str] = {}
    accepting: WeakKeyDictionary[FunctionType, bool] = WeakKeyDictionary()

    def list_once(self: Loader, type_name: str) -> list[str]:
        key = (type_name, *self.search_paths)
        if key not in services:
            services[key] = list_available_services(self, type_name)
        return services[key]

    def begin_with_known_names(self: EventAliaser, *arguments: Any, **options: Any) -> None:
        begin(self, *arguments, **options)
        if self._event_aliases == EVENT_ALIASES:
            self._alias_name_cache = names

    def inspect_once(handler: Any) -> bool:
        function = getattr(handler, "__func__", handler)
        if not isinstance(function, FunctionType):
            return bool(inspect(handler))
        if function not in accepting:
            accepting[function] = bool(inspect(function))
        return accepting[function]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(JSONFileLoader, "load_file", lambda _, path: parsed(path))
        patch.setattr(Loader, "list_available_services", list_once)
        patch.setattr(EventAliaser, "__init__", begin_with_known_names)
        patch.setattr(hooks, "accepts_kwargs", inspect_once)
        patch.setattr(redshift_driver, "convert_paramstyle", functools.cache(redshift_driver.convert_paramstyle))
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
def engines_of_histories_kept() -> Iterator[None]:
    """Dagster makes an engine anew for each look into a SQLite file of its history, which knows none of its statements
    yet: that was a sixth of a load by the command. An engine that is kept holds no file open (NullPool)."""

    @functools.lru_cache(ENGINES_KEPT)
    def made(address: str, options: tuple[tuple[str, Any], ...], timeout: int | None) -> Engine:
        return create_engine(address, **dict(options), connect_args={} if timeout is None else {"timeout": timeout})

    def make_once(address: str, *, connect_args: Mapping[str, int] | None = None, **options: Any) -> Engine:
        return made(address, tuple(options.items()), (connect_args or {}).get("timeout"))

    with pytest.MonkeyPatch.context() as patch:
        for module in ("runs.sqlite.sqlite_run_storage", "event_log.sqlite.sqlite_event_log"):
            patch.setattr(f"dagster._core.storage.{module}.create_engine", make_once)
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
    gc.unfreeze()  # the last collection, at the end of the process, takes that too
    standin = sys.modules.get("walmart_bi_tests.redshift_standin.standin")
    if standin is not None:
        standin.stop_shared()
