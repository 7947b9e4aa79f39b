"""The environment, read once into one typed Settings. No other module reads `WALMART_BI_*` variables.

Reading it opens nothing and writes nothing. Every problem is reported at once, so that a person fixes them together.
What only AWS needs is in `settings_aws.py`, what publishing to Tableau needs in `settings_tableau.py`.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import cast

from walmart_bi.alerts import AlertSettings, EmailSettings, WebhookSettings
from walmart_bi.environment import PREFIX, EnvironmentReader
from walmart_bi.errors import WalmartBiError
from walmart_bi.kpis.privacy import PROFILES, Profile
from walmart_bi.months import is_month
from walmart_bi.sales.contract import DUPLICATE_POLICIES, DuplicatePolicy
from walmart_bi.settings_aws import AwsSettings, read_aws
from walmart_bi.settings_tableau import TableauServerSettings, read_tableau

TARGETS = ("local", "aws")
# All that is read here and in the other two modules, whichever target is chosen.
VARIABLES = (
    *("TARGET", "HOME", "FIRST_MONTH", "DUPLICATE_POLICY", "PROFILE", "FRESHNESS_DAY", "CLEANING_CLUSTER"),
    *("ALERT_WEBHOOK_URL", "ALERT_EMAIL_TO", "ALERT_EMAIL_FROM"),
    *("ALERT_SMTP_HOST", "ALERT_SMTP_PORT", "ALERT_SMTP_USERNAME", "ALERT_SMTP_PASSWORD"),
    *("BUCKET", "PREFIX", "S3_ENCRYPTION", "S3_KMS_KEY_ID", "RAW_DATA_QUEUE_URL", "MONTHLY_DATA_QUEUE_URL"),
    *("REDSHIFT_WORKGROUP", "REDSHIFT_HOST", "REDSHIFT_PORT", "REDSHIFT_USER", "REDSHIFT_PASSWORD"),
    *("REDSHIFT_DATABASE", "REDSHIFT_SCHEMA", "REDSHIFT_COPY_ROLE_ARN"),
    *("TABLEAU_SERVER", "TABLEAU_SITE", "TABLEAU_PROJECT", "TABLEAU_TOKEN_NAME", "TABLEAU_TOKEN"),
)
_CLUSTER = r"local|(tcp|tls)://[A-Za-z0-9._:\[\]-]+:\d{1,5}"


class SettingsError(WalmartBiError):
    """One or more environment variables are missing or wrong."""


@dataclass(frozen=True)
class Settings:
    """Everything that a deployment can choose.

    With `aws` the objects are in S3 and the rows in Redshift; without, `home` holds the bucket directory and the
    DuckDB file. `freshness_day` is the day of the month by which (09:00 UTC) the warehouse must have been loaded; None
    switches that policy off. `profile` is who may see the snapshots. Without `tableau` nothing is published to a
    Tableau Server. `cleaning_cluster` is where large files are cleaned: in this process (None), in some processes of
    this machine (`local`), or by the Dask scheduler at an address.
    """

    home: Path
    aws: AwsSettings | None = None
    first_month: str = "2024-01"
    duplicate_policy: DuplicatePolicy = "auto"
    profile: Profile = "internal"
    freshness_day: int | None = None
    alerts: AlertSettings = field(default_factory=AlertSettings)
    tableau: TableauServerSettings | None = None
    cleaning_cluster: str | None = None

    @property
    def bucket_directory(self) -> Path:
        """The directory that stands for the bucket."""
        return self.home / "bucket"

    @property
    def warehouse_file(self) -> Path:
        """The DuckDB database file."""
        return self.home / "warehouse.duckdb"

    @property
    def warehouse_place(self) -> str:
        """The warehouse as a person names it."""
        return self.aws.redshift.place if self.aws else str(self.warehouse_file)

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] | None = None) -> Settings:
        """Settings from `WALMART_BI_*` variables. Raises SettingsError naming every wrong variable."""
        reader = EnvironmentReader(os.environ if environment is None else environment)
        settings = _read(reader)
        if reader.problems:
            raise SettingsError(
                "; ".join(reader.problems) + ".",
                place="environment variables",
                next_step="correct them (README, section Settings) and start again.",
            )
        return settings


def _read(reader: EnvironmentReader) -> Settings:
    reader.refuse_misspelt(VARIABLES)
    target = reader.choice("TARGET", "local", TARGETS)
    return Settings(
        home=Path(reader.text("HOME") or ".walmart_bi").expanduser().absolute(),
        aws=read_aws(reader) if target == "aws" else None,
        first_month=_month(reader, "FIRST_MONTH", "2024-01"),
        duplicate_policy=cast(DuplicatePolicy, reader.choice("DUPLICATE_POLICY", "auto", DUPLICATE_POLICIES)),
        profile=cast(Profile, reader.choice("PROFILE", "internal", PROFILES)),
        freshness_day=reader.number("FRESHNESS_DAY", None, 1, 28, "a day of the month from 1 to 28"),
        alerts=AlertSettings(webhook=_webhook(reader), email=_email(reader)),
        tableau=read_tableau(reader),
        cleaning_cluster=reader.matching("CLEANING_CLUSTER", _CLUSTER, "local, or tcp:// or tls:// with host and port"),
    )


def _month(reader: EnvironmentReader, name: str, default: str) -> str:
    value = reader.text(name) or default
    if not is_month(value):
        reader.refuse(name, "a month such as 2024-01")
        return default
    return value


def _webhook(reader: EnvironmentReader) -> WebhookSettings | None:
    url = reader.text("ALERT_WEBHOOK_URL")
    if url is None:
        return None
    if not url.startswith(("https://", "http://")):
        # The address may be a secret in itself, so it is not repeated.
        reader.problems.append(f"{PREFIX}ALERT_WEBHOOK_URL is not an http(s) address")
        return None
    return WebhookSettings(url=url)


def _email(reader: EnvironmentReader) -> EmailSettings | None:
    recipients = tuple(part.strip() for part in (reader.text("ALERT_EMAIL_TO") or "").split(",") if part.strip())
    if not recipients:
        return None
    return EmailSettings(
        host=reader.required("ALERT_SMTP_HOST", f"but {PREFIX}ALERT_EMAIL_TO is"),
        port=reader.number("ALERT_SMTP_PORT", 587, 1, 65535, "a port number") or 587,
        sender=reader.required("ALERT_EMAIL_FROM", f"but {PREFIX}ALERT_EMAIL_TO is"),
        recipients=recipients,
        username=reader.text("ALERT_SMTP_USERNAME"),
        password=reader.text("ALERT_SMTP_PASSWORD"),
    )
