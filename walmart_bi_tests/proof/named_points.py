"""Every named point that the package has, read from its code."""

from __future__ import annotations

import ast
from collections import defaultdict
from pathlib import Path

import walmart_bi

PACKAGE = Path(walmart_bi.__file__).parent


def points_in_code() -> dict[str, list[str]]:
    """The files in which each point stands, by its name."""
    found: dict[str, list[str]] = defaultdict(list)
    for path in sorted(PACKAGE.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "reached":
                (name,) = node.args
                assert isinstance(name, ast.Constant), f"{path}:{node.lineno}: the name is not written out"
                found[str(name.value)].append(path.relative_to(PACKAGE).as_posix())
    return dict(sorted(found.items()))
