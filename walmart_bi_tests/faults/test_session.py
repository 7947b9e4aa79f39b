"""Each statement and each login of Redshift: rows are neither lost nor doubled, whatever fails; else one line.

A short run meets each statement with one of the faults, and COMMIT and COPY with more (`choice.py`);
`WALMART_BI_ALL_FAULTS=1`, as `make proof` sets it, meets each with all of them, which takes minutes.
"""

from __future__ import annotations

import dataclasses
import errno
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any
from unittest import mock

import pytest
import redshift_connector
from botocore.endpoint import Endpoint
from botocore.exceptions import ClientError, ReadTimeoutError
from redshift_connector.error import InterfaceError, ProgrammingError

from walmart_bi.cli.doctor.redshift import redshift_probes
from walmart_bi.warehouse.redshift_connection import session
from walmart_bi.warehouse.redshift_warehouse import RedshiftWarehouse
from walmart_bi_tests.builders import make_month, make_rows
from walmart_bi_tests.contracts.warehouses import RedshiftSite, redshift_standin
from walmart_bi_tests.faults.choice import chosen
from walmart_bi_tests.faults.injection import called, raised_at, response
from walmart_bi_tests.faults.outcomes import outcome
from walmart_bi_tests.faults.sites import sites_of
from walmart_bi_tests.redshift_standin.front import Fault
from walmart_bi_tests.redshift_standin.messages import SqlError
from walmart_bi_tests.redshift_standin.standin import WORKGROUP, StandIn, shared_standin

MONTH = "2025-03"


@dataclass
class Place:
    """A database with a month, which other objects correct over and over."""

    site: RedshiftSite
    standin: StandIn
    loads: int = 0

    def load(self, warehouse: RedshiftWarehouse | None = None) -> None:
        self.loads += 1
        month = make_month(self.site.store(), MONTH, make_rows(MONTH, 3 + self.loads % 2, city=f"city {self.loads}"))
        (warehouse or self.warehouse).replace_month(month, run_id="run", code_version="1")

    @property
    def warehouse(self) -> RedshiftWarehouse:
        return self.changed()

    def changed(self, **changes: Any) -> RedshiftWarehouse:
        settings = dataclasses.replace(self.site.settings(), wake_timeout=1.0, **changes)
        return RedshiftWarehouse(settings, self.site.store())

    def state(self) -> tuple[list[tuple[Any, ...]], list[tuple[Any, ...]]]:
        """The rows by their load, and what they must be by the ledger, read in one transaction."""
        with self.warehouse.read() as reader:
            rows = reader.query("SELECT load_id, COUNT(*) FROM walmart_sales GROUP BY load_id").rows
            active = reader.query("SELECT load_id, loaded_rows FROM load_ledger WHERE is_active").rows
        return rows, active

    def rows(self) -> list[tuple[Any, ...]]:
        """The rows by their load, which the ledger agrees with."""
        rows, active = self.state()
        assert rows == active
        return rows

    def probe(self, name: str) -> str:
        probes = redshift_probes(self.site.settings(), self.site.store(), self.warehouse)
        return next(probe for probe in probes if probe.name == name).ask()

    @cached_property
    def empty(self) -> Place:
        """Another database, without tables."""
        return Place(dataclasses.replace(self.site, database=self.standin.new_database()), self.standin)


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    pauses = "walmart_bi.warehouse.redshift_connection.retry_pause"
    with redshift_standin(tmp_path_factory.mktemp("site")) as site, mock.patch(pauses, lambda _: 0.0):
        assert isinstance(site, RedshiftSite)
        place = Place(site, shared_standin())
        place.load()
        yield place


# What runs through each statement


def load(place: Place) -> None:
    place.load()


def load_in_a_used_session(place: Place) -> None:
    warehouse = place.warehouse
    warehouse.ledger()
    place.load(warehouse)


def begin(place: Place) -> None:
    """The first load of a database, whose tables are made on the way."""
    place.__dict__.pop("empty", None)
    place.empty.load()
    assert place.empty.rows()


def bring_up_to_date(place: Place) -> None:
    """A warehouse of an earlier version, whose months have no rollups."""
    with session(place.site.settings()) as opened:
        opened.execute("DELETE FROM sales_by_month")
    place.warehouse.create_tables()


def restore(place: Place) -> None:
    older = next(entry for entry in place.warehouse.ledger() if not entry.is_active)
    place.warehouse.restore_load(MONTH, older.load_id)


def define(place: Place) -> None:
    place.warehouse.create_views({"kpi_rows": "SELECT COUNT(*) AS orders FROM walmart_sales"})


def redefine(place: Place) -> None:
    """With other columns, which Redshift refuses to replace, so the view is dropped first."""
    for column in ("orders", f"sales_{place.loads}"):
        place.warehouse.create_views({"kpi_changing": f"SELECT COUNT(*) AS {column} FROM walmart_sales"})


def read(place: Place) -> None:
    assert place.rows()


def look_for_a_missing_schema(place: Place) -> None:
    told = outcome(place.changed(schema="nowhere").ledger)[1]
    assert "There is no such schema" in told or "Nothing was changed" in told or "connection broke" in told, told


def wait_in_vain(place: Place) -> None:
    """For the ledger, which the server says is locked."""
    place.standin.front.faults.append(Fault("^LOCK", error=SqlError("57014", "canceled")))
    told = outcome(place.load)[1]
    assert "The warehouse was not free" in told, told


def copy_without_a_right(place: Place) -> None:
    with mock.patch.object(place.standin.front, "roles", set()):
        told = outcome(place.load)[1]
    assert "COPY failed" in told or "connection broke" in told, told


def log_in_by_role(place: Place) -> None:
    with mock.patch.dict(os.environ, {"AWS_REGION": "us-east-1"}):
        place.changed(workgroup=WORKGROUP, host="", user="", password="").ledger()


def ask(name: str) -> Callable[[Place], None]:
    def ask_it(place: Place) -> None:
        assert place.probe(name)

    return ask_it


_WAREHOUSE = "warehouse/redshift_warehouse.py RedshiftWarehouse."
_CONNECTION = "warehouse/redshift_connection.py "
_STAGE = "warehouse/redshift_stage.py stage_object session."
_DOCTOR = "cli/doctor/redshift.py _"
CASES: dict[str, Callable[[Place], None]] = {
    f"{_DOCTOR}Redshift.tables opened.query": ask("tables"),
    f"{_DOCTOR}Redshift.views opened.query": ask("views"),
    f"{_DOCTOR}Redshift.views opened.query #2": ask("views"),
    f"{_DOCTOR}Redshift._copy_one_row opened.execute": ask("copy"),
    f"{_DOCTOR}Redshift._require opened.query": ask("schema"),
    f"{_DOCTOR}user opened.query": ask("login"),
    "warehouse/copy.py copy_parquet session.execute": load,
    "warehouse/copy.py copy_parquet session.query": load,
    "warehouse/copy.py _explained session.query": copy_without_a_right,
    f"{_CONNECTION}Session.execute self._cursor.execute": load,
    f"{_CONNECTION}Session.query self.execute": load,
    f"{_CONNECTION}Session.column_types self.execute": load,
    f"{_CONNECTION}Session.limit self.execute": load,
    f"{_CONNECTION}Session.transaction self.execute": load,
    f"{_CONNECTION}Session.transaction self.execute #2": read,
    f"{_CONNECTION}open_session opened.limit": load,
    f"{_CONNECTION}open_session opened.execute": load,
    "warehouse/redshift_sessions.py Sessions._fresh session.limit": load_in_a_used_session,
    f"{_CONNECTION}require_schema session.query": begin,
    f"{_CONNECTION}require_schema session.query #2": look_for_a_missing_schema,
    f"{_CONNECTION}_connect redshift_connector.connect": log_in_by_role,
    f"{_STAGE}execute": load,
    f"{_STAGE}execute #2": load,
    f"{_STAGE}column_types": load,
    f"{_STAGE}query": load,
    f"{_STAGE}query #2": load,
    "warehouse/redshift_warehouse.py _create_view session.execute": define,
    "warehouse/redshift_warehouse.py _create_view session.transaction": redefine,
    "warehouse/redshift_warehouse.py _create_view session.execute #2": redefine,
    "warehouse/redshift_warehouse.py _create_view session.execute #3": redefine,
    "warehouse/redshift_warehouse.py _create_view session.execute #4": redefine,
    f"{_WAREHOUSE}read session.transaction": read,
    f"{_WAREHOUSE}_swap_once session.limit": load,
    f"{_WAREHOUSE}_swap_once session.limit #2": load,
    f"{_WAREHOUSE}_transaction session.column_types": load,
    f"{_WAREHOUSE}_transaction session.execute": load,
    f"{_WAREHOUSE}_transaction session.execute #2": load,
    f"{_WAREHOUSE}_transaction session.query": load,
    f"{_WAREHOUSE}_transaction session.execute #3": load,
    f"{_WAREHOUSE}_transaction session.execute #4": load,
    f"{_WAREHOUSE}_locked session.limit": load,
    f"{_WAREHOUSE}_locked session.transaction": load,
    f"{_WAREHOUSE}_locked session.execute": load,
    f"{_WAREHOUSE}_locked session.limit #2": load,
    f"{_WAREHOUSE}_busy another.query": wait_in_vain,
    f"{_WAREHOUSE}_prepare session.limit": load,
    f"{_WAREHOUSE}_prepare session.query": load,
    f"{_WAREHOUSE}_prepare session.limit #2": load,
    f"{_WAREHOUSE}_prepare session.query #2": bring_up_to_date,
    f"{_WAREHOUSE}_prepare session.execute": bring_up_to_date,
    "warehouse/redshift_tables.py _tables session.query": load,
    "warehouse/redshift_tables.py create_tables session.execute": begin,
    "warehouse/rollups.py refresh_month execute": load,
    "warehouse/rollups.py refresh_month execute #2": load,
    "warehouse/redshift_warehouse.py _entries session.query": load,
    "warehouse/redshift_warehouse.py _write_entry session.execute": restore,
    "warehouse/redshift_warehouse.py _write_entry session.execute #2": load,
}
SITES = {site.name: site for site in sites_of("session")}
LOGIN = f"{_CONNECTION}_connect redshift_connector.connect"


# What meets it

Instead = Callable[..., Any]


def cut_before(_real: Callable[..., Any], cursor: Any, *_: Any, **__: Any) -> Any:
    cursor._c._usock.close()
    raise ConnectionResetError(104, "Connection reset by peer")


def cut_after(real: Callable[..., Any], cursor: Any, *arguments: Any, **options: Any) -> Any:
    real(cursor, *arguments, **options)
    cursor._c._usock.close()
    raise ConnectionResetError(104, "Connection reset by peer")


def refused(code: str, message: str) -> Instead:
    def answer(*_: Any, **__: Any) -> Any:
        raise ProgrammingError({"S": "ERROR", "C": code, "M": message})

    return answer


def failing(error: BaseException) -> Instead:
    def answer(*_: Any, **__: Any) -> Any:
        raise error

    return answer


def a_page(real: Callable[..., Any], *arguments: Any, **options: Any) -> Any:
    """What a proxy puts in the place of AWS, which the driver asks for the login."""
    page = b"<html><body>Please log in</body></html>"
    with mock.patch.object(Endpoint, "_send", lambda _, request: response(request, 200, {}, page)):
        return real(*arguments, **options)


FAULTS: dict[str, Instead] = {
    "cut before": cut_before,
    "cut after": cut_after,
    "time-out": refused("57014", "Query (1) cancelled on user's request"),
    "conflict": refused("XX000", "1023"),
    "disk full": refused("53100", "Disk Full"),
    "no right": refused("42501", "permission denied for relation walmart_sales"),
}
LOGIN_FAULTS: dict[str, Instead] = {
    "reset": failing(ConnectionResetError(104, "Connection reset by peer")),
    "time-out": failing(TimeoutError("timed out")),
    "starting up": refused("57P03", "the database system is starting up"),
    "expired token": failing(
        ClientError({"Error": {"Code": "ExpiredToken", "Message": "m"}, "ResponseMetadata": {}}, "GetCredentials")
    ),
    "503": failing(ClientError({"Error": {"Code": "ServiceUnavailable"}, "ResponseMetadata": {}}, "GetCredentials")),
    "silent AWS": failing(ReadTimeoutError(endpoint_url="https://redshift-serverless")),
    "a page of something else": a_page,
}


def faults() -> list[Any]:
    cases: list[Any] = []
    for name in CASES:
        met = LOGIN_FAULTS if name == LOGIN else {fault: FAULTS[fault] for fault in chosen(SITES[name], list(FAULTS))}
        cases += [pytest.param(name, instead, id=f"{name}-{fault}") for fault, instead in met.items()]
    return cases


@pytest.mark.parametrize(("name", "instead"), faults())
def test_given_a_fault_at_a_statement_when_it_is_sent_then_no_row_is_lost_or_doubled(
    place: Place, name: str, instead: Instead
):
    work = CASES[name]
    if work is restore:
        place.load()
    before, loads = place.rows(), place.loads
    target, method = (redshift_connector, "connect") if name == LOGIN else (redshift_connector.Cursor, "execute")
    with called(target, method, SITES[name], instead, times=1) as meeting:
        _, line = outcome(lambda: work(place))
    place.standin.front.faults.clear()

    assert meeting.met, "the fault never met its call"
    after = place.rows()
    if line or (place.loads == loads and work is not restore):
        assert after == before, "something was changed"
    elif work in (load, load_in_a_used_session):
        assert after != before, "it was told to be loaded"


CLOSE_CASES = {f"{_CONNECTION}Session.close self._connection.close": load}


@pytest.mark.parametrize("error", [BrokenPipeError(32, "Broken pipe"), InterfaceError("connection is closed")])
@pytest.mark.parametrize("name", CLOSE_CASES)
def test_given_a_session_that_cannot_be_closed_when_the_load_is_done_then_it_is_loaded(
    place: Place, name: str, error: Exception
):
    before = place.rows()
    with raised_at(SITES[name], error) as meeting:
        _, line = outcome(lambda: CLOSE_CASES[name](place))

    assert meeting.met and not line
    assert place.rows() != before


FILE_CASES = {"warehouse/redshift_stage.py stage_object path.stat": load}
FILE_SITES = {site.name: site for site in sites_of("file")}


@pytest.mark.parametrize("name", FILE_CASES)
def test_given_the_private_copy_cannot_be_looked_at_when_loaded_then_one_line(place: Place, name: str):
    before = place.rows()
    with raised_at(FILE_SITES[name], OSError(errno.EIO, "Input/output error")) as meeting:
        _, line = outcome(lambda: FILE_CASES[name](place))

    assert meeting.met and line
    assert place.rows() == before
