"""The environment as Settings: defaults, every problem at once, no secret shown."""

from pathlib import Path

import pytest

from walmart_bi.settings import Settings, SettingsError


def test_given_no_variables_when_read_then_the_laptop_defaults():
    settings = Settings.from_environment({})
    assert settings.home == Path(".walmart_bi").absolute()
    assert settings.bucket_directory == settings.home / "bucket"
    assert settings.warehouse_file == settings.home / "warehouse.duckdb"
    assert (settings.first_month, settings.duplicate_policy, settings.freshness_day) == ("2024-01", "auto", None)
    assert settings.alerts.webhook is None and settings.alerts.email is None


def test_given_variables_when_read_then_they_are_taken():
    settings = Settings.from_environment(
        {
            "WALMART_BI_HOME": "/data/retail",
            "WALMART_BI_FIRST_MONTH": "2020-06",
            "WALMART_BI_DUPLICATE_POLICY": "keep",
            "WALMART_BI_FRESHNESS_DAY": "5",
            "WALMART_BI_ALERT_WEBHOOK_URL": "https://hooks.example/abc",
            "WALMART_BI_ALERT_EMAIL_TO": "a@example.org, b@example.org",
            "WALMART_BI_ALERT_EMAIL_FROM": "bi@example.org",
            "WALMART_BI_ALERT_SMTP_HOST": "mail.example",
            "WALMART_BI_ALERT_SMTP_PORT": "2525",
            "WALMART_BI_ALERT_SMTP_PASSWORD": "hunter2",
        }
    )
    assert (settings.home, settings.first_month) == (Path("/data/retail"), "2020-06")
    assert (settings.duplicate_policy, settings.freshness_day) == ("keep", 5)
    assert settings.alerts.webhook and settings.alerts.webhook.url == "https://hooks.example/abc"
    email = settings.alerts.email
    assert email and (email.host, email.port, email.sender) == ("mail.example", 2525, "bi@example.org")
    assert email.recipients == ("a@example.org", "b@example.org")
    assert "hunter2" not in repr(settings) and "hooks.example/abc" not in repr(settings)


def test_given_many_wrong_variables_when_read_then_one_error_names_them_all():
    wrong = {
        "WALMART_BI_TARGET": "azure",
        "WALMART_BI_FIRST_MONTH": "January",
        "WALMART_BI_DUPLICATE_POLICY": "maybe",
        "WALMART_BI_FRESHNESS_DAY": "31",
        "WALMART_BI_ALERT_WEBHOOK_URL": "ftp://x",
        "WALMART_BI_ALERT_EMAIL_TO": "a@example.org",
        "WALMART_BI_ALERT_SMTP_PORT": "many",
    }
    with pytest.raises(SettingsError) as caught:
        Settings.from_environment(wrong)
    for name in [*wrong, "WALMART_BI_ALERT_SMTP_HOST", "WALMART_BI_ALERT_EMAIL_FROM"]:
        assert name in caught.value.cause
    assert "\n" not in str(caught.value)


def test_given_blank_variables_when_read_then_they_count_as_not_set():
    assert Settings.from_environment({"WALMART_BI_HOME": " ", "WALMART_BI_TARGET": ""}) == Settings.from_environment({})
