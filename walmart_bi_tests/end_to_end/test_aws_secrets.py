"""No secret in anything that a load leaves behind: marked ones are set, loads succeed and fail, and all is searched.

Searched are the terminal, Dagster's event storage and compute logs, every object in the bucket and what is inside of
packages, extracts and Parquet files, what was published to Tableau, every statement, and the full chain of each
exception.
"""

from __future__ import annotations

import contextlib
import dataclasses
import datetime as dt
import io
import os
import re
import sqlite3
import traceback
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from unittest import mock

import pandas as pd
import pantab
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import trustme

from walmart_bi.alerts import Alert, send
from walmart_bi.errors import WalmartBiError
from walmart_bi.reporting.tableau.packages import pack
from walmart_bi.reporting.tableau.tables import SCHEMA
from walmart_bi.settings import VARIABLES, Settings
from walmart_bi.stores.s3 import S3Store
from walmart_bi.warehouse.redshift_warehouse import RedshiftWarehouse
from walmart_bi_tests.command_line import Done, in_directory, new_checkout, run
from walmart_bi_tests.contents import holding
from walmart_bi_tests.faulty_s3 import Fault as S3Fault
from walmart_bi_tests.faulty_s3 import FaultyS3, refusal
from walmart_bi_tests.project import aws_environment, month_csv
from walmart_bi_tests.redshift_standin.front import Fault
from walmart_bi_tests.redshift_standin.messages import SqlError
from walmart_bi_tests.redshift_standin.standin import StandIn, server_tls, shared_standin
from walmart_bi_tests.tableau.server import TableauServer, tableau_server

MONTH = "2024-03"
SECRETS = {
    "WALMART_BI_REDSHIFT_PASSWORD": "canary-redshift-Pw1",
    "AWS_SECRET_ACCESS_KEY": "canary/secret+access/key",
    "AWS_SESSION_TOKEN": "canary-session-token",
    "WALMART_BI_ALERT_WEBHOOK_URL": "http://127.0.0.1:9/hooks/canary-webhook",
    "WALMART_BI_ALERT_SMTP_USERNAME": "canary-smtp-user",
    "WALMART_BI_ALERT_SMTP_PASSWORD": "canary-smtp-password",
    "WALMART_BI_TABLEAU_TOKEN": "canary-tableau-token",
}
MAIL = {
    "WALMART_BI_ALERT_EMAIL_TO": "somebody@example.org",
    "WALMART_BI_ALERT_EMAIL_FROM": "walmart-bi@example.org",
    "WALMART_BI_ALERT_SMTP_HOST": "127.0.0.1",
    "WALMART_BI_ALERT_SMTP_PORT": "9",
}
MARK = "canary"


@dataclass
class Site:
    """A project's directory, its variables with the marked secrets, and the servers."""

    directory: Path
    variables: dict[str, str]
    workgroup: str
    standin: StandIn
    s3: FaultyS3
    tableau: TableauServer

    def command(self, *arguments: object, **changes: str) -> Done:
        settings = {"PATH": os.environ["PATH"], **self.variables, **changes}
        with in_directory(self.directory), mock.patch.dict(os.environ, settings, clear=True):
            return run(*arguments)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    directory = new_checkout(tmp_path_factory.mktemp("project"))
    standin = shared_standin()
    standin.identity.passwords["loader2"] = SECRETS["WALMART_BI_REDSHIFT_PASSWORD"]
    by_host = {
        "WALMART_BI_REDSHIFT_HOST": standin.host,
        "WALMART_BI_REDSHIFT_PORT": str(standin.port),
        "WALMART_BI_REDSHIFT_USER": "loader2",
    }
    for month in (MONTH, "2024-04"):
        (directory / f"sales_{month}.csv").write_text(month_csv(month, 100, directory=directory))
    with (
        aws_environment() as variables,
        FaultyS3(variables["AWS_ENDPOINT_URL_S3"]) as s3,
        tableau_server(token=SECRETS["WALMART_BI_TABLEAU_TOKEN"]) as tableau,
    ):
        workgroup = variables.pop("WALMART_BI_REDSHIFT_WORKGROUP")
        of_tableau = {"WALMART_BI_TABLEAU_SERVER": tableau.address, "WALMART_BI_TABLEAU_TOKEN_NAME": tableau.token_name}
        marked = {**variables, **by_host, **SECRETS, **MAIL, **of_tableau, "AWS_ENDPOINT_URL_S3": s3.endpoint}
        standin.front.log.clear()
        yield Site(directory, marked, workgroup, standin, s3, tableau)
    del standin.identity.passwords["loader2"]
    standin.front.faults.clear()


@pytest.fixture(scope="module")
def commands(site: Site) -> dict[str, Done]:
    """Loads that go well and that fail at every place where a secret is used."""
    file = site.directory / f"sales_{MONTH}.csv"
    other = site.directory / "sales_2024-04.csv"
    front = site.standin.front
    found = {"good": site.command("load", file), "status": site.command("status")}
    found["wrong password"] = site.command("load", other, WALMART_BI_REDSHIFT_PASSWORD="canary-wrong-Pw2")
    site.s3.faults.append(
        S3Fault("GET", refusal(403, "SignatureDoesNotMatch", SECRETS["AWS_SECRET_ACCESS_KEY"]), "monthly_data")
    )
    found["refused by S3"] = site.command("load", other)
    site.s3.faults.clear()
    front.faults.append(Fault("^DELETE", error=SqlError("42501", "permission denied for relation walmart_sales")))
    found["refused by Redshift"] = site.command("load", other)
    trusted, front.tls = front.tls, server_tls(trustme.CA(), "localhost")
    found["untrusted"] = site.command("load", other)
    front.tls = trusted
    found["wrong settings"] = site.command(
        "load", other, WALMART_BI_ALERT_WEBHOOK_URL="canary-webhook", WALMART_BI_TARGET="moon"
    )
    found["doctor"] = site.command("doctor")
    # The password that AWS hands out for a workgroup is marked as well.
    by_workgroup = {
        **dict.fromkeys(("WALMART_BI_REDSHIFT_HOST", "WALMART_BI_REDSHIFT_PORT", "WALMART_BI_REDSHIFT_USER"), ""),
        "WALMART_BI_REDSHIFT_PASSWORD": "",
        "WALMART_BI_REDSHIFT_WORKGROUP": site.workgroup,
    }
    found["good by workgroup"] = site.command("status", **by_workgroup)
    lifetime, site.standin.identity.lifetime = site.standin.identity.lifetime, dt.timedelta(0)
    found["expired"] = site.command("load", other, **by_workgroup)
    site.standin.identity.lifetime = lifetime
    # All that a load does is done by then. The server repeats the token that it refuses.
    found["refused by Tableau"] = site.command(
        "load", other, **by_workgroup, WALMART_BI_TABLEAU_TOKEN="canary-wrong-token"
    )
    return found


def test_the_commands_did_what_the_search_needs(site: Site, commands: dict[str, Done]):
    assert [commands[name].code for name in ("good", "good by workgroup")] == [0, 0], commands
    failed = ["wrong password", "refused by S3", "refused by Redshift", "untrusted", "wrong settings", "expired"]
    failed.append("refused by Tableau")
    assert {name: commands[name].code for name in failed} == dict.fromkeys(failed, 1)
    assert all(commands[name].err.startswith("error: ") for name in failed)
    handed_out = site.standin.identity.temporary
    assert handed_out and all(MARK in password for password in handed_out)


def test_the_terminal_shows_no_secret(commands: dict[str, Done]):
    assert [name for name, done in commands.items() if MARK in done.out + done.err] == []


def test_what_dagster_keeps_holds_no_secret(site: Site, commands: dict[str, Done]):
    files = [path for path in (site.directory / ".dagster").rglob("*") if path.is_file()]
    assert any(path.suffix == ".db" for path in files) and any(path.suffix == ".err" for path in files)
    assert [path.name for path in files if MARK.encode() in path.read_bytes()] == []
    # A database may keep text in more than one piece: what it answers is searched as well.
    kept = []
    for path in files:
        if path.suffix == ".db":
            with contextlib.closing(sqlite3.connect(path)) as database:
                kept += list(database.iterdump())
    assert [line for line in kept if MARK in line] == []
    assert any(f"raw_data/sales_{MONTH}.csv" in line and "login was refused" not in line for line in kept)
    assert any("login was refused" in line for line in kept)


def test_no_object_holds_a_secret(site: Site, commands: dict[str, Done]):
    bucket = site.variables["WALMART_BI_BUCKET"]
    pages = site.standin.s3.get_paginator("list_objects_v2").paginate(Bucket=bucket)
    keys = [entry["Key"] for page in pages for entry in page.get("Contents", [])]
    assert len(keys) > 20
    read = {key: site.standin.s3.get_object(Bucket=bucket, Key=key)["Body"].read() for key in keys}
    assert {key.rpartition(".")[2] for key in read} >= {"parquet", "csv", "json", "hyper", "twbx", "tdsx", "html"}
    assert holding(read, MARK) == []


def test_nothing_that_is_published_to_tableau_holds_a_secret(site: Site, commands: dict[str, Done]):
    assert {name.rpartition(".")[2] for name in site.tableau.files} == {"twbx", "tdsx"}
    assert holding(site.tableau.files, MARK) == []
    assert MARK not in "".join(site.tableau.requests.values())


def secret_values(settings: object) -> set[str]:
    """The values of all fields that are kept out of what a settings object shows of itself."""
    found = set()
    for each in dataclasses.fields(settings):  # type: ignore[arg-type]
        value = getattr(settings, each.name)
        if dataclasses.is_dataclass(value):
            found |= secret_values(value)
        elif not each.repr and value is not None:
            found.add(value)
    return found


def test_every_secret_that_a_setting_can_hold_is_marked(site: Site):
    """A field that is kept out of `repr` is a secret, and none is kept that the search does not know."""
    settings = Settings.from_environment(site.variables)

    of_settings = {value for name, value in SECRETS.items() if name.startswith("WALMART_BI_")}
    assert secret_values(settings) == of_settings
    named = [name for name in VARIABLES if re.search("PASSWORD|TOKEN$|SECRET|WEBHOOK|CREDENTIAL|PRIVATE", name)]
    assert {f"WALMART_BI_{name}" for name in named} <= SECRETS.keys()


@pytest.fixture
def planted(tmp_path: Path) -> dict[str, bytes]:
    """Files that hold a marked secret where their bytes do not show it."""
    frame = pd.DataFrame({"city": ["Elmford", f"{MARK}-in-a-row"], "orders": [1, 2]})
    rows, told = io.BytesIO(), io.BytesIO()
    table = pa.Table.from_pandas(frame, preserve_index=False)
    pq.write_table(table, rows, compression="zstd")
    pq.write_table(table.slice(0, 1).replace_schema_metadata({"by": f"{MARK}-in-the-footer"}), told)
    clean, dirty = tmp_path / "clean.hyper", tmp_path / "dirty.hyper"
    pantab.frames_to_hyper({(SCHEMA, "story"): table.slice(0, 1)}, clean)
    pantab.frames_to_hyper({(SCHEMA, "story"): table}, dirty)
    document = f"<workbook><connection password='{MARK}'/></workbook>".encode() + b"<column/>" * 400
    pack(tmp_path / "document.twbx", "story.twb", document, clean)
    pack(tmp_path / "extract.tdsx", "story.tds", b"<datasource/>" * 400, dirty)
    packages = {name: (tmp_path / name).read_bytes() for name in ("document.twbx", "extract.tdsx")}
    return {
        "rows.parquet": rows.getvalue(),
        "told.parquet": told.getvalue(),
        "dirty.hyper": dirty.read_bytes(),
        **packages,
    }


def test_given_secrets_inside_of_packages_extracts_and_parquet_when_searched_then_each_is_found(
    planted: dict[str, bytes],
):
    assert {"document.twbx"} <= {name for name, content in planted.items() if MARK.encode() not in content}
    found = holding(planted, MARK)

    for name in ("rows.parquet/texts", "told.parquet/texts", "dirty.hyper/texts", "document.twbx/story.twb"):
        assert name in found
    assert [name for name in found if name.startswith("extract.tdsx/") and name.endswith(".hyper/texts")]
    assert not [name for name in found if name.startswith("document.twbx/") and name.endswith(".hyper/texts")]


def test_no_statement_holds_a_secret(site: Site, commands: dict[str, Done]):
    sent = [statement.sql for statement in site.standin.front.log]
    assert any(sql.startswith("COPY") for sql in sent)
    assert [sql for sql in sent if MARK in sql] == []


def test_a_secret_does_not_reach_s3_but_in_a_signature(site: Site, commands: dict[str, Done]):
    """The token is sent by every signed request, as AWS asks for it; nothing else is."""
    sent = [f"{each.path} {each.headers | {'X-Amz-Security-Token': ''}}" for each in site.s3.requests]
    assert len(sent) > 50
    assert [request for request in sent if MARK in request] == []


@pytest.mark.parametrize(
    "changes",
    [
        {"WALMART_BI_REDSHIFT_PASSWORD": "canary-wrong-Pw2"},
        {"WALMART_BI_REDSHIFT_PORT": "9"},
        {"WALMART_BI_REDSHIFT_HOST": "127.0.0.1"},
        {"WALMART_BI_REDSHIFT_DATABASE": "nowhere"},
        {"WALMART_BI_BUCKET": "no-such-bucket"},
    ],
    ids=lambda changes: next(iter(changes)),
)
def test_no_exception_of_a_chain_holds_a_secret(site: Site, changes: dict[str, str]):
    variables = {**site.variables, **changes}
    with mock.patch.dict(os.environ, variables, clear=True):
        aws = Settings.from_environment().aws
        assert aws is not None
        store = S3Store(aws.s3.bucket, aws.s3.prefix)
        warehouse = RedshiftWarehouse(dataclasses.replace(aws.redshift, wake_timeout=0.5), store)
        with pytest.raises(WalmartBiError) as caught:
            store.read_bytes("raw_data/x") if "WALMART_BI_BUCKET" in changes else warehouse.ledger()
    chain = "".join(traceback.format_exception(caught.value))
    assert caught.value.__cause__ is not None
    assert MARK not in chain + repr(caught.value)


def test_the_settings_and_the_log_of_an_alert_that_fails_show_no_secret(site: Site, caplog: pytest.LogCaptureFixture):
    settings = Settings.from_environment(site.variables)
    send(Alert("a load failed", "its cause", "its place", "the next step", None), settings.alerts)

    assert "did not reach the webhook" in caplog.text and "did not reach 127.0.0.1:9" in caplog.text
    assert MARK not in caplog.text + repr(settings)
