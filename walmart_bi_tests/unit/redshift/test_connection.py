"""Sessions on Redshift: how long they wait, what they leave open, and what of an error's text is handed on."""

from __future__ import annotations

import contextlib
import datetime as dt
import gc
import logging
import os
import re
import socket
import threading
import time
import traceback
from collections.abc import Iterator

import pytest
import trustme

from walmart_bi.warehouse import redshift_connection
from walmart_bi.warehouse.base import WarehouseError
from walmart_bi.warehouse.redshift_connection import session
from walmart_bi.warehouse.redshift_settings import RedshiftSettings
from walmart_bi_tests.builders import make_month, make_rows
from walmart_bi_tests.contracts.warehouses import RedshiftSite
from walmart_bi_tests.redshift_standin import backend
from walmart_bi_tests.redshift_standin.front import Fault
from walmart_bi_tests.redshift_standin.messages import SqlError
from walmart_bi_tests.redshift_standin.standin import COPY_ROLE, WORKGROUP, StandIn, server_tls
from walmart_bi_tests.unit.redshift.test_warehouse import MONTH, changed, load, loaded, statements

# The network forgets a connection that was silent for so long (NAT gateways and load balancers of AWS: 350 s).
FORGOTTEN_AFTER = 350
CANARY = "Jane Canary"


@contextlib.contextmanager
def silent_server() -> Iterator[int]:
    """A port that takes connections and never says a word."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield listener.getsockname()[1]


def sessions_left(standin: StandIn, database: str) -> int:
    """Sessions that the server still has on the database, when those that are ending have ended."""
    give_up = time.monotonic() + 10
    with backend.session(standin.front.postgres, "postgres") as admin:
        while True:
            found = admin.query(f"SELECT COUNT(*) FROM pg_stat_activity WHERE datname = '{database}'")
            if found == [("0",)] or time.monotonic() > give_up:
                return int(found[0][0] or 0)
            time.sleep(0.02)


# Time


def test_a_session_that_waits_for_a_long_copy_is_kept_alive_on_the_way(site):
    """Else the answer to a COPY of more than 350 s would never arrive, however often it was tried again."""
    with session(site.settings()) as opened:
        way = opened._connection._usock
        idle = getattr(socket, "TCP_KEEPIDLE", None) or socket.TCP_KEEPALIVE
        assert way.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)
        assert way.getsockopt(socket.IPPROTO_TCP, idle) < FORGOTTEN_AFTER
        assert way.getsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPINTVL) < FORGOTTEN_AFTER


def test_a_statement_may_run_longer_than_a_login(site):
    patient = RedshiftSite(site.port, site.database, site.bucket).settings()
    with session(patient) as opened:
        assert opened._connection._usock.gettimeout() > patient.statement_timeout > patient.connect_timeout


def test_a_server_that_says_nothing_at_login_is_left_after_the_time_for_one_login(site):
    with silent_server() as port, pytest.raises(WarehouseError, match=r"No connection within 1 s: .*timed out"):
        changed(site, port=port, connect_timeout=1, wake_timeout=1).ledger()


def test_a_server_that_says_nothing_to_a_commit_is_left_and_the_ledger_is_asked(site, standin, monkeypatch):
    monkeypatch.setattr(redshift_connection, "_ANSWER_GRACE", 0.5)
    month, answered = make_month(site.store(), MONTH, 3), threading.Event()
    standin.front.faults.append(Fault("^COMMIT", "after", meanwhile=lambda: bool(answered.wait(30)), cut=False))

    outcome = load(changed(site, statement_timeout=1.5), month)
    answered.set()

    assert (outcome.action, outcome.entry.load_id) == ("loaded", f"{MONTH}-v1")
    assert statements(standin).count("COMMIT") == 1
    assert sum(row[2] for row in loaded(site)) == 3


def untrusted(site: RedshiftSite, standin: StandIn) -> RedshiftSettings:
    standin.front.tls = server_tls(trustme.CA(), "localhost")
    return site.settings()


def misnamed(site: RedshiftSite, standin: StandIn) -> RedshiftSettings:
    return changed(site, host="127.0.0.1")._settings


def unknown_host(site: RedshiftSite, standin: StandIn) -> RedshiftSettings:
    return changed(site, host="no-such-host.invalid")._settings


def wrong_password(site: RedshiftSite, standin: StandIn) -> RedshiftSettings:
    return changed(site, password="wrong")._settings


def no_database(site: RedshiftSite, standin: StandIn) -> RedshiftSettings:
    return changed(site, database="nowhere")._settings


def expired(site: RedshiftSite, standin: StandIn) -> RedshiftSettings:
    standin.identity.denied = True
    return RedshiftSettings(database="x", copy_role_arn=COPY_ROLE, workgroup=WORKGROUP)


@pytest.mark.parametrize("fault", [untrusted, misnamed, unknown_host, wrong_password, no_database, expired])
def test_a_login_that_cannot_succeed_later_is_not_tried_again(site, standin, monkeypatch, fault):
    pauses: list[float] = []
    monkeypatch.setattr("walmart_bi.warehouse.redshift_connection.time.sleep", pauses.append)

    with pytest.raises(WarehouseError), session(fault(site, standin)):
        pytest.fail("nobody may be logged in")
    assert pauses == []


# What is left open


def test_no_session_is_left_behind_however_a_call_ends(site, standin):
    good, other = (make_month(site.store(), MONTH, make_rows(MONTH, 3, city=city)) for city in ("good", "other"))
    gc.disable()  # what is only forgotten must not be tidied up by chance
    try:
        load(site.warehouse(), good)
        for error in (SqlError("42501", "permission denied"), SqlError("XX000", "1023")):
            standin.front.faults.append(Fault("^DELETE", error=error))
        with pytest.raises(WarehouseError):
            load(site.warehouse(), other)
        load(site.warehouse(), other)
        with pytest.raises(WarehouseError), site.warehouse().read() as reader:
            reader.query("SELECT no_such_column FROM walmart_sales")
        with pytest.raises(ZeroDivisionError), site.warehouse().read():
            raise ZeroDivisionError
        assert sessions_left(standin, site.database) == 0
    finally:
        gc.enable()


def test_a_refused_login_leaves_no_connection_open(site, standin):
    gc.disable()
    try:
        with pytest.raises(WarehouseError) as caught:
            changed(site, password="wrong").ledger()
        assert caught.value is not None
        assert sessions_left(standin, site.database) == 0
    finally:
        gc.enable()


# What an error says


@pytest.mark.parametrize("fault", ["expired", "untrusted", "no database"])
def test_a_temporary_password_is_in_no_link_of_an_errors_chain_and_in_no_log(site, standin, monkeypatch, caplog, fault):
    caplog.set_level(logging.INFO)
    standin.identity.temporary.clear()
    if fault == "expired":
        monkeypatch.setattr(standin.identity, "lifetime", dt.timedelta(0))
    if fault == "untrusted":
        standin.front.tls = server_tls(trustme.CA(), "localhost")
    database = "nowhere" if fault == "no database" else site.database
    settings = RedshiftSettings(database=database, copy_role_arn=COPY_ROLE, workgroup=WORKGROUP)

    with pytest.raises(WarehouseError) as caught, session(settings):
        pytest.fail("nobody may be logged in")
    (password,) = standin.identity.temporary
    chain = "".join(traceback.format_exception(caught.value)) + repr(caught.value.__cause__) + caplog.text
    assert password not in chain
    assert os.environ["AWS_SECRET_ACCESS_KEY"] not in chain


@pytest.mark.parametrize(
    "error",
    [
        SqlError("22P02", f'invalid input syntax for type integer: "{CANARY}"'),
        SqlError(
            "XX000", "Invalid digit", D=f"error: Invalid digit code: 1207\ncontext: Invalid digit, Value '{CANARY}'"
        ),
        SqlError("XX000", f"Invalid digit, Value '{CANARY}', Pos 0, Type: Integer"),
        SqlError("XX000", "Spectrum Scan Error", D=f"code: 15001\ncontext: Value '{CANARY}' does not fit"),
        SqlError("23502", "Cannot insert a NULL value", D=f"Key (city)=('{CANARY}')"),
    ],
    ids=lambda error: error.fields["C"],
)
@pytest.mark.parametrize("step", ["COPY", "INSERT INTO walmart_sales"])
def test_a_value_that_the_server_quotes_is_in_no_error_nor_in_what_caused_it(site, standin, step, error):
    standin.front.faults.append(Fault(f"^{step}", error=error))

    with pytest.raises(WarehouseError) as caught:
        load(site.warehouse(), make_month(site.store(), MONTH, 3))
    trace = "".join(traceback.format_exception(caught.value))
    assert CANARY not in trace and "Canary" not in trace
    assert re.split("[:,]", error.fields["M"])[0] in str(caught.value)
    # The server's code stays for whoever looks into it.
    assert error.fields["C"] in trace


def test_a_name_that_the_server_quotes_is_told(site, standin):
    standin.front.faults.append(Fault("^DELETE", error=SqlError("42P01", 'relation "walmart_sales" does not exist')))

    with pytest.raises(WarehouseError, match='relation "walmart_sales" does not exist'):
        load(site.warehouse(), make_month(site.store(), MONTH, 3))


def test_a_deadlock_runs_the_whole_transaction_again(site, standin):
    standin.front.faults.append(Fault("^DELETE", error=SqlError("40P01", "deadlock detected")))

    assert load(site.warehouse(), make_month(site.store(), MONTH, 3)).action == "loaded"
    assert statements(standin).count("LOCK load_ledger") == 2
    assert sum(sql.startswith("COPY") for sql in statements(standin)) == 1
