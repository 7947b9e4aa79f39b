"""`WALMART_BI_TARGET=aws walmart-bi load FILE`, the real command: what it says to S3 and Redshift, and KPIs equal to
those of one machine.

The file's name and its values are hostile: what of them is in a statement would be seen here.
"""

from __future__ import annotations

import csv
import datetime as dt
import io
import re
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from walmart_bi.kpis.catalog import load_catalog
from walmart_bi.sales.sample import HEADER, write_sample
from walmart_bi.warehouse.rollups import ROLLUP_TABLES
from walmart_bi_tests import command_line, oracle
from walmart_bi_tests.command_line import CHECKOUT, Done, in_directory, new_checkout
from walmart_bi_tests.end_to_end.command import run
from walmart_bi_tests.project import aws_environment
from walmart_bi_tests.redshift_lint import broken_rules
from walmart_bi_tests.redshift_standin.front import Statement
from walmart_bi_tests.redshift_standin.standin import COPY_ROLE, shared_standin

KPIS = [kpi.name for kpi in load_catalog()]
MONTHS = ["2024-03", "2024-04", "2024-05"]
FILE = "canary'); DROP TABLE walmart_sales; -- \" $1 %s ?_2024-03_2024-05.csv"
HOSTILE = {
    "City": "canary'); DROP TABLE walmart_sales; --",
    "Customer_ID": "canary\\'; DELETE FROM load_ledger; --",
    "Category": "canary$1 $$ ? %s :name {x}",
    "Product_Name": 'canary"; TRUNCATE "walmart_sales',
    "Payment_Method": "canary/* ; */ UNION SELECT 1",
    "Gender": "canary\N{RIGHT SINGLE QUOTATION MARK}; 東京 \U0001f6d2",
}


@dataclass(frozen=True)
class Loaded:
    """What the command left on both targets."""

    file: Path
    variables: dict[str, str]
    aws: Done
    local: Done
    statements: list[Statement]
    published: dict[str, dict[str, str]]


def write_hostile(path: Path) -> None:
    """A file of three months with ordinary dirt, in which twelve records of each month are hostile."""
    write_sample(path, rows=1500, first_day=dt.date(2024, 3, 1), last_day=dt.date(2024, 5, 31), dirty_share=0.02)
    header, *records = csv.reader(io.StringIO(path.read_text()))
    for number, record in enumerate(records):
        if number % 40 == 0:
            for name, value in HOSTILE.items():
                record[header.index(name)] = f"{value}{number}" if name == "Customer_ID" else value
    assert header == HEADER.split(",")
    with path.open("w", newline="") as file:
        csv.writer(file).writerows([header, *records])


@pytest.fixture(scope="module")
def loaded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Loaded]:
    file = tmp_path_factory.mktemp("delivery") / FILE
    write_hostile(file)
    aws, local = tmp_path_factory.mktemp("aws"), tmp_path_factory.mktemp("local")
    standin = shared_standin()
    with aws_environment() as variables:
        standin.front.log.clear()
        on_aws = run(aws, variables, "load", file)
        with in_directory(new_checkout(local)):
            on_one_machine = command_line.run("load", file)
        yield Loaded(
            file,
            variables,
            on_aws,
            on_one_machine,
            list(standin.front.log),
            {
                "aws": {name: object_text(variables, f"dashboard_data/latest/{name}.csv") for name in KPIS},
                "local": {
                    name: (local / f".walmart_bi/bucket/dashboard_data/latest/{name}.csv").read_bytes().decode()
                    for name in KPIS
                },
            },
        )


@pytest.fixture(scope="module")
def expected_kpis(loaded: Loaded) -> dict[str, list[dict[str, Any]]]:
    cleaned = oracle.clean(loaded.file, today=dt.date(2026, 1, 1), declared_months=MONTHS)
    return oracle.kpis(cleaned.rows)


def object_text(variables: dict[str, str], key: str) -> str:
    found = shared_standin().s3.get_object(
        Bucket=variables["WALMART_BI_BUCKET"], Key=f"{variables['WALMART_BI_PREFIX']}/{key}"
    )
    return str(found["Body"].read().decode())


def test_the_command_ends_well_on_both_targets_and_says_where_things_are(loaded: Loaded):
    assert (loaded.aws.code, loaded.aws.err) == (0, ""), loaded.aws
    assert (loaded.local.code, loaded.local.err) == (0, ""), loaded.local
    bucket, database = (loaded.variables[f"WALMART_BI_{name}"] for name in ("BUCKET", "REDSHIFT_DATABASE"))
    said = loaded.aws.out
    assert f"snapshot:  s3://{bucket}/retail/bi/dashboard_data/latest/manifest.json" in said
    assert f"warehouse: Redshift retail, database {database}" in said
    assert "the Dagster UI of this instance" in said
    assert "make" not in said and ".walmart_bi" not in said and "duckdb" not in said
    assert "1,500 records" in loaded.aws.out


def test_the_kpis_are_those_of_the_local_target_to_the_last_byte(loaded: Loaded):
    assert loaded.published["aws"] == loaded.published["local"]
    assert len(loaded.published["aws"]) == 12


@pytest.mark.parametrize("name", KPIS)
def test_a_kpi_is_that_of_the_independent_computation_to_the_cent(
    loaded: Loaded, expected_kpis: dict[str, list[dict[str, Any]]], name: str
):
    wanted = expected_kpis[name]
    columns = list(wanted[0])
    rows = list(csv.DictReader(io.StringIO(loaded.published["aws"][name])))
    assert sorted([text_of(column, row[column]) for column in columns] for row in rows) == sorted(
        [text_of(column, row[column]) for column in columns] for row in wanted
    )


def text_of(column: str, value: object) -> str:
    """A value of a published file or of the computation, as far as they must agree."""
    if column.endswith("share"):
        return f"{float(str(value)):.9f}"
    return f"{value:.2f}" if isinstance(value, Decimal) else "" if value is None else str(value)


def test_each_month_is_copied_from_a_manifest_and_then_replaced_in_one_transaction_under_the_lock(loaded: Loaded):
    sessions: dict[int, list[str]] = {}
    for statement in loaded.statements:
        sessions.setdefault(statement.session, []).append(" ".join(statement.sql.split()))
    loads = [sent for sent in sessions.values() if any(sql.startswith("COPY") for sql in sent)]
    assert len(loads) == len(MONTHS)
    for sent in loads:
        # A session that only read before may be used for the load; from its temporary table on it is the load's alone.
        sent = sent[next(number for number, sql in enumerate(sent) if sql.startswith("CREATE TEMPORARY TABLE")) :]
        said = [sql for sql in sent if not sql.startswith(("SELECT", "SET", "CREATE TABLE", "--"))]
        assert [sql.split("(")[0].split(" SET")[0].split(" WHERE")[0].strip() for sql in said] == [
            "CREATE TEMPORARY TABLE walmart_sales_stage",
            "ALTER TABLE walmart_sales_stage DROP COLUMN load_id",
            said[2],
            "BEGIN",
            "LOCK load_ledger",
            "DELETE FROM walmart_sales",
            "INSERT INTO walmart_sales",
            *(f"{words} {name}" for name in ROLLUP_TABLES for words in ("DELETE FROM", "INSERT INTO")),
            "UPDATE load_ledger",
            "INSERT INTO load_ledger",
            "COMMIT",
        ]
        manifest = r"s3://retail-[0-9a-f]+/retail/bi/staging/copy/[0-9a-f]{32}\.manifest"
        assert re.fullmatch(
            rf"COPY walmart_sales_stage FROM '{manifest}' IAM_ROLE '{COPY_ROLE}' FORMAT AS PARQUET MANIFEST", said[2]
        )
        assert sent[sent.index("BEGIN") + 1] == "LOCK load_ledger"
    assert not any(re.search(r"\bTRUNCATE\b|\bAPPEND\b", sql) for sent in sessions.values() for sql in sent)


def test_no_statement_of_a_whole_load_breaks_a_rule_of_redshift(loaded: Loaded):
    assert {each.sql: broken_rules(each.sql) for each in loaded.statements if broken_rules(each.sql)} == {}


def test_no_statement_holds_a_literal_from_the_files_name_or_its_values(loaded: Loaded):
    sent = "\n".join(statement.sql for statement in loaded.statements)
    assert "canary" not in sent.lower() and "東京" not in sent
    # Every literal stands in the project's own SQL or code, but for the role and the manifests' random names.
    written = "\n".join(
        path.read_text() for part in ("walmart_bi", "sql") for path in (CHECKOUT / part).rglob("*.*[ly]")
    )
    literals = set(re.findall(r"'((?:[^']|'')*)'", re.sub(r"--[^\n]*", "", sent))) - {COPY_ROLE}
    spliced = {text for text in literals if f"'{text}'" not in written and f'"{text}"' not in written}
    assert [text for text in spliced if not re.fullmatch(r"s3://\S+/staging/copy/[0-9a-f]{32}\.manifest", text)] == []
    assert not any(month in sent for month in MONTHS)
    assert HOSTILE["City"] in loaded.published["aws"]["kpi_revenue_by_city"].replace('""', '"')
