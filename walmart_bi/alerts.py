"""Tells people what failed and what to do next: always in the log, and by webhook or e-mail when configured.

Sending never raises: an alert that cannot be delivered must not break the sensor that sends it. How a channel is spoken
to is `alert_channels.py`, which is imported when there is one to speak to, because the libraries for HTTP and mail cost
a tenth of what loading the definitions may. Deciding what is worth an alert is the sensors' part.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass, field

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Alert:
    """One thing that went wrong, in the words of the error that a person is shown."""

    title: str
    cause: str
    place: str
    next_step: str
    link: str | None = None


@dataclass(frozen=True)
class WebhookSettings:
    """A receiver of JSON by POST, Slack-compatible. The address is itself a secret."""

    url: str = field(repr=False)


@dataclass(frozen=True)
class EmailSettings:
    """A mail server for submission, with STARTTLS where it offers that (usually port 587), and who is told."""

    host: str
    port: int
    sender: str
    recipients: tuple[str, ...]
    username: str | None = field(default=None, repr=False)
    password: str | None = field(default=None, repr=False)


@dataclass(frozen=True)
class AlertSettings:
    """The channels beside the log; none by default."""

    webhook: WebhookSettings | None = None
    email: EmailSettings | None = None


def send(alert: Alert, settings: AlertSettings) -> None:
    """Log the alert and send it through every configured channel; a channel that fails is logged, nothing raises."""
    _log.error("%s", one_line(f"{alert.title}: {sentence(alert)}"))
    if settings.webhook is None and settings.email is None:
        return
    from walmart_bi.alert_channels import send_through

    send_through(alert, settings)


def sentence(alert: Alert) -> str:
    """Cause, place and next step in one line."""
    link = f" {alert.link}" if alert.link else ""
    cause = alert.cause.strip()
    cause = cause if cause.endswith((".", "!", "?")) else f"{cause}."
    return one_line(f"{cause} Place: {alert.place}. Next step: {alert.next_step}{link}")


def one_line(text: str) -> str:
    """The text in one line that log and mail can carry: without lone surrogates (a file name that is not UTF-8)."""
    return " ".join(clean(text).split())


def clean(text: str) -> str:
    """The text without lone surrogates, its lines kept."""
    return text.encode("utf-8", "replace").decode()
