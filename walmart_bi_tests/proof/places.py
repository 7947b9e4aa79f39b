"""Where a trial happens: a bucket and a warehouse of its own on either target, empty or with a base state in it.

A place is a set of environment variables, so that any process finds it as an operator's process would.
"""

from __future__ import annotations

import contextlib
import itertools
import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol
from unittest import mock

from walmart_bi.cli.project import Project
from walmart_bi_tests.redshift_standin.backend import session
from walmart_bi_tests.redshift_standin.standin import COPY_ROLE, WORKGROUP, shared_standin

_numbers = itertools.count(1)


@dataclass(frozen=True)
class Place:
    """A bucket and a warehouse, as the variables that lead to them; the folder is for scratch files."""

    target: str
    folder: Path
    variables: dict[str, str]

    @contextlib.contextmanager
    def opened(self) -> Iterator[Project]:
        """The project of this place; the environment leads to it inside the block."""
        with mock.patch.dict(os.environ, self.variables):
            yield Project.from_environment()

    def enter(self) -> Project:
        """The project of this place, for a process that is nowhere else."""
        os.environ.update(self.variables)
        return Project.from_environment()


class Target(Protocol):
    """Makes places."""

    name: str

    def empty(self) -> Place:
        """A new place with nothing in it."""
        ...

    def copy(self, place: Place) -> Place:
        """A new place with what is in that one, which nobody is using."""
        ...

    def drop(self, place: Place) -> None:
        """Throw the place away."""
        ...


@dataclass
class LocalTarget:
    """A directory and a DuckDB file."""

    folder: Path
    name: str = "local"

    def empty(self) -> Place:
        return self._place(_new_folder(self.folder))

    def copy(self, place: Place) -> Place:
        # This process never opened the file there, so no lock of DuckDB's is lost by reading it.
        folder = _new_folder(self.folder)
        shutil.copytree(place.folder / "home", folder / "home")
        return self._place(folder)

    def drop(self, place: Place) -> None:
        shutil.rmtree(place.folder)

    def _place(self, folder: Path) -> Place:
        variables = {"WALMART_BI_HOME": str(folder / "home"), "TMPDIR": str(folder / "scratch")}
        return Place(self.name, folder, variables)


@dataclass
class AwsTarget:
    """A prefix in a bucket of the S3 server, and a database behind the stand-in for Redshift."""

    folder: Path
    name: str = "aws"
    bucket: str = field(default_factory=lambda: shared_standin().new_bucket())

    def empty(self) -> Place:
        return self._place(shared_standin().new_database(), _new_folder(self.folder))

    def copy(self, place: Place) -> Place:
        standin = shared_standin()
        new = f"proof_{next(_numbers)}"
        with session(standin.front.postgres, "postgres") as admin:
            admin.query(f"CREATE DATABASE {new} TEMPLATE {place.variables['WALMART_BI_REDSHIFT_DATABASE']}")
        copied = self._place(new, _new_folder(self.folder))
        old_prefix, new_prefix = (each.variables["WALMART_BI_PREFIX"] + "/" for each in (place, copied))
        pages = standin.s3.get_paginator("list_objects_v2").paginate(Bucket=self.bucket, Prefix=old_prefix)
        for key in [entry["Key"] for page in pages for entry in page.get("Contents", ())]:
            standin.s3.copy_object(
                Bucket=self.bucket,
                Key=new_prefix + key.removeprefix(old_prefix),
                CopySource={"Bucket": self.bucket, "Key": key},
            )
        return copied

    def drop(self, place: Place) -> None:
        standin = shared_standin()
        with session(standin.front.postgres, "postgres") as admin:
            admin.query(f"DROP DATABASE {place.variables['WALMART_BI_REDSHIFT_DATABASE']} WITH (FORCE)")
        shutil.rmtree(place.folder)

    def _place(self, database: str, folder: Path) -> Place:
        variables = {
            **shared_standin().environment,
            "WALMART_BI_TARGET": "aws",
            "WALMART_BI_HOME": str(folder / "home"),
            "WALMART_BI_BUCKET": self.bucket,
            "WALMART_BI_PREFIX": database,
            "WALMART_BI_REDSHIFT_WORKGROUP": WORKGROUP,
            "WALMART_BI_REDSHIFT_DATABASE": database,
            "WALMART_BI_REDSHIFT_COPY_ROLE_ARN": COPY_ROLE,
            "TMPDIR": str(folder / "scratch"),
        }
        return Place(self.name, folder, variables)


TARGETS = {"local": LocalTarget, "aws": AwsTarget}


def _new_folder(parent: Path) -> Path:
    folder = parent / f"place_{next(_numbers)}"
    (folder / "scratch").mkdir(parents=True)
    return folder
