"""A small HTTP server that speaks the part of Tableau's REST API that publishing uses, and keeps what it was sent."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

VERSION = "3.24"
SITE, USER, SESSION = "site-1", "user-1", "session-of-this-test"
_NAMESPACE = "http://tableau.com/api"


@dataclass
class TableauServer:
    """What the server accepts, and what happened."""

    token_name: str = "publisher"
    token: str = "a-token-that-nobody-else-may-see"
    projects: tuple[str, ...] = ("Default", "Sales")
    fails_on: str = ""  # a part of a path that is answered with an internal error
    address: str = ""
    calls: list[str] = field(default_factory=list)
    files: dict[str, bytes] = field(default_factory=dict)
    requests: dict[str, str] = field(default_factory=dict)
    open_sessions: int = 0

    def sign_in(self, body: str) -> tuple[int, str]:
        name = re.search(r'personalAccessTokenName="([^"]*)"', body)
        secret = re.search(r'personalAccessTokenSecret="([^"]*)"', body)
        site = re.search(r'contentUrl="([^"]*)"', body)
        if not name or not secret or (name[1], secret[1]) != (self.token_name, self.token):
            echoed = secret[1] if secret else ""
            return 401, _error("401001", "Signin Error", f"Error signing in to Tableau Server with {echoed}")
        self.open_sessions += 1
        content_url = site[1] if site else ""
        return 200, (
            f'<credentials token="{SESSION}"><site id="{SITE}" contentUrl="{content_url}"/><user id="{USER}"/>'
            "</credentials>"
        )

    def listed_projects(self, query: dict[str, list[str]]) -> str:
        wanted = re.search(r"name:eq:([^,]*)", query.get("filter", [""])[0])
        found = [name for name in self.projects if not wanted or name == wanted[1]]
        listed = "".join(f'<project id="project-{name}" name="{name}"/>' for name in found)
        return f'<pagination pageNumber="1" pageSize="100" totalAvailable="{len(found)}"/><projects>{listed}</projects>'

    def published(self, kind: str, content: bytes) -> str:
        request, file_name, file = _multipart(content)
        self.requests[kind] = request
        self.files[file_name] = file
        name = re.search(r' name="([^"]*)"', request)
        return (
            f'<{kind} id="{kind}-1" name="{name[1] if name else ""}" contentUrl="{kind}" '
            f'webpageUrl="{self.address}/#/{kind}s/1"><project id="p" name="Sales"/><owner id="{USER}"/><tags/>'
            f"</{kind}>"
        )


@contextmanager
def tableau_server(**options: object) -> Iterator[TableauServer]:
    """The server on a free port of the loopback address, until the block ends."""
    state = TableauServer(**options)  # type: ignore[arg-type]

    class Handler(_Handler):
        server_state = state

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        state.address = f"http://127.0.0.1:{server.server_port}"
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        thread.start()
        try:
            yield state
        finally:
            server.shutdown()
            thread.join()


class _Handler(BaseHTTPRequestHandler):
    server_state: TableauServer

    def do_GET(self) -> None:
        self._answer()

    def do_POST(self) -> None:
        self._answer()

    def _answer(self) -> None:
        state, url = self.server_state, urlsplit(self.path)
        content = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        state.calls.append(f"{self.command} {re.sub('^/api/[^/]*', '', url.path)}")
        status, body = self._routed(url.path, parse_qs(url.query), content)
        answer = f'<?xml version="1.0"?><tsResponse xmlns="{_NAMESPACE}">{body}</tsResponse>'.encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/xml;charset=utf-8")
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def _routed(self, path: str, query: dict[str, list[str]], content: bytes) -> tuple[int, str]:
        state = self.server_state
        if state.fails_on and state.fails_on in path:
            return 500, _error("500000", "Internal Error", "something broke")
        if path.lower().endswith("/serverinfo"):
            return 200, (
                f'<serverInfo><productVersion build="1">2026.1.0</productVersion>'
                f"<restApiVersion>{VERSION}</restApiVersion></serverInfo>"
            )
        if path.endswith("/auth/signin"):
            return state.sign_in(content.decode())
        if self.headers.get("X-Tableau-Auth") != SESSION:
            return 401, _error("401002", "Unauthorized Access", "Invalid authentication credentials were provided.")
        if path.endswith("/auth/signout"):
            state.open_sessions -= 1
            return 204, ""
        if path.endswith("/projects"):
            return 200, state.listed_projects(query)
        for kind in ("datasource", "workbook"):
            if path.endswith(f"/sites/{SITE}/{kind}s") and query.get("overwrite") == ["true"]:
                return 201, state.published(kind, content)
        return 404, _error("404000", "Resource Not Found", path)

    def log_message(self, format: str, *arguments: object) -> None:
        """No line on the terminal for a request."""


def _error(code: str, summary: str, detail: str) -> str:
    return f'<error code="{code}"><summary>{summary}</summary><detail>{detail}</detail></error>'


def _multipart(content: bytes) -> tuple[str, str, bytes]:
    """The request document, the file's name and its bytes."""
    boundary = content.split(b"\r\n", 1)[0]
    parts = [part for part in content.split(boundary) if b"\r\n\r\n" in part]
    headers, file = parts[1].split(b"\r\n\r\n", 1)
    name = re.search(rb'filename="([^"]*)"', headers)
    assert name is not None
    return parts[0].split(b"\r\n\r\n", 1)[1].decode().strip(), name[1].decode(), file.removesuffix(b"\r\n")
