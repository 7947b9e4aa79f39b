"""Where the project's SQL files are: inside the installed package, or in the checkout beside it."""

from __future__ import annotations

from pathlib import Path


def sql_directory() -> Path:
    """The directory that holds `tables/`, `rollups/`, `kpis/` and `story/`."""
    package = Path(__file__).resolve().parent
    installed = package / "sql"
    return installed if installed.is_dir() else package.parent / "sql"


def read_table_ddl(name: str) -> str:
    """The statement that creates a table where it is missing, as both engines take it."""
    return (sql_directory() / "tables" / f"{name}.sql").read_text(encoding="utf-8")


def read_rollup(name: str) -> str:
    """The SELECT that makes one month of a rollup from the month's rows, as both engines take it."""
    return (sql_directory() / "rollups" / f"{name}.sql").read_text(encoding="utf-8")


def read_story_query(name: str) -> str:
    """One of the queries that the story's facts are read with, as both engines take it."""
    return (sql_directory() / "story" / f"{name}.sql").read_text(encoding="utf-8")
