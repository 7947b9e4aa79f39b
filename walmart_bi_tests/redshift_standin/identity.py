"""GetCredentials and GetWorkgroup of Redshift Serverless over HTTP: they hand out passwords that soon expire.

Signatures are not checked. Only these two calls exist; anything else is answered with an error.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import json
import secrets
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

ROLE_USER = "IAMR:loader"
_LONG_AGO = dt.datetime.min.replace(tzinfo=dt.UTC)


@dataclass
class Identity:
    """The workgroups that exist, with host and port, and the passwords that work: for ever, or for a time."""

    workgroups: dict[str, tuple[str, int]] = field(default_factory=dict)
    passwords: dict[str, str] = field(default_factory=dict)
    temporary: dict[str, dt.datetime] = field(default_factory=dict)
    """The passwords that were handed out, each until when it works; all of them are of one user."""
    lifetime: dt.timedelta = dt.timedelta(minutes=15)
    database_users: set[str] = field(default_factory=set)
    """Logins that have the rights of the database user of the same name; any other has those of a superuser."""
    denied: bool = False
    """Whether GetCredentials is refused, as for expired AWS credentials."""
    calls: list[str] = field(default_factory=list)

    def accepts(self, user: str, password: str) -> bool:
        """Whether this user may log in with this password."""
        if user == ROLE_USER:
            return self.temporary.get(password, _LONG_AGO) > dt.datetime.now(dt.UTC)
        return user in self.passwords and secrets.compare_digest(self.passwords[user], password)

    def answer(self, operation: str, request: dict[str, str]) -> tuple[int, dict[str, object]]:
        """Status and body for one call."""
        self.calls.append(operation)
        if self.denied:
            return 403, {"__type": "ExpiredTokenException", "message": "The security token included is expired"}
        name = request.get("workgroupName", "")
        if name not in self.workgroups:
            return 400, {"__type": "ResourceNotFoundException", "message": f"Workgroup {name} does not exist"}
        if operation == "GetCredentials":
            return 200, self._credentials()
        if operation == "GetWorkgroup":
            host, port = self.workgroups[name]
            return 200, {"workgroup": {"workgroupName": name, "endpoint": {"address": host, "port": port}}}
        return 400, {"__type": "UnknownOperationException", "message": operation}

    def _credentials(self) -> dict[str, object]:
        # With a word that a search for what became of it can find (test_aws_secrets.py).
        password = f"canary-temporary-{secrets.token_urlsafe(24)}"
        expires = dt.datetime.now(dt.UTC) + self.lifetime
        self.temporary[password] = expires
        return {"dbUser": ROLE_USER, "dbPassword": password, "expiration": expires.timestamp()}


@contextlib.contextmanager
def serving(identity: Identity, port: int = 0) -> Iterator[str]:
    """Answer on this loopback port (0: any); yields the address."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            request = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            status, body = identity.answer(self.headers["X-Amz-Target"].rpartition(".")[2], request)
            content = json.dumps(body).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/x-amz-json-1.1")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, format: str, *arguments: object) -> None:
            """Tests look at `calls`."""

    server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
