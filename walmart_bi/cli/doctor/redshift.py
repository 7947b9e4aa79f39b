"""What the doctor looks at in Redshift: the login, the schema, the tables, the views, the rights, and a real COPY.

Nothing of the tables is changed: the row that COPY brings goes into a temporary table.
"""

from __future__ import annotations

import io
import uuid
from collections.abc import Iterator
from typing import TYPE_CHECKING

from walmart_bi.cli.doctor.probes import NotInOrder, Probe
from walmart_bi.kpis.catalog import load_catalog
from walmart_bi.stores.base import MONTHLY_DATA, STAGING, ObjectInfo, ObjectNotFound
from walmart_bi.stores.s3 import S3Store
from walmart_bi.warehouse.base import LEDGER_TABLE, SALES_TABLE, Warehouse, WarehouseError
from walmart_bi.warehouse.redshift_settings import RedshiftSettings
from walmart_bi.warehouse.rollups import ROLLUP_TABLES

if TYPE_CHECKING:
    from walmart_bi.warehouse.redshift_connection import Session

# What a load does with each table; LOCK on the ledger needs the right to change it.
_RIGHTS = {
    SALES_TABLE: ("SELECT", "INSERT", "DELETE"),
    LEDGER_TABLE: ("SELECT", "INSERT", "UPDATE", "DELETE"),
    **dict.fromkeys(ROLLUP_TABLES, ("SELECT", "INSERT", "DELETE")),
}
_COPIES = f"{STAGING}copy/"
_MONTHS_PROBE = f"{MONTHLY_DATA}copy-probe.part"
_TRUE = {"true", "t", "1"}


def redshift_probes(settings: RedshiftSettings, store: S3Store, warehouse: Warehouse) -> Iterator[Probe]:
    """From the login to the months that are loaded."""
    redshift = _Redshift(settings, store, warehouse)
    # With a workgroup the password comes from AWS; with a host it does not.
    yield Probe("login", redshift.login, ("identity",) if settings.workgroup else ())
    yield Probe("schema", redshift.schema, ("login",))
    yield Probe("tables", redshift.tables, ("schema",))
    yield Probe("views", redshift.views, ("schema",))
    yield Probe("copy", redshift.copy, ("login", STAGING.rstrip("/"), MONTHLY_DATA.rstrip("/")))
    yield Probe("months", redshift.months, ("tables",))


class _Redshift:
    """The warehouse as the pipeline's database user finds it; each probe has a session of its own."""

    def __init__(self, settings: RedshiftSettings, store: S3Store, warehouse: Warehouse) -> None:
        self._settings = settings
        self._schema = settings.schema.lower()
        self._store = store
        self._warehouse = warehouse
        self._place = f"{settings.place}, schema {self._schema}"

    def login(self) -> str:
        """A login wakes a paused workgroup, which takes a while."""
        from walmart_bi.warehouse.redshift_connection import session

        with session(self._settings) as opened:
            return f"{self._settings.place}, as {_user(opened)}"

    def schema(self) -> str:
        """The schema is there, and views and temporary tables can be made."""
        from walmart_bi.warehouse.redshift_connection import require_schema, session

        with session(self._settings) as opened:
            require_schema(opened, self._settings)
            user = _user(opened)
            self._require(opened, user, "SCHEMA", self._schema, ("USAGE", "CREATE"))
            self._require(opened, user, "DATABASE", self._settings.database, ("TEMP",))
        return f"{self._schema}: views and temporary tables can be made"

    def tables(self) -> str:
        """The user may do with each table what a load does; a table that is missing is made by the first load."""
        from walmart_bi.warehouse.redshift_connection import session

        found = []
        places = ", ".join("?" for _ in _RIGHTS)
        with session(self._settings) as opened:
            user = _user(opened)
            there = opened.query(
                f"SELECT tablename FROM pg_tables WHERE schemaname = ? AND tablename IN ({places})",  # noqa: S608 - placeholders
                [self._schema, *_RIGHTS],
            )
            for (table,) in sorted(there.rows):
                self._require(opened, user, "TABLE", f"{self._schema}.{table}", _RIGHTS[table])
                found.append(table)
        missing = [table for table in _RIGHTS if table not in found]
        told = f"{', '.join(found)} can be read and changed" if found else ""
        made = f"the next load makes {', '.join(missing)}" if missing else ""
        return "; ".join(part for part in (told, made) if part)

    def views(self) -> str:
        """Only its owner replaces a view (Redshift: CREATE OR REPLACE VIEW)."""
        from walmart_bi.warehouse.redshift_connection import session

        names = {kpi.name for kpi in load_catalog()}
        with session(self._settings) as opened:
            user = _user(opened)
            rows = opened.query("SELECT viewname, viewowner FROM pg_views WHERE schemaname = ?", [self._schema]).rows
            superuser = opened.query("SELECT usesuper FROM pg_user WHERE usename = ?", [user]).rows
        owners = {str(view): str(owner) for view, owner in rows if view in names}
        foreign = {view: owner for view, owner in sorted(owners.items()) if owner != user}
        if foreign and not (superuser and _is_true(superuser[0][0])):
            first = next(iter(foreign))
            raise NotInOrder(
                f"{len(foreign)} KPI view(s) belong to another user and cannot be replaced: "
                f"{', '.join(f'{view} ({owner})' for view, owner in foreign.items())}.",
                place=self._place,
                next_step=f'as an administrator, for each: ALTER TABLE {self._schema}.{first} OWNER TO "{user}"; or '
                "DROP VIEW, and materialize the KPIs again.",
            )
        return f"{len(owners)} of {len(names)} KPI views are there, and can be replaced"

    def copy(self) -> str:
        """One row by COPY through a manifest, from each folder that the role has to read: manifests and months."""
        content = _one_row()
        # COPY passes over names with a leading dot.
        key, role = f"{_COPIES}{uuid.uuid4().hex}.parquet", self._settings.copy_role_arn
        self._store.write_bytes(key, content)
        try:
            self._copy_one_row(key, len(content))
        finally:
            self._store.delete(key)
        self._copy_one_row(_MONTHS_PROBE, self._months_probe(content).size)
        folders = " and ".join(self._store.uri(folder.rstrip("/")) for folder in (_COPIES, MONTHLY_DATA))
        return f"{role} may be used, and reads {folders}"

    def _months_probe(self, content: bytes) -> ObjectInfo:
        """Nothing is deleted among the months, so the object stays; no listing shows it, and it is written once."""
        try:
            return self._store.head(_MONTHS_PROBE)
        except ObjectNotFound:
            return self._store.write_bytes(_MONTHS_PROBE, content)

    def _copy_one_row(self, key: str, size: int) -> None:
        from walmart_bi.warehouse.copy import LoadFailed, copy_parquet
        from walmart_bi.warehouse.redshift_connection import session

        try:
            with session(self._settings) as opened:
                opened.execute("CREATE TEMPORARY TABLE doctor_probe (id INTEGER)")
                role = self._settings.copy_role_arn
                rows = copy_parquet(opened, self._store, key, size, table="doctor_probe", role=role)
        except LoadFailed as error:
            raise self._copy_refused(error) from error
        if rows != 1:
            raise NotInOrder(
                f"COPY brought {rows} rows of 1.", place=self._store.uri(key), next_step="report it with this line."
            )

    def months(self) -> str:
        """The ledger can be read."""
        return f"{sum(entry.is_active for entry in self._warehouse.ledger())} month(s) loaded"

    def _require(self, opened: Session, user: str, kind: str, name: str, rights: tuple[str, ...]) -> None:
        """Hold the database's own word on each right; kind and rights are constants."""
        asking = f"SELECT has_{kind.lower()}_privilege(CAST(? AS VARCHAR), CAST(? AS VARCHAR))"
        missing = [right for right in rights if not _is_true(opened.query(asking, [name, right]).rows[0][0])]
        if missing:
            wanted = ", ".join(missing)
            raise NotInOrder(
                f"The user {user} has no right to {wanted} on {kind.lower()} {name}.",
                place=self._place,
                next_step=f'as its owner or an administrator: GRANT {wanted} ON {kind} {name} TO "{user}".',
            )

    def _copy_refused(self, error: WarehouseError) -> NotInOrder:
        role = self._settings.copy_role_arn
        if "assume" in error.cause.lower():
            step = (
                f"attach {role} to the namespace or cluster, let redshift.amazonaws.com and "
                "redshift-serverless.amazonaws.com assume it in its trust policy, or correct "
                "WALMART_BI_REDSHIFT_COPY_ROLE_ARN."
            )
        else:
            step = (
                f"let {role} s3:GetObject and s3:ListBucket below {self._store.uri(MONTHLY_DATA.rstrip('/'))} and "
                f"{self._store.uri(_COPIES.rstrip('/'))}, and kms:Decrypt with the bucket's key; then run it again."
            )
        return NotInOrder(error.cause, place=self._place, next_step=step)


def _one_row() -> bytes:
    import pyarrow as pa
    import pyarrow.parquet as pq

    content = io.BytesIO()
    pq.write_table(pa.table({"id": pa.array([1], pa.int32())}), content)
    return content.getvalue()


def _user(opened: Session) -> str:
    return str(opened.query("SELECT current_user").rows[0][0])


def _is_true(value: object) -> bool:
    """Redshift's functions about rights answer with a boolean or with a text, as its documentation has it."""
    return str(value).lower() in _TRUE
