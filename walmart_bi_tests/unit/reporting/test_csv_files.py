"""A view becomes a CSV file that any reader takes the same way, and that runs nothing in a spreadsheet."""

import csv
import datetime as dt
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from walmart_bi.kpis.privacy import CUSTOMER_LEVEL_COLUMNS, CustomerColumn
from walmart_bi.reporting.csv_files import write_csv
from walmart_bi.warehouse.base import QueryResult


def written(folder: Path, *rows: tuple[Any, ...], columns: tuple[str, ...] | None = None) -> bytes:
    path = folder / "view.csv"
    write_csv(path, "kpi_view", QueryResult(columns or tuple(f"c{i}" for i in range(len(rows[0]))), list(rows)))
    return path.read_bytes()


@pytest.mark.parametrize(
    ("value", "cell"),
    [
        (None, b""),
        (True, b"true"),
        (False, b"false"),
        (-3, b"-3"),
        (Decimal("-1234567890123456.70"), b"-1234567890123456.70"),
        (Decimal("1E+3"), b"1000"),
        (Decimal("0.00"), b"0.00"),
        (0.1, b"0.1"),
        (-0.25, b"-0.25"),
        (dt.date(2025, 3, 1), b"2025-03-01"),
        (dt.datetime(2025, 3, 1, 12, 0, tzinfo=dt.UTC), b"2025-03-01T12:00:00+00:00"),
        ("<18", b"<18"),
        ("São Paulo", "São Paulo".encode()),
        ('a "b", c', b'"a ""b"", c"'),
        ("a\nb", b'"a\nb"'),
        ("a\rb", b'"a\rb"'),
    ],
)
def test_a_value_is_written_exactly(value: Any, cell: bytes, tmp_path: Path) -> None:
    assert written(tmp_path, (value, "x")) == b"c0,c1\r\n" + cell + b",x\r\n"


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠"])
def test_a_text_that_a_spreadsheet_would_run_gets_an_apostrophe(start: str, tmp_path: Path) -> None:
    written(tmp_path, (f'{start}HYPERLINK("http://evil.example")', 1))

    with (tmp_path / "view.csv").open(newline="", encoding="utf-8") as file:
        assert list(csv.reader(file))[1][0] == f'\'{start}HYPERLINK("http://evil.example")'


def test_an_empty_view_is_a_header(tmp_path: Path) -> None:
    assert written(tmp_path, columns=("month", "revenue")) == b"month,revenue\r\n"


@given(
    st.lists(
        st.tuples(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1), st.integers())
    )
)
def test_every_text_comes_back_from_a_reader(
    tmp_path_factory: pytest.TempPathFactory, rows: list[tuple[str, int]]
) -> None:
    path = tmp_path_factory.getbasetemp() / "property.csv"
    write_csv(path, "kpi_view", QueryResult(("city", "orders"), list(rows)))

    with path.open(newline="", encoding="utf-8") as file:
        header, *read = csv.reader(file)
    assert header == ["city", "orders"]
    assert [(city.removeprefix("'"), int(orders)) for city, orders in read] == [
        (city.removeprefix("'"), orders) for city, orders in rows
    ]
    assert not any(city[0] in "=+-@\t\r" for city, _ in read)


@pytest.mark.parametrize("column", [*sorted(CUSTOMER_LEVEL_COLUMNS), "Customer_ID"])
def test_a_view_with_a_customer_level_column_is_refused_before_anything_is_written(column: str, tmp_path: Path) -> None:
    with pytest.raises(CustomerColumn, match=f"kpi_view: The view has {column}"):
        written(tmp_path, columns=("month", column))

    assert list(tmp_path.iterdir()) == []


def test_the_refused_columns_are_those_that_tell_about_one_customer_or_purchase() -> None:
    assert {"customer_id", "age", "source_line", "load_id"} == CUSTOMER_LEVEL_COLUMNS
