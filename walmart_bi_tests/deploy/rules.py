"""What must be true of a template: each broken rule is one sentence that names the resource."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from walmart_bi_tests.deploy.template import Values, listed, policies

# IAM can limit these to no resource (Service Authorization Reference: their resource column is empty).
NOT_LIMITABLE = {
    "ecr:GetAuthorizationToken",
    "ssmmessages:CreateControlChannel",
    "ssmmessages:CreateDataChannel",
    "ssmmessages:OpenControlChannel",
    "ssmmessages:OpenDataChannel",
}
# Below these the pipeline may delete: what it makes again.
DELETABLE = ("staging/*", "dashboard_data/latest/*")
# Below these objects may go after a while although nobody replaced them.
EXPIRING = ("compute_logs/", "staging/parts/")
PUBLIC_ACCESS = ("BlockPublicAcls", "BlockPublicPolicy", "IgnorePublicAcls", "RestrictPublicBuckets")


def broken_rules(template: dict[str, Any], **given: Any) -> list[str]:
    """Every rule that the template breaks."""
    values = Values(template, **given)
    return [*_broken_by_policies(values), *_broken_by_resources(values)]


def _broken_by_policies(values: Values) -> Iterator[str]:
    for name, place, statements in policies(values):
        for statement in statements:
            where = f"{name} ({place})"
            if statement["Effect"] == "Allow":
                if "KeyPolicy" not in place and not _uses_keys_through_a_service(statement):
                    yield f"{where} uses a key for anything"
                yield from _too_much_allowed(where, statement, is_key="KeyPolicy" in place)
            elif not statement.get("Condition"):
                yield f"{where} refuses without a condition"


def _too_much_allowed(where: str, statement: dict[str, Any], *, is_key: bool) -> Iterator[str]:
    if {"NotAction", "NotResource", "NotPrincipal"} & set(statement):
        yield f"{where} allows all but something"
        return
    actions = listed(statement["Action"])
    yield from (f"{where} allows {action}: a wildcard" for action in actions if "*" in action or "?" in action)
    principals = statement.get("Principal")
    named = principals.values() if isinstance(principals, dict) else [principals]
    if any("*" in listed(name) for name in named):
        yield f"{where} allows everybody"
    if isinstance(principals, dict) and "Service" in principals and not _names_account_and_source(statement):
        yield f"{where} lets a service act for other accounts"
    for resource in listed(statement.get("Resource", [])):
        # In a key's policy "*" is that key.
        if not is_key and not set(actions) <= NOT_LIMITABLE and not _is_limited(str(resource)):
            yield f"{where} allows {', '.join(actions)} on {resource}: too wide"
    deleting = "s3:DeleteObject" in actions
    if deleting and any(not str(resource).endswith(DELETABLE) for resource in listed(statement["Resource"])):
        yield f"{where} may delete what cannot be made again"


def _is_limited(resource: str) -> bool:
    """An address without wildcards, or all objects below one prefix, or the streams of one log group."""
    if re.fullmatch(r"arn:aws:s3:::[^*?/]+/[^*?]+/\*", resource):
        return True
    return not re.search(r"[*?]", re.sub(r"^(arn:aws:logs:[^*]*):\*$", r"\1", resource))


def _names_account_and_source(statement: dict[str, Any]) -> bool:
    conditions = statement.get("Condition", {})
    sources = [conditions.get(operator, {}).get("aws:SourceArn") for operator in ("ArnEquals", "ArnLike")]
    return bool(conditions.get("StringEquals", {}).get("aws:SourceAccount")) and any(sources)


def _uses_keys_through_a_service(statement: dict[str, Any]) -> bool:
    """A key is for what S3 encrypts with it; whoever may decrypt by hand needs no right on the object."""
    if not any(str(action).startswith("kms:") for action in listed(statement.get("Action", []))):
        return True
    return str(statement.get("Condition", {}).get("StringEquals", {}).get("kms:ViaService", "")).startswith("s3.")


def _broken_by_resources(values: Values) -> Iterator[str]:
    rules = {
        "AWS::S3::Bucket": _bucket,
        "AWS::SQS::Queue": _queue,
        "AWS::RedshiftServerless::Namespace": _namespace,
        "AWS::RedshiftServerless::Workgroup": _workgroup,
        "AWS::KMS::Key": _key,
        "AWS::EC2::SecurityGroup": _security_group,
        "AWS::RDS::DBInstance": _database,
        "AWS::ECS::TaskDefinition": _task,
    }
    for name, resource in values.template["Resources"].items():
        if rule := rules.get(resource["Type"]):
            yield from (f"{name} {problem}" for problem in rule(values, name, values.resource(name)))


def _bucket(values: Values, name: str, bucket: dict[str, Any]) -> Iterator[str]:
    given = bucket["Properties"]
    if not all(given.get("PublicAccessBlockConfiguration", {}).get(part) is True for part in PUBLIC_ACCESS):
        yield "may be made public"
    if given.get("VersioningConfiguration", {}).get("Status") != "Enabled":
        yield "keeps no versions"
    rules = given.get("BucketEncryption", {}).get("ServerSideEncryptionConfiguration", [{}])
    default = rules[0].get("ServerSideEncryptionByDefault", {})
    if default.get("SSEAlgorithm") != "aws:kms" or not str(default.get("KMSMasterKeyID")).startswith("arn:aws:kms:"):
        yield "is not encrypted with the key"
    if rules[0].get("BucketKeyEnabled") is not True:
        yield "asks for a key with every object"
    if bucket.get("DeletionPolicy") != "Retain":
        yield "is deleted with the stack"
    enabled = [rule for rule in given.get("LifecycleConfiguration", {}).get("Rules", []) if rule["Status"] == "Enabled"]
    for kind in ("AbortIncompleteMultipartUpload", "NoncurrentVersionExpiration"):
        if not any(kind in rule and "Prefix" not in rule for rule in enabled):
            yield f"has no rule {kind}"
    if any("ExpirationInDays" in rule and rule.get("Prefix") not in EXPIRING for rule in enabled):
        yield "loses data that is still in use"
    statements = [s for resource, _, found in policies(values) for s in found if resource.endswith("BucketPolicy")]
    if not any(_refuses_plain_http(statement, values.of({"Fn::GetAtt": [name, "Arn"]})) for statement in statements):
        yield "answers without TLS"


def _refuses_plain_http(statement: dict[str, Any], address: str) -> bool:
    return (
        statement["Effect"] == "Deny"
        and statement["Principal"] == "*"
        and statement["Action"] in ("s3:*", "sqs:*")
        and address in listed(statement["Resource"])
        and (not address.startswith("arn:aws:s3") or f"{address}/*" in listed(statement["Resource"]))
        and statement["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}
    )


def _queue(values: Values, name: str, queue: dict[str, Any]) -> Iterator[str]:
    given = queue["Properties"]
    if given.get("SqsManagedSseEnabled") is not True or "KmsMasterKeyId" in given:
        yield "is not encrypted in the way that S3 can write to"
    if "RedriveAllowPolicy" not in given and given.get("RedrivePolicy", {}).get("maxReceiveCount") != 10:
        yield "gives a message to its readers for ever"
    address = values.of({"Fn::GetAtt": [name, "Arn"]})
    statements = [s for resource, _, found in policies(values) for s in found if resource.endswith("QueuePolicy")]
    if not any(_refuses_plain_http(statement, address) for statement in statements):
        yield "answers without TLS"
    writers = [s for s in statements if s["Effect"] == "Allow" and address in listed(s["Resource"])]
    if any("aws:SourceArn" not in s.get("Condition", {}).get("ArnEquals", {}) for s in writers):
        yield "takes messages of any bucket"


def _namespace(values: Values, name: str, namespace: dict[str, Any]) -> Iterator[str]:
    given = namespace["Properties"]
    if given.get("ManageAdminPassword") is not True or "AdminUserPassword" in given:
        yield "has a password that somebody chose"
    if not str(given.get("KmsKeyId")).startswith("arn:aws:kms:"):
        yield "is not encrypted with the key"
    if not given.get("FinalSnapshotName"):
        yield "is gone with the stack, and the ledger with it"


def _workgroup(values: Values, name: str, workgroup: dict[str, Any]) -> Iterator[str]:
    given = workgroup["Properties"]
    if given.get("PubliclyAccessible") is not False:
        yield "can be reached from the internet"
    if given.get("MaxCapacity") is None:
        yield "may grow without a limit"
    parameters = {entry["ParameterKey"]: entry["ParameterValue"] for entry in given.get("ConfigParameters", [])}
    if parameters.get("require_ssl") != "true":
        yield "answers without TLS"


def _key(values: Values, name: str, key: dict[str, Any]) -> Iterator[str]:
    if key["Properties"].get("EnableKeyRotation") is not True:
        yield "is never renewed"
    if key.get("DeletionPolicy") != "Retain":
        yield "is deleted with the stack"


def _security_group(values: Values, name: str, group: dict[str, Any]) -> Iterator[str]:
    for rule in group["Properties"].get("SecurityGroupIngress", []):
        if "SourceSecurityGroupId" not in rule:
            yield "lets addresses in"
    if "SecurityGroupEgress" not in group["Properties"]:
        yield "lets everything out"


def _database(values: Values, name: str, database: dict[str, Any]) -> Iterator[str]:
    given = database["Properties"]
    if given.get("PubliclyAccessible") is not False:
        yield "can be reached from the internet"
    if given.get("StorageEncrypted") is not True:
        yield "is not encrypted"
    if database.get("DeletionPolicy") != "Snapshot":
        yield "is gone with the stack"
    if not str(given.get("MasterUserPassword")).startswith("{{resolve:secretsmanager:"):
        yield "has a password that somebody chose"


def _task(values: Values, name: str, task: dict[str, Any]) -> Iterator[str]:
    for container in task["Properties"]["ContainerDefinitions"]:
        what = f"runs {container['Name']}"
        if container.get("User") in ("root", "0") or container.get("Privileged"):
            yield f"{what} with too many rights"
        secret = re.compile(r"password|secret|token", re.IGNORECASE)
        if any(secret.search(entry["Name"]) for entry in container.get("Environment", [])):
            yield f"{what} with a secret in plain sight"
        if "HealthCheck" not in container:
            yield f"{what} and never looks whether it is well"
