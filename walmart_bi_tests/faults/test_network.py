"""Each call to webhook, mail server and Tableau: an alert that fails is one line in the log, publishing one line."""

from __future__ import annotations

import http.client
import smtplib
import ssl
import urllib.error
from collections.abc import Iterator
from email.message import Message
from pathlib import Path
from typing import Any
from xml.etree.ElementTree import ParseError

import pytest
import requests
from tableauserverclient.server.endpoint.exceptions import FailedSignInError, ServerResponseError

from walmart_bi import alert_channels
from walmart_bi.alert_channels import send_through
from walmart_bi.alerts import Alert, AlertSettings
from walmart_bi.reporting.tableau.publish import publish
from walmart_bi.settings_tableau import TableauServerSettings
from walmart_bi_tests.faults.injection import raised_at
from walmart_bi_tests.faults.outcomes import SECRET, SERVERS_WORDS, outcome
from walmart_bi_tests.faults.sites import sites_of
from walmart_bi_tests.tableau.server import TableauServer, tableau_server
from walmart_bi_tests.unit.test_alerts import SECRET as PASSWORD
from walmart_bi_tests.unit.test_alerts import Mailbox, MailServer, Receiver, authority, tls_options, trusted

__all__ = ["authority", "tls_options", "trusted"]  # fixtures
ALERT = Alert("walmart_sales failed", "the cause.", "the place", "the next step.")
HOOK = "alert_channels.py _post opener.open"
MAIL = "alert_channels.py _mail "
TABLEAU = "reporting/tableau/publish.py "
SITES = {site.name: site for site in sites_of("network")}

WEBHOOK_FAULTS: dict[str, Exception] = {
    "503": urllib.error.HTTPError("https://hook", 503, SERVERS_WORDS, Message(), None),
    "reset": ConnectionResetError(104, "Connection reset by peer"),
    "time-out": TimeoutError("timed out"),
    "truncated": http.client.IncompleteRead(b"half"),
    "no answer": http.client.RemoteDisconnected(SERVERS_WORDS),
    "TLS": urllib.error.URLError(ssl.SSLError(1, "certificate verify failed")),
}
MAIL_FAULTS: dict[str, Exception] = {
    "busy": smtplib.SMTPResponseException(421, SERVERS_WORDS.encode()),
    "reset": ConnectionResetError(104, "Connection reset by peer"),
    "time-out": TimeoutError("timed out"),
    "cut": smtplib.SMTPServerDisconnected(SERVERS_WORDS),
    "expired password": smtplib.SMTPAuthenticationError(535, SERVERS_WORDS.encode()),
    "TLS": ssl.SSLError(1, "certificate verify failed"),
}
TABLEAU_FAULTS: dict[str, Exception] = {
    "503": ServerResponseError("503000", "Service unavailable", "try later"),
    "reset": requests.exceptions.ConnectionError("Connection aborted."),
    "time-out": requests.exceptions.ReadTimeout("timed out"),
    "truncated": ParseError("no element found"),
    "expired token": FailedSignInError("401001", "Signin Error", f"with {SECRET}"),
    "disk full": OSError(28, "No space left on device"),
}
ALERT_CASES = {
    **dict.fromkeys((HOOK, f"{HOOK} #2"), WEBHOOK_FAULTS),
    **{f"{MAIL}{call}": MAIL_FAULTS for call in ("smtplib.SMTP", "server.ehlo", "server.starttls", "server.ehlo #2")},
    **{f"{MAIL}{call}": MAIL_FAULTS for call in ("server.login", "server.send_message")},
}
TABLEAU_CASES = {
    **{
        f"{TABLEAU}publish {call}": TABLEAU_FAULTS
        for call in ("tsc.Server", "server.use_server_version", "server.auth.sign_in")
    },
    **{f"{TABLEAU}publish server.{what}.publish": TABLEAU_FAULTS for what in ("datasources", "workbooks")},
    f"{TABLEAU}_project_id server.projects.filter": TABLEAU_FAULTS,
}
CASES = {**ALERT_CASES, **TABLEAU_CASES}


def each(cases: dict[str, dict[str, Exception]]) -> list[Any]:
    return [
        pytest.param(name, error, id=f"{name}-{fault}")
        for name, faults in cases.items()
        for fault, error in faults.items()
    ]


@pytest.fixture
def channels(
    tls_options: dict[str, object], trusted: None, monkeypatch: pytest.MonkeyPatch
) -> Iterator[tuple[AlertSettings, Receiver, Mailbox]]:
    """A webhook whose first answer is a refusal, so that both of its calls are made, and a mail server with TLS."""
    monkeypatch.setattr(alert_channels, "RETRY_PAUSE_SECONDS", 0.0)
    monkeypatch.setenv("no_proxy", "127.0.0.1,localhost")
    mailbox = Mailbox()
    with Receiver(503, 200) as receiver, MailServer(mailbox, **tls_options) as mail:
        webhook, email = receiver.settings.webhook, mail.settings(password=PASSWORD).email
        yield AlertSettings(webhook, email), receiver, mailbox


@pytest.mark.parametrize(("name", "error"), each(ALERT_CASES))
def test_given_a_channel_fails_at_a_call_when_an_alert_is_sent_then_the_log_says_so_and_the_other_one_sends(
    channels: tuple[AlertSettings, Receiver, Mailbox],
    caplog: pytest.LogCaptureFixture,
    name: str,
    error: Exception,
):
    settings, receiver, mailbox = channels
    with raised_at(SITES[name], error) as meeting:
        send_through(ALERT, settings)

    assert meeting.met, "the fault never met its call"
    told = [record.getMessage() for record in caplog.records]
    assert all(record.exc_info is None and "\n" not in record.getMessage() for record in caplog.records)
    assert SERVERS_WORDS not in caplog.text and PASSWORD not in caplog.text
    if name == HOOK:  # tried again, and the server is not told to refuse twice
        assert any("tried again" in line for line in told)
    else:
        assert [line for line in told if "did not reach" in line]
    assert receiver.requests if name.startswith(MAIL) else mailbox.received


@pytest.fixture
def server() -> Iterator[TableauServer]:
    with tableau_server(token=SECRET) as state:
        yield state


@pytest.mark.parametrize(("name", "error"), each(TABLEAU_CASES))
def test_given_tableau_fails_at_a_call_when_published_then_one_line_without_the_token(
    server: TableauServer, tmp_path: Path, name: str, error: Exception
):
    files = tmp_path / "walmart_bi.twbx", tmp_path / "walmart_bi.tdsx"
    for file in files:
        file.write_bytes(b"content")
    settings = TableauServerSettings(
        server=server.address, token_name=server.token_name, token=SECRET, site="retail", project="Sales"
    )
    with raised_at(SITES[name], error) as meeting:
        _, line = outcome(lambda: publish(settings, *files))

    assert meeting.met, "the fault never met its call"
    assert line and SECRET not in line
    assert publish(settings, *files).workbook_id == "workbook-1"
