"""What one asset hands to the next comes back as it was, and a record that cannot be read says what to do."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from walmart_bi.handover import BrokenHandover, Handover, NotHandedOver
from walmart_bi.records import MonthlyObject
from walmart_bi.stores.directory import DirectoryStore
from walmart_bi_tests.builders import make_month

KEY = "staging/handover/cleaned_sales/2025-03.json"


@pytest.fixture
def store(tmp_path: Path) -> DirectoryStore:
    return DirectoryStore(tmp_path / "bucket")


def test_a_record_comes_back_as_it_was(store: DirectoryStore) -> None:
    month = make_month(store, "2025-03")
    Handover(store).write("cleaned_sales", "2025-03", month)

    assert Handover(store).read("cleaned_sales", "2025-03", MonthlyObject) == month


def test_given_no_record_then_the_asset_before_is_named(store: DirectoryStore) -> None:
    with pytest.raises(NotHandedOver, match="materialize cleaned_sales for 2025-03 first"):
        Handover(store).read("cleaned_sales", "2025-03", MonthlyObject)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"\xff\xfe",
        b"[]",
        b"7",
        b"{}",
        b'{"month": "2025-03"}',
        b'{"totals": [], "source": {}, "counts": {}}',
        b'{"totals": {}, "source": {}, "counts": {}}',
    ],
)
def test_given_a_record_that_cannot_be_read_then_its_place_and_the_next_step_are_named(
    store: DirectoryStore, content: bytes
) -> None:
    store.write_bytes(KEY, content)

    with pytest.raises(BrokenHandover) as caught:
        Handover(store).read("cleaned_sales", "2025-03", MonthlyObject)
    assert KEY in caught.value.place
    assert "materialize cleaned_sales for 2025-03 again" in caught.value.next_step


def test_given_a_record_of_another_version_of_the_code_then_the_field_is_named(store: DirectoryStore) -> None:
    fields = json.loads(make_month(store, "2025-03").to_json())
    store.write_bytes(KEY, json.dumps({**fields, "colour": "red"}).encode())

    with pytest.raises(BrokenHandover, match="colour"):
        Handover(store).read("cleaned_sales", "2025-03", MonthlyObject)
