"""Publishing speaks Tableau's REST API when it is configured, tells each failure in one line, and never the token."""

import http.server
import logging
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from walmart_bi.reporting.tableau.publish import PublishError, publish
from walmart_bi.settings import Settings, SettingsError
from walmart_bi.settings_tableau import TableauServerSettings
from walmart_bi_tests.tableau.server import TableauServer, tableau_server

CHECKOUT = Path(__file__).parents[3]
VARIABLES = {
    "WALMART_BI_TABLEAU_SERVER": "https://tableau.example.com",
    "WALMART_BI_TABLEAU_TOKEN_NAME": "publisher",
    "WALMART_BI_TABLEAU_TOKEN": "a-token-that-nobody-else-may-see",
}


@pytest.fixture
def server() -> Iterator[TableauServer]:
    with tableau_server() as state:
        yield state


@pytest.fixture
def files(tmp_path: Path) -> tuple[Path, Path]:
    workbook, data_source = tmp_path / "walmart_bi.twbx", tmp_path / "walmart_bi.tdsx"
    workbook.write_bytes(b"the workbook\r\n--\r\n")
    data_source.write_bytes(b"the data source")
    return workbook, data_source


def settings_for(server: TableauServer, **changes: str) -> TableauServerSettings:
    given = {"token_name": server.token_name, "token": server.token, "site": "retail", "project": "Sales"}
    return TableauServerSettings(**{"server": server.address, **given, **changes})


def refusal(settings: TableauServerSettings, files: tuple[Path, Path]) -> str:
    """What a person reads; it is one line, and the token is in nothing that could be printed."""
    with pytest.raises(PublishError) as refused:
        publish(settings, *files)
    message = str(refused.value)
    assert "\n" not in message
    assert settings.token not in message
    assert refused.value.__cause__ is None
    assert refused.value.__suppress_context__ or refused.value.__context__ is None
    return message


def test_data_source_and_workbook_are_replaced_in_the_project_and_the_session_is_closed(
    server: TableauServer, files: tuple[Path, Path]
) -> None:
    published = publish(settings_for(server), *files)

    assert (published.workbook_id, published.data_source_id) == ("workbook-1", "datasource-1")
    assert published.address == f"{server.address}/#/workbooks/1"
    assert server.files == {"walmart_bi.twbx": b"the workbook\r\n--\r\n", "walmart_bi.tdsx": b"the data source"}
    assert all('<project id="project-Sales"' in request for request in server.requests.values())
    assert server.calls[-4:] == [
        "GET /sites/site-1/projects",
        "POST /sites/site-1/datasources",
        "POST /sites/site-1/workbooks",
        "POST /auth/signout",
    ]
    assert server.open_sessions == 0


def test_neither_log_nor_repr_tells_the_token(
    server: TableauServer, files: tuple[Path, Path], caplog: pytest.LogCaptureFixture
) -> None:
    settings = settings_for(server)
    with caplog.at_level(logging.DEBUG):
        publish(settings, *files)
        refusal(settings_for(server, token="another-token-that-is-secret"), files)
    assert len(caplog.records) > 5
    assert settings.token not in caplog.text and "another-token-that-is-secret" not in caplog.text
    assert settings.token not in repr(settings)


def test_a_wrong_token_is_told_although_the_server_repeats_it(server: TableauServer, files: tuple[Path, Path]) -> None:
    message = refusal(settings_for(server, token="wrong-token"), files)
    assert (
        "Tableau did not accept the token (401001: Signin Error: Error signing in to Tableau Server with ***)"
        in message
    )
    assert "make a new personal access token" in message
    assert server.files == {}


def test_an_unknown_project_is_told_before_anything_is_published(
    server: TableauServer, files: tuple[Path, Path]
) -> None:
    message = refusal(settings_for(server, project="Nowhere"), files)
    assert "project Nowhere: There is no such project" in message and "WALMART_BI_TABLEAU_PROJECT" in message
    assert server.files == {} and server.open_sessions == 0


def test_a_server_that_is_away_is_told(files: tuple[Path, Path]) -> None:
    with tableau_server() as gone:
        pass
    message = refusal(settings_for(gone), files)
    assert "does not answer (ConnectionError)" in message and "WALMART_BI_TABLEAU_SERVER" in message


@pytest.mark.parametrize("path", ["/datasources", "/workbooks", "/signin"])
def test_a_server_that_breaks_is_told_and_the_session_is_closed(path: str, files: tuple[Path, Path]) -> None:
    with tableau_server(fails_on=path) as server:
        message = refusal(settings_for(server), files)
        assert "Tableau refused (500)" in message
        assert server.open_sessions == 0


class _Page(http.server.BaseHTTPRequestHandler):
    """Any web server: a page for every request."""

    def do_GET(self) -> None:
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b"<html><body>hello<br></body></html>")

    def do_POST(self) -> None:
        self.do_GET()

    def log_message(self, format: str, *arguments: object) -> None: ...


def test_what_is_no_tableau_server_is_told(files: tuple[Path, Path], caplog: pytest.LogCaptureFixture) -> None:
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Page) as other:
        thread = threading.Thread(target=other.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            settings = TableauServerSettings(f"http://127.0.0.1:{other.server_port}", "name", "secret-token")
            assert "What answers there is no Tableau server" in refusal(settings, files)
            assert not [record for record in caplog.records if record.exc_info]
        finally:
            other.shutdown()
            thread.join()


def test_without_the_package_the_extra_is_named(
    server: TableauServer, files: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "tableauserverclient", None)
    with pytest.raises(PublishError, match=r"not installed.*pip install -e '.\[publish\]'"):
        publish(settings_for(server), *files)
    assert server.calls == []


# --- settings and the graph -------------------------------------------------------------------------------------------


def test_without_variables_nothing_can_be_published() -> None:
    assert Settings.from_environment({}).tableau is None


def test_the_variables_are_read() -> None:
    assert Settings.from_environment(VARIABLES).tableau == TableauServerSettings(
        "https://tableau.example.com", "publisher", VARIABLES["WALMART_BI_TABLEAU_TOKEN"], "", "Default"
    )
    more = {**VARIABLES, "WALMART_BI_TABLEAU_SITE": "retail", "WALMART_BI_TABLEAU_PROJECT": "Sales"}
    read = Settings.from_environment(more).tableau
    assert read is not None and (read.site, read.project) == ("retail", "Sales")


@pytest.mark.parametrize("missing", VARIABLES)
def test_a_missing_variable_is_named(missing: str) -> None:
    with pytest.raises(SettingsError, match=f"{missing} is not set, but WALMART_BI_TABLEAU_"):
        Settings.from_environment({name: value for name, value in VARIABLES.items() if name != missing})


@pytest.mark.parametrize(
    "address",
    ["http://tableau.example.com", "https://me:secret@tableau.example.com", "tableau.example.com", "file:///x"],
)
def test_an_address_that_would_give_the_token_away_is_refused(address: str) -> None:
    with pytest.raises(SettingsError, match="expected an https address"):
        Settings.from_environment({**VARIABLES, "WALMART_BI_TABLEAU_SERVER": address})


DESCRIBE = """
import sys
from walmart_bi.build import build_definitions
names = {spec.key.to_user_string() for spec in build_definitions().resolve_all_asset_specs()}
print("tableau_published" in names, "tableauserverclient" in sys.modules, "pantab" in sys.modules)
"""


@pytest.mark.parametrize(("variables", "expected"), [({}, "False False False"), (VARIABLES, "True False False")])
def test_the_asset_is_there_only_when_configured_and_loading_imports_no_client(
    variables: dict[str, str], expected: str
) -> None:
    done = subprocess.run(
        [sys.executable, "-c", DESCRIBE],
        env={"PYTHONPATH": str(CHECKOUT), **variables},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout.strip() == expected, done.stderr
