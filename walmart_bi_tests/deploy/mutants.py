"""Changes for the worse, one for each rule: the template, the change, and what `rules.py` says of it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from walmart_bi_tests.deploy.template import DATA, ECS

Template = dict[str, Any]
Change = Callable[[Template], object]


def properties(template: Template, name: str) -> dict[str, Any]:
    found: dict[str, Any] = template["Resources"][name]["Properties"]
    return found


def statements(template: Template, name: str) -> list[dict[str, Any]]:
    given = properties(template, name)
    document = given.get("PolicyDocument") or given.get("KeyPolicy") or given["Policies"][0]["PolicyDocument"]
    found: list[dict[str, Any]] = document["Statement"]
    return found


MUTANTS: dict[str, tuple[Path, Change, str]] = {
    "every action of S3": (
        DATA,
        lambda t: statements(t, "PipelinePolicy")[1].update(Action="s3:*"),
        "PipelinePolicy (PolicyDocument) allows s3:*: a wildcard",
    ),
    "some actions of S3": (
        DATA,
        lambda t: statements(t, "CopyRole")[0].update(Action=["s3:Get*"]),
        "CopyRole (Policies.PolicyDocument) allows s3:Get*: a wildcard",
    ),
    "every resource": (
        DATA,
        lambda t: statements(t, "PipelinePolicy")[4].update(Resource="*"),
        "on *: too wide",
    ),
    "every object of the bucket": (
        DATA,
        lambda t: statements(t, "CopyRole")[0].update(Resource={"Fn::Sub": "${Bucket.Arn}/*"}),
        "CopyRole (Policies.PolicyDocument) allows s3:GetObject",
    ),
    "every workgroup": (
        DATA,
        lambda t: statements(t, "PipelinePolicy")[5].update(
            Resource={"Fn::Sub": "arn:aws:redshift-serverless:${AWS::Region}:${AWS::AccountId}:workgroup/*"}
        ),
        "workgroup/*: too wide",
    ),
    "all but one action": (
        DATA,
        lambda t: statements(t, "PipelinePolicy")[1].update(NotAction="s3:DeleteBucket"),
        "allows all but something",
    ),
    "published months may be deleted": (
        DATA,
        lambda t: statements(t, "PipelinePolicy")[1]["Action"].append("s3:DeleteObject"),
        "may delete what cannot be made again",
    ),
    "every action with the key": (
        DATA,
        lambda t: statements(t, "Key")[0].update(Action="kms:*"),
        "allows kms:*: a wildcard",
    ),
    "the role for COPY serves every account": (
        DATA,
        lambda t: properties(t, "CopyRole")["AssumeRolePolicyDocument"]["Statement"][0].pop("Condition"),
        "CopyRole (AssumeRolePolicyDocument) lets a service act for other accounts",
    ),
    "the role for COPY serves whatever calls itself Redshift": (
        DATA,
        lambda t: properties(t, "CopyRole")["AssumeRolePolicyDocument"]["Statement"][0]["Condition"].pop("ArnLike"),
        "CopyRole (AssumeRolePolicyDocument) lets a service act for other accounts",
    ),
    "the key for anything": (
        DATA,
        lambda t: statements(t, "CopyRole")[2].pop("Condition"),
        "CopyRole (Policies.PolicyDocument) uses a key for anything",
    ),
    "delivered files go after a while": (
        DATA,
        lambda t: properties(t, "Bucket")["LifecycleConfiguration"]["Rules"][2].update(Prefix="raw_data/"),
        "Bucket loses data that is still in use",
    ),
    "everything goes after a while": (
        DATA,
        lambda t: properties(t, "Bucket")["LifecycleConfiguration"]["Rules"][2].pop("Prefix"),
        "Bucket loses data that is still in use",
    ),
    "a warehouse under Redshift's own key": (
        DATA,
        lambda t: properties(t, "Namespace").pop("KmsKeyId"),
        "Namespace is not encrypted with the key",
    ),
    "the ledger goes with the stack": (
        DATA,
        lambda t: properties(t, "Namespace").pop("FinalSnapshotName"),
        "Namespace is gone with the stack",
    ),
    "the history goes with the stack": (
        ECS,
        lambda t: t["Resources"]["Database"].update(DeletionPolicy="Delete"),
        "Database is gone with the stack",
    ),
    "everybody takes the role": (
        DATA,
        lambda t: properties(t, "PipelineRole")["AssumeRolePolicyDocument"]["Statement"][0].update(
            Principal={"AWS": "*"}
        ),
        "allows everybody",
    ),
    "the bucket without TLS": (
        DATA,
        lambda t: statements(t, "BucketPolicy").pop(0),
        "Bucket answers without TLS",
    ),
    "TLS for the bucket, not for its objects": (
        DATA,
        lambda t: statements(t, "BucketPolicy")[0]["Resource"].pop(1),
        "Bucket answers without TLS",
    ),
    "a refusal of everything": (
        DATA,
        lambda t: statements(t, "BucketPolicy")[2].pop("Condition"),
        "BucketPolicy (PolicyDocument) refuses without a condition",
    ),
    "public access": (
        DATA,
        lambda t: properties(t, "Bucket")["PublicAccessBlockConfiguration"].update(BlockPublicPolicy=False),
        "Bucket may be made public",
    ),
    "no versions": (DATA, lambda t: properties(t, "Bucket").pop("VersioningConfiguration"), "Bucket keeps no versions"),
    "S3's own key": (
        DATA,
        lambda t: properties(t, "Bucket")["BucketEncryption"]["ServerSideEncryptionConfiguration"][0].update(
            ServerSideEncryptionByDefault={"SSEAlgorithm": "AES256"}
        ),
        "Bucket is not encrypted with the key",
    ),
    "a request for a key with every object": (
        DATA,
        lambda t: properties(t, "Bucket")["BucketEncryption"]["ServerSideEncryptionConfiguration"][0].pop(
            "BucketKeyEnabled"
        ),
        "Bucket asks for a key with every object",
    ),
    "parts of uploads are kept": (
        DATA,
        lambda t: properties(t, "Bucket")["LifecycleConfiguration"]["Rules"].pop(0),
        "Bucket has no rule AbortIncompleteMultipartUpload",
    ),
    "old versions are kept": (
        DATA,
        lambda t: properties(t, "Bucket")["LifecycleConfiguration"]["Rules"][1].update(Status="Disabled"),
        "Bucket has no rule NoncurrentVersionExpiration",
    ),
    "the data goes with the stack": (
        DATA,
        lambda t: t["Resources"]["Bucket"].pop("DeletionPolicy"),
        "Bucket is deleted with the stack",
    ),
    "the key goes with the stack": (
        DATA,
        lambda t: t["Resources"]["Key"].update(DeletionPolicy="Delete"),
        "Key is deleted with the stack",
    ),
    "no rotation": (DATA, lambda t: properties(t, "Key").pop("EnableKeyRotation"), "Key is never renewed"),
    "a message for ever": (
        DATA,
        lambda t: properties(t, "RawDataQueue")["RedrivePolicy"].pop("maxReceiveCount"),
        "RawDataQueue gives a message to its readers for ever",
    ),
    "a key that S3 may not use": (
        DATA,
        lambda t: properties(t, "RawDataQueue").update(KmsMasterKeyId="alias/aws/sqs"),
        "RawDataQueue is not encrypted in the way that S3 can write to",
    ),
    "messages of any bucket": (
        DATA,
        lambda t: statements(t, "ArrivalQueuePolicy")[0]["Condition"].pop("ArnEquals"),
        "RawDataQueue takes messages of any bucket",
    ),
    "queues without TLS": (
        DATA,
        lambda t: statements(t, "ArrivalQueuePolicy").pop(1),
        "MonthlyDataQueue answers without TLS",
    ),
    "dead letters without TLS": (
        DATA,
        lambda t: t["Resources"].pop("DeadLetterQueuePolicy"),
        "DeadLetterQueue answers without TLS",
    ),
    "a public warehouse": (
        DATA,
        lambda t: properties(t, "Workgroup").update(PubliclyAccessible=True),
        "Workgroup can be reached from the internet",
    ),
    "a warehouse without a limit": (
        DATA,
        lambda t: properties(t, "Workgroup").pop("MaxCapacity"),
        "Workgroup may grow without a limit",
    ),
    "a warehouse without TLS": (
        DATA,
        lambda t: properties(t, "Workgroup").pop("ConfigParameters"),
        "Workgroup answers without TLS",
    ),
    "a chosen password": (
        DATA,
        lambda t: properties(t, "Namespace").update(ManageAdminPassword=False),
        "Namespace has a password that somebody chose",
    ),
    "everybody asks the warehouse": (
        DATA,
        lambda t: properties(t, "WarehouseSecurityGroup")["SecurityGroupIngress"].append(
            {"IpProtocol": "tcp", "FromPort": 5439, "ToPort": 5439, "CidrIp": "0.0.0.0/0"}
        ),
        "WarehouseSecurityGroup lets addresses in",
    ),
    "a public history": (
        ECS,
        lambda t: properties(t, "Database").update(PubliclyAccessible=True),
        "Database can be reached from the internet",
    ),
    "a history in plain sight": (
        ECS,
        lambda t: properties(t, "Database").pop("StorageEncrypted"),
        "Database is not encrypted",
    ),
    "a password in the template": (
        ECS,
        lambda t: properties(t, "Database").update(MasterUserPassword="chosen"),
        "Database has a password that somebody chose",
    ),
    "a secret in the environment": (
        ECS,
        lambda t: properties(t, "Task")["ContainerDefinitions"][0]["Environment"].append(
            {"Name": "DAGSTER_POSTGRES_PASSWORD", "Value": "x"}
        ),
        "with a secret in plain sight",
    ),
    "root": (
        ECS,
        lambda t: properties(t, "Task")["ContainerDefinitions"][0].update(User="root"),
        "with too many rights",
    ),
    "a container that nobody watches": (
        ECS,
        lambda t: properties(t, "Task")["ContainerDefinitions"][1].pop("HealthCheck"),
        "never looks whether it is well",
    ),
    "the UI for everybody": (
        ECS,
        lambda t: (
            properties(t, "DatabaseSecurityGroup")["SecurityGroupIngress"][0].update(
                CidrIp="0.0.0.0/0", SourceSecurityGroupId=None
            )
            or properties(t, "DatabaseSecurityGroup")["SecurityGroupIngress"][0].pop("SourceSecurityGroupId")
        ),
        "DatabaseSecurityGroup lets addresses in",
    ),
}
