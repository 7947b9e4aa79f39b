"""Sessions of a warehouse are used again, but never one that a next user could come to harm with."""

from __future__ import annotations

import pytest

from walmart_bi.warehouse import redshift_sessions
from walmart_bi.warehouse.base import WarehouseError
from walmart_bi.warehouse.redshift_sessions import Sessions
from walmart_bi.warehouse.redshift_warehouse import RedshiftWarehouse
from walmart_bi_tests.builders import make_month
from walmart_bi_tests.contracts.warehouses import RedshiftSite
from walmart_bi_tests.redshift_standin.front import Fault
from walmart_bi_tests.redshift_standin.standin import StandIn

LIMIT = "SET statement_timeout"


@pytest.fixture
def sessions(site: RedshiftSite) -> Sessions:
    return Sessions(site.settings())


def process_of(sessions: Sessions) -> int:
    """The server's process behind the session that is handed out."""
    with sessions.session() as session:
        return int(session.query("SELECT pg_backend_pid()").rows[0][0])


def test_given_two_users_one_after_the_other_then_one_login(sessions: Sessions) -> None:
    assert process_of(sessions) == process_of(sessions)


def test_given_two_users_at_once_then_each_has_its_own(sessions: Sessions) -> None:
    with sessions.session() as session:
        mine = session.query("SELECT pg_backend_pid()").rows[0][0]
        assert process_of(sessions) != mine


def test_given_statements_limited_by_the_user_before_then_the_next_has_the_settings_limit(
    sessions: Sessions, site: RedshiftSite
) -> None:
    process = process_of(sessions)
    with sessions.session() as session:
        session.limit(1.0)
    with sessions.session() as session:
        assert session.query("SELECT pg_backend_pid()").rows[0][0] == process
        limit = session.query("SELECT setting FROM pg_settings WHERE name = 'statement_timeout'").rows[0][0]
    assert int(limit) == round(site.settings().statement_timeout * 1000)


def test_given_the_user_before_failed_then_another_session(sessions: Sessions) -> None:
    process = process_of(sessions)
    with pytest.raises(WarehouseError), sessions.session() as session:
        session.execute("SELECT no_such_column")
    assert process_of(sessions) != process


def test_given_a_transaction_left_open_then_another_session(sessions: Sessions) -> None:
    with sessions.session() as session:
        process = session.query("SELECT pg_backend_pid()").rows[0][0]
        session.execute("BEGIN")
    assert process_of(sessions) != process


def test_given_a_session_that_leaves_something_behind_then_another(sessions: Sessions) -> None:
    with sessions.session(again=False) as session:
        process = session.query("SELECT pg_backend_pid()").rows[0][0]
    assert process_of(sessions) != process


def test_given_the_server_ended_the_idle_session_then_another_and_nobody_is_told(
    sessions: Sessions, standin: StandIn
) -> None:
    process = process_of(sessions)
    standin.front.faults.append(Fault(LIMIT))
    assert process_of(sessions) != process


def test_given_a_session_idle_for_long_then_another(sessions: Sessions, monkeypatch: pytest.MonkeyPatch) -> None:
    process = process_of(sessions)
    monkeypatch.setattr(redshift_sessions, "_FRESH_SECONDS", 0.0)
    assert process_of(sessions) != process


def test_given_loads_and_readings_of_a_warehouse_then_a_load_never_finds_the_stage_of_the_one_before(
    site: RedshiftSite, standin: StandIn
) -> None:
    warehouse = RedshiftWarehouse(site.settings(), site.store())
    for month in ("2025-03", "2025-04", "2025-05"):
        load = make_month(site.store(), month, 2)
        assert warehouse.replace_month(load, run_id="run-1", code_version="0.1.0").action == "loaded"
        assert [entry.month for entry in warehouse.ledger(month)] == [month]
        warehouse.create_views({"v": "SELECT city FROM walmart_sales"})
    logins = {statement.session for statement in standin.front.log}
    assert len(logins) == 4  # one for each load, and the one in which everything after the last load was asked
