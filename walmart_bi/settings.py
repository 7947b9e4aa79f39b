"""The environment, read once into one typed Settings. No other module reads `WALMART_BI_*` variables.

Reading it opens nothing and writes nothing. Every problem is reported at once, so that a person fixes them together.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import cast

from walmart_bi.alerts import AlertSettings, EmailSettings, WebhookSettings
from walmart_bi.errors import WalmartBiError
from walmart_bi.months import is_month
from walmart_bi.sales.contract import DUPLICATE_POLICIES, DuplicatePolicy

PREFIX = "WALMART_BI_"


class SettingsError(WalmartBiError):
    """One or more environment variables are missing or wrong."""


@dataclass(frozen=True)
class Settings:
    """Everything that a deployment can choose.

    `home` holds the bucket directory and the DuckDB file. `freshness_day` is the day of the month by which (09:00 UTC)
    the warehouse must have been loaded; None switches that policy off.
    """

    home: Path
    first_month: str = "2024-01"
    duplicate_policy: DuplicatePolicy = "auto"
    freshness_day: int | None = None
    alerts: AlertSettings = field(default_factory=AlertSettings)

    @property
    def bucket_directory(self) -> Path:
        """The directory that stands for the bucket."""
        return self.home / "bucket"

    @property
    def warehouse_file(self) -> Path:
        """The DuckDB database file."""
        return self.home / "warehouse.duckdb"

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] | None = None) -> Settings:
        """Settings from `WALMART_BI_*` variables. Raises SettingsError naming every wrong variable."""
        return _Reader(os.environ if environment is None else environment).settings()


class _Reader:
    """Collects every problem while reading, instead of stopping at the first."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self.environment = environment
        self.problems: list[str] = []

    def settings(self) -> Settings:
        self.choice("TARGET", "local", ("local",))
        settings = Settings(
            home=Path(self.text("HOME") or ".walmart_bi").expanduser().absolute(),
            first_month=self.month("FIRST_MONTH", "2024-01"),
            duplicate_policy=cast(DuplicatePolicy, self.choice("DUPLICATE_POLICY", "auto", DUPLICATE_POLICIES)),
            freshness_day=self.day("FRESHNESS_DAY"),
            alerts=AlertSettings(webhook=self.webhook(), email=self.email()),
        )
        if self.problems:
            raise SettingsError(
                "; ".join(self.problems) + ".",
                place="environment variables",
                next_step="correct them (README, section Settings) and start again.",
            )
        return settings

    def text(self, name: str) -> str | None:
        return self.environment.get(PREFIX + name, "").strip() or None

    def choice(self, name: str, default: str, allowed: tuple[str, ...]) -> str:
        value = self.text(name) or default
        if value not in allowed:
            self.problems.append(f"{PREFIX}{name} is {value!r}, expected one of {', '.join(allowed)}")
            return default
        return value

    def month(self, name: str, default: str) -> str:
        value = self.text(name) or default
        if not is_month(value):
            self.problems.append(f"{PREFIX}{name} is {value!r}, expected a month such as 2024-01")
            return default
        return value

    def day(self, name: str) -> int | None:
        value = self.text(name)
        if value is None:
            return None
        if not value.isdecimal() or not 1 <= int(value) <= 28:
            self.problems.append(f"{PREFIX}{name} is {value!r}, expected a day of the month from 1 to 28")
            return None
        return int(value)

    def webhook(self) -> WebhookSettings | None:
        url = self.text("ALERT_WEBHOOK_URL")
        if url is None:
            return None
        if not url.startswith(("https://", "http://")):
            self.problems.append(f"{PREFIX}ALERT_WEBHOOK_URL is not an http(s) address")
            return None
        return WebhookSettings(url=url)

    def email(self) -> EmailSettings | None:
        recipients = tuple(part.strip() for part in (self.text("ALERT_EMAIL_TO") or "").split(",") if part.strip())
        if not recipients:
            return None
        host, sender = self.text("ALERT_SMTP_HOST"), self.text("ALERT_EMAIL_FROM")
        missing = [
            PREFIX + name for name, value in (("ALERT_SMTP_HOST", host), ("ALERT_EMAIL_FROM", sender)) if not value
        ]
        if missing:
            self.problems.append(f"{PREFIX}ALERT_EMAIL_TO is set, but not {' and '.join(missing)}")
        port = self.text("ALERT_SMTP_PORT") or "587"
        if not port.isdigit() or not 0 < int(port) < 65536:
            self.problems.append(f"{PREFIX}ALERT_SMTP_PORT is {port!r}, expected a port number")
            port = "587"
        return EmailSettings(
            host=host or "",
            port=int(port),
            sender=sender or "",
            recipients=recipients,
            username=self.text("ALERT_SMTP_USERNAME"),
            password=self.text("ALERT_SMTP_PASSWORD"),
        )
