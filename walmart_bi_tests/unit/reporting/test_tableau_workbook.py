"""The workbook follows from the KPI headers, passes Tableau's schema and the project's lint, and both catch mutants."""

import copy
import dataclasses
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from walmart_bi.kpis.model import CHARTS, Display, Kpi, Sort
from walmart_bi.reporting.tableau.hyper import table_columns, write_hyper
from walmart_bi.reporting.tableau.lint import lint_data_source, lint_workbook
from walmart_bi.reporting.tableau.packages import PackageError, entry_names, pack, read_document, unpacked_extract
from walmart_bi.reporting.tableau.sheets import build_sheets
from walmart_bi.reporting.tableau.workbook import EXTRACT, STORY_NAME, Contents, data_source, workbook
from walmart_bi.warehouse.duckdb_warehouse import DuckDbWarehouse
from walmart_bi_tests.tableau.contents import CATALOG, HOSTILE, contents_of, make_contents, make_warehouse, texts_of
from walmart_bi_tests.tableau.schema import VERSIONS, schema_errors

ENTRIES = ["walmart_bi.twb", EXTRACT]


@pytest.fixture(scope="module")
def contents(tmp_path_factory: pytest.TempPathFactory) -> Contents:
    return make_contents(tmp_path_factory.mktemp("contents"))


@pytest.fixture(scope="module")
def document(contents: Contents) -> bytes:
    return workbook(contents)


@pytest.fixture(scope="module")
def packages(contents: Contents, document: bytes, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    folder = tmp_path_factory.mktemp("packages")
    write_hyper(folder / "walmart_bi.hyper", contents.tables)
    pack(folder / "walmart_bi.twbx", "walmart_bi.twb", document, folder / "walmart_bi.hyper")
    pack(folder / "walmart_bi.tdsx", "walmart_bi.tds", data_source(contents), folder / "walmart_bi.hyper")
    return folder / "walmart_bi.twbx", folder / "walmart_bi.tdsx"


@pytest.fixture(scope="module")
def one_month(tmp_path_factory: pytest.TempPathFactory) -> DuckDbWarehouse:
    """A month with the views of the project, and two more that each test shows in its own way."""
    new = [with_display(SHOWN["table"], name) for name in ("kpi_new", "kpi_newer")]
    return make_warehouse(tmp_path_factory.mktemp("one_month"), months=["2025-01"], catalog=[*CATALOG, *new])


def tables_of(contents: Contents) -> dict[str, list[str]]:
    return {table.name: [field.name for field in table.columns] for table in contents.tables}


def problems_of(document: bytes, contents: Contents) -> list[str]:
    """Everything that the schema of the declared version, and the lint, find."""
    return schema_errors(document) + lint_workbook(document, tables_of(contents), ENTRIES)


# --- the two gates ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("version", VERSIONS)
def test_the_workbook_passes_the_published_schema_without_any_exception(version: str, document: bytes) -> None:
    assert schema_errors(document, version) == []


def test_the_published_files_are_lint_clean(packages: tuple[Path, Path]) -> None:
    twbx, tdsx = packages
    with unpacked_extract(twbx) as extract:
        tables = table_columns(extract)

    assert lint_workbook(read_document(twbx), tables, entry_names(twbx)) == []
    assert lint_data_source(read_document(tdsx), tables, entry_names(tdsx)) == []


Change = Callable[[ET.Element], object]


def first(root: ET.Element, path: str) -> ET.Element:
    found = root.find(path)
    assert found is not None, path
    return found


def parent_of(root: ET.Element, child: ET.Element) -> ET.Element:
    return next(each for each in root.iter() if child in list(each))


def remove(path: str) -> Change:
    return lambda root: parent_of(root, first(root, path)).remove(first(root, path))


def repeat(path: str) -> Change:
    return lambda root: parent_of(root, first(root, path)).append(copy.deepcopy(first(root, path)))


def put(path: str, name: str, value: str) -> Change:
    return lambda root: first(root, path).set(name, value)


def drop(path: str, name: str) -> Change:
    return lambda root: first(root, path).attrib.pop(name)


def rename(path: str, tag: str) -> Change:
    return lambda root: setattr(first(root, path), "tag", tag)


def write(path: str, text: str) -> Change:
    return lambda root: setattr(first(root, path), "text", text)


def move_to_end(path: str) -> Change:
    def change(root: ET.Element) -> None:
        moved = first(root, path)
        parent = parent_of(root, moved)
        parent.remove(moved)
        parent.append(moved)

    return change


_CONNECTION = "datasources/datasource/connection/named-connections/named-connection/connection"
_STORY = "dashboards/dashboard[@type='storyboard']"
_ZONE = "dashboards/dashboard/zones/zone/zone"
_SHEET_ZONE = f"{_ZONE}/zone/zone/zone[@name]"
_VIEW = "worksheets/worksheet/table/view"

MUTANTS: dict[str, Change] = {
    # What the schema sees.
    "a worksheet without its id": remove("worksheets/worksheet/simple-id"),
    "a window without its id": remove("windows/window/simple-id"),
    "a zone without a width": drop(_ZONE, "w"),
    "two marks in one pane": repeat("worksheets/worksheet/table/panes/pane/mark"),
    "an unknown mark": put("worksheets/worksheet/table/panes/pane/mark", "class", "Sausage"),
    "a misspelt story point": rename(f"{_STORY}//story-point", "storypoint"),
    "slices after the aggregation": move_to_end(f"{_VIEW}/slices"),
    "dependencies after the aggregation": move_to_end(f"{_VIEW}/datasource-dependencies"),
    "a pane without its view": remove("worksheets/worksheet/table/panes/pane/view"),
    "the zone's style before its text": lambda root: first(root, f"{_ZONE}/zone/zone[@type-v2='text']").insert(
        0, ET.Element("zone-style")
    ),
    "the bare attribute type on a dashboard": put("dashboards/dashboard", "type", "story"),
    "an unknown role": put("datasources/datasource/column", "role", "dimensions"),
    "an unknown data type": put("datasources/datasource/column", "datatype", "money"),
    "an unknown derivation": put(f"{_VIEW}/datasource-dependencies/column-instance", "derivation", "Summe"),
    "windows before the worksheets": lambda root: remove("windows")(root) or root.insert(0, ET.Element("windows")),
    "no version": drop(".", "version"),
    "no rows": remove("worksheets/worksheet/table/rows"),
    "two worksheets of one name": repeat("worksheets/worksheet"),
    # What the schema does not see, and the lint does.
    "a story point of a missing sheet": put(f"{_STORY}//story-point", "captured-sheet", "Nowhere"),
    "a story point of the story itself": put(f"{_STORY}//story-point", "captured-sheet", STORY_NAME),
    "a story point that says nothing": put(f"{_STORY}//story-point", "caption", " "),
    "two story points of one id": put(f"{_STORY}//story-point", "id", "2"),
    "a story that begins elsewhere": put(f"{_STORY}//flipboard", "active-id", "9"),
    "a navigator of no story": put(f"{_STORY}//zone[@type-v2='flipboard-nav']", "paired-zone-id", "77"),
    "no story": remove(_STORY),
    "a dashboard that shows a missing sheet": put(_SHEET_ZONE, "name", "Nowhere"),
    "a window of a missing sheet": put("windows/window[@class='worksheet']", "name", "Nowhere"),
    "a sheet without a window": remove("windows/window[@class='worksheet']"),
    "a window that views a missing sheet": put("windows/window/viewpoints/viewpoint", "name", "Nowhere"),
    "a connection to a file that is not packed": put(_CONNECTION, "dbname", "Data/Extracts/other.hyper"),
    "a connection to a file of this machine": put(_CONNECTION, "dbname", "/srv/someone/walmart_bi.hyper"),
    "a connection with an account": put(_CONNECTION, "username", "someone"),
    "a data source of a missing table": put(
        "datasources/datasource/connection/relation", "table", "[Extract].[kpi_gone]"
    ),
    "a relation over a missing connection": put(
        "datasources/datasource/connection/relation", "connection", "hyper.gone"
    ),
    "a field that is not in the extract": put("datasources/datasource/column", "name", "[gone]"),
    "a formula on a field that is not there": put(
        "datasources/datasource/column/calculation", "formula", "SUM([gone])"
    ),
    "a described column that is not there": write("datasources/datasource//metadata-record/remote-name", "gone"),
    "a field on the rows that is not declared": write(
        "worksheets/worksheet[@name='Revenue by category']/table/rows", "[federated.x].[none:gone:nk]"
    ),
    "a declared field on the rows that does not exist": lambda root: setattr(
        first(root, "worksheets/worksheet[@name='Revenue by category']/table/rows"),
        "text",
        str(first(root, "worksheets/worksheet[@name='Revenue by category']/table/rows").text).replace(
            "none:category:nk", "none:gone:nk"
        ),
    ),
    "a declared instance of an undeclared field": put(
        f"{_VIEW}/datasource-dependencies/column-instance", "column", "[gone]"
    ),
    "a sheet on a missing data source": put(f"{_VIEW}/datasources/datasource", "name", "federated.gone"),
    "dependencies on a missing data source": put(f"{_VIEW}/datasource-dependencies", "datasource", "federated.gone"),
    "a filter of a field that is not declared": put(
        f"{_ZONE}//zone[@type-v2='filter']", "param", "[federated.x].[none:gone:nk]"
    ),
    "a filter of no field": drop(f"{_ZONE}//zone[@type-v2='filter']", "param"),
    "a shared filter on a field that is not declared": put(
        "shared-views/shared-view/filter", "column", "[federated.x].[none:gone:nk]"
    ),
    "a sort by a field that is not declared": put(".//computed-sort", "using", "[federated.x].[sum:gone:qk]"),
    "a label with a field that is not declared": write(".//customized-label//run[@fontsize='18']", "<[a].[sum:b:qk]>"),
    "two zones of one id": put(f"{_ZONE}/zone", "id", "1"),
    "a zone off the canvas": put(f"{_ZONE}/zone", "x", "99000"),
    "a zone of no height": put(f"{_ZONE}/zone", "h", "0"),
    "an id that is used twice": lambda root: first(root, "dashboards/dashboard/simple-id").set(
        "uuid", str(first(root, "worksheets/worksheet/simple-id").get("uuid"))
    ),
    "two data sources of one name": repeat("datasources/datasource"),
    "a customer's id among the fields": put("datasources/datasource/column", "name", "[customer_id]"),
    "a customer's age on a shelf": put(f"{_VIEW}/datasource-dependencies/column-instance", "column", "[age]"),
    "a dashboard of the name of a sheet": put("dashboards/dashboard", "name", "Revenue by month"),
}


@pytest.mark.parametrize("name", MUTANTS)
def test_every_mutant_is_caught(name: str, document: bytes, contents: Contents) -> None:
    root = ET.fromstring(document)
    unchanged = ET.tostring(root)
    MUTANTS[name](root)
    mutant = ET.tostring(root)

    assert mutant != unchanged, "the mutant changed nothing"
    assert problems_of(mutant, contents) != []


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"<workbook", "not XML"),
        (b'<!DOCTYPE x [<!ENTITY a "b">]><workbook/>', "declares a type or an entity"),
    ],
)
def test_the_lint_reads_no_document_that_could_do_harm(content: bytes, problem: str, contents: Contents) -> None:
    assert problem in lint_workbook(content, tables_of(contents), ENTRIES)[0]
    assert problem in lint_data_source(content, tables_of(contents), ENTRIES)[0]


@pytest.mark.parametrize("name", ["/etc/passwd", "../walmart_bi.twb", "C:\\walmart_bi.twb", "a/../../b"])
def test_the_lint_refuses_a_name_that_leads_out_of_the_package(name: str, document: bytes, contents: Contents) -> None:
    assert lint_workbook(document, tables_of(contents), [*ENTRIES, name]) == [
        f"the package holds {name!r}, which is not below it"
    ]


def test_the_lint_refuses_an_extract_with_a_customer_in_it(document: bytes, contents: Contents) -> None:
    tables = {**tables_of(contents), "kpi_leak": ["Customer_ID", "revenue"]}
    assert lint_workbook(document, tables, ENTRIES) == [
        "the extract's table kpi_leak has the customer-level column Customer_ID"
    ]


# --- what is in it ----------------------------------------------------------------------------------------------------


def test_each_persona_has_a_dashboard_with_its_sheets_its_sentences_and_a_story_point(
    document: bytes, contents: Contents
) -> None:
    root = ET.fromstring(document)
    points = [(point.get("captured-sheet"), point.get("caption")) for point in root.iter("story-point")]
    assert points == [(text.title, text.caption) for text in contents.texts]
    assert len(points) == 6
    for text in contents.texts:
        board = first(root, f"dashboards/dashboard[@name='{text.title}']")
        shown = [zone.get("name") for zone in board.iter("zone") if zone.get("name") and not zone.get("type-v2")]
        assert shown == [kpi.title for kpi in CATALOG if kpi.persona == text.persona]
        words = "".join(run.text or "" for run in board.iter("run"))
        assert text.caption in words
        for label, sentence in text.sentences:
            assert f"{label}: {sentence}" in words


def test_a_sheet_is_filtered_when_the_story_cube_gives_the_rows_of_its_view_and_says_so_otherwise(
    contents: Contents,
) -> None:
    published = {table.name: table for table in contents.published}
    sheets = {sheet.kpi.name: sheet for sheet in build_sheets(contents.catalog, published, contents.story)}
    not_filtered = {name for name, sheet in sheets.items() if not sheet.is_filtered}

    assert not_filtered == {"kpi_executive_summary", "kpi_city_aov_vs_orders", "kpi_revenue_by_city"}
    assert all(sheets[name].note.startswith("All data: the filters do not apply.") for name in not_filtered)


def test_a_sheet_shows_its_view_where_the_cube_no_longer_holds_all_of_it(contents: Contents) -> None:
    shorter = dataclasses.replace(contents.story, rows=contents.story.rows[1:])
    published = {table.name: table for table in contents.published}
    assert not any(sheet.is_filtered for sheet in build_sheets(contents.catalog, published, shorter))


def test_the_rest_after_the_first_rows_is_one_bar_that_tells_how_many(contents: Contents) -> None:
    cities = next(table for table in contents.published if table.name == "kpi_revenue_by_city")
    shown = [row[-2:] for row in cities.rows]
    rest = f"Other ({len(shown) - 10} more)"

    assert [place for _, place in shown[:10]] == list(range(1, 11))
    assert set(shown[10:]) == {(rest, 11)}
    assert rest not in HOSTILE


def test_the_same_contents_give_the_same_bytes_in_another_process(contents: Contents, tmp_path: Path) -> None:
    code = (
        "import sys; from pathlib import Path;"
        "from walmart_bi.reporting.tableau.workbook import workbook, data_source;"
        "from walmart_bi_tests.tableau.contents import make_contents;"
        "made = make_contents(Path(sys.argv[1]));"
        "sys.stdout.buffer.write(workbook(made) + data_source(made))"
    )
    printed = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path)],
        check=True,
        capture_output=True,
        cwd=Path(__file__).parents[3],
        env={"PYTHONHASHSEED": "77", "PATH": ""},
    ).stdout
    assert printed == workbook(contents) + data_source(contents)


def test_a_package_does_not_depend_on_when_it_was_made(packages: tuple[Path, Path], tmp_path: Path) -> None:
    with unpacked_extract(packages[0]) as extract:
        pack(tmp_path / "again.twbx", "walmart_bi.twb", read_document(packages[0]), extract)
    assert (tmp_path / "again.twbx").read_bytes() == packages[0].read_bytes()


def test_hostile_names_and_sentences_stay_text(one_month: DuckDbWarehouse) -> None:
    words = " ".join((*HOSTILE, "\x00\x08 a\tb"))
    made = contents_of(one_month, CATALOG, words)
    document = workbook(made)

    assert problems_of(document, made) == []
    captions = [point.get("caption") for point in ET.fromstring(document).iter("story-point")]
    safe = words.replace("\x00", "\ufffd").replace("\x08", "\ufffd")
    assert captions == [f"{text.title}: {safe}" for text in texts_of(CATALOG)]
    runs = [run.text or "" for run in ET.fromstring(document).iter("run")]
    assert not any("<[federated.x]" in text for text in runs)
    assert any("\u2039/script\u203a" in text for text in runs)


# --- a new KPI, a new persona, an odd one -----------------------------------------------------------------------------

SHOWN: dict[str, Display] = {
    "tiles": Display("tiles", None, ("revenue", "orders", "aov"), None, (), None, None, "Look."),
    "line": Display("line", "month", ("revenue", "aov"), "category", (), None, None, "Look."),
    "bar": Display("bar", "category", ("revenue", "orders"), "month", (Sort("category", True),), None, None, "Look."),
    "effects": Display("effects", "month", ("revenue", "orders"), None, (), None, None, "Look."),
    "scatter": Display("scatter", "orders", ("aov",), None, (), None, 5, "Look."),
    "table": Display("table", None, (), None, (), None, None, "Look."),
}


def with_display(show: Display, name: str = "kpi_new", title: str = "A new view") -> Kpi:
    kpi = next(kpi for kpi in CATALOG if kpi.name == "kpi_revenue_by_category_month")
    return dataclasses.replace(kpi, name=name, persona="buyer", title=title, show=show)


@pytest.mark.parametrize(("covers", "top"), [("all", None), ("some", 2)])
@pytest.mark.parametrize("chart", CHARTS)
def test_a_new_view_of_any_chart_and_a_new_persona_need_nothing_else(
    chart: str, covers: str, top: int | None, one_month: DuckDbWarehouse
) -> None:
    show = dataclasses.replace(SHOWN[chart], top=top if chart == "bar" else None)
    kpi = dataclasses.replace(with_display(show), covers=covers)
    made = contents_of(one_month, [*CATALOG, kpi])
    document = workbook(made)

    assert problems_of(document, made) == []
    root = ET.fromstring(document)
    assert [point.get("captured-sheet") for point in root.iter("story-point")][-1] == "Buyer"
    board = first(root, "dashboards/dashboard[@name='Buyer']")
    assert "A new view" in {zone.get("name") for zone in board.iter("zone")}


def test_equal_titles_and_a_title_like_a_persona_stay_apart(one_month: DuckDbWarehouse) -> None:
    twin = with_display(SHOWN["bar"], title="Revenue by month")
    named = with_display(SHOWN["line"], "kpi_newer", "Buyer")
    made = contents_of(one_month, [*CATALOG, twin, named])
    document = workbook(made)

    assert problems_of(document, made) == []
    assert "Buyer (persona)" in {point.get("captured-sheet") for point in ET.fromstring(document).iter("story-point")}


def test_a_month_where_no_city_has_enough_orders_says_so(tmp_path: Path) -> None:
    from walmart_bi_tests.builders import make_rows

    made = make_contents(tmp_path, months=["2025-01"], rows=make_rows("2025-01", 40))
    document = workbook(made)
    assert problems_of(document, made) == []
    assert b"0 of 7 rows have at least 30 orders." in document


# --- packages ---------------------------------------------------------------------------------------------------------


def test_what_is_no_package_is_named_in_one_line(tmp_path: Path) -> None:
    path = tmp_path / "walmart_bi.twbx"
    path.write_bytes(b"not a zip")
    with pytest.raises(PackageError, match=r"walmart_bi\.twbx.*not a zip archive.*materialize"):
        read_document(path)
    (tmp_path / "some.hyper").write_bytes(b"x")
    pack(path, "notes.txt", b"hello", tmp_path / "some.hyper")
    with pytest.raises(PackageError, match="holds 0 workbooks"):
        read_document(path)
