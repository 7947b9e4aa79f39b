"""Each call of the file system by stores, warehouse, cleaning, snapshot and command line, and what refuses it.

A short run lets each call meet a file that vanished, which many calls may pass over, and one of the other faults, which
are told alike (`choice.py`); `WALMART_BI_ALL_FAULTS=1`, as `make proof` sets it, lets each call meet all of them.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Callable

import pytest

from walmart_bi_tests.faults.choice import chosen
from walmart_bi_tests.faults.file_works import (
    Place,
    being_busy,
    cleaning,
    cleaning_in_parts,
    cleaning_parquet,
    deleting,
    handing_out_the_latest_files,
    listing,
    loading,
    loading_an_object,
    looking,
    looking_at_rows,
    looking_at_the_snapshot,
    making_a_sample,
    opening_the_story,
    publishing,
    publishing_again,
    reading,
    unpacking,
    writing,
    writing_once,
)
from walmart_bi_tests.faults.injection import raised_at
from walmart_bi_tests.faults.outcomes import NOTHING, Work, outcome
from walmart_bi_tests.faults.sites import sites_of

_STORE, _CLEANING = "stores/directory.py ", "sales/"
CASES: dict[str, Callable[[Place], Work]] = {
    f"{_STORE}DirectoryStore.head path.stat": looking,
    f"{_STORE}DirectoryStore.put_new path.exists": writing_once,
    f"{_STORE}DirectoryStore.put_new path.open": writing_once,
    f"{_STORE}DirectoryStore.read_bytes path.read_bytes": reading,
    f"{_STORE}DirectoryStore.delete path.unlink": deleting,
    f"{_STORE}DirectoryStore._path path.is_symlink": reading,
    f"{_STORE}DirectoryStore._write path.parent.mkdir": writing,
    f"{_STORE}DirectoryStore._write temporary.open": writing,
    f"{_STORE}DirectoryStore._write shutil.copyfileobj": writing,
    f"{_STORE}DirectoryStore._write target.flush": writing,
    f"{_STORE}DirectoryStore._write os.fsync": writing,
    f"{_STORE}DirectoryStore._write path.exists": writing_once,
    f"{_STORE}DirectoryStore._write temporary.replace": writing,
    f"{_STORE}DirectoryStore._write temporary.unlink": writing,
    f"{_STORE}_walk os.scandir": listing,
    f"{_STORE}_walk entry.is_dir": listing,
    f"{_STORE}_walk entry.stat": listing,
    f"{_STORE}_can_be_listed entry.is_symlink": listing,
    f"{_STORE}_sync_directory os.open": writing,
    f"{_STORE}_sync_directory os.fsync": writing,
    f"{_STORE}_sync_directory os.close": writing,
    "stores/local_files.py opened source.open": writing,
    "warehouse/duckdb_file.py DuckDbFile.exists self._path.exists": loading,
    "warehouse/duckdb_file.py DuckDbFile.change self._path.parent.mkdir": loading,
    "warehouse/duckdb_file.py DuckDbFile._create_file leftover.unlink": loading,
    "warehouse/duckdb_file.py DuckDbFile._create_file new.replace": loading,
    "warehouse/month_object.py _parquet_columns pq.read_schema": loading_an_object,
    "warehouse/month_object.py require_limits pq.ParquetFile": loading_an_object,
    "warehouse/month_object.py require_limits file.read_row_group": loading_an_object,
    "warehouse/locking.py DatabaseLock._sign self._holder_path.write_text": being_busy,
    "warehouse/locking.py DatabaseLock._unsign self._holder_path.unlink": being_busy,
    "warehouse/locking.py DatabaseLock._holder self._holder_path.read_text": being_busy,
    f"{_CLEANING}extra_copies.py ExtraCopies.add self._writer.write_table": cleaning,
    f"{_CLEANING}month_files.py _OpenMonth.write self.writer.write_table": cleaning,
    f"{_CLEANING}month_files.py _writer pq.ParquetWriter": cleaning,
    f"{_CLEANING}extra_copies.py ExtraCopies.add pa.ipc.new_stream": cleaning,
    f"{_CLEANING}extra_copies.py ExtraCopies.take self._writer.close": cleaning,
    f"{_CLEANING}month_files.py _OpenMonth.close self.writer.close": cleaning,
    f"{_CLEANING}month_files.py _OpenMonth.close pq.read_metadata": cleaning,
    f"{_CLEANING}set_aside.py SetAside.add self._writer.writerow": cleaning,
    f"{_CLEANING}set_aside.py SetAside.add self._writer.writerow #2": cleaning,
    f"{_CLEANING}set_aside.py SetAside.__exit__ self._file.close": cleaning,
    f"{_CLEANING}counting.py _count_parquet pq.read_metadata": cleaning_parquet,
    f"{_CLEANING}parquet_reading.py open_parquet pq.read_metadata": cleaning_parquet,
    f"{_CLEANING}parquet_reading.py open_parquet pq.ParquetFile": cleaning_parquet,
    f"{_CLEANING}parquet_reading.py _batches file.iter_batches": cleaning_parquet,
    f"{_CLEANING}publishing.py _first_rows pq.ParquetFile": looking_at_rows,
    f"{_CLEANING}publishing.py _first_rows file.iter_batches": looking_at_rows,
    f"{_CLEANING}publishing.py clean_into_store tempfile.TemporaryDirectory": cleaning,
    f"{_CLEANING}part_tasks.py clean_part tempfile.TemporaryDirectory": cleaning_in_parts,
    f"{_CLEANING}cleaned_in_parts.py _append target.open": cleaning_in_parts,
    f"{_CLEANING}cleaned_in_parts.py _append file.write": cleaning_in_parts,
    f"{_CLEANING}cleaned_in_parts.py _append file.write #2": cleaning_in_parts,
    f"{_CLEANING}cleaned_in_parts.py _rows pq.ParquetFile": cleaning_in_parts,
    f"{_CLEANING}cleaned_in_parts.py _rows file.read_row_group": cleaning_in_parts,
    f"{_CLEANING}set_aside.py SetAside.add self._path.open": cleaning,
    f"{_CLEANING}sample.py write_sample path.parent.mkdir": making_a_sample,
    f"{_CLEANING}sample.py write_sample unfinished.open": making_a_sample,
    f"{_CLEANING}sample.py write_sample out.write": making_a_sample,
    f"{_CLEANING}sample.py write_sample out.writelines": making_a_sample,
    f"{_CLEANING}sample.py write_sample unfinished.replace": making_a_sample,
    "checks/bi.py _equals_views tempfile.TemporaryDirectory": looking_at_the_snapshot,
    "cli/open.py _fetched tempfile.mkdtemp": opening_the_story,
    "cli/open.py _fetched shutil.copyfile": opening_the_story,
    "reporting/artifacts.py publish_artifact shutil.copyfile": publishing_again,
    "reporting/csv_files.py write_csv path.open": publishing,
    "reporting/csv_files.py write_csv writer.writerow": publishing,
    "reporting/csv_files.py write_csv writer.writerows": publishing,
    "reporting/snapshot.py latest_files tempfile.TemporaryDirectory": handing_out_the_latest_files,
    "reporting/snapshot.py latest_files shutil.copyfile": handing_out_the_latest_files,
    "reporting/snapshot.py _publish tempfile.TemporaryDirectory": publishing,
    "reporting/snapshot.py _publish_once local.write_text": publishing,
    "reporting/story_files.py _insights_file.write path.write_bytes": publishing,
    "reporting/tableau/packages.py pack zipfile.ZipFile": publishing,
    "reporting/tableau/packages.py pack archive.writestr": publishing,
    "reporting/tableau/packages.py pack archive.open": publishing,
    "reporting/tableau/packages.py pack target.write": publishing,
    "reporting/tableau/packages.py unpacked_extract path.open": unpacking,
    "reporting/tableau/packages.py unpacked_extract target.write": unpacking,
}
SITES = {site.name: site for site in sites_of("file")}
FAULTS = {
    "disk full": errno.ENOSPC,
    "input/output error": errno.EIO,
    "no right": errno.EACCES,
    "vanished": errno.ENOENT,
}


@pytest.fixture(scope="module")
def works(tmp_path_factory: pytest.TempPathFactory) -> Callable[[Callable[[Place], Work]], Work]:
    """Of a first load there is one a directory; all other work is prepared once, and is right again after each test."""
    made: dict[Callable[[Place], Work], Work] = {}

    def work(prepare: Callable[[Place], Work]) -> Work:
        if prepare not in made or prepare in (loading, loading_an_object, writing_once):
            made[prepare] = prepare(Place(tmp_path_factory.mktemp("place")))
        return made[prepare]

    return work


@pytest.mark.parametrize(
    ("name", "fault"),
    [(name, fault) for name in CASES for fault in chosen(SITES[name], list(FAULTS), each=["vanished"])],
)
def test_given_the_file_system_refuses_a_call_when_it_is_made_then_it_is_right_or_one_line(
    works: Callable[[Callable[[Place], Work]], Work], name: str, fault: str
):
    site, work = SITES[name], works(CASES[name])
    error = OSError(FAULTS[fault], os.strerror(FAULTS[fault]))
    with raised_at(site, error) as meeting:
        got, _ = outcome(work.do)

    assert meeting.met, "the fault never met its call"
    assert got in (work.right, work.also_right, NOTHING), f"a wrong answer: {got!r}"
    assert work.do() == work.right
