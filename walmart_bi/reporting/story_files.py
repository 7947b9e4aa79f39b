"""The snapshot's files beside the views' CSVs: `insights.json` and the Tableau files, from one reading of the facts.

So the sentences in both are those of the same state of the warehouse. How they are published is `artifacts.py`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path

from walmart_bi.kpis.insights.model import Insights
from walmart_bi.kpis.insights.personas import build_insights
from walmart_bi.kpis.model import Kpi
from walmart_bi.kpis.public.edition import published_facts
from walmart_bi.reporting.artifacts import PreparedFile, Producer, Views
from walmart_bi.reporting.tableau.files import contents_of, prepare_files
from walmart_bi.reporting.tableau.workbook import Contents
from walmart_bi.warehouse.base import Reader

INSIGHTS = "insights.json"


def story_files(catalog: Sequence[Kpi]) -> Producer:
    """The producer of these files for the catalog."""

    def produce(reader: Reader, views: Views) -> list[PreparedFile]:
        return prepare_story(*read_story(reader, views, catalog))

    return produce


def read_story(reader: Reader, views: Views, catalog: Sequence[Kpi]) -> tuple[Insights, Contents]:
    """The insights, and what the Tableau files are made from. Raises CustomerColumn, SmallCell."""
    facts = published_facts(reader)
    insights = build_insights(facts, list(dict.fromkeys(kpi.persona for kpi in catalog)))
    return insights, contents_of(facts, insights, views, catalog)


def prepare_story(insights: Insights, contents: Contents) -> list[PreparedFile]:
    """The files of one reading."""
    return [_insights_file(insights), *prepare_files(contents)]


def _insights_file(insights: Insights) -> PreparedFile:
    text = insights.to_json().encode()

    def write(path: Path) -> None:
        path.write_bytes(text)

    return PreparedFile(INSIGHTS, hashlib.sha256(text).hexdigest(), write)
