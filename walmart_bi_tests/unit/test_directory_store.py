"""What is true of the directory store alone: files, links, rights, and names that a bucket never meets."""

from __future__ import annotations

import datetime as dt
import errno
import logging
import os
import shutil
import threading
from pathlib import Path

import pytest

from walmart_bi.stores import directory
from walmart_bi.stores.base import InvalidKey, ObjectNotFound, StoreError
from walmart_bi.stores.directory import DirectoryStore


@pytest.fixture
def root(tmp_path):
    return tmp_path / "home" / "bucket"


@pytest.fixture
def store(root):
    return DirectoryStore(root)


def keys(store: DirectoryStore, prefix: str = "") -> list[str]:
    return [info.key for info in store.list(prefix)]


def test_making_and_reading_a_store_creates_nothing(store, root):
    assert keys(store) == []
    with pytest.raises(ObjectNotFound):
        store.head("a")
    store.delete("a")
    store.uri("a")

    assert not root.parent.exists()


def test_a_relative_root_stays_where_it_was_when_the_working_directory_changes(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "elsewhere").mkdir()
    store = DirectoryStore(Path("bucket"))
    monkeypatch.chdir(tmp_path / "elsewhere")
    store.write_bytes("a", b"x")

    assert (tmp_path / "bucket" / "a").exists()


def test_a_root_that_is_itself_a_link_is_fine(tmp_path):
    (tmp_path / "disk").mkdir()
    (tmp_path / "bucket").symlink_to(tmp_path / "disk")
    store = DirectoryStore(tmp_path / "bucket")
    store.write_bytes("raw_data/a", b"x")

    assert keys(store) == ["raw_data/a"]
    assert store.read_bytes("raw_data/a") == b"x"


def test_fetch_gives_the_file_itself_and_copies_nothing(store, root):
    store.write_bytes("raw_data/a", b"x")

    with store.fetch("raw_data/a") as path:
        assert path == root / "raw_data" / "a"


def test_the_uri_opens_in_a_browser(store, root):
    assert store.uri("a b/é.csv") == (root / "a b" / "é.csv").as_uri()


# Version marks


def test_an_overwrite_with_equal_size_and_a_restored_mtime_is_a_new_version(store, root):
    first = store.write_bytes("raw_data/a", b"11")
    path = root / "raw_data" / "a"
    status = path.stat()
    with path.open("r+b") as file:
        file.write(b"22")
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))

    second = store.head("raw_data/a")
    assert path.stat().st_mtime_ns == status.st_mtime_ns
    assert path.stat().st_ino == status.st_ino
    assert second.etag != first.etag


def test_a_copied_file_that_keeps_an_old_mtime_counts_as_delivered_now(store, root, tmp_path):
    old = tmp_path / "old.csv"
    old.write_bytes(b"x")
    os.utime(old, (946_684_800, 946_684_800))
    before = store.write_bytes("raw_data/a", b"x").modified
    shutil.copy2(old, root / "raw_data" / "b")

    assert (root / "raw_data" / "b").stat().st_mtime == 946_684_800
    assert store.head("raw_data/b").modified >= before


def test_a_file_with_an_mtime_in_the_future_counts_as_delivered_now(store, root):
    store.write_bytes("raw_data/a", b"x")
    os.utime(root / "raw_data" / "a", (4_102_444_800, 4_102_444_800))

    assert store.head("raw_data/a").modified <= dt.datetime.now(dt.UTC)


def test_a_listing_reads_no_content(store, root):
    store.write_bytes("raw_data/a", b"x")
    path = root / "raw_data" / "a"
    os.utime(path, ns=(1, path.stat().st_mtime_ns))
    keys(store)

    assert path.stat().st_atime_ns == 1


# Links


def test_links_are_neither_listed_nor_read_nor_written_through(store, root, tmp_path, caplog):
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "secret").write_bytes(b"secret")
    store.write_bytes("raw_data/real", b"x")
    (root / "raw_data" / "file").symlink_to(outside / "secret")
    (root / "raw_data" / "folder").symlink_to(outside)
    (root / "raw_data" / "inside").symlink_to(root / "raw_data" / "real")
    (root / "raw_data" / "dangling").symlink_to(tmp_path / "nowhere")
    (root / "raw_data" / "loop").symlink_to(root / "raw_data" / "loop")
    source = tmp_path / "source"
    source.write_bytes(b"new")

    with caplog.at_level(logging.WARNING):
        assert keys(store) == ["raw_data/real"]
    assert caplog.text.count("symbolic link") == 5
    for key in ("file", "folder/secret", "inside", "dangling", "loop", "loop/a"):
        for attempt in (
            lambda key=key: store.read_bytes(f"raw_data/{key}"),
            lambda key=key: store.head(f"raw_data/{key}"),
            lambda key=key: store.put(f"raw_data/{key}", source),
            lambda key=key: store.put_new(f"raw_data/{key}", source),
            lambda key=key: store.delete(f"raw_data/{key}"),
        ):
            with pytest.raises(InvalidKey, match="symbolic link"):
                attempt()
    assert (outside / "secret").read_bytes() == b"secret"
    assert [path.name for path in outside.iterdir()] == ["secret"]


def test_a_landing_folder_that_is_a_link_is_said_and_not_passed_over(store, root, tmp_path):
    (tmp_path / "outside").mkdir()
    root.mkdir(parents=True)
    (root / "raw_data").symlink_to(tmp_path / "outside")

    with pytest.raises(InvalidKey, match=r"raw_data.*symbolic link"):
        store.list("raw_data/")


# Names


def test_a_name_that_cannot_be_a_key_is_not_listed_but_warned_about(store, root, caplog):
    store.write_bytes("raw_data/good.csv", b"x")
    for name in (b"latin-\xe9.csv", b"new\nline.csv", b"back\\slash.csv"):
        (root / "raw_data" / os.fsdecode(name)).write_bytes(b"x")

    with caplog.at_level(logging.WARNING):
        assert keys(store) == ["raw_data/good.csv"]
    assert caplog.text.count("rename the file") == 3
    caplog.text.encode()


def test_a_pipe_is_not_an_object(store, root):
    store.write_bytes("raw_data/a", b"x")
    os.mkfifo(root / "raw_data" / "pipe")

    assert keys(store) == ["raw_data/a"]
    with pytest.raises(ObjectNotFound):
        store.head("raw_data/pipe")


def test_a_name_longer_than_the_file_system_allows_is_an_error_that_says_so(store):
    for attempt in (lambda: store.write_bytes("a" * 300, b"x"), lambda: store.head("a" * 300)):
        with pytest.raises(StoreError, match="name too long"):
            attempt()


@pytest.mark.parametrize("name", ["a" * 255, "ü" * 127])
def test_the_longest_name_of_the_file_system_can_be_written(store, name):
    store.write_bytes(f"raw_data/{name}", b"x")

    assert keys(store) == [f"raw_data/{name}"]


# What stands in the way


def test_a_file_where_a_folder_is_needed_is_an_error_that_says_so(store):
    store.write_bytes("raw_data", b"x")

    for attempt in (lambda: store.write_bytes("raw_data/a", b"x"), lambda: store.write_bytes("raw_data/a/b", b"x")):
        with pytest.raises(StoreError, match="rename the one in the way"):
            attempt()
    assert store.read_bytes("raw_data") == b"x"


def test_a_folder_where_an_object_is_needed_is_an_error_that_says_so(store, tmp_path):
    store.write_bytes("raw_data/a", b"x")
    source = tmp_path / "source"
    source.write_bytes(b"x")

    for attempt in (
        lambda: store.put("raw_data", source),
        lambda: store.put_new("raw_data", source),
        lambda: store.delete("raw_data"),
    ):
        with pytest.raises(StoreError, match="rename the one in the way"):
            attempt()
    assert keys(store) == ["raw_data/a"]


def test_a_root_that_is_a_file_is_an_error_that_says_so(tmp_path):
    (tmp_path / "bucket").write_bytes(b"x")

    with pytest.raises(StoreError, match=r"bucket.*Not a directory.*rename"):
        DirectoryStore(tmp_path / "bucket").list("")


def test_a_local_file_that_is_missing_is_named(store, tmp_path):
    with pytest.raises(ObjectNotFound, match=r"gone\.csv"):
        store.put("raw_data/a", tmp_path / "gone.csv")


# What the system refuses


@pytest.mark.parametrize("write", ["put", "put_new", "write_bytes"])
def test_a_directory_that_cannot_be_created_is_an_error_about_the_directory(tmp_path, write):
    """The kernel answers "no such file" to whoever makes a directory in /proc, whatever his rights."""
    source = tmp_path / "source"
    source.write_bytes(b"x")
    store = DirectoryStore(Path("/proc/walmart_bi/bucket"))

    with pytest.raises(StoreError, match=r"/proc/walmart_bi/bucket/raw_data.*cannot be created") as caught:
        getattr(store, write)("raw_data/a", b"x" if write == "write_bytes" else source)
    assert not isinstance(caught.value, ObjectNotFound)
    assert "WALMART_BI_HOME" in caught.value.next_step


@pytest.fixture
def refuse(monkeypatch):
    """Make one system call of the store fail (rights cannot be taken from the superuser who may run the tests)."""

    def arrange(owner: object, name: str, number: int) -> None:
        def refused(*_args: object, **_kwargs: object) -> None:
            raise OSError(number, os.strerror(number))

        monkeypatch.setattr(owner, name, refused)

    return arrange


def test_a_full_disk_leaves_the_old_object_and_no_litter(store, root, refuse):
    store.write_bytes("raw_data/a", b"old")
    refuse(directory.shutil, "copyfileobj", errno.ENOSPC)

    with pytest.raises(StoreError, match=r"No space left.*free disk space"):
        store.write_bytes("raw_data/a", b"new")
    assert store.read_bytes("raw_data/a") == b"old"
    assert [path.name for path in (root / "raw_data").iterdir()] == ["a"]


def test_missing_rights_are_named_with_the_next_step(store, root, refuse):
    store.write_bytes("raw_data/a", b"old")
    refuse(directory.os, "scandir", errno.EACCES)

    with pytest.raises(StoreError, match=r"bucket.*Permission denied.*rights"):
        store.list("")


def test_an_unknown_refusal_still_names_cause_and_place(store, refuse):
    store.write_bytes("raw_data/a", b"old")
    refuse(directory.os, "fsync", errno.EIO)

    with pytest.raises(StoreError, match=r"raw_data/a.*Input/output error.*check the disk"):
        store.write_bytes("raw_data/a", b"new")


def test_a_file_that_vanishes_during_a_listing_is_left_out(store, root, monkeypatch):
    for name in "abc":
        store.write_bytes(f"raw_data/{name}", b"x")
    real = directory.is_hidden

    def vanish(name: str) -> bool:
        (root / "raw_data" / "b").unlink(missing_ok=True)
        return real(name)

    monkeypatch.setattr(directory, "is_hidden", vanish)
    assert keys(store) == ["raw_data/a", "raw_data/c"]


def test_a_writer_that_hangs_gives_a_bounded_error(store, monkeypatch):
    store.write_bytes("a", b"old")
    monkeypatch.setattr(directory, "_LOCK_SECONDS", 0.05)
    held, release = threading.Event(), threading.Event()

    def hang() -> None:
        with store._locked():
            held.set()
            release.wait(10)

    thread = threading.Thread(target=hang)
    thread.start()
    held.wait(10)
    try:
        with pytest.raises(StoreError, match="Another process has been writing"):
            store.write_bytes("a", b"new")
    finally:
        release.set()
        thread.join()
    assert store.read_bytes("a") == b"old"


def test_objects_get_the_rights_that_the_umask_allows(store, root):
    before = os.umask(0o022)
    try:
        store.write_bytes("a", b"x")
    finally:
        os.umask(before)

    assert (root / "a").stat().st_mode & 0o777 == 0o644
