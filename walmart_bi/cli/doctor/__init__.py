"""`walmart-bi doctor`: what is configured, what can be reached, and what to do about what cannot.

Which parts are looked at, in which order, belongs here; how each is looked at is in the modules beside this one.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator

from walmart_bi import __version__
from walmart_bi.cli.doctor.machine import probe_catalog, probe_disk, probe_instance, temporary_directory
from walmart_bi.cli.doctor.probes import Probe, examine
from walmart_bi.cli.project import Project
from walmart_bi.errors import WalmartBiError
from walmart_bi.settings import Settings
from walmart_bi.settings_aws import AwsSettings


def run_doctor() -> int:
    """Examine each part and print one line for it; the exit code is 1 when one is not in order."""
    print(f"walmart_bi {__version__}, Python {sys.version.split()[0]}")
    try:
        project = Project.from_environment()
    except WalmartBiError as error:
        print(f"  settings    NOT IN ORDER  {error}")
        return 1
    probes = [Probe("settings", lambda: _settings(project.settings)), *_probes(project)]
    return int(not examine(probes))


def _settings(settings: Settings) -> str:
    if settings.aws is None:
        return f"home {settings.home}, first month {settings.first_month}"
    s3, redshift = settings.aws.s3, settings.aws.redshift
    login = f"workgroup {redshift.workgroup}" if redshift.workgroup else f"host {redshift.host}:{redshift.port}"
    return (
        f"target aws, bucket {s3.bucket}, prefix {s3.prefix or '(none)'}, {login}, database {redshift.database}, "
        f"schema {redshift.schema}, first month {settings.first_month}"
    )


def _probes(project: Project) -> Iterator[Probe]:
    aws = project.settings.aws
    yield Probe("catalog", probe_catalog)
    yield from _local_probes(project) if aws is None else _aws_probes(project, aws)
    yield Probe("instance", probe_instance)
    address = project.settings.cleaning_cluster
    if address is not None:
        from walmart_bi.cli.doctor.cluster import probe_cluster

        yield Probe("cluster", lambda: probe_cluster(address, project.store))
    # Objects of S3 are copied to the temporary directory while they are read; the local store needs no copies.
    yield Probe("disk", lambda: probe_disk(project.settings.home if aws is None else temporary_directory()))


def _local_probes(project: Project) -> Iterator[Probe]:
    from walmart_bi.cli.doctor.local import probe_store, probe_warehouse

    yield Probe("store", lambda: probe_store(project))
    yield Probe("warehouse", lambda: probe_warehouse(project))


def _aws_probes(project: Project, aws: AwsSettings) -> Iterator[Probe]:
    from walmart_bi.cli.doctor.bucket import bucket_probes
    from walmart_bi.cli.doctor.identity import identity_probes
    from walmart_bi.cli.doctor.queues import queue_probes
    from walmart_bi.cli.doctor.redshift import redshift_probes
    from walmart_bi.stores.s3 import S3Store

    assert isinstance(project.store, S3Store)
    yield from identity_probes()
    yield from bucket_probes(aws.s3, project.store)
    yield from queue_probes(aws.queues)
    yield from redshift_probes(aws.redshift, project.store, project.warehouse)
