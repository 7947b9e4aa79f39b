"""Where the live suite works: a scratch prefix of the configured bucket and scratch schemas of the configured database.

Everything is found through the settings of the pipeline itself (`WALMART_BI_*`, standard AWS variables). What a test
makes is removed when it ends, versions of objects included.
"""

from __future__ import annotations

import contextlib
import dataclasses
import uuid
from collections.abc import Iterator
from dataclasses import dataclass

from walmart_bi.settings import Settings
from walmart_bi.settings_aws import AwsSettings
from walmart_bi.stores.s3 import S3Store
from walmart_bi.stores.s3_client import s3_client
from walmart_bi.warehouse.redshift_connection import session
from walmart_bi.warehouse.redshift_settings import RedshiftSettings
from walmart_bi.warehouse.redshift_warehouse import RedshiftWarehouse
from walmart_bi_tests.contracts.warehouses import child

SCRATCH = "live_test"
_DELETED_AT_ONCE = 1000  # the most that S3 takes


def aws_settings() -> AwsSettings:
    """The settings of the environment, which must be those of the target `aws`."""
    settings = Settings.from_environment()
    assert settings.aws is not None, "the live suite needs WALMART_BI_TARGET=aws and the settings that go with it"
    return settings.aws


def open_store(prefix: str) -> S3Store:
    """A store below the prefix of the configured bucket."""
    s3 = aws_settings().s3
    return S3Store(s3.bucket, prefix, encryption=s3.encryption)


@dataclass(frozen=True)
class LiveSite:
    """A scratch schema and a scratch prefix; picklable, so that child processes open the same."""

    schema: str
    prefix: str

    def store(self) -> S3Store:
        return open_store(self.prefix)

    def settings(self) -> RedshiftSettings:
        return dataclasses.replace(aws_settings().redshift, schema=self.schema)

    def warehouse(self, busy_timeout: float = 60.0) -> RedshiftWarehouse:
        return RedshiftWarehouse(self.settings(), self.store(), busy_timeout=busy_timeout)

    @contextlib.contextmanager
    def held_by_another_process(self) -> Iterator[str]:
        with child(
            "import sys\n"
            "from walmart_bi.warehouse.redshift_connection import session\n"
            "from walmart_bi_tests.live.place import LiveSite\n"
            "with session(LiveSite(*sys.argv[1:]).settings()) as holder, holder.transaction():\n"
            "    holder.execute('LOCK load_ledger')\n"
            "    (pid,) = holder.query('SELECT pg_backend_pid()').rows[0]\n"
            "    print('held', pid, sep='\\n', flush=True); sys.stdin.read()\n",
            self.schema,
            self.prefix,
        ) as process:
            assert process.stdout is not None
            yield f"session {process.stdout.readline().strip()} "


@contextlib.contextmanager
def scratch_prefix() -> Iterator[str]:
    """A prefix of its own; every version below it is gone afterwards."""
    prefix = "/".join(filter(None, (aws_settings().s3.prefix.strip("/"), SCRATCH, uuid.uuid4().hex)))
    try:
        yield prefix
    finally:
        _remove(aws_settings().s3.bucket, f"{prefix}/")


@contextlib.contextmanager
def scratch_site() -> Iterator[LiveSite]:
    """A schema and a prefix of their own; both are gone afterwards."""
    outside, schema = aws_settings().redshift, f"{SCRATCH}_{uuid.uuid4().hex}"
    with session(dataclasses.replace(outside, schema="public")) as opened:
        opened.execute(f"CREATE SCHEMA {schema}")
    try:
        with scratch_prefix() as prefix:
            yield LiveSite(schema, prefix)
    finally:
        with session(dataclasses.replace(outside, schema="public")) as opened:
            opened.execute(f"DROP SCHEMA {schema} CASCADE")


def _remove(bucket: str, prefix: str) -> None:
    client = s3_client()
    pages = client.get_paginator("list_object_versions").paginate(Bucket=bucket, Prefix=prefix)
    found = [entry for page in pages for kind in ("Versions", "DeleteMarkers") for entry in page.get(kind, ())]
    for start in range(0, len(found), _DELETED_AT_ONCE):
        batch = [{"Key": e["Key"], "VersionId": e["VersionId"]} for e in found[start : start + _DELETED_AT_ONCE]]
        answer = client.delete_objects(Bucket=bucket, Delete={"Objects": batch, "Quiet": True})
        assert not answer.get("Errors"), answer["Errors"]
