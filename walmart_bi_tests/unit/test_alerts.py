"""Alerts reach the log always, a webhook and a mailbox when configured, and never raise or tell a secret."""

import email
import email.policy
import http.server
import json
import logging
import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import closing
from email.message import EmailMessage

import pytest
import trustme
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult, Envelope, LoginPassword, Session

from walmart_bi import alert_channels, alerts
from walmart_bi.alerts import Alert, AlertSettings, EmailSettings, WebhookSettings, send

ALERT = Alert(
    title="raw_data/2025-03.csv was rejected",
    cause="The column City is missing.",
    place="raw_data/2025-03.csv, line 1",
    next_step="add the column and deliver the file again.",
    link="http://127.0.0.1:3000/runs/1",
)
SECRET = "s3cret-canary"


@pytest.fixture(autouse=True)
def quick_and_direct(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(alert_channels, "TIMEOUT_SECONDS", 2.0)
    monkeypatch.setattr(alert_channels, "RETRY_PAUSE_SECONDS", 0.0)
    monkeypatch.setenv("no_proxy", "127.0.0.1,localhost")


class Receiver(http.server.ThreadingHTTPServer):
    """Answers each POST with the next of the given statuses (the last one for ever), and keeps what it got."""

    def __init__(self, *statuses: int) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.statuses = list(statuses)
        self.requests: list[tuple[str, str, bytes]] = []

    @property
    def settings(self) -> AlertSettings:
        return AlertSettings(webhook=WebhookSettings(f"http://127.0.0.1:{self.server_port}/hooks/{SECRET}"))

    def __enter__(self) -> "Receiver":
        threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.01}).start()
        return self

    def __exit__(self, *_: object) -> None:
        self.shutdown()
        self.server_close()


class _Handler(http.server.BaseHTTPRequestHandler):
    server: Receiver

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.requests.append((self.path, self.headers["Content-Type"], body))
        statuses = self.server.statuses
        self.send_response(statuses.pop(0) if len(statuses) > 1 else statuses[0])
        self.send_header("Location", "/elsewhere")
        self.send_header("Content-Length", "0")
        self.end_headers()

    do_GET = do_POST  # noqa: N815 - the name http.server looks for

    def log_message(self, *_: object) -> None:
        pass


class Mailbox:
    """Keeps each message with its recipients and whether it came encrypted; refuses recipients at `nowhere.example`."""

    def __init__(self) -> None:
        self.received: list[tuple[list[str], bool, EmailMessage]] = []
        self.logins: list[tuple[bytes, bytes]] = []

    async def handle_RCPT(self, server: object, session: Session, envelope: Envelope, address: str, _: object) -> str:  # noqa: N802
        if address.endswith("@nowhere.example"):
            return "550 no such mailbox"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: object, session: Session, envelope: Envelope) -> str:  # noqa: N802
        message = email.message_from_bytes(envelope.content, policy=email.policy.default)
        self.received.append((envelope.rcpt_tos, session.ssl is not None, message))
        return "250 OK"

    def authenticate(self, *arguments: object) -> AuthResult:
        login = arguments[-1]
        assert isinstance(login, LoginPassword)
        self.logins.append((login.login, login.password))
        return AuthResult(success=login.password == SECRET.encode(), handled=False)


class MailServer(Controller):
    """The mailbox behind a real SMTP server on a free port."""

    def __init__(self, mailbox: Mailbox, **options: object) -> None:
        with closing(socket.create_server(("127.0.0.1", 0))) as free:
            port = free.getsockname()[1]
        super().__init__(mailbox, hostname="127.0.0.1", port=port, authenticator=mailbox.authenticate, **options)

    def __enter__(self) -> "MailServer":
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def settings(self, *recipients: str, password: str | None = None) -> AlertSettings:
        return AlertSettings(
            email=EmailSettings(
                host="127.0.0.1",
                port=self.port,
                sender="bi@example.com",
                recipients=recipients or ("ops@example.com", "bi@example.com"),
                username="bi" if password else None,
                password=password,
            )
        )


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture
def tls_options(authority: trustme.CA) -> dict[str, object]:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    return {"tls_context": context}


@pytest.fixture
def trusted(authority: trustme.CA, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    with authority.cert_pem.tempfile() as path:
        monkeypatch.setenv("SSL_CERT_FILE", path)
        yield


def test_an_alert_without_channels_is_one_line_in_the_log(caplog: pytest.LogCaptureFixture) -> None:
    send(Alert("a\nb", "cause\r\n", "place", "next"), AlertSettings())

    assert [(record.levelno, record.getMessage()) for record in caplog.records] == [
        (logging.ERROR, "a b: cause. Place: place. Next step: next")
    ]


def test_a_file_name_that_is_not_utf8_can_be_logged_posted_and_mailed(caplog: pytest.LogCaptureFixture) -> None:
    mailbox = Mailbox()
    with Receiver(200) as receiver, MailServer(mailbox) as server:
        settings = AlertSettings(receiver.settings.webhook, server.settings().email)
        send(Alert("caf\udce9.csv", "c", "p", "n"), settings)

    assert [record.getMessage() for record in caplog.records if record.name == alerts.__name__] == [
        "caf?.csv: c. Place: p. Next step: n"
    ]
    assert json.loads(receiver.requests[0][2])["text"].startswith("*caf?.csv*")
    assert mailbox.received[0][2]["Subject"] == "walmart_bi: caf?.csv"


def test_a_webhook_receives_text_and_fields_as_json() -> None:
    with Receiver(200) as receiver:
        send(ALERT, receiver.settings)

    ((path, content_type, body),) = receiver.requests
    assert (path, content_type) == (f"/hooks/{SECRET}", "application/json")
    assert json.loads(body) == {
        "text": "*raw_data/2025-03.csv was rejected*\nThe column City is missing. Place: raw_data/2025-03.csv, line 1. "
        "Next step: add the column and deliver the file again. http://127.0.0.1:3000/runs/1",
        "title": ALERT.title,
        "cause": ALERT.cause,
        "place": ALERT.place,
        "next_step": ALERT.next_step,
        "link": ALERT.link,
    }


def test_a_hostile_file_name_cannot_call_a_whole_channel() -> None:
    with Receiver(200) as receiver:
        send(Alert("<!channel> & <http://x|y>.csv", "c", "p", "n"), receiver.settings)

    payload = json.loads(receiver.requests[0][2])
    assert payload["text"].startswith("*&lt;!channel&gt; &amp; &lt;http://x|y&gt;.csv*")
    assert payload["title"] == "<!channel> & <http://x|y>.csv"


def test_a_webhook_that_fails_once_is_tried_again(caplog: pytest.LogCaptureFixture) -> None:
    with Receiver(503, 200) as receiver:
        send(ALERT, receiver.settings)

    assert len(receiver.requests) == 2
    assert "failed once and is tried again: HTTP status 503" in caplog.text
    assert "did not reach" not in caplog.text


@pytest.mark.parametrize("status", [500, 404, 302])
def test_a_webhook_that_refuses_twice_is_logged_with_its_status(status: int, caplog: pytest.LogCaptureFixture) -> None:
    with Receiver(status) as receiver:
        send(ALERT, receiver.settings)

    assert [path for path, _, _ in receiver.requests] == [f"/hooks/{SECRET}"] * 2
    assert f"did not reach the webhook: HTTP status {status}." in caplog.text
    assert SECRET not in caplog.text


def test_a_webhook_that_nobody_serves_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    with Receiver(200) as receiver:
        settings = receiver.settings
    send(ALERT, settings)

    assert "did not reach the webhook: Connection refused." in caplog.text
    assert SECRET not in caplog.text


def test_a_webhook_that_never_answers_is_given_up(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(alert_channels, "TIMEOUT_SECONDS", 0.1)
    with closing(socket.create_server(("127.0.0.1", 0))) as silent:
        send(ALERT, AlertSettings(webhook=WebhookSettings(f"http://127.0.0.1:{silent.getsockname()[1]}/{SECRET}")))

    assert "did not reach the webhook: no answer within 0.1 s." in caplog.text
    assert SECRET not in caplog.text


@pytest.mark.parametrize(
    "url",
    [f"http://127.0.0.1:1/{SECRET} with space", f"file:///{SECRET}", SECRET, f"http://127.0.0.1:{SECRET}/"],
)
def test_an_address_that_is_none_is_logged_without_it(url: str, caplog: pytest.LogCaptureFixture) -> None:
    send(ALERT, AlertSettings(webhook=WebhookSettings(url)))

    assert "did not reach the webhook" in caplog.text
    assert SECRET not in caplog.text


def test_a_mail_says_what_happened_to_every_recipient(caplog: pytest.LogCaptureFixture) -> None:
    mailbox = Mailbox()
    with MailServer(mailbox) as server:
        send(ALERT, server.settings())

    ((recipients, encrypted, message),) = mailbox.received
    assert (recipients, encrypted) == (["ops@example.com", "bi@example.com"], False)
    assert message["Subject"] == "walmart_bi: raw_data/2025-03.csv was rejected"
    assert message["From"] == "bi@example.com"
    assert message.get_content().splitlines() == [
        "raw_data/2025-03.csv was rejected",
        "",
        "Cause: The column City is missing.",
        "Place: raw_data/2025-03.csv, line 1",
        "Next step: add the column and deliver the file again.",
        "http://127.0.0.1:3000/runs/1",
    ]
    assert "did not reach" not in caplog.text


def test_a_title_with_line_breaks_cannot_add_a_mail_header() -> None:
    mailbox = Mailbox()
    with MailServer(mailbox) as server:
        send(Alert("x\r\nBcc: evil@example.com", "c", "p", "n"), server.settings())

    ((recipients, _, message),) = mailbox.received
    assert "evil@example.com" not in recipients
    assert message["Bcc"] is None


@pytest.mark.usefixtures("trusted")
def test_a_password_goes_through_starttls(tls_options: dict[str, object]) -> None:
    mailbox = Mailbox()
    with MailServer(mailbox, **tls_options) as server:
        send(ALERT, server.settings(password=SECRET))

    assert mailbox.logins == [(b"bi", SECRET.encode())]
    assert [encrypted for _, encrypted, _ in mailbox.received] == [True]


def test_a_password_is_never_sent_without_encryption(caplog: pytest.LogCaptureFixture) -> None:
    mailbox = Mailbox()
    with MailServer(mailbox, auth_require_tls=False) as server:
        send(ALERT, server.settings(password=SECRET))

    assert (mailbox.logins, mailbox.received) == ([], [])
    assert "offers no STARTTLS, so the password was not sent" in caplog.text


def test_a_mail_server_with_an_unknown_certificate_is_refused(
    tls_options: dict[str, object], caplog: pytest.LogCaptureFixture
) -> None:
    mailbox = Mailbox()
    with MailServer(mailbox, **tls_options) as server:
        send(ALERT, server.settings(password=SECRET))

    assert (mailbox.logins, mailbox.received) == ([], [])
    assert "certificate verify failed" in caplog.text
    assert SECRET not in caplog.text


@pytest.mark.usefixtures("trusted")
def test_a_wrong_password_is_logged_as_a_code_only(
    tls_options: dict[str, object], caplog: pytest.LogCaptureFixture
) -> None:
    with MailServer(Mailbox(), **tls_options) as server:
        send(ALERT, server.settings(password=f"{SECRET}-but-wrong"))

    assert f"did not reach 127.0.0.1:{server.port}: SMTPAuthenticationError, SMTP code 535." in caplog.text
    assert SECRET not in caplog.text


def test_a_mail_server_that_nobody_serves_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    with MailServer(Mailbox()) as server:
        settings = server.settings()
    send(ALERT, settings)

    assert f"did not reach 127.0.0.1:{server.port}: Connection refused." in caplog.text


def test_refused_recipients_are_counted_and_the_others_get_the_mail(caplog: pytest.LogCaptureFixture) -> None:
    mailbox = Mailbox()
    with MailServer(mailbox) as server:
        send(ALERT, server.settings("gone@nowhere.example", "ops@example.com"))
        send(ALERT, server.settings("gone@nowhere.example"))

    assert [recipients for recipients, _, _ in mailbox.received] == [["ops@example.com"]]
    assert "The mail server refused 1 of 2 recipients." in caplog.text
    assert "SMTPRecipientsRefused" in caplog.text


def test_a_failing_webhook_does_not_keep_the_mail_back() -> None:
    mailbox = Mailbox()
    with MailServer(mailbox) as server:
        send(ALERT, AlertSettings(WebhookSettings("http://127.0.0.1:1/x"), server.settings().email))

    assert len(mailbox.received) == 1


def test_settings_never_show_a_secret() -> None:
    settings = AlertSettings(
        webhook=WebhookSettings(f"https://hooks.example.com/{SECRET}"),
        email=EmailSettings("mail.example.com", 587, "bi@example.com", ("ops@example.com",), SECRET, SECRET),
    )

    assert SECRET not in repr(settings)
    assert SECRET not in str(settings)
