"""How alerts reach people: a POST to a webhook, a mail through SMTP.

What is logged about a failed channel is put together from codes and system messages only, never from free text that
could hold an address or a password.
"""

from __future__ import annotations

import html
import http.client
import json
import logging
import smtplib
import ssl
import time
import urllib.error
import urllib.request
from email.message import EmailMessage

from walmart_bi.alerts import Alert, AlertSettings, EmailSettings, WebhookSettings, clean, one_line, sentence

_log = logging.getLogger("walmart_bi.alerts")

TIMEOUT_SECONDS = 10.0
RETRY_PAUSE_SECONDS = 1.0

# What a channel can fail with: the network, TLS and SMTP (all OSError), broken HTTP, or an address that is none.
_CHANNEL_ERRORS = (OSError, http.client.HTTPException, ValueError)


class _PasswordNotSent(OSError):
    """The mail server offers no encryption."""


def send_through(alert: Alert, settings: AlertSettings) -> None:
    """Send through every configured channel; one that fails is logged, nothing raises."""
    if settings.webhook is not None:
        try:
            _post(alert, settings.webhook)
        except _CHANNEL_ERRORS as error:
            _log.error("The alert did not reach the webhook: %s.", _reason(error))
    if settings.email is not None:
        try:
            _mail(alert, settings.email)
        except _CHANNEL_ERRORS as error:
            _log.error("The alert did not reach %s:%s: %s.", settings.email.host, settings.email.port, _reason(error))


def _post(alert: Alert, settings: WebhookSettings) -> None:
    """POST the alert, with one retry. A redirect is a failure: it would turn the POST into a GET elsewhere."""
    request = urllib.request.Request(  # noqa: S310 - the opener below speaks http and https only
        settings.url, data=_payload(alert), headers={"Content-Type": "application/json"}, method="POST"
    )
    opener = urllib.request.OpenerDirector()
    for handler in (
        urllib.request.ProxyHandler,
        urllib.request.HTTPHandler,
        urllib.request.HTTPSHandler,
        urllib.request.HTTPErrorProcessor,
        urllib.request.HTTPDefaultErrorHandler,
        urllib.request.UnknownHandler,
    ):
        opener.add_handler(handler())
    try:
        opener.open(request, timeout=TIMEOUT_SECONDS).close()
    except _CHANNEL_ERRORS as error:
        _log.warning("The webhook failed once and is tried again: %s.", _reason(error))
        time.sleep(RETRY_PAUSE_SECONDS)
        opener.open(request, timeout=TIMEOUT_SECONDS).close()


def _payload(alert: Alert) -> bytes:
    """`text` for Slack-compatible receivers, where &, < and > are markup (`<!channel>` calls everybody), and fields."""
    text = html.escape(f"*{one_line(alert.title)}*\n{sentence(alert)}", quote=False)
    fields = {
        "title": alert.title,
        "cause": alert.cause,
        "place": alert.place,
        "next_step": alert.next_step,
        "link": alert.link,
    }
    return json.dumps({"text": text, **fields}).encode()


def _mail(alert: Alert, settings: EmailSettings) -> None:
    message = EmailMessage()
    message["Subject"] = one_line(f"walmart_bi: {alert.title}")[:200]
    message["From"] = settings.sender
    message["To"] = ", ".join(settings.recipients)
    lines = [alert.title, "", f"Cause: {alert.cause}", f"Place: {alert.place}", f"Next step: {alert.next_step}"]
    message.set_content(clean("\n".join([*lines, *([alert.link] if alert.link else [])]) + "\n"))
    with smtplib.SMTP(settings.host, settings.port, timeout=TIMEOUT_SECONDS) as server:
        server.ehlo()
        encrypted = server.has_extn("starttls")
        if encrypted:
            server.starttls(context=ssl.create_default_context())
            server.ehlo()
        if settings.username is not None:
            if not encrypted:
                raise _PasswordNotSent
            server.login(settings.username, settings.password or "")
        refused = server.send_message(message)
    if refused:
        _log.error("The mail server refused %d of %d recipients.", len(refused), len(settings.recipients))


def _reason(error: Exception) -> str:
    """Why a channel failed, from codes and system messages only: see the module's docstring."""
    if isinstance(error, _PasswordNotSent):
        return "the server offers no STARTTLS, so the password was not sent"
    if isinstance(error, urllib.error.HTTPError):
        return f"HTTP status {error.code}"
    if isinstance(error, urllib.error.URLError) and isinstance(error.reason, OSError):
        return _reason(error.reason)
    if isinstance(error, smtplib.SMTPResponseException):
        return f"{type(error).__name__}, SMTP code {error.smtp_code}"
    if isinstance(error, TimeoutError):
        return f"no answer within {TIMEOUT_SECONDS:g} s"
    if isinstance(error, OSError) and error.strerror and not isinstance(error, smtplib.SMTPException):
        return error.strerror
    return type(error).__name__
