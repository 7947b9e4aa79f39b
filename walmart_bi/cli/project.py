"""The project as the command line sees it: its settings, its Dagster instance, its store and warehouse."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

import dagster as dg
import yaml

from walmart_bi.build import build_definitions, build_resources
from walmart_bi.errors import WalmartBiError
from walmart_bi.settings import Settings
from walmart_bi.stores.base import ObjectStore
from walmart_bi.warehouse.base import Warehouse


class NoInstance(WalmartBiError):
    """There is no Dagster instance to record runs on."""


@dataclass(frozen=True)
class Project:
    """One deployment: what the environment configures."""

    settings: Settings
    store: ObjectStore
    warehouse: Warehouse

    @classmethod
    def from_environment(cls) -> Project:
        """The project of the environment. Raises SettingsError."""
        settings = Settings.from_environment()
        resources = build_resources(settings)
        return cls(settings, resources["store"], resources["warehouse"])

    def definitions(self) -> dg.Definitions:
        """The same definitions that `dagster dev` loads, on this project's store and warehouse."""
        return build_definitions(self.settings, resources={"store": self.store, "warehouse": self.warehouse})


def require_project_directory() -> None:
    """Raise NoInstance when neither this directory nor DAGSTER_HOME has a Dagster instance."""
    if not os.environ.get("DAGSTER_HOME") and not (Path.cwd() / "dagster.yaml").is_file():
        raise NoInstance(
            "There is no dagster.yaml, and DAGSTER_HOME is not set, so this is not a project's directory.",
            place=str(Path.cwd()),
            next_step="run the command in the project's directory, or set DAGSTER_HOME.",
        )


def open_instance() -> dg.DagsterInstance:
    """The instance that `dagster dev` uses here: DAGSTER_HOME, else the `dagster.yaml` of this directory."""
    require_project_directory()
    try:
        if os.environ.get("DAGSTER_HOME"):
            return dg.DagsterInstance.get()
        return dg.DagsterInstance.from_config(str(Path.cwd()))
    except (dg.DagsterError, yaml.YAMLError) as error:
        raise NoInstance(
            f"The Dagster instance cannot be opened: {error}",
            place=os.environ.get("DAGSTER_HOME") or str(Path.cwd()),
            next_step="correct dagster.yaml there.",
        ) from error
