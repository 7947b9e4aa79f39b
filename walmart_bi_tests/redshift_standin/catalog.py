"""What the template database holds beside PostgreSQL's own catalog: the few system views and functions that are used.

A width of VARCHAR, which Redshift counts in bytes and PostgreSQL in characters, becomes a constraint of each new table.
Columns have the names and meanings of Redshift's documentation; those that nobody reads here are left out.
"""

from __future__ import annotations

import re

from walmart_bi_tests.redshift_standin.backend import Backend
from walmart_bi_tests.redshift_standin.copying import LoadReport

CATALOG = """
SET allow_system_table_mods = on;
CREATE SCHEMA standin;
CREATE SEQUENCE standin.query_ids START 1000;
CREATE TABLE standin.load_history (
    query_id BIGINT, transaction_id BIGINT, session_id INTEGER, database_name TEXT, status TEXT, table_name TEXT,
    start_time TIMESTAMP DEFAULT (CURRENT_TIMESTAMP AT TIME ZONE 'UTC'), data_source TEXT, file_format TEXT,
    loaded_rows BIGINT, source_file_count INTEGER, error_count INTEGER
);
CREATE TABLE standin.load_errors (
    query_id BIGINT, session_id INTEGER, database_name CHAR(64), file_name CHAR(256), line_number BIGINT,
    column_name CHAR(127), error_message CHAR(512), start_time TIMESTAMP DEFAULT (CURRENT_TIMESTAMP AT TIME ZONE 'UTC')
);
CREATE FUNCTION standin.count_bytes() RETURNS event_trigger LANGUAGE plpgsql AS $$
DECLARE
    wide RECORD;
BEGIN
    FOR wide IN
        SELECT made.objid::regclass AS place, attname AS name, atttypmod - 4 AS bytes
        FROM pg_event_trigger_ddl_commands() AS made
        JOIN pg_attribute ON attrelid = made.objid
        WHERE made.object_type = 'table' AND attnum > 0 AND atttypid = 'varchar'::regtype AND atttypmod > 0
    LOOP
        EXECUTE format('ALTER TABLE %s ADD CONSTRAINT %I CHECK (octet_length(%I) <= %s)',
            wide.place, 'standin_width_' || wide.bytes || '_' || wide.name, wide.name, wide.bytes);
    END LOOP;
END $$;
CREATE EVENT TRIGGER standin_count_bytes ON ddl_command_end WHEN TAG IN ('CREATE TABLE', 'CREATE TABLE AS')
    EXECUTE FUNCTION standin.count_bytes();
CREATE VIEW pg_catalog.sys_load_history AS SELECT * FROM standin.load_history;
CREATE VIEW pg_catalog.sys_load_error_detail AS SELECT * FROM standin.load_errors;
CREATE VIEW pg_catalog.stl_load_errors AS
SELECT query_id AS query, session_id AS session, file_name AS filename, line_number, column_name AS colname,
    error_message AS err_reason, start_time AS starttime
FROM standin.load_errors;
CREATE VIEW pg_catalog.svv_transactions AS
SELECT activity.usename AS txn_owner, activity.datname AS txn_db, locks.pid, activity.xact_start AS txn_start,
    locks.mode AS lock_mode, locks.locktype AS lockable_object_type, locks.relation::INTEGER AS relation, locks.granted
FROM pg_locks AS locks
JOIN pg_stat_activity AS activity ON activity.pid = locks.pid;
CREATE FUNCTION pg_catalog.pg_last_copy_id() RETURNS BIGINT LANGUAGE SQL STABLE AS
    $$ SELECT COALESCE(NULLIF(current_setting('standin.last_copy_id', TRUE), ''), '-1')::BIGINT $$;
CREATE FUNCTION pg_catalog.pg_last_copy_count() RETURNS BIGINT LANGUAGE SQL STABLE AS
    $$ SELECT COALESCE(NULLIF(current_setting('standin.last_copy_count', TRUE), ''), '0')::BIGINT $$;
CREATE FUNCTION pg_catalog.getdate() RETURNS TIMESTAMP LANGUAGE SQL STABLE AS
    $$ SELECT date_trunc('second', CURRENT_TIMESTAMP AT TIME ZONE 'UTC') $$;
GRANT SELECT ON pg_catalog.sys_load_history, pg_catalog.sys_load_error_detail, pg_catalog.stl_load_errors,
    pg_catalog.svv_transactions TO PUBLIC;
GRANT USAGE, CREATE ON SCHEMA public TO PUBLIC;
"""
# Nobody is left in the database, nothing but the catalog, and nothing in its tables.
_EMPTY = """
SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity
WHERE datname = current_database() AND pid <> pg_backend_pid();
DO $$
DECLARE
    made TEXT;
BEGIN
    FOR made IN SELECT nspname FROM pg_namespace WHERE nspname NOT IN ('standin', 'information_schema')
        AND nspname NOT LIKE 'pg\\_%'
    LOOP
        EXECUTE format('DROP SCHEMA %I CASCADE', made);
    END LOOP;
END $$;
CREATE SCHEMA public AUTHORIZATION pg_database_owner;
GRANT USAGE, CREATE ON SCHEMA public TO PUBLIC;
TRUNCATE standin.load_history, standin.load_errors;
ALTER SEQUENCE standin.query_ids RESTART;
"""
# A function that is replaced gets another row; a copy of the template has the template's rows.
_FUNCTIONS = "SELECT md5(string_agg(oid || ' ' || xmin::TEXT, ',' ORDER BY oid)) FROM pg_proc"


def has_catalog(database: Backend) -> bool:
    """Whether the database was filled before."""
    return database.query("SELECT to_regclass('standin.load_history') IS NOT NULL") == [("t",)]


def create_catalog(template: Backend) -> None:
    """Fill the template database, wholly or not at all."""
    template.query(CATALOG)


def emptied(database: Backend) -> str:
    """Empty the database; a mark of its functions, which is that of the template unless one was changed."""
    database.query(_EMPTY)
    return functions_of(database)


def functions_of(database: Backend) -> str:
    """A mark that every function has a part in, PostgreSQL's own too."""
    return database.query(_FUNCTIONS)[0][0] or ""


def record_load(writer: Backend, report: LoadReport, *, database: str, session: str) -> str:
    """Write what the system views show of one COPY; its query id."""
    query_id = writer.query("SELECT nextval('standin.query_ids')")[0][0] or ""
    statement, error = report.statement, report.error
    writer.query(
        "INSERT INTO standin.load_history (query_id, session_id, database_name, status, table_name, data_source,"
        " file_format, loaded_rows, source_file_count, error_count) VALUES "
        + _row(
            query_id,
            session,
            database,
            "aborted" if error else "completed",
            statement.table,
            statement.source,
            "parquet" if statement.is_parquet else "csv",
            report.rows,
            report.files,
            1 if error else 0,
        )
    )
    if error is not None:
        writer.query(
            "INSERT INTO standin.load_errors (query_id, session_id, database_name, file_name, line_number,"
            " column_name, error_message) VALUES "
            + _row(query_id, session, database, error.file, error.line, error.column, error.reason)
        )
    return query_id


def _row(*values: object) -> str:
    return "(" + ", ".join("'" + re.sub("'", "''", str(value)) + "'" for value in values) + ")"
