"""A small warehouse with views, the snapshots that are built from it, and stores under which a build goes wrong."""

from __future__ import annotations

import datetime as dt
import json
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import duckdb

from walmart_bi.kpis.catalog import Kpi
from walmart_bi.reporting.artifacts import Producer
from walmart_bi.reporting.snapshot import LATEST, Snapshot, build_snapshot
from walmart_bi.stores.directory import DirectoryStore
from walmart_bi.warehouse.duckdb_warehouse import DuckDbWarehouse
from walmart_bi_tests.builders import Row, make_month, make_rows

NOON = dt.datetime(2025, 4, 1, 12, 0, tzinfo=dt.UTC)
LATER = NOON + dt.timedelta(hours=1)


class Dashboard:
    """A warehouse with two loaded months and KPI views, and the store that snapshots go to."""

    def __init__(self, folder: Path, catalog: tuple[Kpi, ...], producers: Sequence[Producer] = ()) -> None:
        self.folder = folder
        self.database = folder / "warehouse.duckdb"
        self.bucket = folder / "bucket"
        self.store = DirectoryStore(self.bucket)
        self.warehouse = DuckDbWarehouse(self.database, self.store)
        self.catalog = catalog
        self.producers = producers
        if self.database.exists():  # a copy
            return
        self.load("2025-01", make_rows("2025-01", 40))
        self.load("2025-02", make_rows("2025-02", 50))
        self.run_sql(";".join(f"CREATE VIEW {kpi.name} AS {kpi.select}" for kpi in catalog))

    def copied(self, folder: Path, *producers: Producer) -> Dashboard:
        """One that a test may change: files are copied sooner than months are loaded and views are made."""
        shutil.copytree(self.folder, folder, dirs_exist_ok=True)
        return Dashboard(folder, self.catalog, producers or self.producers)

    def load(self, month: str, rows: list[Row]) -> None:
        described = make_month(self.store, month, rows)
        self.warehouse.replace_month(described, run_id="run", code_version="1")

    def run_sql(self, sql: str) -> None:
        with duckdb.connect(self.database) as connection:
            connection.execute(sql)

    def build(
        self, *, created_at: dt.datetime = NOON, code_version: str = "1.0", store: DirectoryStore | None = None
    ) -> Snapshot:
        return build_snapshot(
            self.warehouse,
            store or self.store,
            self.catalog,
            created_at=created_at,
            code_version=code_version,
            producers=self.producers,
        )

    def files(self, prefix: str = "dashboard_data/") -> dict[str, bytes]:
        return {info.key.removeprefix(prefix): self.store.read_bytes(info.key) for info in self.store.list(prefix)}

    def manifest(self, prefix: str = LATEST) -> dict[str, Any]:
        manifest: dict[str, Any] = json.loads(self.store.read_bytes(f"{prefix}manifest.json"))
        return manifest


class Interrupted(BaseException):
    """Stands for the process dying."""


class DyingStore(DirectoryStore):
    """A real store under which the process dies at the n-th change."""

    def __init__(self, root: Path, changes: int) -> None:
        super().__init__(root)
        self.changes_left = changes

    def _count(self) -> None:
        if self.changes_left == 0:
            raise Interrupted
        self.changes_left -= 1

    def put_new(self, key: str, source: Path) -> Any:
        self._count()
        return super().put_new(key, source)

    def put(self, key: str, source: Path) -> Any:
        self._count()
        return super().put(key, source)

    def write_bytes(self, key: str, content: bytes) -> Any:
        self._count()
        return super().write_bytes(key, content)

    def delete(self, key: str) -> None:
        self._count()
        super().delete(key)
