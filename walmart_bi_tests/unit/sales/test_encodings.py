"""Whether a column is read as a dictionary follows its values, and never changes what is cleaned out of it."""

import datetime as dt
from pathlib import Path

import pyarrow as pa
import pytest

from walmart_bi.sales import encodings, reading
from walmart_bi.sales.cleaned_file import clean_file
from walmart_bi.sales.encodings import Encodings
from walmart_bi.sales.inspection import inspect_source
from walmart_bi.sales.reading import open_raw
from walmart_bi_tests.corpus.case import good, text_of


def batch_of(encodings: Encodings, cities: list[str]) -> pa.Table:
    columns = {"City": cities, "Gender": ["Female"] * len(cities)}
    return pa.table(
        {name: pa.array(values).cast(encodings.schema().field(name).type) for name, values in columns.items()}
    )


def plain(encodings: Encodings) -> set[str]:
    return {field.name for field in encodings.schema() if field.type == pa.string()}


def test_a_column_that_hardly_repeats_is_read_as_plain_text_from_the_next_batch() -> None:
    kinds = Encodings(["City", "Gender"])
    assert plain(kinds) == set()
    kinds.learn(batch_of(kinds, [f"City {number}" for number in range(100)]))
    assert plain(kinds) == {"City"}


def test_a_plain_column_is_tried_again_and_stays_a_dictionary_when_its_values_repeat_by_then() -> None:
    kinds = Encodings(["City", "Gender"])
    kinds.learn(batch_of(kinds, [f"City {number}" for number in range(100)]))
    batches = 0
    while "City" in plain(kinds):
        kinds.learn(batch_of(kinds, ["Pune"] * 100))
        batches += 1
    for _ in range(100):
        kinds.learn(batch_of(kinds, ["Pune"] * 100))
        assert plain(kinds) == set()
    assert batches == 16


def test_customer_ids_are_read_as_plain_text_first() -> None:
    assert plain(Encodings(["Customer_ID", "City"])) == {"Customer_ID"}


@pytest.mark.parametrize("share", [-1.0, 2.0], ids=["all plain", "all dictionaries"])
def test_the_cleaned_file_has_the_same_bytes_in_any_encoding(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, share: float
) -> None:
    rows = good(400)
    for number, row in enumerate(rows):
        row[3] = [f"  City  {number}", "NA", "", "Cafe\u0301", "sao paulo "][number % 5]
        row[7] = ["12.5", "1,250.00", "-3", "007.10", "0", f"{number}.99"][number % 6]
        row[4] = ["beauty", "Garden", ""][number % 3]
    path = tmp_path / "sales.csv"
    path.write_text(text_of(rows), encoding="utf-8")
    expected = cleaned(path, tmp_path / "expected")
    monkeypatch.setattr(encodings, "REPEATING_SHARE", share)
    monkeypatch.setattr(encodings, "_TRY_AGAIN_AFTER", 1 if share < 0 else 0)
    monkeypatch.setattr(reading, "CHUNK_BYTES", 4096)
    monkeypatch.setattr("walmart_bi.sales.decoding.CHUNK_BYTES", 4096)
    kinds = {str(batch.table["City"].type) for batch in open_raw(path, "sales.csv").batches}
    assert ("string" in kinds) == (share < 0)
    assert cleaned(path, tmp_path / "other") == expected


def cleaned(path: Path, workdir: Path) -> dict[str, bytes]:
    workdir.mkdir()
    source = inspect_source(path, key="raw_data/sales.csv", etag="1", modified=dt.datetime(2025, 1, 1, tzinfo=dt.UTC))
    months = [f"2024-{month:02}" for month in range(1, 13)]
    clean_file(path, source, months=months, today=dt.date(2025, 3, 1), policy="auto", workdir=workdir)
    return {file.name: file.read_bytes() for file in workdir.iterdir()}
