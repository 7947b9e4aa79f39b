"""Which expressions hold a way to a server or a database, by how they are named, and which of their calls are harmless.

Any call of such an object asks something of the outside, whatever it is called, unless it is listed here with the
reason why not. Which calls are looked for by their own names is in `sites.py`.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

# The end of a name that holds one: `client`, `self._client`, `_client()`, a parameter `DuckDBPyConnection`.
_HOLDER = re.compile(r"(client|cursor|connection|session|sessions|paginator|waiter|resource)$", re.IGNORECASE)
_MODULES = {"boto3", "duckdb", "redshift_connector"}
# A file that holds none of them may name other things so, as an XML element `connection`.
_HOLDING_FILES = re.compile(r"\b(boto3|aws_session|s3_client|redshift_connect|redshift_sessions|duckdb|distributed)")
_ROOMS = ("stores/", "warehouse/")
# Of what a statement gave, under whatever name.
_OF_RESULTS = re.compile(
    r"(fetch\w+|nextset|commit|rollback|begin|checkpoint|callproc|copy_\w+|(from|read)_(parquet|csv|json|arrow|df|query))$"
)

_SENDS_NOTHING = "makes an object from variables and files of this machine; nothing is sent before its first request"
_ITS_OWN_CALL = "the project's own method, whose own call of the driver is a place"
HARMLESS: dict[tuple[str, str], str] = {
    ("arrival_queue.py", "aws_session().client"): _SENDS_NOTHING,
    ("aws_session.py", "boto3.session.Session"): _SENDS_NOTHING,
    ("cli/doctor/identity.py", "session.client"): _SENDS_NOTHING,
    ("cli/doctor/identity.py", "session.get_credentials"): "what botocore cannot find or reach gives no credentials",
    ("cli/doctor/queues.py", "aws_session().client"): _SENDS_NOTHING,
    ("stores/s3_client.py", "session.client"): _SENDS_NOTHING,
    ("warehouse/duckdb_file.py", "connection.close"): "lets go of the file and rolls back; DuckDB raises nothing there",
    ("warehouse/redshift_connection.py", "connection.cursor"): "an object of this process; nothing is sent",
    (
        "warehouse/redshift_connection.py",
        "connection._usock.settimeout",
    ): "tells this machine's socket how long to wait",
    ("warehouse/redshift_connection.py", "opened.close"): _ITS_OWN_CALL,
    ("warehouse/redshift_connection.py", "self._cursor.fetchall"): "the driver's `execute` has received every row",
    ("warehouse/redshift_warehouse.py", "self._sessions.session"): _ITS_OWN_CALL,
    ("warehouse/redshift_sessions.py", "session.close"): _ITS_OWN_CALL,
}


class Holders:
    """The names of one file that hold a way to the outside."""

    def __init__(self, file: str, text: str, tree: ast.AST) -> None:
        self._file = file
        self._applies = file.startswith(_ROOMS) or bool(_HOLDING_FILES.search(text))
        self._bound = set(_bound(tree)) if self._applies else set()

    def asks(self, call: ast.Call) -> bool:
        """Whether a call of a method asks something of the outside by what it is called on."""
        if not self._applies or not isinstance(call.func, ast.Attribute):
            return False
        if (self._file, ast.unparse(call.func)) in HARMLESS:
            return False
        names = list(_spine(call.func.value))
        root, is_statements = names[-1] if names else "", bool(_OF_RESULTS.match(call.func.attr))
        if root in _MODULES and call.func.attr[:1].isupper():
            return False  # an error that is made
        if root in _MODULES or any(_HOLDER.search(name) or name in self._bound for name in names):
            return True
        return self._file.startswith("warehouse/") and is_statements and _is_plain(names)


def calls_inside(call: ast.Call) -> Iterator[ast.Call]:
    """The calls whose result this one is called on."""
    node: ast.AST = call.func
    while not isinstance(node, ast.Name) and (below := _below(node)) is not None:
        node = below
        if isinstance(node, ast.Call):
            yield node


def _is_plain(names: list[str]) -> bool:
    """One name, no module and not this object itself: the result of a statement."""
    return len(names) == 1 and names[0] not in {"self", "pq", "pa", "pc", "dt"}


def _spine(node: ast.AST | None) -> Iterator[str]:
    """The names of an expression from its end to its beginning, without what is passed to it."""
    while node is not None:
        if isinstance(node, ast.Attribute):
            yield node.attr
        elif isinstance(node, ast.Name):
            yield node.id
        node = _below(node)


def _below(node: ast.AST) -> ast.AST | None:
    if isinstance(node, (ast.Attribute, ast.Subscript)):
        return node.value
    return node.func if isinstance(node, ast.Call) else None


def _bound(tree: ast.AST) -> Iterator[str]:
    """Names that are bound to what a holder's name says: `with session(...) as opened`, `that = boto3.client(...)`."""
    for node in ast.walk(tree):
        pairs: list[tuple[ast.AST | None, ast.AST | None]] = []
        if isinstance(node, ast.withitem):
            pairs = [(node.context_expr, node.optional_vars)]
        elif isinstance(node, ast.Assign):
            pairs = [(node.value, target) for target in node.targets]
        elif isinstance(node, ast.arg) and any(_HOLDER.search(name) for name in _spine(node.annotation)):
            yield node.arg
        for value, name in pairs:
            if isinstance(value, ast.Call) and isinstance(name, ast.Name) and _makes_a_holder(value):
                yield name.id


def _makes_a_holder(call: ast.Call) -> bool:
    made = next(_spine(call.func), "")
    return bool(_HOLDER.search(made)) or made in {"connect", "reading"}
