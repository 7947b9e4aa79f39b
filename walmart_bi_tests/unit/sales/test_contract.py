"""The cleaning contract is whole, its page is up to date, and reading it costs no heavy import."""

import runpy
import subprocess
import sys
from pathlib import Path

import pytest

from walmart_bi.sales import contract
from walmart_bi.sales.contract import (
    KNOWN_VALUES,
    OUTPUT_COLUMNS,
    QUARANTINE_REASONS,
    RAW_COLUMNS,
    RAW_NAMES,
    REPAIR_KINDS,
)
from walmart_bi.sales.contract_docs import cleaning_markdown
from walmart_bi.sales.month_files import SCHEMA

ROOT = Path(__file__).parents[3]
LIGHT = ("contract", "contract_docs", "coverage", "errors", "gates", "values")


def test_the_committed_page_is_what_the_contract_says() -> None:
    page = (ROOT / "docs" / "cleaning.md").read_text(encoding="utf-8")
    assert page == cleaning_markdown(), "run: python -m walmart_bi.sales.contract_docs > docs/cleaning.md"


def test_the_page_names_every_column_reason_repair_and_known_value() -> None:
    page = cleaning_markdown()
    names = [
        *(f"`{name}`" for name in (*RAW_NAMES, *QUARANTINE_REASONS, *REPAIR_KINDS)),
        *(f"`{column.name}` | {column.sql_type}" for column in OUTPUT_COLUMNS),
        *(value for values in KNOWN_VALUES.values() for value in values),
        *(f"`{name}`" for name, _ in contract.AGE_GROUPS),
    ]
    assert [name for name in names if name not in page] == []


def test_no_spelling_of_a_column_means_two_columns() -> None:
    spellings = [spelling for column in RAW_COLUMNS for spelling in (column.field, *column.aliases)]
    assert len(spellings) == len(set(spellings))


def test_every_cleaned_column_is_derived_from_raw_columns_that_exist() -> None:
    derived = {name for column in OUTPUT_COLUMNS for name in column.derived_from}
    assert derived == set(RAW_NAMES)


def test_the_files_have_the_contract_s_columns_in_its_order() -> None:
    assert SCHEMA.names == [column.name for column in OUTPUT_COLUMNS]


def test_every_age_has_exactly_one_group() -> None:
    limits = [limit for _, limit in contract.AGE_GROUPS]
    assert limits == sorted(set(limits))
    assert limits[-1] == contract.MAX_AGE


def test_the_light_modules_load_without_pandas_and_pyarrow() -> None:
    modules = "; ".join(f"import walmart_bi.sales.{name}" for name in LIGHT)
    heavy = "{'pandas', 'pyarrow', 'numpy', 'duckdb', 'dagster', 'boto3'} & set(sys.modules)"
    code = f"import sys; {modules}; print(sorted({heavy}))"
    result = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "[]"


def test_given_the_module_is_run_it_prints_the_page(capsys: pytest.CaptureFixture[str]) -> None:
    runpy.run_path(str(ROOT / "walmart_bi" / "sales" / "contract_docs.py"), run_name="__main__")
    assert capsys.readouterr().out == cleaning_markdown()
