"""CloudFormation templates as data: read, with every function that ours use replaced by its value.

No rule about the templates belongs here. The values that AWS would give are passed in by whoever asks.
"""

from __future__ import annotations

import copy
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from cfnlint.decode import decode_str

DEPLOY = Path(__file__).parents[2] / "deploy"
DATA, ECS = DEPLOY / "walmart-bi.yaml", DEPLOY / "walmart-bi-ecs.yaml"
ACCOUNT, REGION = "123456789012", "us-east-1"
_PSEUDO = {
    "AWS::AccountId": ACCOUNT,
    "AWS::Region": REGION,
    "AWS::Partition": "aws",
    "AWS::StackName": "walmart-bi",
    "AWS::URLSuffix": "amazonaws.com",
}
# The property that names a resource, which is also what Ref gives, and its address.
_NAMED = {
    "AWS::S3::Bucket": ("BucketName", "arn:aws:s3:::{0}"),
    "AWS::SQS::Queue": ("QueueName", f"arn:aws:sqs:{REGION}:{ACCOUNT}:{{0}}"),
    "AWS::IAM::Role": ("RoleName", f"arn:aws:iam::{ACCOUNT}:role/{{0}}"),
    "AWS::KMS::Key": (None, f"arn:aws:kms:{REGION}:{ACCOUNT}:key/{{0}}"),
    "AWS::RedshiftServerless::Namespace": ("NamespaceName", ""),
    "AWS::RedshiftServerless::Workgroup": (
        "WorkgroupName",
        f"arn:aws:redshift-serverless:{REGION}:{ACCOUNT}:workgroup/id-of-{{0}}",
    ),
    "AWS::ECS::Cluster": ("ClusterName", f"arn:aws:ecs:{REGION}:{ACCOUNT}:cluster/{{0}}"),
    "AWS::Logs::LogGroup": ("LogGroupName", f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group:{{0}}:*"),
}


def read_template(path: Path) -> dict[str, Any]:
    """The template with its functions in their long form, as a dictionary of its own."""
    template, errors = decode_str(path.read_text())
    assert not errors, errors
    return _plain(template)


def _plain(node: Any) -> Any:
    if isinstance(node, dict):
        return {str(key): _plain(value) for key, value in node.items()}
    if isinstance(node, list):
        return [_plain(item) for item in node]
    return str(node) if isinstance(node, str) else node


@dataclass
class Values:
    """What the functions of a template stand for; what is not given is made from the names in the template."""

    template: Mapping[str, Any]
    parameters: dict[str, Any] = field(default_factory=dict)
    refs: dict[str, Any] = field(default_factory=dict)
    attributes: dict[tuple[str, str], Any] = field(default_factory=dict)
    imports: dict[str, str] = field(default_factory=dict)

    def resource(self, name: str) -> dict[str, Any]:
        """A resource with its properties as AWS would see them."""
        resource: dict[str, Any] = self.of(copy.deepcopy(self.template["Resources"][name]))
        return resource

    def of(self, node: Any) -> Any:
        """The node with every function replaced by its value."""
        if isinstance(node, list):
            return [self.of(item) for item in node]
        if not isinstance(node, dict):
            return node
        if len(node) == 1:
            ((function, argument),) = node.items()
            known = {
                "Ref": self._ref,
                "Fn::GetAtt": self._attribute,
                "Fn::Sub": self._substituted,
                "Fn::If": self._chosen,
                "Fn::ImportValue": lambda name: self.imports.get(self.of(name), f"imported {self.of(name)}"),
            }.get(function)
            if known:
                return known(argument)
            assert not function.startswith("Fn::"), f"{function} is not known here"
        return {key: self.of(value) for key, value in node.items()}

    def _ref(self, name: str) -> Any:
        if name in self.template["Resources"]:
            return self.refs.get(name) or self._name(name)
        return _PSEUDO.get(name) or self._parameter(name)

    def _parameter(self, name: str) -> Any:
        declared = self.template["Parameters"][name]
        return self.parameters.get(name, declared.get("Default", f"given-{name}"))

    def _name(self, name: str) -> str:
        resource = self.template["Resources"][name]
        naming, _ = _NAMED.get(resource["Type"], (None, ""))
        return str(self.of(resource["Properties"][naming])) if naming in resource["Properties"] else name

    def _attribute(self, argument: list[str]) -> Any:
        name, attribute = argument[0], ".".join(argument[1:])
        if (name, attribute) in self.attributes:
            return self.attributes[name, attribute]
        if attribute.endswith("Name"):
            return self._ref(name)
        _, address = _NAMED.get(self.template["Resources"][name]["Type"], (None, ""))
        return address.format(self._ref(name)) if attribute.endswith("Arn") and address else f"{name}.{attribute}"

    def _substituted(self, text: str) -> str:
        def value(match: re.Match[str]) -> str:
            name, _, attribute = match[1].partition(".")
            return str(self._attribute([name, attribute]) if attribute else self._ref(name))

        return re.sub(r"\$\{([^}!]+)\}", value, text)

    def _chosen(self, argument: list[Any]) -> Any:
        condition, yes, no = argument
        return self.of(yes if self._holds(self.template["Conditions"][condition]) else no)

    def _holds(self, condition: Mapping[str, Any]) -> bool:
        ((function, argument),) = condition.items()
        if function == "Fn::Not":
            return not self._holds(argument[0])
        assert function == "Fn::Equals", f"{function} is not known here"
        return bool(self.of(argument[0]) == self.of(argument[1]))


def policies(values: Values) -> Iterator[tuple[str, str, list[dict[str, Any]]]]:
    """Every policy of the template, wherever it stands: its resource, the property it is in, and its statements."""
    for name in values.template["Resources"]:
        for place, document in _documents(values.resource(name)["Properties"], ""):
            statements = document["Statement"]
            yield name, place, statements if isinstance(statements, list) else [statements]


def _documents(node: Any, place: str) -> Iterator[tuple[str, dict[str, Any]]]:
    if isinstance(node, dict) and "Statement" in node:
        yield place, node
    elif isinstance(node, dict):
        for key, value in node.items():
            yield from _documents(value, f"{place}.{key}".lstrip("."))
    elif isinstance(node, list):
        for item in node:
            yield from _documents(item, place)


def listed(value: Any) -> list[Any]:
    """What IAM allows to write alone or as a list."""
    return value if isinstance(value, list) else [value]
