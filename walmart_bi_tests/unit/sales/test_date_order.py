"""Which order of day and month a file proves: a number above 12 in one position, and none in the other."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from walmart_bi.sales.date_order import date_texts, prove_date_order
from walmart_bi.sales.errors import RejectedFile
from walmart_bi_tests.corpus.case import each, text_of


@pytest.fixture
def files(tmp_path: Path) -> Iterator[Path]:
    yield tmp_path / "f.csv"


def written(path: Path, *dates: str) -> Path:
    path.write_text(text_of(each("purchase_date", *dates)), encoding="utf-8")
    return path


@pytest.mark.parametrize(
    ("dates", "order"),
    [
        (["13/1/2024"], "D/M/Y"),
        (["1/13/2024"], "M/D/Y"),
        (["12/1/2024"], None),
        (["1/12/2024"], None),
        (["12/12/2024"], None),
        (["13/12/2024"], "D/M/Y"),
        (["12/13/2024"], "M/D/Y"),
        (["1/2/2024", "31/3/2024", "4/5/2024"], "D/M/Y"),
        (["1/2/2024", "3/31/2024", "4/5/2024"], "M/D/Y"),
        (["13/1/2024", "1/13/2024"], None),
        (["13/13/2024"], None),
        (["2024-01-31", "2024/12/25"], None),
        (["2024-01-31", "25/12/2024", "soon"], "D/M/Y"),
    ],
)
def test_an_order_is_proved_by_a_number_above_twelve_and_by_nothing_less(files: Path, dates, order) -> None:
    assert prove_date_order(written(files, *dates), "f.csv") == order


def test_every_different_date_of_the_file_is_looked_at(files: Path) -> None:
    assert sorted(date_texts(written(files, "1/2/2024", "soon", "1/2/2024"), "f.csv")) == ["1/2/2024", "soon"]


def test_a_file_that_cannot_be_read_is_named_as_it_was_delivered(files: Path) -> None:
    files.write_text("no,header\n", encoding="utf-8")
    with pytest.raises(RejectedFile) as caught:
        prove_date_order(files, "march.csv")
    assert caught.value.place == "march.csv, line 1"
