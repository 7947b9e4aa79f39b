"""The KPI dictionary follows from the catalog."""

import dataclasses
from pathlib import Path

import pytest

from walmart_bi.errors import WalmartBiError
from walmart_bi.kpis.docs import DOCUMENT, kpi_dictionary, main
from walmart_bi_tests.unit.kpis.sales import CATALOG

CHECKOUT = Path(__file__).parents[3]


def test_the_committed_dictionary_is_what_the_catalog_says() -> None:
    written = (CHECKOUT / DOCUMENT).read_text(encoding="utf-8")
    assert written == kpi_dictionary(tuple(CATALOG.values())), "run: python -m walmart_bi.kpis.docs"


def test_the_dictionary_has_every_view_with_every_column_and_its_sql() -> None:
    written = kpi_dictionary(tuple(CATALOG.values()))
    for kpi in CATALOG.values():
        section = written.partition(f'<a id="{kpi.name}"></a>')[2].partition("</details>")[0]
        assert kpi.question in section and kpi.show.caption in section and kpi.select in section
        assert all(f"| `{column.name}` | {column.type} |" in section for column in kpi.columns)


def test_given_a_changed_header_the_dictionary_changes() -> None:
    kpi = dataclasses.replace(CATALOG["kpi_revenue_by_month"], covers="some", title="Turnover")
    assert "a selection" in kpi_dictionary([kpi]).partition("## Adding")[0]
    assert "### Turnover" in kpi_dictionary([kpi])


def test_given_a_text_with_a_bar_the_table_keeps_its_cells() -> None:
    kpi = CATALOG["kpi_revenue_by_month"]
    column = dataclasses.replace(kpi.columns[0], description="this | that")
    assert "this \\| that" in kpi_dictionary([dataclasses.replace(kpi, columns=(column, *kpi.columns[1:]))])


def test_given_a_chart_without_axes_or_order_the_entry_names_the_chart_alone() -> None:
    kpi = CATALOG["kpi_revenue_by_month"]
    show = dataclasses.replace(kpi.show, chart="table", x=None, y=(), sort=())
    assert "- Shown as: table\n" in kpi_dictionary([dataclasses.replace(kpi, show=show)])


def test_the_command_writes_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "docs").mkdir()
    monkeypatch.chdir(tmp_path)
    main([])
    main([str(tmp_path / "other.md")])
    assert (
        (tmp_path / DOCUMENT).read_bytes() == (tmp_path / "other.md").read_bytes() == (CHECKOUT / DOCUMENT).read_bytes()
    )


def test_given_no_docs_directory_the_command_says_where_to_run_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(WalmartBiError, match="top of the checkout"):
        main([])
