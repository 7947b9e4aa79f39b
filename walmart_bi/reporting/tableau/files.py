"""The Tableau files of a snapshot: what they are made from, and how they are written.

What is in them is `workbook.py` and `tables.py`; how they join a snapshot is `reporting/story_files.py`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path

from walmart_bi.kpis.insights.model import Box, Facts, Insights, Sentence
from walmart_bi.kpis.model import Kpi
from walmart_bi.reporting.artifacts import PreparedFile, Views
from walmart_bi.reporting.tableau.dashboards import PersonaText
from walmart_bi.reporting.tableau.hyper import write_hyper
from walmart_bi.reporting.tableau.packages import pack
from walmart_bi.reporting.tableau.tables import kpi_table, story_table
from walmart_bi.reporting.tableau.workbook import Contents, data_source, workbook

HYPER = "walmart_bi.hyper"
WORKBOOK = "walmart_bi.twbx"
DATA_SOURCE = "walmart_bi.tdsx"

# The parts of an insight box as a reader meets them.
_LABELS = {"what": "What", "why": "Why", "unusual": "Is it unusual?", "limits": "Keep in mind"}


def contents_of(facts: Facts, insights: Insights, views: Views, catalog: Sequence[Kpi]) -> Contents:
    """Everything that the files are made from. Raises CustomerColumn."""
    return Contents(
        catalog=tuple(catalog),
        published=tuple(kpi_table(kpi, views[kpi.name]) for kpi in catalog),
        story=story_table(facts.cube),
        texts=tuple(persona_text(box) for box in insights.boxes),
    )


def persona_text(box: Box) -> PersonaText:
    """An insight box as the workbook shows it."""
    sentences = [(_LABELS[part], _joined(found)) for part, found in box.sections.items() if found]
    return PersonaText(box.persona, box.title, _joined(box.headline), tuple(sentences))


def prepare_files(contents: Contents) -> list[PreparedFile]:
    """The three files; both packages hold the one extract that was written for this snapshot."""
    rows = hashlib.sha256("".join(table.content_sha256 for table in contents.tables).encode()).hexdigest()
    book, source = workbook(contents), data_source(contents)

    def write_extract(path: Path) -> None:
        write_hyper(path, contents.tables)

    def write_workbook(path: Path) -> None:
        pack(path, "walmart_bi.twb", book, path.with_name(HYPER))

    def write_data_source(path: Path) -> None:
        pack(path, "walmart_bi.tds", source, path.with_name(HYPER))

    return [
        PreparedFile(HYPER, rows, write_extract),
        PreparedFile(WORKBOOK, _content(book, rows), write_workbook),
        PreparedFile(DATA_SOURCE, _content(source, rows), write_data_source),
    ]


def _content(document: bytes, rows: str) -> str:
    return hashlib.sha256(document + rows.encode()).hexdigest()


def _joined(sentences: Sequence[Sentence]) -> str:
    return " ".join(sentence.text for sentence in sentences)
