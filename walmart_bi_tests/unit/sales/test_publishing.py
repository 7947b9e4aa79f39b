"""From a delivered object to a published month in a real store: names of what is set aside, and losses on the way."""

import csv
import dataclasses
import datetime as dt
import hashlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from walmart_bi.errors import WalmartBiError
from walmart_bi.records import MonthlyObject
from walmart_bi.sales import cleaned_file, decoding
from walmart_bi.sales.cleaned_in_parts import Elsewhere
from walmart_bi.sales.cluster import Cluster
from walmart_bi.sales.contract import CONTRACT_VERSION, OUTPUT_COLUMNS, DuplicatePolicy
from walmart_bi.sales.errors import RejectedFile
from walmart_bi.sales.gates import refusals
from walmart_bi.sales.month_files import MonthFiles
from walmart_bi.sales.object_names import short_name
from walmart_bi.sales.publishing import RefusedMonth, clean_into_store, inspect_delivered, preview_rows, publish
from walmart_bi.sales.rejection import report_rejected
from walmart_bi.sales.set_aside import SetAside
from walmart_bi.stores.base import MONTHLY_DATA, QUARANTINE, STAGING, ObjectChanged, ObjectInfo
from walmart_bi.stores.directory import DirectoryStore
from walmart_bi_tests.corpus.case import TODAY, each, good, record, text_of
from walmart_bi_tests.unit.sales.in_parts import Here

FEBRUARY, MARCH = "2024-02", "2024-03"
REPEATED = (record(900), record(901, purchase_date="2024-02-07"))
ROWS = [*good(200), *REPEATED, *REPEATED, *each("purchase_amount", "0", "-1")]
LONG_NAME = "delivery" + "é" * 119 + ".csv"

Lossy = Callable[[pytest.MonkeyPatch], None]


@pytest.fixture
def store(tmp_path: Path) -> DirectoryStore:
    return DirectoryStore(tmp_path / "bucket")


def cleaned(
    store: DirectoryStore, *months: str, name: str = "sales.csv", policy: DuplicatePolicy = "auto"
) -> dict[str, Any]:
    source = inspect_delivered(store, store.write_bytes(f"raw_data/{name}", text_of(ROWS).encode()))
    return clean_into_store(store, source, months=months, today=TODAY, policy=policy)


def lines(store: DirectoryStore, key: str | None) -> list[str]:
    assert key is not None
    return [row["line"] for row in csv.DictReader(store.read_bytes(key).decode().splitlines())]


def test_given_nothing_lost_when_published_then_the_month_is_there(store: DirectoryStore) -> None:
    month = cleaned(store, MARCH)[MARCH]
    assert (month.counts.loaded, month.counts.quarantined, month.counts.duplicates_removed) == (201, 2, 1)
    assert publish(store, month).key == f"{MONTHLY_DATA}{MARCH}/walmart_sales_{MARCH}_{month.sha256[:16]}.parquet"


def test_given_a_file_replaced_since_it_was_listed_then_it_is_not_inspected(store: DirectoryStore) -> None:
    listed = store.write_bytes("raw_data/sales.csv", text_of(ROWS).encode())
    store.write_bytes("raw_data/sales.csv", text_of(good(3)).encode())
    with pytest.raises(ObjectChanged):
        inspect_delivered(store, listed)


def test_given_a_file_replaced_since_it_was_inspected_when_cleaned_then_nothing_is_staged(
    store: DirectoryStore,
) -> None:
    source = inspect_delivered(store, store.write_bytes("raw_data/sales.csv", text_of(ROWS).encode()))
    store.write_bytes("raw_data/sales.csv", text_of(good(3)).encode())
    with pytest.raises(ObjectChanged):
        clean_into_store(store, source, months=[MARCH], today=TODAY, policy="auto")
    assert [item.key for item in store.list("")] == ["raw_data/sales.csv"]


def test_a_staged_month_says_what_lies_where_and_what_became_of_the_file(store: DirectoryStore) -> None:
    told: list[int] = []
    source = inspect_delivered(store, store.write_bytes("raw_data/sales.csv", text_of(ROWS).encode()))
    staged = clean_into_store(
        store, source, months=[FEBRUARY, MARCH], today=TODAY, policy="drop_exact", progress=told.append
    )
    march = staged[MARCH]
    content = store.read_bytes(march.key)
    folder = f"{QUARANTINE}{short_name(source.key)}_{source.sha256[:12]}"
    aside = {
        kind: f"{folder}/{hashlib.sha256(store.read_bytes(key or '')).hexdigest()[:12]}_{kind}.csv"
        for kind, key in (("rows", march.quarantine_key), ("duplicates", march.duplicates_key))
    }
    assert list(staged) == [FEBRUARY, MARCH]
    assert march.key == f"{STAGING}cleaned_sales/{MARCH}_{hashlib.sha256(content).hexdigest()}.parquet"
    assert (march.month, march.sha256, march.size) == (MARCH, hashlib.sha256(content).hexdigest(), len(content))
    assert (march.totals.rows, march.quarantined, march.duplicates_removed) == (201, 2, 1)
    assert (march.source, march.counts.raw_records) == (source, len(ROWS))
    assert (march.duplicate_policy, march.contract_version) == ("drop_exact", CONTRACT_VERSION)
    assert march.distinct_customer_share == pytest.approx(202 / 204)  # of the good rows, two repeat
    assert (march.quarantine_key, march.duplicates_key) == (aside["rows"], aside["duplicates"])
    assert (staged[FEBRUARY].totals.rows, staged[FEBRUARY].duplicates_removed) == (1, 1)
    assert told[-1] == len(ROWS)


def test_given_somewhere_else_to_clean_when_cleaned_then_the_staged_months_say_the_same(store: DirectoryStore) -> None:
    opened: list[Cluster] = []

    @contextmanager
    def elsewhere() -> Iterator[Cluster]:
        opened.append(Here())
        yield opened[-1]

    source = inspect_delivered(store, store.write_bytes("raw_data/sales.csv", text_of(ROWS).encode()))
    staged = [
        clean_into_store(store, source, months=[MARCH], today=TODAY, policy="auto", elsewhere=place)[MARCH]
        for place in (None, Elsewhere(elsewhere, store, pytest.fail, 4_000))
    ]
    assert len(opened) == 1
    alone, in_parts = (dataclasses.replace(month, key="", sha256="", size=0) for month in staged)
    assert in_parts == alone


def test_a_file_that_is_larger_than_one_process_takes_is_inspected_for_a_cluster_only(
    store: DirectoryStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    delivered = store.write_bytes("raw_data/sales.csv", text_of(ROWS).encode())
    source = inspect_delivered(store, delivered)
    monkeypatch.setattr(decoding, "CHUNK_BYTES", 1_000)
    monkeypatch.setattr(decoding, "MAX_TEXT_BYTES", delivered.size - 1)
    with pytest.raises(RejectedFile, match="bytes of text"):
        inspect_delivered(store, delivered)
    assert inspect_delivered(store, delivered, in_parts=True) == source


def test_a_preview_shows_the_first_rows_without_the_customer(store: DirectoryStore) -> None:
    staged = cleaned(store, MARCH)[MARCH]
    names, rows = preview_rows(store, staged, 2)
    assert names == [column.name for column in OUTPUT_COLUMNS if column.name != "customer_id"]
    assert [dict(zip(names, row, strict=True))["source_line"] for row in rows] == [2, 3]
    assert dict(zip(names, rows[0], strict=True))["city"] == record(1)[3]


def test_a_preview_of_a_month_without_rows_has_none(store: DirectoryStore) -> None:
    names, rows = preview_rows(store, cleaned(store, "2024-01")["2024-01"])
    assert (len(names), rows) == (14, [])


def test_a_refused_month_names_file_and_month_and_where_the_reasons_lie(store: DirectoryStore) -> None:
    staged = cleaned(store, MARCH)[MARCH]
    short = dataclasses.replace(staged, counts=dataclasses.replace(staged.counts, loaded=200, quarantined=20))
    with pytest.raises(RefusedMonth) as caught:
        publish(store, short)
    assert caught.value.place == f"raw_data/sales.csv, month {MARCH}"
    assert caught.value.cause == " ".join(reason.text for reason in refusals(short))
    assert caught.value.next_step == (
        f"read the reasons in {store.uri(staged.quarantine_key or '')}, correct the file and deliver it again."
    )
    with pytest.raises(RefusedMonth) as caught:
        publish(store, dataclasses.replace(short, quarantine_key=None))
    assert caught.value.next_step == (
        "report this file to the maintainers: its counts do not add up, and nothing was loaded."
    )


def lossy_table(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = cleaned_file.as_table
    monkeypatch.setattr(cleaned_file, "as_table", lambda frame: whole(frame).slice(1))


def lossy_months(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = MonthFiles.add
    monkeypatch.setattr(MonthFiles, "add", lambda self, month, rows: whole(self, month, rows.slice(1)))


def lossy_writer(monkeypatch: pytest.MonkeyPatch) -> None:
    """Rows that were summed but never reach the Parquet file."""
    from walmart_bi.sales import month_files

    whole = month_files.pa.concat_tables
    monkeypatch.setattr(month_files.pa, "concat_tables", lambda tables: whole(tables).slice(1))


def lossy_set_aside(column: str) -> Lossy:
    """The first record of the file that has this column is lost."""

    def patch(monkeypatch: pytest.MonkeyPatch) -> None:
        whole, lost = SetAside.add, []

        def add(self: Any, line: int, *texts: Any, raw: bytes) -> None:
            if column in self._columns and not lost:
                lost.append(line)
            else:
                whole(self, line, *texts, raw=raw)

        monkeypatch.setattr(SetAside, "add", add)

    return patch


@pytest.mark.parametrize(
    "lossy",
    [lossy_table, lossy_months, lossy_writer, lossy_set_aside("reasons"), lossy_set_aside("first_line")],
    ids=["between cleaning and the month", "into the month", "into Parquet", "into quarantine", "into duplicates"],
)
def test_given_a_record_lost_after_cleaning_when_published_then_it_is_refused(
    store: DirectoryStore, lossy: Lossy, monkeypatch: pytest.MonkeyPatch
) -> None:
    lossy(monkeypatch)
    month = cleaned(store, MARCH)[MARCH]
    with pytest.raises(RefusedMonth, match=r"206 records came in, .* are 205\."):
        publish(store, month)
    assert list(store.list(MONTHLY_DATA)) == []


@pytest.mark.parametrize("policy", ["drop_exact", "quarantine"])
def test_given_a_loaded_file_when_loaded_again_for_fewer_months_then_what_was_set_aside_stays(
    store: DirectoryStore, policy: DuplicatePolicy
) -> None:
    both = cleaned(store, FEBRUARY, MARCH, policy=policy)[MARCH]
    keys = [key for key in (both.quarantine_key, both.duplicates_key) if key is not None]
    before = {key: store.read_bytes(key) for key in keys}
    fewer = cleaned(store, MARCH, policy=policy)[MARCH]
    assert {key: store.read_bytes(key) for key in keys} == before
    again = cleaned(store, FEBRUARY, MARCH, policy=policy)[MARCH]
    assert (again.quarantine_key, again.duplicates_key) == (both.quarantine_key, both.duplicates_key)
    if policy == "drop_exact":
        assert lines(store, both.duplicates_key) == ["204", "205"]
        assert lines(store, fewer.duplicates_key) == ["204"]


def test_given_a_name_as_long_as_a_file_system_allows_when_loaded_then_its_rows_are_set_aside(
    store: DirectoryStore,
) -> None:
    assert len(LONG_NAME.encode()) == 250
    month = cleaned(store, MARCH, name=LONG_NAME)[MARCH]
    assert month.quarantine_key is not None
    folder = month.quarantine_key.split("/")[1]
    assert folder == f"delivery{'é' * 46}_{month.source.sha256[:12]}"
    assert len(lines(store, month.quarantine_key)) == 2


def test_given_a_rejected_file_with_a_very_long_name_when_reported_then_the_report_names_it_whole(
    store: DirectoryStore,
) -> None:
    delivered = store.write_bytes(f"raw_data/{LONG_NAME}", b"PK\x03\x04")
    error = WalmartBiError("It is a zip file.", place=delivered.key, next_step="unpack it.")
    key = report_rejected(store, delivered, error, at=dt.datetime(2024, 3, 20, tzinfo=dt.UTC))
    assert key.startswith(f"{QUARANTINE}rejected/delivery{'é' * 46}_")
    assert LONG_NAME in store.read_bytes(key).decode()


def test_given_a_month_that_another_run_published_meanwhile_when_previewed_and_published_then_it_is_that_object(
    store: DirectoryStore,
) -> None:
    staged = cleaned(store, MARCH)[MARCH]
    before = preview_rows(store, staged)
    published = publish(store, staged)  # by the other run, which clears the staged object
    assert len(before[1]) == 5
    assert preview_rows(store, staged) == before
    assert publish(store, staged) == published


class OvertakenStore(DirectoryStore):
    """Between the writing of a staged month and the look at it, another run of the same content publishes it."""

    other: MonthlyObject | None = None

    def head(self, key: str) -> ObjectInfo:
        if self.other is not None and key == self.other.key:
            other, self.other = self.other, None
            publish(self, other)
        return super().head(key)


def test_given_a_month_that_another_run_publishes_while_it_is_staged_then_this_run_goes_on(tmp_path: Path) -> None:
    store = OvertakenStore(tmp_path / "bucket")
    store.other = cleaned(store, MARCH)[MARCH]
    staged = cleaned(store, MARCH)[MARCH]
    assert store.other is None
    assert len(preview_rows(store, staged)[1]) == 5
    assert publish(store, staged).key.startswith(f"{MONTHLY_DATA}{MARCH}/")
