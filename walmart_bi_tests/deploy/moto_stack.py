"""The stack as moto's server makes it, and what moto's CloudFormation leaves out, made by the services' own calls.

moto 5.2.5 knows no CloudFormation resource of the types in `NOT_MADE`, and makes a bucket without the properties in
`NOT_SET`; its S3 and SQS know them all. `test_stack.py` shows that neither list is longer than it must be.
"""

from __future__ import annotations

import contextlib
import copy
import functools
import json
import os
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any
from unittest import mock

import boto3

from walmart_bi_tests import s3_servers
from walmart_bi_tests.deploy.template import DATA, Values, read_template

NOT_MADE = {
    "AWS::CloudWatch::Alarm",
    "AWS::EC2::SecurityGroupEgress",
    "AWS::RedshiftServerless::Namespace",
    "AWS::RedshiftServerless::Workgroup",
    "AWS::S3::BucketPolicy",
    "AWS::SQS::QueuePolicy",
}
NOT_SET = {
    "LifecycleConfiguration",
    "NotificationConfiguration",
    "OwnershipControls",
    "PublicAccessBlockConfiguration",
    "VersioningConfiguration",
}


@dataclass(frozen=True)
class Stack:
    """A stack that was made, and clients of the server that it is on."""

    endpoint: str
    values: Values
    made: dict[str, str]
    """Logical names of the resources that CloudFormation made, with their physical names."""
    outputs: dict[str, str]

    def client(self, service: str) -> Any:
        """A boto3 client for a service of that server."""
        with mock.patch.dict(os.environ, s3_servers.variables(self.endpoint)):
            return boto3.client(service, endpoint_url=self.endpoint)

    @property
    def bucket(self) -> str:
        return self.made["Bucket"]


@contextlib.contextmanager
def created(name: str | None = None) -> Iterator[Stack]:
    """The data stack of `deploy/`, as far as moto makes it, taken down at the end."""
    endpoint, template = s3_servers.moto(), read_template(DATA)
    with mock.patch.dict(os.environ, s3_servers.variables(endpoint)):
        client = functools.partial(boto3.client, endpoint_url=endpoint)
        name = name or f"bi-{uuid.uuid4().hex[:12]}"
        subnets = client("ec2").describe_subnets()["Subnets"][:3]
        parameters = {
            "Name": name,
            "VpcId": subnets[0]["VpcId"],
            "SubnetIds": ",".join(subnet["SubnetId"] for subnet in subnets),
        }
        formation = client("cloudformation")
        formation.create_stack(
            StackName=name,
            TemplateBody=json.dumps(_for_moto(template, parameters)),
            Capabilities=["CAPABILITY_NAMED_IAM"],
            Parameters=[{"ParameterKey": key, "ParameterValue": value} for key, value in parameters.items()],
        )
        try:
            resources = formation.describe_stack_resources(StackName=name)["StackResources"]
            # An entry of a type that moto does not know is empty.
            made = {
                entry["LogicalResourceId"]: entry["PhysicalResourceId"]
                for entry in resources
                if "ResourceType" in entry
            }
            (described,) = formation.describe_stacks(StackName=name)["Stacks"]
            assert described["StackStatus"] == "CREATE_COMPLETE", described
            outputs = {entry["OutputKey"]: entry["OutputValue"] for entry in described["Outputs"]}
            values = Values(template, parameters, refs={"Key": made["Key"]})
            values.attributes["Key", "Arn"] = outputs["KeyArn"]
            yield Stack(endpoint, values, made, outputs)
        finally:
            formation.delete_stack(StackName=name)


def complete(stack: Stack) -> None:
    """Set what moto's CloudFormation left out, from the same template.

    Not the bucket's policy: moto takes a refusal without its condition, and would then refuse everything.
    """
    s3, sqs = stack.client("s3"), stack.client("sqs")
    for name in ("ArrivalQueuePolicy", "DeadLetterQueuePolicy"):
        properties = stack.values.resource(name)["Properties"]
        for queue in properties["Queues"]:
            url = sqs.get_queue_url(QueueName=queue.rpartition("/")[2])["QueueUrl"]
            policy = json.dumps(properties["PolicyDocument"])
            sqs.set_queue_attributes(QueueUrl=url, Attributes={"Policy": policy})
    properties = stack.values.resource("Bucket")["Properties"]
    for name, put in _PUTS.items():
        put(s3, stack.bucket, properties[name])


def _versioning(s3: Any, bucket: str, given: dict[str, Any]) -> None:
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration=given)


def _public_access(s3: Any, bucket: str, given: dict[str, Any]) -> None:
    s3.put_public_access_block(Bucket=bucket, PublicAccessBlockConfiguration=given)


def _ownership(s3: Any, bucket: str, given: dict[str, Any]) -> None:
    s3.put_bucket_ownership_controls(Bucket=bucket, OwnershipControls=given)


def _lifecycle(s3: Any, bucket: str, given: dict[str, Any]) -> None:
    rules = []
    for rule in given["Rules"]:
        rule = copy.deepcopy(rule)
        api = {"ID": rule.pop("Id"), "Filter": {"Prefix": rule.pop("Prefix", "")}}
        days, marker = rule.pop("ExpirationInDays", None), rule.pop("ExpiredObjectDeleteMarker", None)
        expiry = {"Days": days} if days else {"ExpiredObjectDeleteMarker": marker} if marker else None
        rules.append({**api, **rule, **({"Expiration": expiry} if expiry else {})})
    s3.put_bucket_lifecycle_configuration(Bucket=bucket, LifecycleConfiguration={"Rules": rules})


def _notifications(s3: Any, bucket: str, given: dict[str, Any]) -> None:
    queues = [
        {
            "QueueArn": entry["Queue"],
            "Events": [entry["Event"]],
            "Filter": {"Key": {"FilterRules": entry["Filter"]["S3Key"]["Rules"]}},
        }
        for entry in given["QueueConfigurations"]
    ]
    s3.put_bucket_notification_configuration(Bucket=bucket, NotificationConfiguration={"QueueConfigurations": queues})


_PUTS: dict[str, Callable[[Any, str, dict[str, Any]], None]] = {
    "VersioningConfiguration": _versioning,
    "PublicAccessBlockConfiguration": _public_access,
    "OwnershipControls": _ownership,
    "LifecycleConfiguration": _lifecycle,
    "NotificationConfiguration": _notifications,
}


def _for_moto(template: dict[str, Any], parameters: dict[str, str]) -> dict[str, Any]:
    """The template with what refers to a resource that moto does not know replaced by the value that it would have."""
    unknown = {name for name, resource in template["Resources"].items() if resource["Type"] in NOT_MADE}
    values = Values(template, parameters)

    def replaced(node: Any) -> Any:
        if isinstance(node, list):
            return [replaced(item) for item in node]
        if not isinstance(node, dict):
            return node
        if node.get("Ref") in unknown or node.get("Fn::GetAtt", [None])[0] in unknown:
            return values.of(node)
        text = node.get("Fn::Sub")
        if isinstance(text, str):
            for name in unknown:
                for found in {part for part in text.split("${") if part.startswith((f"{name}}}", f"{name}."))}:
                    reference = "${" + found.partition("}")[0] + "}"
                    text = text.replace(reference, values.of({"Fn::Sub": reference}))
            return {"Fn::Sub": text}
        return {key: replaced(value) for key, value in node.items()}

    result: dict[str, Any] = replaced(copy.deepcopy(template))
    return result
