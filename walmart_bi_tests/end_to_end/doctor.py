"""A project on AWS for the doctor to look at, and what it printed."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from walmart_bi_tests import s3_servers
from walmart_bi_tests.command_line import in_directory, new_checkout, run
from walmart_bi_tests.project import aws_environment
from walmart_bi_tests.redshift_standin.backend import session
from walmart_bi_tests.redshift_standin.standin import StandIn, shared_standin

CANARY = "canary-secret-8c2f"
BLOCKED = dict.fromkeys(("BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets"), True)


@dataclass
class Report:
    """What the doctor printed: for each part its state and what is told of it."""

    code: int
    lines: dict[str, tuple[str, str]]

    def state(self, part: str) -> str:
        return self.lines[part][0]

    def trouble(self, part: str) -> str:
        """What is told of a part that is not in order: it names the next step, and the exit code says so."""
        state, told = self.lines[part]
        assert (self.code, state) == (1, "NOT IN ORDER"), self.lines
        assert "Next step: " in told
        return told

    def parts(self, state: str) -> list[str]:
        return [part for part, (found, _) in self.lines.items() if found == state]


@dataclass
class Site:
    """An empty project on AWS, and the ways to it that avoid the project."""

    bucket: str
    prefix: str
    database: str
    standin: StandIn
    s3: Any
    patch: pytest.MonkeyPatch  # undone before the environment is that of the other tests again

    def doctor(self) -> Report:
        done = run("doctor")
        assert done.err == "" and CANARY not in done.out
        lines = re.findall(r"^  (.+?) +(ok|NOT IN ORDER|not known|not asked)  +(.+)$", done.out, re.MULTILINE)
        assert len(lines) == done.out.count("\n") - 1, done.out
        return Report(done.code, {part: (state, told) for part, state, told in lines})

    def sql(self, *statements: str) -> None:
        """As the administrator of the database."""
        with session(self.standin.front.postgres, self.database) as admin:
            for statement in statements:
                admin.query(statement)

    def versions(self) -> list[str]:
        """Every version and delete marker in the bucket, outside the folders in which the pipeline deletes."""
        answer = self.s3.list_object_versions(Bucket=self.bucket)
        found = [each["Key"] for kind in ("Versions", "DeleteMarkers") for each in answer.get(kind, [])]
        return sorted(key for key in found if "/staging/" not in key and "/latest/" not in key)


@contextlib.contextmanager
def aws_site(directory: Path) -> Iterator[Site]:
    """A project with nothing wrong; what a test changes at the stand-in is put right afterwards."""
    standin = shared_standin()
    kept = set(standin.front.roles), standin.front.s3, dict(standin.identity.passwords)
    with (
        in_directory(new_checkout(directory)),
        aws_environment() as variables,
        pytest.MonkeyPatch.context() as patch,
    ):
        for name in ("AWS_ENDPOINT_URL_STS", "AWS_ENDPOINT_URL_SQS"):
            patch.setenv(name, s3_servers.moto())
        for name in ("AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"):
            patch.setenv(name, CANARY)
        bucket, s3 = variables["WALMART_BI_BUCKET"], s3_servers.client(s3_servers.moto())
        put_in_order(s3, bucket)
        database = variables["WALMART_BI_REDSHIFT_DATABASE"]
        yield Site(bucket, variables["WALMART_BI_PREFIX"], database, standin, s3, patch)
    standin.front.roles, standin.front.s3, standin.identity.passwords = kept


def put_in_order(s3: Any, bucket: str) -> None:
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    s3.put_public_access_block(Bucket=bucket, PublicAccessBlockConfiguration=BLOCKED)
    default = {"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "aws:kms"}}
    s3.put_bucket_encryption(Bucket=bucket, ServerSideEncryptionConfiguration={"Rules": [default]})


def log_in_with(site: Site, user: str) -> None:
    """Use a host, this user and the canary as password instead of the workgroup."""
    site.patch.delenv("WALMART_BI_REDSHIFT_WORKGROUP")
    for name, value in {"HOST": "localhost", "PORT": site.standin.port, "USER": user, "PASSWORD": CANARY}.items():
        site.patch.setenv(f"WALMART_BI_REDSHIFT_{name}", str(value))
