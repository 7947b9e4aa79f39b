"""The stand-in itself: what it does as Redshift does, through the unmodified driver, and what it refuses."""

from __future__ import annotations

import datetime as dt
import io
import json
from collections.abc import Iterator
from decimal import Decimal

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import redshift_connector
from redshift_connector.error import Error, ProgrammingError

from walmart_bi_tests.contracts.warehouses import RedshiftSite
from walmart_bi_tests.redshift_standin.backend import Backend, session
from walmart_bi_tests.redshift_standin.dialect import as_postgres
from walmart_bi_tests.redshift_standin.messages import SqlError
from walmart_bi_tests.redshift_standin.standin import COPY_ROLE, PASSWORD, USER, WORKGROUP, StandIn

ROLE = f"IAM_ROLE '{COPY_ROLE}'"


class Client:
    """A connection in autocommit mode."""

    def __init__(self, site: RedshiftSite) -> None:
        self.connection = redshift_connector.connect(
            host="localhost",
            port=site.port,
            user=USER,
            password=PASSWORD,
            database=site.database,
            sslmode="verify-full",
            timeout=30,
        )
        self.connection.autocommit = True
        self.cursor = self.connection.cursor()

    def run(self, *statements: str) -> None:
        for sql in statements:
            self.cursor.execute(sql)

    def rows(self, sql: str) -> list[list[object]]:
        self.cursor.execute(sql)
        return list(self.cursor.fetchall())

    def error(self, sql: str) -> str:
        with pytest.raises(Error) as caught:
            self.run(sql)
        return str(caught.value)


@pytest.fixture
def client(site, standin) -> Iterator[Client]:
    client = Client(site)
    client.run("CREATE TABLE sales (id INTEGER, city VARCHAR(6) NOT NULL, amount DECIMAL(12, 2))")
    yield client
    client.connection.close()


@pytest.fixture
def put(site, standin: StandIn):
    """Store an object; its address."""

    def put(key: str, content: bytes) -> str:
        standin.s3.put_object(Bucket=site.bucket, Key=key, Body=content)
        return f"s3://{site.bucket}/{key}"

    return put


def parquet(**columns: pa.Array) -> bytes:
    content = io.BytesIO()
    pq.write_table(pa.table(columns), content)
    return content.getvalue()


def sales(count: int = 2, city: str = "Oslo", scale: int = 2) -> bytes:
    return parquet(
        id=pa.array(range(count), pa.int32()),
        city=pa.array([city] * count, pa.string()),
        amount=pa.array([Decimal("1.50")] * count, pa.decimal128(12, scale)),
    )


def manifest(*entries: dict[str, object]) -> bytes:
    return json.dumps({"entries": entries}).encode()


# Tables


def test_words_of_physical_design_are_taken_and_keys_are_not_enforced(client):
    client.run(
        "CREATE TABLE t (id INTEGER ENCODE az64 PRIMARY KEY, n BIGINT IDENTITY(1,1), c VARCHAR(MAX) UNIQUE DISTKEY)"
        " DISTSTYLE KEY COMPOUND SORTKEY (id, c)",
        "INSERT INTO t (id, c) VALUES (1, 'x')",
        "INSERT INTO t (id, c) VALUES (1, 'x')",
    )
    assert client.rows("SELECT id, n FROM t ORDER BY n") == [[1, 1], [1, 2]]
    assert "null" in client.error("INSERT INTO t (id, c) VALUES (NULL, 'x')")


def test_words_inside_literals_names_and_comments_are_left_alone():
    sql = "CREATE TABLE t (a VARCHAR(9) DEFAULT 'ENCODE lzo', \"UNIQUE\" INTEGER) -- DISTKEY (a)"
    assert as_postgres(sql) == sql
    assert as_postgres("SELECT 'SORTKEY (a)' AS unique_key") == "SELECT 'SORTKEY (a)' AS unique_key"


@pytest.mark.parametrize(
    "sql",
    [
        "INSERT INTO t VALUES (1) ON CONFLICT DO NOTHING",
        "DELETE FROM t RETURNING id",
        "SELECT DISTINCT ON (id) id FROM t",
        "CREATE UNIQUE INDEX i ON t (id)",
        "CREATE TABLE t (id INTEGER CHECK (id > 0))",
        "SELECT COUNT(*) FILTER (WHERE id > 0) FROM t",
        "SELECT CAST('1' AS JSONB)",
    ],
)
def test_what_postgresql_takes_and_redshift_does_not_is_refused(sql):
    with pytest.raises(SqlError, match="syntax error"):
        as_postgres(sql)


def test_truncate_commits(client):
    client.run("INSERT INTO sales VALUES (1, 'a', 1)", "BEGIN", "TRUNCATE sales", "ROLLBACK")
    assert client.rows("SELECT COUNT(*) FROM sales") == [[0]]


def test_the_driver_is_told_redshifts_version(client):
    assert dict(client.connection.parameter_statuses)[b"server_version"] == b"8.0.2"


def test_a_second_writer_of_the_same_rows_gets_error_1023(site, client):
    client.run("INSERT INTO sales VALUES (1, 'a', 1)")
    other = Client(site)
    for one in (client, other):
        one.run("BEGIN")
        one.rows("SELECT COUNT(*) FROM sales")
    client.run("DELETE FROM sales", "COMMIT")

    assert "'M': '1023'" in other.error("DELETE FROM sales")
    assert "25P02" in other.error("SELECT 1")
    other.run("ROLLBACK")
    assert other.rows("SELECT COUNT(*) FROM sales") == [[0]]
    other.connection.close()


# COPY


def test_a_prefix_loads_every_object_that_begins_with_it_all_or_none(client, put):
    put("in/2024-1.parquet", sales(2))
    address = put("in/2024-1", sales(3))
    client.run(f"COPY sales FROM '{address}' {ROLE} FORMAT AS PARQUET")
    assert client.rows("SELECT COUNT(*), pg_last_copy_count() FROM sales") == [[5, 5]]

    put("in/2024-1.bad", sales(1, city="too long"))
    client.error(f"COPY sales FROM '{address}' {ROLE} FORMAT AS PARQUET")
    assert client.rows("SELECT COUNT(*) FROM sales") == [[5]]


def test_csv_keeps_quoted_commas_and_line_ends_and_empty_texts(client, put):
    address = put("a.csv", b'id,city,amount\n1,"a,\nb",1.50\n2,,\n')
    client.run(f"COPY sales FROM '{address}' {ROLE} CSV IGNOREHEADER 1")
    assert client.rows("SELECT * FROM sales ORDER BY id") == [[1, "a,\nb", Decimal("1.50")], [2, "", None]]


def test_a_copy_is_part_of_the_clients_transaction(client, put):
    address = put("a.parquet", sales())
    client.run("BEGIN", f"COPY sales FROM '{address}' {ROLE} FORMAT AS PARQUET", "ROLLBACK")
    assert client.rows("SELECT COUNT(*) FROM sales") == [[0]]


def test_a_failed_copy_leaves_its_error_in_the_system_views_even_after_a_rollback(client, put):
    address = put("a.csv", b"1,Oslo,1\nx,Oslo,1\n")
    client.run("BEGIN")
    assert "sys_load_error_detail" in client.error(f"COPY sales FROM '{address}' {ROLE} CSV")
    assert "25P02" in client.error("SELECT 1")
    client.run("ROLLBACK")

    errors = client.rows("SELECT TRIM(file_name), line_number, TRIM(column_name) FROM sys_load_error_detail")
    assert errors == [[address, 2, "id"]]
    assert client.rows("SELECT TRIM(filename), TRIM(colname) FROM stl_load_errors") == [[address, "id"]]
    assert client.rows("SELECT status, loaded_rows, error_count FROM sys_load_history") == [["aborted", 0, 1]]
    assert client.rows("SELECT pg_last_copy_id()") == [[-1]]


def test_outside_a_transaction_the_id_of_a_failed_copy_leads_to_its_errors(client, put):
    address = put("a.csv", b"1,too long,1\n")
    client.error(f"COPY sales FROM '{address}' {ROLE} CSV")
    query = "SELECT column_name, TRIM(error_message) FROM sys_load_error_detail WHERE query_id = pg_last_copy_id()"
    assert client.rows(query) == [["city".ljust(127), "String length exceeds DDL length"]]


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (sales(scale=3), "incompatible Parquet schema"),
        (sales(city="Çççç"), "Table: 6, Data: 8"),
        (parquet(id=pa.array([1], pa.int32())), "Table columns: 3, Data columns: 1"),
        (parquet(id=pa.array([1]), city=pa.array(["a"]), amount=pa.array([1])), "Column type: INTEGER"),
        (b"no parquet", "no Parquet file"),
    ],
)
def test_a_parquet_file_that_does_not_fit_is_refused_with_the_reason(client, put, content, reason):
    assert "Spectrum Scan Error" in client.error(f"COPY sales FROM '{put('a', content)}' {ROLE} FORMAT AS PARQUET")
    assert reason in str(client.rows("SELECT error_message FROM sys_load_error_detail"))


def test_a_manifest_loads_its_objects_and_no_other(client, put):
    address = put("a.parquet", content := sales(2))
    put("a.parquet.bak", sales(7))
    entry = {"url": address, "mandatory": True, "meta": {"content_length": len(content)}}
    client.run(f"COPY sales FROM '{put('m', manifest(entry))}' {ROLE} FORMAT AS PARQUET MANIFEST")
    assert client.rows("SELECT COUNT(*) FROM sales") == [[2]]


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"url": "missing"}, "NoSuchKey"),
        ({"meta": {}}, "no meta.content_length"),
        ({"meta": {"content_length": 3}}, "its manifest entry says 3"),
    ],
)
def test_a_manifest_that_does_not_describe_its_object_is_refused(client, put, change, reason):
    address = put("a.parquet", content := sales(2))
    entry = {"url": address, "mandatory": True, "meta": {"content_length": len(content)}, **change}
    if change.get("url"):
        entry["url"] = f"{address}.missing"
    error = client.error(f"COPY sales FROM '{put('m', manifest(entry))}' {ROLE} FORMAT AS PARQUET MANIFEST")
    assert reason in error


def test_a_missing_object_is_skipped_where_the_manifest_does_not_insist(client, put):
    address = put("m", manifest({"url": put("a.csv", b"1,a,1\n")}, {"url": put("x", b"")[:-1] + "none"}))
    client.run(f"COPY sales FROM '{address}' {ROLE} CSV MANIFEST")
    assert client.rows("SELECT COUNT(*) FROM sales") == [[1]]


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ("FORMAT AS PARQUET", "IAM_ROLE or CREDENTIALS"),
        (f"{ROLE} FORMAT AS PARQUET NOSUCHOPTION", "NOSUCHOPTION"),
        (f"{ROLE} FORMAT AS PARQUET MAXERROR 5", "MAXERROR"),
        (f"{ROLE} FORMAT AS PARQUET REGION 'eu-west-1'", "REGION argument is not supported"),
        (f"{ROLE} FORMAT AS AVRO", "AVRO"),
        (f"{ROLE}", "FORMAT CSV or FORMAT PARQUET only"),
        ("IAM_ROLE 'arn:other' FORMAT AS PARQUET", "not authorized"),
        (f"{ROLE} FORMAT AS PARQUET MANIFEST", "not a valid manifest"),
    ],
)
def test_nothing_in_a_copy_is_silently_ignored(client, put, options, reason):
    assert reason in client.error(f"COPY sales FROM '{put('a', sales())}' {options}")


@pytest.mark.parametrize(("address", "reason"), [("s3://no-such-bucket-here/a", "NoSuchBucket"), ("x", "not valid")])
def test_a_source_that_is_not_there_is_an_error(client, address, reason):
    assert reason in client.error(f"COPY sales FROM '{address}' {ROLE} CSV")


def test_an_unknown_table_or_prefix_is_an_error(client, put):
    address = put("a.csv", b"1,a,1\n")
    assert "nonexistent" in client.error(f"COPY nowhere FROM '{address}' {ROLE} CSV")
    assert "does not exist" in client.error(f"COPY sales FROM '{address}x' {ROLE} CSV")
    assert '"town"' in client.error(f"COPY sales (id, town) FROM '{address}' {ROLE} CSV")


# UNLOAD


def test_unload_writes_csv_and_refuses_a_target_with_objects(site, standin, client):
    client.run("INSERT INTO sales VALUES (1, 'a,b', 1.5), (2, 'it''s', NULL)")
    target = f"s3://{site.bucket}/out/part_"
    unload = f"UNLOAD ('SELECT id, city FROM sales WHERE city <> ''x'' ORDER BY id') TO '{target}' {ROLE} CSV HEADER"
    client.run(unload)

    stored = standin.s3.get_object(Bucket=site.bucket, Key="out/part_000")["Body"].read()
    assert stored == b'id,city\n1,"a,b"\n2,it\'s\n'
    assert "not empty" in client.error(unload)
    client.run(f"{unload} ALLOWOVERWRITE")
    assert "syntax error" in client.error(f"{unload} PARALLEL OFF")
    assert "not authorized" in client.error(unload.replace(COPY_ROLE, "arn:other"))


def test_unload_writes_parquet_with_the_types_of_the_query(site, standin, client):
    client.run("INSERT INTO sales VALUES (1, '', 1.5), (2, 'a,b', NULL)")
    query = "SELECT id, city, amount, id = 1 AS is_first, DATE ''2024-05-01'' AS day FROM sales ORDER BY id"
    client.run(f"UNLOAD ('{query}') TO 's3://{site.bucket}/out/' {ROLE} FORMAT AS PARQUET")

    stored = standin.s3.get_object(Bucket=site.bucket, Key="out/000.parquet")["Body"].read()
    table = pq.read_table(io.BytesIO(stored))
    types = [pa.int32(), pa.string(), pa.decimal128(12, 2), pa.bool_(), pa.date32()]
    assert table.schema.types == types
    day = dt.date(2024, 5, 1)
    assert [tuple(row.values()) for row in table.to_pylist()] == [
        (1, "", Decimal("1.50"), True, day),
        (2, "a,b", None, False, day),
    ]
    assert "syntax error" in client.error(f"UNLOAD ('{query}') TO 's3://{site.bucket}/x' {ROLE} PARQUET HEADER")
    assert "cannot be unloaded" in client.error(
        f"UNLOAD ('SELECT TIME ''10:00'' AS t') TO 's3://{site.bucket}/x' {ROLE} PARQUET"
    )


# The session


def test_every_executed_statement_is_in_the_log_as_it_came(standin, client):
    standin.front.log.clear()
    client.cursor.execute("SELECT %s::INTEGER  -- kept", (1,))
    assert [statement.sql for statement in standin.front.log] == ["SELECT $1::INTEGER  -- kept"]


def test_a_client_without_tls_is_not_served(site):
    with pytest.raises(Error):
        redshift_connector.connect(
            host="localhost", port=site.port, user=USER, password=PASSWORD, database=site.database, ssl=False, timeout=5
        )


def test_several_statements_at_once_are_refused(client):
    with pytest.raises(ProgrammingError, match="multiple commands"):
        client.run("SELECT 1; SELECT 2")


# The login


def logged_in(site: RedshiftSite, user: str, password: str, **more: object) -> bool:
    """Whether the login is taken; one that is refused says so with the code of a wrong password."""
    login = {"host": "localhost", "port": site.port, "user": user, "password": password, "database": site.database}
    try:
        redshift_connector.connect(**login, sslmode="verify-full", timeout=30, **more).close()
    except Error as error:
        assert "'C': '28000'" in str(error)
        return False
    return True


def handed_out(standin: StandIn) -> tuple[str, str]:
    status, answer = standin.identity.answer("GetCredentials", {"workgroupName": WORKGROUP})
    assert status == 200
    return str(answer["dbUser"]), str(answer["dbPassword"])


def test_a_temporary_password_works_beside_later_ones_until_it_expires(site, standin, monkeypatch):
    user, first = handed_out(standin)
    _, second = handed_out(standin)
    assert logged_in(site, user, first) and logged_in(site, user, second)

    monkeypatch.setattr(standin.identity, "lifetime", dt.timedelta(0))
    _, expired = handed_out(standin)
    assert not logged_in(site, user, expired)
    assert not logged_in(site, user, f"{first}x")
    assert not logged_in(site, USER, first)


def test_credentials_of_a_workgroup_that_does_not_exist_are_refused(standin):
    status, answer = standin.identity.answer("GetCredentials", {"workgroupName": "nowhere"})
    assert (status, answer["__type"]) == (400, "ResourceNotFoundException")
    assert standin.identity.answer("ListWorkgroups", {"workgroupName": WORKGROUP})[0] == 400


def test_settings_that_only_redshift_knows_are_taken_from_the_driver(site):
    # The driver sends client_protocol_version and more on every login; this one it sends on demand.
    assert logged_in(site, USER, PASSWORD, application_name="walmart_bi", client_protocol_version=0)


def test_a_lock_is_waited_for_until_the_statements_time_is_up_or_its_holder_is_done(site, client):
    other = Client(site)
    client.run("BEGIN", "LOCK sales")
    other.run("SET statement_timeout TO 200", "BEGIN")
    assert "57014" in other.error("LOCK sales")
    other.run("ROLLBACK")
    client.run("COMMIT")
    other.run("BEGIN", "LOCK sales", "COMMIT")
    other.connection.close()


def test_a_text_too_long_in_bytes_is_refused_in_an_insert_too(client):
    client.run("INSERT INTO sales VALUES (1, 'Ççç', 1)")
    assert "value too long for type character varying(6)" in client.error("INSERT INTO sales VALUES (1, 'Çççç', 1)")
    client.run("CREATE TEMP TABLE stage (LIKE sales)")
    assert "value too long" in client.error("INSERT INTO stage VALUES (1, 'Çççç', 1)")


# --- databases that are lent ------------------------------------------------------------------------------------------


def test_a_database_that_was_given_back_is_lent_again_without_what_was_made_in_it(site, standin):
    with standin.lent_database() as first:
        staying = Backend(standin.front.postgres, first)
        staying.query("CREATE TABLE t (a INT); CREATE SCHEMA retail; CREATE VIEW retail.v AS SELECT a FROM public.t")
        staying.query("BEGIN; LOCK t")

    with standin.lent_database() as again, session(standin.front.postgres, again) as user:
        assert again == first
        assert user.query("SELECT nspname FROM pg_namespace WHERE nspname IN ('public', 'retail')") == [("public",)]
        assert user.query("SELECT COUNT(*) FROM pg_class WHERE relnamespace = 'public'::regnamespace") == [("0",)]
    staying.close()


def test_a_database_whose_functions_were_changed_is_not_lent_again(site, standin):
    with standin.lent_database() as spoilt, session(standin.front.postgres, spoilt) as user:
        user.query("CREATE FUNCTION standin.mine() RETURNS INT LANGUAGE SQL AS $$ SELECT 1 $$")

    with standin.lent_database() as another:
        assert another != spoilt
