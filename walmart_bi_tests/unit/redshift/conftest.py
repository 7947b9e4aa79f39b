from collections.abc import Iterator

import pytest

from walmart_bi.warehouse import redshift_connection
from walmart_bi_tests.contracts.warehouses import RedshiftSite, redshift_standin
from walmart_bi_tests.redshift_standin.standin import StandIn, shared_standin


@pytest.fixture
def site(tmp_path) -> Iterator[RedshiftSite]:
    with redshift_standin(tmp_path) as site:
        assert isinstance(site, RedshiftSite)
        yield site


@pytest.fixture(autouse=True)
def short_pauses(monkeypatch) -> None:
    """Between attempts: what counts here is what an attempt finds, and each fault would wait half a second for it."""
    monkeypatch.setattr(redshift_connection, "_FIRST_PAUSE", 0.02)


@pytest.fixture
def standin(site: RedshiftSite) -> Iterator[StandIn]:
    """The stand-in with an empty log; whatever a test makes fail is put right afterwards."""
    shared = shared_standin()
    shared.front.log.clear()
    roles, passwords, tls = set(shared.front.roles), dict(shared.identity.passwords), shared.front.tls
    shared.identity.calls.clear()
    yield shared
    shared.front.faults.clear()
    shared.front.refuse_logins = 0
    shared.front.tls = tls
    shared.front.roles = roles
    shared.identity.passwords = passwords
    shared.identity.denied = False
