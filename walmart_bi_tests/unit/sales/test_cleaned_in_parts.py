"""A file cleaned in parts: the rows, the rejected records and every count are those of one process."""

import dataclasses
import gzip
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest

from walmart_bi.sales import cleaned_in_parts, decoding, parts, reading
from walmart_bi.sales.cluster import ClusterError
from walmart_bi.sales.errors import RejectedFile, SourceChanged
from walmart_bi.sales.inspection import months_in
from walmart_bi.sales.part_tasks import Job, survey
from walmart_bi.sales.parts import cut
from walmart_bi.sales.record_hashes import RecordHasher
from walmart_bi.stores.base import ObjectChanged, StoreError
from walmart_bi.stores.directory import DirectoryStore
from walmart_bi.stores.s3 import S3Store
from walmart_bi_tests import s3_servers
from walmart_bi_tests.corpus import CASES, Case
from walmart_bi_tests.corpus.case import HEADER, MARCH, TODAY, each, good, record, text_of
from walmart_bi_tests.unit.sales.in_parts import Delivered, here, outcome
from walmart_bi_tests.unit.sales.test_cleaned_file import MONTHS, dirty_rows

POLICIES = ["auto", "keep", "drop_exact", "quarantine"]


# Compressed files are not cut, which has a test of its own; the bombs among them only cost time.
TEXTS = [case for case in CASES if "bomb" not in case.name]


def nasty() -> bytes:
    """A mark in front, quoted line ends, damaged bytes, copies far from their first, the proof of D/M/Y at the end."""
    quoted = [record(2000 + number, city=f"Port\nWren\r\n{number % 4}, North") for number in range(40)]
    year_last = [record(3000 + number, purchase_date="02/03/2024") for number in range(30)]
    text = text_of([*quoted, *dirty_rows(), *year_last, *quoted[:9], *good(5), record(9, purchase_date="31/01/2024")])
    damaged = b'C1,"open" x,y\n\n\r\nC2,\0,1\nC\xff3,1\n' + text_of([record(1)[:4]], header=None).encode()
    lines = text.encode().split(b"\n")
    return b"\xef\xbb\xbf" + b"\n".join([*lines[:200], damaged.rstrip(b"\n"), *lines[200:]])


@pytest.mark.parametrize("policy", POLICIES)
def test_given_a_nasty_file_when_cleaned_in_parts_then_it_is_as_from_one_process(tmp_path: Path, policy: str) -> None:
    file = Delivered(nasty(), "sales.csv", tmp_path)
    whole = outcome(file.whole(months=MONTHS, policy=policy))
    assert whole["counts"].quarantined > 20 and whole["counts"].raw_records == file.source.records

    for part_bytes in (20_000, 3_001):
        cleaned = file.in_parts(part_bytes, months=MONTHS, policy=policy)
        assert outcome(cleaned) == whole
    assert file.left_behind() == [] and file.said == []


def test_the_nasty_file_is_cut_into_many_parts_and_holds_copies_of_records_of_other_parts(tmp_path: Path) -> None:
    file = Delivered(nasty(), "sales.csv", tmp_path)
    outline = cut(file.path, file.source.key, part_bytes=3_001)
    assert outline is not None and len(outline.parts) > 15
    lines = [part.first_line for part in outline.parts]
    _, *copies = outcome(file.in_parts(3_001, months=MONTHS, policy="drop_exact"))["duplicates"]
    apart = [
        1
        for _, line, first, _ in copies
        if len({sum(begin <= int(each) for begin in lines) for each in (line, first)}) > 1
    ]
    assert len(apart) > 10


def test_given_every_record_twice_when_cleaned_in_parts_then_the_policy_counts_different_records(
    tmp_path: Path,
) -> None:
    rows = good(60)
    file = Delivered(text_of([*rows, *rows]).encode(), MARCH, tmp_path)
    cleaned = file.in_parts(1_000, months=["2024-03"])
    assert (cleaned.counts.loaded, cleaned.counts.duplicates_removed) == (60, 60)
    assert (cleaned.duplicate_policy, cleaned.distinct_customer_share) == ("drop_exact", 1.0)
    assert outcome(cleaned) == outcome(file.whole(months=["2024-03"]))


@pytest.mark.parametrize("case", TEXTS, ids=lambda case: case.name)
def test_given_any_file_of_the_corpus_its_verdict_is_that_of_one_process(case: Case, tmp_path: Path) -> None:
    file = Delivered(case.bytes(), case.file_name, tmp_path)
    try:
        source = file.source
        months = case.months or tuple(source.declared_months) or months_in(file.path, TODAY, key=source.key)
    except RejectedFile:
        return  # refused before any cleaning
    part_bytes = max(200, source.size // 5)
    try:
        whole = outcome(file.whole(months=months, policy=case.policy))
    except RejectedFile as expected:
        with pytest.raises(RejectedFile) as caught:
            file.in_parts(part_bytes, months=months, policy=case.policy)
        assert (caught.value.reason, str(caught.value)) == (expected.reason, str(expected))
    else:
        assert outcome(file.in_parts(part_bytes, months=months, policy=case.policy)) == whole
    assert file.left_behind() == []


def test_given_the_same_file_again_then_its_months_have_the_same_bytes(tmp_path: Path) -> None:
    file = Delivered(nasty(), "sales.csv", tmp_path)
    first, again = (file.in_parts(5_000, months=MONTHS) for _ in range(2))
    assert [part.sha256 for part in first.months.values()] == [part.sha256 for part in again.months.values()]


def test_given_a_compressed_file_then_it_is_cleaned_in_one_process_and_a_line_says_so(tmp_path: Path) -> None:
    file = Delivered(gzip.compress(nasty()), "sales.csv.gz", tmp_path)
    assert outcome(file.in_parts(700, months=MONTHS)) == outcome(file.whole(months=MONTHS))
    assert len(file.said) == 1 and "raw_data/sales.csv.gz" in file.said[0]


def test_given_a_file_of_one_part_then_no_cluster_is_asked_for(tmp_path: Path) -> None:
    def unreachable() -> object:
        raise AssertionError("a cluster was opened")

    file = Delivered(nasty(), "sales.csv", tmp_path)
    assert file.in_parts(parts.PART_BYTES, cluster=unreachable, months=MONTHS).counts.loaded > 0


def test_progress_is_told_part_by_part_up_to_all_records(tmp_path: Path) -> None:
    file = Delivered(nasty(), "sales.csv", tmp_path)
    told: list[int] = []
    file.in_parts(5_000, months=MONTHS, progress=told.append)
    assert told == sorted(told) and len(told) == 10 and told[-1] == file.source.records


def test_given_the_object_is_replaced_while_parts_are_read_then_nothing_comes_of_it(tmp_path: Path) -> None:
    file = Delivered(nasty(), "sales.csv", tmp_path)
    assert file.store.write_bytes(file.source.key, nasty()).etag != file.source.etag
    with pytest.raises(ObjectChanged):
        file.in_parts(5_000, months=MONTHS)
    assert file.left_behind() == []


def test_given_the_file_is_in_s3_when_cleaned_in_parts_then_it_is_as_from_one_process(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for variable, value in s3_servers.variables(s3_servers.moto()).items():
        monkeypatch.setenv(variable, value)
    with s3_servers.new_bucket(s3_servers.moto()) as bucket:
        file = Delivered(nasty(), "sales.csv", tmp_path, S3Store(bucket, "retail"))
        cleaned = file.in_parts(30_000, months=MONTHS, policy="drop_exact")
        assert outcome(cleaned) == outcome(file.whole(months=MONTHS, policy="drop_exact"))
        assert file.left_behind() == []


def test_given_other_bytes_than_were_inspected_then_nothing_comes_of_it(tmp_path: Path) -> None:
    file = Delivered(nasty(), "sales.csv", tmp_path)
    file.source = dataclasses.replace(file.source, sha256="0" * 64)
    with pytest.raises(SourceChanged):
        file.in_parts(5_000, months=MONTHS)


def test_given_too_many_records_outside_the_months_of_the_name_then_the_file_is_rejected(tmp_path: Path) -> None:
    content = text_of([*good(80), *each("purchase_date", *["2024-02-01"] * 5)]).encode()
    file = Delivered(content, MARCH, tmp_path)
    with pytest.raises(RejectedFile) as whole:
        file.whole(months=["2024-03"])
    with pytest.raises(RejectedFile) as caught:
        file.in_parts(900, months=["2024-03"])
    assert str(caught.value) == str(whole.value)
    assert file.left_behind() == []


def test_given_a_worker_of_another_version_then_one_line_says_what_to_do(tmp_path: Path) -> None:
    file = Delivered(nasty(), "sales.csv", tmp_path)
    outline = cut(file.path, file.source.key, part_bytes=5_000)
    assert outline is not None
    hasher = RecordHasher(len(HEADER))
    job = Job(
        file.store, file.source, outline.header, hasher, "staging/parts/x/", 2, contract_version="of another time"
    )
    with pytest.raises(ClusterError, match=r"of another time.*same version of walmart_bi on every worker"):
        survey(job, outline.parts[0])


def test_given_pieces_that_cannot_be_removed_then_the_result_stands(tmp_path: Path, monkeypatch, caplog) -> None:
    def refused(store: DirectoryStore, prefix: str) -> None:
        raise StoreError("No.", place=prefix, next_step="none")

    file = Delivered(nasty(), "sales.csv", tmp_path)
    monkeypatch.setattr(DirectoryStore, "list", refused)
    assert file.in_parts(5_000, months=MONTHS, cluster=here).counts.raw_records == file.source.records
    assert "left behind" in caplog.text


def lossy_months(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = cleaned_in_parts._rows
    monkeypatch.setattr(cleaned_in_parts, "_rows", lambda job, key: (rows.slice(1) for rows in whole(job, key)))


def lossy_quarantine(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = cleaned_in_parts._append

    def shortened(target: Path, piece: Path) -> int:
        piece.write_bytes(piece.read_bytes()[:-20])
        return whole(target, piece)

    monkeypatch.setattr(cleaned_in_parts, "_append", shortened)


@pytest.mark.parametrize("lossy", [lossy_months, lossy_quarantine])
def test_given_records_are_lost_on_the_way_from_a_worker_then_the_counts_do_not_add_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, lossy: Callable[[pytest.MonkeyPatch], None]
) -> None:
    file = Delivered(nasty(), "sales.csv", tmp_path)
    lossy(monkeypatch)
    counts = file.in_parts(5_000, months=MONTHS).counts
    fates = counts.loaded + counts.quarantined + counts.duplicates_removed + counts.other_months
    assert fates < counts.raw_records == file.source.records


@pytest.mark.parametrize(("module", "cap"), [(reading, "MAX_RECORDS"), (decoding, "MAX_TEXT_BYTES")])
def test_a_file_in_parts_may_be_larger_than_one_of_one_process_and_has_its_own_cap(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, module: ModuleType, cap: str
) -> None:
    file = Delivered(text_of(good(120)).encode(), MARCH, tmp_path)
    size = 60 if cap == "MAX_RECORDS" else file.path.stat().st_size // 2
    file.source = file.inspect()
    monkeypatch.setattr(decoding, "CHUNK_BYTES", 500)
    monkeypatch.setattr(module, cap, size)
    with pytest.raises(RejectedFile, match=r"docs/scale\.md"):
        file.whole(months=["2024-03"])
    assert file.inspect(in_parts=True) == file.source
    assert file.in_parts(2_000, months=["2024-03"]).counts.loaded == 120

    monkeypatch.setattr(module, f"{cap}_IN_PARTS", size)
    with pytest.raises(RejectedFile, match="has more than"):
        file.in_parts(2_000, months=["2024-03"])
