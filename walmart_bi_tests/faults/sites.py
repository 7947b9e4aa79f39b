"""The places in the source that ask something of the outside, found by reading it.

What counts, by kind: `aws`, an operation of the AWS services that are used, by its name in boto3, and any other call of
a client; `session`, any call of a session of Redshift, its connection and its cursor; `duckdb`, any of a connection of
DuckDB; `reader`, a query of either; `file`, the file system: every call in the stores and warehouses, elsewhere every
write and every Parquet file; `network`, mail, webhook, Tableau and Dask. What holds a client, a session or a
connection, and which of their calls are harmless, is in `holders.py`.
"""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import walmart_bi
from walmart_bi_tests.faults.holders import Holders, calls_inside

SOURCE = Path(walmart_bi.__file__).parent
_SERVICES = ("s3", "sqs", "sts", "redshift-serverless", "redshift-data", "secretsmanager")
# What has the name of an AWS operation and is none: the mail server's method, the XML library's function, and the
# session's look for keys on this machine.
_NOT_AWS = {
    *(("alert_channels.py", "send_message"), ("reporting/tableau/markup.py", "register_namespace")),
    ("cli/doctor/identity.py", "get_credentials"),
}
_STATEMENTS = {"execute", "executemany", "query", "column_types", "limit", "transaction", "sql", "connect"}
_FILE_CALLS = {
    *("open", "read_bytes", "read_text", "write_bytes", "write_text", "mkdir", "unlink", "rename", "stat", "exists"),
    *("is_symlink", "is_dir", "is_file", "iterdir", "touch", "rmdir", "write", "flush", "iter_chunks"),
}
_PARQUET = {"ParquetFile", "read_table", "read_metadata", "read_schema", "read_row_group", "iter_batches"}
_FILE_CALLS |= _PARQUET
_FILE_WRITES = {
    *("write_text", "write_table", "ParquetWriter", "touch", "to_csv", "to_parquet", "to_json", "to_feather"),
    *("write", "writelines", "writerow", "writerows", "writestr", "new_stream", "new_file", "dump"),
}
# Own methods of these names, whose own calls are places, and what is no file: the end of the output, texts in memory.
_OWN_WRITERS = ("handover", "Handover(store)", "prepared", "sys.stdout", "sys.stderr", "self")
_IN_MEMORY = {("sales/parquet_reading.py", "csv.writer(text, lineterminator='').writerow")}
_FILE_MODULES = {"os": {"getpid", "kill", "dup2"}, "shutil": {"disk_usage"}, "tempfile": {"gettempdir"}}
# Where no file is written for a user: documentation of this project, the end of the output, a table in memory.
_NO_FILES = {"kpis/docs.py", "cli/main.py", "cli/doctor/redshift.py"}
_STORE_ROOMS = ("stores/", "warehouse/")
_OWN_METHODS = {"file.exists"}  # of the database file, whose own call of the file system is a place
# Modules and local names that stand for a way to another server.
_NETWORK = {"opener", "server", "smtplib", "tsc", "urllib3"}
_NETWORK_MODULES = ("urllib.request.", "http.client.", "socket.", "requests.get", "requests.post", "requests.put")
_NO_REQUEST = {"urllib.request.OpenerDirector", "urllib.request.Request", "socket.gethostname"}
# Settings made here and sent nowhere; the client's classes for what is sent.
_TABLEAU_VALUES = {"PersonalAccessTokenAuth", "DatasourceItem", "WorkbookItem", "has_extn", "add_handler", "close"}


@dataclass(frozen=True)
class CallSite:
    """One call. Its name has no line number, so that it stays when the code around it moves."""

    kind: str
    file: str
    function: str
    call: str
    number: int
    lines: tuple[int, int]
    function_lines: tuple[int, int]

    @property
    def name(self) -> str:
        again = f" #{self.number}" if self.number > 1 else ""
        return f"{self.file} {self.function} {self.call}{again}"

    @property
    def operation(self) -> str:
        return self.call.rpartition(".")[2]


@cache
def aws_operations() -> frozenset[str]:
    """Every operation of the services, as boto3 spells it."""
    from botocore import xform_name
    from botocore.session import get_session

    session = get_session()
    return frozenset(
        xform_name(name) for service in _SERVICES for name in session.get_service_model(service).operation_names
    )


@cache
def product_sites() -> tuple[CallSite, ...]:
    """All places of the project."""
    return tuple(find_sites(SOURCE))


def sites_of(kind: str) -> list[CallSite]:
    return [site for site in product_sites() if site.kind == kind]


def find_sites(source: Path) -> Iterator[CallSite]:
    """The places below a directory, file by file."""
    for path in sorted(source.rglob("*.py")):
        yield from _Finder(path.relative_to(source).as_posix(), path.read_text(encoding="utf-8")).found()


class _Finder:
    """The places of one file."""

    def __init__(self, file: str, text: str) -> None:
        self._file = file
        self._text = text
        self._tree = ast.parse(text)
        self._holders = Holders(file, text, self._tree)
        self._seen: Counter[tuple[str, str]] = Counter()
        self._found: set[tuple[str, tuple[int, int]]] = set()

    def found(self) -> Iterator[CallSite]:
        yield from self._below(self._tree, "", (1, self._text.count("\n") + 1))

    def _below(self, parent: ast.AST, function: str, lines: tuple[int, int]) -> Iterator[CallSite]:
        for node in ast.iter_child_nodes(parent):
            inside, inside_lines = function, lines
            if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
                inside = f"{function}.{node.name}" if function else node.name
                inside_lines = (node.lineno, node.end_lineno or node.lineno)
            kind, call = self._judged(node)
            span = (getattr(node, "lineno", 0), getattr(node, "end_lineno", 0))
            if kind and (call, span) not in self._found:  # two on one line cannot be told apart, and need not be
                self._found.add((call, span))
                self._seen[inside, call] += 1
                yield CallSite(kind, self._file, inside, call, self._seen[inside, call], span, inside_lines)
            yield from self._below(node, inside, inside_lines)

    def _judged(self, node: ast.AST) -> tuple[str, str]:
        """Kind and text of the call that this node is; two empty texts when it is none."""
        if isinstance(node, ast.Attribute) and node.attr in aws_operations() and not self._is_no_aws(node.attr):
            return "aws", ast.unparse(node)
        if not isinstance(node, ast.Call):
            return "", ""
        named = [each.value for each in node.args if isinstance(each, ast.Constant) and isinstance(each.value, str)]
        operation = next((name for name in named if name in aws_operations()), "")
        if operation:
            return "aws", operation
        if isinstance(node.func, ast.Attribute):
            return self._method(node, node.func.attr, ast.unparse(node.func))
        if isinstance(node.func, ast.Name) and node.func.id == "execute":
            return "session", "execute"  # of a session or a connection that was handed over
        return "", ""

    def _is_no_aws(self, name: str) -> bool:
        return (self._file, name) in _NOT_AWS

    def _method(self, node: ast.Call, name: str, text: str) -> tuple[str, str]:
        root = text.partition(".")[0]
        call = _short(text)
        if self._is_network(text, root, name):
            return "network", call
        if name in _STATEMENTS and self._database():
            return self._database(), call
        if self._is_file_call(node, root, name, text):
            return "file", call
        # What is called on another place's answer, on its line, cannot be told apart from it.
        if self._holders.asks(node) and not any(self._judged(inner)[0] for inner in calls_inside(node)):
            return ("" if self._is_operation(name) else self._held()), call
        return "", ""

    def _is_operation(self, name: str) -> bool:
        """Whether it is a place already, by the attribute that names it."""
        return name in aws_operations() and not self._is_no_aws(name)

    def _held(self) -> str:
        if self._file.startswith("warehouse/") or "redshift_connect" in self._text:
            return "duckdb" if "duckdb" in self._text else "session"
        return "network" if "distributed" in self._text else "aws"

    def _database(self) -> str:
        if "redshift_connect" in self._text and not self._file.endswith("redshift_settings.py"):
            return "session"
        if "duckdb" in self._text and self._file.startswith("warehouse/"):
            return "duckdb"
        return "reader" if "Reader" in self._text or "warehouse.read()" in self._text else ""

    def _is_network(self, text: str, root: str, name: str) -> bool:
        if name in _TABLEAU_VALUES or text in _NO_REQUEST or root == "self":
            return False
        return root in _NETWORK or text.startswith(_NETWORK_MODULES)

    def _is_file_call(self, node: ast.Call, root: str, name: str, text: str) -> bool:
        if (
            self._file in _NO_FILES
            or text in _OWN_METHODS
            or text.startswith(("os.environ", "os.path"))
            or text == f"self.{name}"
        ):
            return False
        if root in _FILE_MODULES:
            return name not in _FILE_MODULES[root]
        if name == "replace" and len(node.args) == 1 and not node.keywords:
            return True  # of a path; that of a text takes two
        if self._file.startswith(_STORE_ROOMS):
            return name in _FILE_CALLS and "store" not in text.rpartition(".")[0]
        if name in {"write_bytes", "mkdir"}:
            return "store" not in text.rpartition(".")[0]
        if name.startswith("to_") and not node.args:
            return False  # a text, not a file
        if name in _FILE_WRITES | _PARQUET:
            return (self._file, text) not in _IN_MEMORY and text.rpartition(".")[0] not in _OWN_WRITERS
        if name == "close":
            return text.rpartition(".")[0].endswith(("writer", "_file"))  # what waits is written then
        return name in {"open", "ZipFile"} and _opens_for_writing(node)


def _short(text: str) -> str:
    return text if len(text) <= 60 else f"...{text.rpartition('.')[2]}"


def _opens_for_writing(node: ast.Call) -> bool:
    modes = [each.value for each in node.args if isinstance(each, ast.Constant) and isinstance(each.value, str)]
    return any(set(mode) <= set("wxabt+") and set(mode) & set("wxa") for mode in modes)
