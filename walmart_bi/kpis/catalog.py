"""Finds every KPI: one file `sql/kpis/<persona>/<view>.sql` is one KPI.

This runs whenever the Dagster definitions load, so it reads those files, parses their YAML, and does nothing else.
"""

from __future__ import annotations

import re
from pathlib import Path

from walmart_bi.kpis.kpi_file import KpiFileError, parse_kpi
from walmart_bi.kpis.model import Display, Kpi, KpiColumn, Sort, persona_title
from walmart_bi.sql_files import sql_directory

__all__ = ["Display", "Kpi", "KpiColumn", "KpiFileError", "Sort", "load_catalog", "persona_title"]

PERSONAS = ("executive", "sales_manager", "regional_director", "customer_experience", "marketing", "finance")

_VIEW = re.compile(r"kpi_[a-z0-9_]{1,100}")
_PERSONA = re.compile(r"[a-z][a-z0-9_]{0,60}")
_RESERVED = {"kpi_insights"}  # an asset of the graph has this name


def load_catalog(directory: Path | None = None) -> tuple[Kpi, ...]:
    """All KPIs, by persona and name, from the directory or from the project's own SQL. Raises KpiFileError.

    Personas come in the order of PERSONAS, from the widest view to the most special; new ones follow by name.
    """
    root = sql_directory() / "kpis" if directory is None else directory
    files = sorted(path for path in root.glob("**/*") if path.suffix.lower() == ".sql" and path.name[0] != ".")
    if not files:
        raise KpiFileError(
            "There is no KPI file here.",
            place=f"KPI directory {root}",
            next_step="install the package again, or add a file such as <persona>/kpi_revenue_by_month.sql.",
        )
    kpis: dict[str, Kpi] = {}
    for file in files:
        kpi = _load(root, file)
        if kpi.name in kpis:
            raise KpiFileError(
                f"The name {kpi.name} is used by {kpis[kpi.name].path} as well.",
                place=f"KPI file {kpi.path}",
                next_step="rename one of the two files; a view's name is unique over all personas.",
            )
        kpis[kpi.name] = kpi
    return tuple(sorted(kpis.values(), key=_place))


def _place(kpi: Kpi) -> tuple[int, str, str]:
    rank = PERSONAS.index(kpi.persona) if kpi.persona in PERSONAS else len(PERSONAS)
    return rank, kpi.persona, kpi.name


def _load(root: Path, file: Path) -> Kpi:
    path = file.relative_to(root)
    place = f"KPI file {path.as_posix()}"
    if len(path.parts) != 2 or not _PERSONA.fullmatch(path.parts[0]):
        raise KpiFileError(
            "The file is not directly in a persona's directory.",
            place=place,
            next_step="move it to sql/kpis/<persona>/, the persona in lower-case letters, digits and underscores.",
        )
    if not _VIEW.fullmatch(path.stem) or path.suffix != ".sql" or path.stem in _RESERVED:
        raise KpiFileError(
            f"{path.name} cannot name a view.",
            place=place,
            next_step="name it kpi_<what>.sql, in lower-case letters, digits and underscores; kpi_insights is taken.",
        )
    try:
        text = file.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise KpiFileError(
            f"The file is not UTF-8 text (byte {error.start}).", place=place, next_step="save it as UTF-8."
        ) from error
    return parse_kpi(text, path=path.as_posix(), persona=path.parts[0], name=path.stem)
