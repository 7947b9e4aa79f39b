"""What the parts of the templates need of one another, and what the code and its settings need of them.

Whether a part is safe by itself is in `rules.py`. What is missing here would be noticed on a live account alone.
"""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from walmart_bi.sensors import TICK_BUDGET
from walmart_bi.warehouse.redshift_settings import RedshiftSettings
from walmart_bi_tests.deploy.template import DATA, ECS, Values, listed, policies, read_template


def resource(name: str) -> dict[str, Any]:
    path = DATA if name in read_template(DATA)["Resources"] else ECS
    return Values(read_template(path)).resource(name)


def given(name: str) -> dict[str, Any]:
    found: dict[str, Any] = resource(name)["Properties"]
    return found


def key_rights(name: str) -> set[str]:
    found = policies(Values(read_template(DATA)))
    address = Values(read_template(DATA)).of({"Fn::GetAtt": ["Key", "Arn"]})
    return {
        action
        for owner, place, statements in found
        if owner == name and "Assume" not in place
        for statement in statements
        if address in listed(statement["Resource"])
        for action in listed(statement["Action"])
    }


# Rights that no call of ours names: others use them in our name


def test_copy_may_decrypt_what_the_bucket_encrypts_and_the_pipeline_may_encrypt_as_well() -> None:
    assert key_rights("CopyRole") == {"kms:Decrypt"}
    assert key_rights("PipelinePolicy") == {"kms:Decrypt", "kms:GenerateDataKey"}


def test_the_warehouse_has_the_role_for_copy_and_the_pipeline_its_policy() -> None:
    assert given("Namespace")["IamRoles"] == [Values(read_template(DATA)).of({"Fn::GetAtt": ["CopyRole", "Arn"]})]
    assert given("PipelineRole")["ManagedPolicyArns"] == ["PipelinePolicy"]
    assert given("Task")["TaskRoleArn"] == "imported walmart-bi-PipelineRoleArn"


# Queues


def test_the_queues_let_the_bucket_write_before_s3_tests_that() -> None:
    assert resource("Bucket")["DependsOn"] == "ArrivalQueuePolicy"


@pytest.mark.parametrize("name", ["RawDataQueue", "MonthlyDataQueue"])
def test_a_message_stays_hidden_for_longer_than_a_tick_decides_and_outlives_its_first_queue(name: str) -> None:
    assert TICK_BUDGET.total_seconds() < given(name)["VisibilityTimeout"] <= 60
    # A dead letter's age counts from its first sending.
    assert given("DeadLetterQueue")["MessageRetentionPeriod"] > given(name)["MessageRetentionPeriod"]


def test_the_alarm_looks_at_the_messages_that_wait_among_the_dead_letters() -> None:
    alarm = given("DeadLetterAlarm")
    assert (alarm["Namespace"], alarm["MetricName"]) == ("AWS/SQS", "ApproximateNumberOfMessagesVisible")
    assert alarm["Dimensions"] == [{"Name": "QueueName", "Value": given("DeadLetterQueue")["QueueName"]}]
    assert (alarm["ComparisonOperator"], alarm["Threshold"]) == ("GreaterThanThreshold", 0)


# The warehouse


def test_the_workgroup_stops_no_statement_before_the_pipeline_does() -> None:
    parameters = {entry["ParameterKey"]: entry["ParameterValue"] for entry in given("Workgroup")["ConfigParameters"]}
    (limit,) = (
        field.default for field in RedshiftSettings.__dataclass_fields__.values() if field.name == "statement_timeout"
    )
    assert int(parameters["max_query_execution_time"]) > limit


def test_who_logged_in_and_which_rights_changed_is_kept_but_no_text_of_queries() -> None:
    assert set(given("Namespace")["LogExports"]) == {"userlog", "connectionlog"}


# The task


def test_each_container_gets_user_and_password_from_the_fields_of_the_secret() -> None:
    made = given("DatabasePassword")["GenerateSecretString"]
    fields = {*json.loads(made["SecretStringTemplate"]), made["GenerateStringKey"]}
    assert json.loads(made["SecretStringTemplate"])["username"] == given("Database")["MasterUsername"]
    for container in given("Task")["ContainerDefinitions"]:
        secrets = {entry["Name"]: entry["ValueFrom"].split(":")[-3] for entry in container["Secrets"]}
        assert secrets == {"DAGSTER_POSTGRES_USER": "username", "DAGSTER_POSTGRES_PASSWORD": "password"}
        assert set(secrets.values()) == fields


def test_never_two_daemons_run_at_once() -> None:
    service = given("Service")
    assert service["DesiredCount"] == 1
    assert service["DeploymentConfiguration"]["MinimumHealthyPercent"] == 0
    assert service["DeploymentConfiguration"]["MaximumPercent"] == 100


def test_the_ui_listens_on_loopback_alone() -> None:
    (ui,) = (each for each in given("Task")["ContainerDefinitions"] if each["Name"] == "ui")
    command = ui["Command"]
    assert command[command.index("--host") + 1] == "127.0.0.1"
    assert command[command.index("--port") + 1] in " ".join(ui["HealthCheck"]["Command"])
    assert not any("PortMappings" in each for each in given("Task")["ContainerDefinitions"])


# The guide


def guide() -> str:
    return (DATA.parents[1] / "docs" / "deploy-aws.md").read_text()


@pytest.mark.parametrize("path", [DATA, ECS], ids=lambda path: path.name)
def test_the_guide_gives_each_template_the_parameters_that_it_asks_for(path: Any) -> None:
    commands = re.findall(r"aws cloudformation deploy(?:.*\\\n)*.*", guide())
    (command,) = (each for each in commands if f"deploy/{path.name}" in each)
    passed = set(re.findall(r"(\w+)=\S", command.partition("--parameter-overrides")[2]))
    parameters = read_template(path)["Parameters"]
    assert passed <= set(parameters)
    assert {name for name, declared in parameters.items() if "Default" not in declared} <= passed


def test_the_guide_asks_for_outputs_and_names_files_that_exist() -> None:
    asked = set(re.findall(r"OutputKey=='(\w+)'", guide()))
    assert asked == {"Environment", "KeyArn", "UsageLimitCommand"}
    assert asked <= set(read_template(DATA)["Outputs"])
    assert "`PublicAddress=DISABLED`" in guide()
    assert "DISABLED" in read_template(ECS)["Parameters"]["PublicAddress"]["AllowedValues"]
    named = {
        *re.findall(r"deploy/[\w.-]+\.\w+", guide()),
        *(f"deploy/{name}" for name in re.findall(r"`([\w-]+\.(?:ya?ml|sql|lock))`", guide())),
    }
    assert len(named) > 5
    assert [name for name in named if not (DATA.parents[1] / name).is_file()] == []
