"""Which delivered file supplies which month."""

import datetime as dt
from pathlib import Path

import pytest

from walmart_bi.sales.landing import NoFileForMonth, suppliers
from walmart_bi.stores.base import ObjectInfo
from walmart_bi.stores.directory import DirectoryStore
from walmart_bi_tests.corpus.case import file_of, good

TODAY = dt.date(2025, 4, 1)


@pytest.fixture
def store(tmp_path: Path) -> DirectoryStore:
    return DirectoryStore(tmp_path)


def supplied(store: DirectoryStore, *months: str) -> tuple[dict[str, str], list[str]]:
    """Name of the file of each month, and the names that were passed over."""
    unreadable: list[str] = []

    def pass_over(delivered: ObjectInfo, _: Exception) -> None:
        unreadable.append(delivered.key.removeprefix("raw_data/"))

    found = suppliers(store, months, today=TODAY, on_unreadable=pass_over)
    return {month: info.key.removeprefix("raw_data/") for month, info in found.items()}, unreadable


def deliver(store: DirectoryStore, *names: str, content: bytes = b"x") -> None:
    for name in names:
        store.write_bytes(f"raw_data/{name}", content)


def test_given_files_that_overlap_when_asked_then_the_newest_one_supplies_each_month(store: DirectoryStore):
    deliver(store, "2025-01_2025-03.csv", "2025-02.csv")
    months = ("2025-01", "2025-02", "2025-03")
    assert supplied(store, *months)[0] == dict(
        zip(months, ("2025-01_2025-03.csv", "2025-02.csv", "2025-01_2025-03.csv"), strict=True)
    )


def test_given_an_old_correction_when_a_newer_history_comes_then_the_history_supplies_all(store: DirectoryStore):
    deliver(store, "2025-02.csv", "2025-01_2025-03.csv")
    assert supplied(store, "2025-02")[0] == {"2025-02": "2025-01_2025-03.csv"}


def test_given_a_name_without_a_month_when_asked_then_its_dates_decide(store: DirectoryStore):
    deliver(store, "export.csv", content=file_of(good(3)))
    assert supplied(store, "2024-03")[0] == {"2024-03": "export.csv"}


def test_given_an_unreadable_name_without_a_month_when_asked_then_it_is_passed_over_and_told(store: DirectoryStore):
    deliver(store, "2024-03.csv")
    deliver(store, "notes.pdf", content=b"%PDF-1.7")
    assert supplied(store, "2024-03") == ({"2024-03": "2024-03.csv"}, ["notes.pdf"])


def test_given_every_month_has_a_newer_file_when_asked_then_older_files_are_not_read(store: DirectoryStore):
    deliver(store, "unreadable.pdf", content=b"%PDF-1.7")
    deliver(store, "2024-03.csv")
    assert supplied(store, "2024-03") == ({"2024-03": "2024-03.csv"}, [])


def test_given_months_without_a_file_when_asked_then_the_error_names_them_all(store: DirectoryStore):
    deliver(store, "2025-01.csv")
    with pytest.raises(NoFileForMonth, match=r"2025-02, 2025-03") as caught:
        supplied(store, "2025-01", "2025-03", "2025-02")
    assert "walmart-bi load" in caught.value.next_step
