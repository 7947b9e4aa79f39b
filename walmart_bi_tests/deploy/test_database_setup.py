"""The set-up of the database, run on PostgreSQL: what the pipeline's user and the readers can do afterwards.

PostgreSQL knows no `PASSWORD DISABLE`, no `ASSUMEROLE`, and says ROLE where Redshift says USER in default privileges.
These words, and no others, are put into its own or left out; each must stand in the files.
"""

from __future__ import annotations

import re
import shlex
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from walmart_bi.sql_files import read_table_ddl
from walmart_bi.warehouse.base import LEDGER_TABLE, SALES_TABLE
from walmart_bi.warehouse.rollups import ROLLUP_TABLES
from walmart_bi_tests.deploy.template import DATA, DEPLOY, Values, read_template
from walmart_bi_tests.kept import kept
from walmart_bi_tests.redshift_standin.backend import Backend, session
from walmart_bi_tests.redshift_standin.messages import SqlError
from walmart_bi_tests.redshift_standin.postgres import throw_away_postgres

TABLES = (SALES_TABLE, LEDGER_TABLE, *ROLLUP_TABLES)
PIPELINE, READERS = '"IAMR:walmart-bi-pipeline"', "walmart_bi_readers"
REDSHIFT_ONLY = {
    r" PASSWORD DISABLE": "",
    r"(?m)^(REVOKE|GRANT) ASSUMEROLE [^;]*;": "",
    r"DEFAULT PRIVILEGES FOR USER": "DEFAULT PRIVILEGES FOR ROLE",
}


def setup_statements(name: str) -> list[str]:
    text = re.sub(r"(?m)^--.*$", "", (DEPLOY / name).read_text())
    for pattern, replacement in REDSHIFT_ONLY.items():
        text = re.sub(pattern, replacement, text)
    return [statement.strip() for statement in text.split(";") if statement.strip()]


@pytest.fixture(scope="module")
def database() -> Iterator[Backend]:
    """The database after the set-up, a first load's tables and one view, and the readers' rights."""
    with kept(throw_away_postgres) as place:
        socket = Path(place)
        with session(socket, "postgres") as admin:
            admin.query("CREATE DATABASE sales")
        with session(socket, "sales") as backend:
            for statement in setup_statements("redshift_setup.sql"):
                backend.query(statement)
            backend.query(f"SET ROLE {PIPELINE}")
            backend.query("SET search_path TO walmart_bi")
            for table in TABLES:
                backend.query(read_table_ddl(table))
            backend.query("CREATE VIEW kpi_orders AS SELECT COUNT(*) AS orders FROM walmart_sales")
            backend.query("RESET ROLE")
            for statement in setup_statements("redshift_readers.sql"):
                backend.query(statement)
            yield backend


def refused(database: Backend, statement: str) -> None:
    with pytest.raises(SqlError, match="permission denied"):
        database.query(statement)


def test_what_is_not_redshifts_own_is_all_that_runs() -> None:
    text = (DEPLOY / "redshift_setup.sql").read_text() + (DEPLOY / "redshift_readers.sql").read_text()
    assert [pattern for pattern in REDSHIFT_ONLY if not re.search(pattern, text)] == []
    assert len(setup_statements("redshift_setup.sql")) == 3
    assert len(setup_statements("redshift_readers.sql")) == 9


def test_the_pipelines_user_is_the_one_that_the_template_makes() -> None:
    role = Values(read_template(DATA)).resource("PipelineRole")["Properties"]["RoleName"]
    copy_role = Values(read_template(DATA)).of({"Fn::GetAtt": ["CopyRole", "Arn"]})
    text = (DEPLOY / "redshift_setup.sql").read_text()
    assert set(re.findall(r'"IAMR:([^"]+)"', text)) == {role}
    assert re.findall(r"'(arn:[^']+)'", text) == [copy_role]
    assert "WALMART_BI_REDSHIFT_SCHEMA=walmart_bi\n" in Values(read_template(DATA)).of(
        read_template(DATA)["Outputs"]["Environment"]["Value"]
    )


def test_the_pipeline_stages_replaces_and_publishes(database: Backend) -> None:
    database.query(f"SET ROLE {PIPELINE}")
    database.query("CREATE TEMPORARY TABLE stage (LIKE walmart_bi.walmart_sales)")
    database.query("BEGIN")
    database.query("LOCK TABLE walmart_bi.load_ledger")
    database.query("DELETE FROM walmart_bi.walmart_sales")
    database.query("COMMIT")
    database.query("DROP VIEW walmart_bi.kpi_orders")
    database.query("CREATE VIEW walmart_bi.kpi_orders AS SELECT COUNT(*) AS orders FROM walmart_bi.walmart_sales")
    database.query("RESET ROLE")


def test_the_pipeline_can_do_nothing_outside_its_schema(database: Backend) -> None:
    database.query(f"SET ROLE {PIPELINE}")
    try:
        refused(database, "CREATE SCHEMA another")
        refused(database, "CREATE TABLE public.another (a INTEGER)")
        refused(database, "CREATE ROLE another")
    finally:
        database.query("RESET ROLE")


def test_readers_see_the_views_and_not_the_rows(database: Backend) -> None:
    database.query(f"SET ROLE {READERS}")
    try:
        assert database.query("SELECT orders FROM walmart_bi.kpi_orders") == [("0",)]
        for table in TABLES:
            refused(database, f"SELECT * FROM walmart_bi.{table}")
        refused(database, "CREATE TABLE walmart_bi.theirs (a INTEGER)")
    finally:
        database.query("RESET ROLE")


def test_a_view_that_is_made_anew_can_be_read_at_once(database: Backend) -> None:
    database.query(f"SET ROLE {PIPELINE}")
    database.query("CREATE VIEW walmart_bi.kpi_later AS SELECT 1 AS one")
    database.query(f"RESET ROLE; SET ROLE {READERS}")
    assert database.query("SELECT one FROM walmart_bi.kpi_later") == [("1",)]
    database.query("RESET ROLE")


# docs/deploy-aws.md

AWS = """#!/bin/sh
case "$2" in
execute-statement)
    while [ "$1" != --sql ]; do shift; done
    printf '%s\\n' "$2" >> "$TOLD/sent"; : > "$TOLD/asked"; wc -l < "$TOLD/sent" ;;
describe-statement)
    printf x >> "$TOLD/asked"
    if [ "$(wc -c < "$TOLD/asked")" -lt 2 ]; then echo "STARTED\tNone"
    elif [ "$4" = "$FAILS" ]; then echo "FAILED\tERROR: user already exists"
    else echo "FINISHED\tNone"; fi
    printf '%s\\n' "$4" >> "$TOLD/waited" ;;
esac
"""
"""The command line of AWS as far as the function needs it: a statement goes on for a while, and one may fail."""


def run_as_documented(tmp_path: Path, name: str, *, fails: int = 0) -> list[str]:
    """What the function of docs/deploy-aws.md prints for the file."""
    document = (DEPLOY.parent / "docs" / "deploy-aws.md").read_text()
    (function,) = re.findall(r"(?ms)^run_sql\(\) \{.*?^\}", document)
    (tmp_path / "aws").write_text(AWS)
    (tmp_path / "aws").chmod(0o700)
    (tmp_path / "sleep").symlink_to("/bin/true")
    variables = {"NAME": "retail", "ACCOUNT": "999", "SECRET": "arn", "TOLD": str(tmp_path), "FAILS": str(fails)}
    done = subprocess.run(
        ["sh", "-euc", f"{function}\nrun_sql {shlex.quote(str(DEPLOY / name))}"],
        env={**variables, "PATH": f"{tmp_path}:/usr/bin:/bin"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stderr == ""
    return done.stdout.splitlines()


@pytest.mark.parametrize("name", ["redshift_setup.sql", "redshift_readers.sql"])
def test_given_the_documented_function_when_run_then_each_statement_is_sent_under_the_own_names_and_waited_for(
    tmp_path: Path, name: str
) -> None:
    text = re.sub(r"(?m)^--.*$", "", (DEPLOY / name).read_text())
    own = text.replace("walmart-bi-pipeline", "retail-pipeline").replace(
        "123456789012:role/walmart-bi", "999:role/retail"
    )
    wanted = [" ".join(statement.split()) for statement in own.split(";") if statement.strip()]

    said = run_as_documented(tmp_path, name)

    assert (tmp_path / "sent").read_text().splitlines() == wanted
    assert said == [f"FINISHED\tNone: {statement}" for statement in wanted]
    # Asked until it had ended, and only then the next one sent: the second statement needs what the first one makes.
    assert (tmp_path / "waited").read_text().split() == [
        str(number) for number in range(1, len(wanted) + 1) for _ in range(2)
    ]


def test_given_a_statement_that_fails_when_run_as_documented_then_its_line_says_so_and_the_rest_is_run(
    tmp_path: Path,
) -> None:
    said = run_as_documented(tmp_path, "redshift_setup.sql", fails=1)
    assert said[0].startswith("FAILED\tERROR: user already exists: CREATE USER")
    assert len(said) == 5 and all(line.startswith("FINISHED") for line in said[1:])
