"""The environment as Settings: defaults, every problem at once, no secret shown."""

import ast
import inspect
import re
from pathlib import Path

import pytest

from walmart_bi import settings as common
from walmart_bi import settings_aws, settings_tableau
from walmart_bi.environment import EnvironmentReader
from walmart_bi.settings import VARIABLES, Settings, SettingsError
from walmart_bi.settings_aws import ArrivalQueues, AwsSettings
from walmart_bi.stores.s3_settings import Encryption, S3Settings
from walmart_bi.warehouse.redshift_settings import RedshiftSettings


def test_given_no_variables_when_read_then_the_laptop_defaults():
    settings = Settings.from_environment({})
    assert settings.home == Path(".walmart_bi").absolute()
    assert settings.bucket_directory == settings.home / "bucket"
    assert settings.warehouse_file == settings.home / "warehouse.duckdb"
    assert (settings.first_month, settings.duplicate_policy, settings.freshness_day) == ("2024-01", "auto", None)
    assert (settings.profile, settings.cleaning_cluster) == ("internal", None)
    assert settings.alerts.webhook is None and settings.alerts.email is None


def test_given_variables_when_read_then_they_are_taken():
    settings = Settings.from_environment(
        {
            "WALMART_BI_HOME": "/data/retail",
            "WALMART_BI_FIRST_MONTH": "2020-06",
            "WALMART_BI_DUPLICATE_POLICY": "keep",
            "WALMART_BI_PROFILE": "public",
            "WALMART_BI_FRESHNESS_DAY": "5",
            "WALMART_BI_CLEANING_CLUSTER": "tls://scheduler.internal:8786",
            "WALMART_BI_ALERT_WEBHOOK_URL": "https://hooks.example/abc",
            "WALMART_BI_ALERT_EMAIL_TO": "a@example.org, b@example.org",
            "WALMART_BI_ALERT_EMAIL_FROM": "bi@example.org",
            "WALMART_BI_ALERT_SMTP_HOST": "mail.example",
            "WALMART_BI_ALERT_SMTP_PORT": "2525",
            "WALMART_BI_ALERT_SMTP_PASSWORD": "hunter2",
        }
    )
    assert (settings.home, settings.first_month) == (Path("/data/retail"), "2020-06")
    assert (settings.duplicate_policy, settings.profile, settings.freshness_day) == ("keep", "public", 5)
    assert settings.cleaning_cluster == "tls://scheduler.internal:8786"
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
        "WALMART_BI_PROFILE": "everybody",
        "WALMART_BI_FRESHNESS_DAY": "31",
        "WALMART_BI_CLEANING_CLUSTER": "http://scheduler",
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


@pytest.mark.parametrize(
    ("misspelt", "meant"),
    [
        ("WALMART_BI_TARGETT", "WALMART_BI_TARGET"),
        ("WALMART_BI_PREFX", "WALMART_BI_PREFIX"),
        ("WALMART_BI_REDSHIFT_SHCEMA", "WALMART_BI_REDSHIFT_SCHEMA"),
        ("WALMART_BI_S3_BUCKET", "WALMART_BI_BUCKET"),
    ],
)
def test_given_a_misspelt_name_when_read_then_it_is_refused_with_the_name_that_is_meant(misspelt: str, meant: str):
    with pytest.raises(SettingsError, match=f"{misspelt} is no setting, {meant} is one") as caught:
        Settings.from_environment({misspelt: "hunter2"})
    assert "hunter2" not in str(caught.value)


def test_given_a_name_close_to_none_or_a_blank_value_when_read_then_it_is_left_alone():
    given = {"WALMART_BI_LIVE": "1", "WALMART_BI_TEST_BROWSER": "chromium", "WALMART_BI_TARGETT": " ", "PREFX": "x"}
    assert Settings.from_environment(given) == Settings.from_environment({})


def test_given_every_name_that_the_modules_read_then_they_are_the_listed_ones_and_each_is_accepted():
    read = set()
    for module in (common, settings_aws, settings_tableau):
        source = inspect.getsource(module)
        for node in ast.walk(ast.parse(re.sub(r"(?ms)^VARIABLES = \(.*?^\)$", "", source))):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                read |= set(re.findall(r"^[A-Z][A-Z0-9_]{3,}$", node.value))
    assert read - {"AES256"} == set(VARIABLES)
    reader = EnvironmentReader({f"WALMART_BI_{name}": "x" for name in VARIABLES})
    reader.refuse_misspelt(VARIABLES)
    assert reader.problems == []


AWS = {
    "WALMART_BI_TARGET": "aws",
    "WALMART_BI_BUCKET": "retail-sales",
    "WALMART_BI_REDSHIFT_WORKGROUP": "retail",
    "WALMART_BI_REDSHIFT_DATABASE": "sales",
    "WALMART_BI_REDSHIFT_COPY_ROLE_ARN": "arn:aws:iam::123456789012:role/copy",
}


def test_given_the_least_of_the_aws_target_when_read_then_the_rest_has_defaults():
    aws = Settings.from_environment(AWS).aws
    assert aws == AwsSettings(
        s3=S3Settings("retail-sales"),
        redshift=RedshiftSettings("sales", "arn:aws:iam::123456789012:role/copy", workgroup="retail"),
    )
    assert aws.redshift.schema == "public"


def test_given_all_of_the_aws_target_with_a_host_when_read_then_they_are_taken_and_the_password_is_not_shown():
    settings = Settings.from_environment(
        {
            **AWS,
            "WALMART_BI_PREFIX": "retail/bi/",
            "WALMART_BI_S3_ENCRYPTION": "aws:kms",
            "WALMART_BI_S3_KMS_KEY_ID": "alias/retail",
            "WALMART_BI_REDSHIFT_WORKGROUP": "",
            "WALMART_BI_REDSHIFT_HOST": "cluster.example",
            "WALMART_BI_REDSHIFT_PORT": "5440",
            "WALMART_BI_REDSHIFT_USER": "loader",
            "WALMART_BI_REDSHIFT_PASSWORD": "hunter2",
            "WALMART_BI_REDSHIFT_SCHEMA": "retail",
            "WALMART_BI_RAW_DATA_QUEUE_URL": "https://sqs.example/1/raw",
            "WALMART_BI_MONTHLY_DATA_QUEUE_URL": "https://sqs.example/1/monthly",
        }
    )
    aws = settings.aws
    assert aws is not None
    assert aws.s3 == S3Settings("retail-sales", "retail/bi/", Encryption("aws:kms", "alias/retail"))
    assert (aws.redshift.host, aws.redshift.port, aws.redshift.user) == ("cluster.example", 5440, "loader")
    assert (aws.redshift.schema, aws.redshift.password, aws.redshift.workgroup) == ("retail", "hunter2", None)
    assert aws.queues == ArrivalQueues("https://sqs.example/1/raw", "https://sqs.example/1/monthly")
    assert settings.warehouse_place == "Redshift cluster.example, database sales"
    assert "hunter2" not in repr(settings)


def test_given_the_aws_target_alone_when_read_then_one_error_names_all_that_is_needed():
    with pytest.raises(SettingsError) as caught:
        Settings.from_environment({"WALMART_BI_TARGET": "aws"})
    for name in ("BUCKET", "REDSHIFT_WORKGROUP", "REDSHIFT_HOST", "REDSHIFT_DATABASE", "REDSHIFT_COPY_ROLE_ARN"):
        assert f"WALMART_BI_{name}" in caught.value.cause


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("BUCKET", "Retail_Sales"),
        ("PREFIX", "retail'; DROP"),
        ("PREFIX", "retail/../other"),
        ("S3_ENCRYPTION", "none"),
        ("S3_KMS_KEY_ID", "alias/retail"),
        ("REDSHIFT_SCHEMA", "retail; DROP"),
        ("REDSHIFT_PORT", "0"),
        ("REDSHIFT_COPY_ROLE_ARN", "copy"),
        ("REDSHIFT_HOST", "cluster.example"),
        ("RAW_DATA_QUEUE_URL", "retail-arrivals"),
        ("MONTHLY_DATA_QUEUE_URL", "arn:aws:sqs:us-east-1:123456789012:retail"),
    ],
)
def test_given_one_wrong_aws_variable_when_read_then_the_error_names_it(name: str, value: str):
    with pytest.raises(SettingsError, match=f"WALMART_BI_{name}"):
        Settings.from_environment({**AWS, f"WALMART_BI_{name}": value})


@pytest.mark.parametrize("copied", ["https://cluster.example", "cluster.example:5439/sales", "cluster.example:5439"])
def test_given_the_endpoint_as_the_console_shows_it_when_read_then_the_host_alone_is_asked_for(copied: str):
    given = {**AWS, "WALMART_BI_REDSHIFT_WORKGROUP": "", "WALMART_BI_REDSHIFT_HOST": copied}
    with pytest.raises(SettingsError, match=r"REDSHIFT_HOST is .*without https://, port and database"):
        Settings.from_environment(given)


def test_given_a_host_without_user_and_password_when_read_then_both_are_named():
    given = {**AWS, "WALMART_BI_REDSHIFT_WORKGROUP": "", "WALMART_BI_REDSHIFT_HOST": "cluster.example"}
    with pytest.raises(SettingsError, match=r"REDSHIFT_USER is not set.*REDSHIFT_PASSWORD is not set"):
        Settings.from_environment(given)


def test_given_one_queue_for_both_prefixes_when_read_then_the_error_names_both_variables():
    url = "https://sqs.example/1/arrivals"
    given = {**AWS, "WALMART_BI_RAW_DATA_QUEUE_URL": url, "WALMART_BI_MONTHLY_DATA_QUEUE_URL": url}
    with pytest.raises(SettingsError, match="RAW_DATA_QUEUE_URL and WALMART_BI_MONTHLY_DATA_QUEUE_URL name one queue"):
        Settings.from_environment(given)


def test_given_aws_variables_and_the_local_target_when_read_then_they_are_not_looked_at():
    settings = Settings.from_environment({**AWS, "WALMART_BI_TARGET": "local", "WALMART_BI_BUCKET": "Retail_Sales"})
    assert settings.aws is None
