"""What every object store promises. The same tests run on each entry of `stores.STORES`."""

from __future__ import annotations

import datetime as dt
import threading
import uuid
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from walmart_bi.stores.base import (
    InvalidKey,
    ObjectChanged,
    ObjectExists,
    ObjectNotFound,
    ObjectStore,
    StoreError,
    is_hidden,
    validate_key,
)
from walmart_bi.stores.s3 import S3Store
from walmart_bi_tests.contracts.stores import STORES, OpenStore
from walmart_bi_tests.processes import raced


@pytest.fixture(params=sorted(STORES))
def open_store(request, tmp_path):
    with STORES[request.param](tmp_path / "store") as opener:
        yield opener


@pytest.fixture
def store(open_store: OpenStore) -> ObjectStore:
    return open_store()


@pytest.fixture
def local(tmp_path):
    """Write a local file to put into a store."""

    def write(content: bytes, name: str = "local.bin") -> Path:
        path = tmp_path / name
        path.write_bytes(content)
        return path

    return write


def keys(store: ObjectStore, prefix: str = "") -> list[str]:
    return [info.key for info in store.list(prefix)]


# Round trip


@pytest.mark.parametrize("content", [b"", b"x", b"\x00\xff" * 700_000], ids=["empty", "one byte", "binary"])
def test_what_was_put_is_read_back_byte_for_byte(store, local, content):
    written = store.put("raw_data/a.bin", local(content))

    assert store.read_bytes("raw_data/a.bin") == content
    assert written.key == "raw_data/a.bin"
    assert written.size == len(content)
    with store.fetch("raw_data/a.bin") as path:
        assert path.read_bytes() == content


@pytest.mark.parametrize(("start", "stop"), [(0, 10), (0, 1), (9, 10), (3, 7), (4, 4)])
def test_a_range_is_the_bytes_from_start_up_to_stop(store, start, stop):
    written = store.write_bytes("a", b"0123456789")

    assert store.read_range("a", start, stop) == b"0123456789"[start:stop]
    assert store.read_range("a", start, stop, written.etag) == b"0123456789"[start:stop]


def test_a_range_of_another_version_is_refused(store):
    old = store.write_bytes("a", b"0123456789")
    store.write_bytes("a", b"9876543210")

    with pytest.raises(ObjectChanged):
        store.read_range("a", 0, 5, old.etag)


@pytest.mark.parametrize(("start", "stop"), [(5, 11), (10, 12), (20, 30)])
def test_a_range_beyond_the_end_is_refused(store, start, stop):
    store.write_bytes("a", b"0123456789")

    with pytest.raises(StoreError):
        store.read_range("a", start, stop)


def test_a_range_of_a_missing_object_is_not_found(store):
    with pytest.raises(ObjectNotFound):
        store.read_range("missing", 0, 5)


def test_write_bytes_and_put_and_put_new_store_the_same_object(store, local):
    store.write_bytes("a", b"content")
    store.put("b", local(b"content"))
    store.put_new("c", local(b"content"))

    assert {store.read_bytes(key) for key in "abc"} == {b"content"}


def test_the_entry_that_a_write_returns_is_the_one_that_head_and_list_show(store, local):
    for written in (
        store.put("k/put", local(b"1")),
        store.put_new("k/new", local(b"22")),
        store.write_bytes("k/bytes", b"333"),
    ):
        assert written == store.head(written.key)
        assert [written] == list(store.list(written.key))


def test_reading_does_not_change_the_version_mark(store):
    written = store.write_bytes("a", b"content")
    with store.fetch("a", written.etag) as path:
        path.read_bytes()

    assert store.head("a") == written


def test_modified_is_in_utc_and_says_when_the_object_was_written(store):
    before = dt.datetime.now(dt.UTC)
    modified = store.write_bytes("a", b"content").modified
    after = dt.datetime.now(dt.UTC)

    assert modified.utcoffset() == dt.timedelta(0)
    # S3 cuts to whole seconds, and a file system's clock may lag by a tick.
    assert before - dt.timedelta(seconds=2) <= modified <= after + dt.timedelta(seconds=2)


@pytest.mark.parametrize(
    "key",
    [
        "raw_data/Größe 日本語 🛒.csv",
        "raw_data/a+b&c=d %20 ?#.csv",
        'raw_data/it\'s "quoted".csv',
        "a/b../c..",
        "-/--x",
    ],
)
def test_a_key_in_any_language_or_punctuation_is_kept_exactly(store, key):
    store.write_bytes(key, b"content")

    assert keys(store) == [key]
    assert store.read_bytes(key) == b"content"
    assert store.uri(key).isprintable()


def test_composed_and_decomposed_accents_are_two_keys(store):
    store.write_bytes("caf\u00e9", b"composed")
    store.write_bytes("cafe\u0301", b"decomposed")

    assert store.read_bytes("caf\u00e9") == b"composed"
    assert store.read_bytes("cafe\u0301") == b"decomposed"


def test_the_uri_is_an_address_that_ends_with_the_object(store):
    store.write_bytes("raw_data/a.csv", b"x")

    scheme, _, rest = store.uri("raw_data/a.csv").partition("://")
    assert scheme in {"file", "s3"}
    assert rest.endswith("/raw_data/a.csv")


# Listing


def test_an_empty_store_lists_nothing(store):
    assert keys(store) == []
    assert keys(store, "raw_data/") == []


def test_a_listing_is_sorted_by_key_and_not_by_folder(store):
    names = ["b", "a.csv", "a/2", "a/10", "a/b/c", "a-1", "é", "Z", "a b"]
    for name in names:
        store.write_bytes(name, b"x")

    assert keys(store) == sorted(names)


def test_a_prefix_is_a_prefix_of_the_text_and_not_a_folder(store):
    for name in [
        "raw_data/2024-1.csv",
        "raw_data/2024-10.csv",
        "raw_data/x/2024-1",
        "raw_data_old/a",
        "other/raw_data/a",
    ]:
        store.write_bytes(name, b"x")

    assert keys(store, "raw_data/") == ["raw_data/2024-1.csv", "raw_data/2024-10.csv", "raw_data/x/2024-1"]
    assert keys(store, "raw_data/2024-1") == ["raw_data/2024-1.csv", "raw_data/2024-10.csv"]
    assert keys(store, "raw_data") == [
        "raw_data/2024-1.csv",
        "raw_data/2024-10.csv",
        "raw_data/x/2024-1",
        "raw_data_old/a",
    ]
    assert keys(store, "nothing/here/") == []


@pytest.fixture
def short_pages(store):
    """S3 is asked for fifty objects a page: its own thousand take twenty seconds to put there, and show no more.

    Yields the sizes of the pages that were asked for.
    """
    asked = []

    def ask_for_fifty(params, **_):
        asked.append(params.setdefault("MaxKeys", 50))

    if not isinstance(store, S3Store):
        yield asked
        return
    events = store._client.meta.events  # wherever the store is: a live bucket is a place of these tests too
    events.register("before-parameter-build.s3.ListObjectsV2", ask_for_fifty)
    yield asked
    events.unregister("before-parameter-build.s3.ListObjectsV2", ask_for_fifty)


def test_more_objects_than_a_listing_page_are_all_listed_once(store, short_pages):
    names = [f"many/{number:04d}" for number in range(120)]
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda name: store.write_bytes(name, name.encode()), names))

    listed = list(store.list("many/"))
    assert [info.key for info in listed] == names
    assert {info.size for info in listed} == {len("many/0000")}
    assert len({info.etag for info in listed}) == 120
    assert short_pages == ([50] * 3 if isinstance(store, S3Store) else [])


@pytest.mark.parametrize(
    "name",
    [".hidden", ".git/config", "a.tmp", "A.TMP", "a.csv.part", "a.crdownload", "a.filepart", "a.csv~", "x.part/a"],
)
def test_temporary_and_dot_names_are_not_listed(store, name):
    store.write_bytes(f"raw_data/{name}", b"half")
    store.write_bytes("raw_data/whole.csv", b"whole")

    assert is_hidden(name)
    assert keys(store, "raw_data/") == ["raw_data/whole.csv"]


# What is missing


def test_a_missing_object_is_reported_by_name(store):
    for attempt in (
        lambda: store.head("raw_data/none.csv"),
        lambda: store.read_bytes("raw_data/none.csv"),
        lambda: store.fetch("raw_data/none.csv").__enter__(),
        lambda: store.fetch("raw_data/none.csv", "etag").__enter__(),
    ):
        with pytest.raises(ObjectNotFound, match=r"raw_data/none\.csv.*Next step"):
            attempt()


def test_a_folder_is_not_an_object(store):
    store.write_bytes("raw_data/a.csv", b"x")

    with pytest.raises(ObjectNotFound):
        store.head("raw_data")


def test_deleting_removes_the_object_and_may_be_repeated(store):
    store.write_bytes("staging/a", b"x")
    store.write_bytes("staging/b", b"x")

    store.delete("staging/a")
    store.delete("staging/a")

    assert keys(store) == ["staging/b"]
    with pytest.raises(ObjectNotFound):
        store.head("staging/a")


# Write once


def test_putting_equal_bytes_again_is_a_no_op(store, local):
    first = store.put_new("monthly_data/a", local(b"content"))

    assert store.put_new("monthly_data/a", local(b"content", "copy.bin")) == first
    assert store.head("monthly_data/a") == first


@pytest.mark.parametrize("other", [b"CONTENT", b"content and more", b"cont", b""])
def test_putting_other_bytes_under_a_write_once_key_is_refused_and_changes_nothing(store, local, other):
    first = store.put_new("monthly_data/a", local(b"content"))

    with pytest.raises(ObjectExists, match=r"monthly_data/a"):
        store.put_new("monthly_data/a", local(other))

    assert store.read_bytes("monthly_data/a") == b"content"
    assert store.head("monthly_data/a") == first
    assert keys(store) == ["monthly_data/a"]


def test_concurrent_writers_of_one_write_once_key_leave_one_whole_content(store, local):
    contents = [bytes([65 + number]) * 300_000 for number in range(6)]
    sources = [local(content, f"{number}.bin") for number, content in enumerate(contents)]
    together = threading.Barrier(len(sources))

    def write(source: Path) -> str:
        together.wait()
        try:
            return store.put_new("monthly_data/contested", source).etag
        except ObjectExists:
            return "refused"

    with ThreadPoolExecutor(len(sources)) as pool:
        outcomes = list(pool.map(write, sources))

    assert outcomes.count("refused") == len(sources) - 1
    winner = next(number for number, outcome in enumerate(outcomes) if outcome != "refused")
    assert store.read_bytes("monthly_data/contested") == contents[winner]
    assert store.head("monthly_data/contested").etag == outcomes[winner]
    assert keys(store) == ["monthly_data/contested"]


def test_concurrent_writers_of_equal_content_all_succeed_with_one_version(store, local):
    source = local(b"same" * 100_000)
    together = threading.Barrier(6)

    def write(_: int) -> str:
        together.wait()
        return store.put_new("monthly_data/same", source).etag

    with ThreadPoolExecutor(6) as pool:
        etags = set(pool.map(write, range(6)))

    assert etags == {store.head("monthly_data/same").etag}


def _put_many_new(opener: OpenStore, folder: Path, letter: str, rounds: int) -> int:
    store, wins = opener(), 0
    for number in range(rounds):
        source = folder / f"{letter}-{number}"
        source.write_bytes(letter.encode() * 50_000)
        try:
            store.put_new(f"monthly_data/{number}", source)
            wins += 1
        except ObjectExists:
            pass
    return wins


def test_two_processes_never_corrupt_a_write_once_key(open_store, store, tmp_path):
    rounds = 25
    wins = raced(_put_many_new, [(open_store, tmp_path, letter, rounds) for letter in "ab"])

    assert sum(wins) == rounds
    for number in range(rounds):
        assert store.read_bytes(f"monthly_data/{number}") in (b"a" * 50_000, b"b" * 50_000)


# Replacing


def test_put_replaces_the_content(store, local):
    store.put("latest/a", local(b"old"))
    store.put("latest/a", local(b"newer"))
    store.write_bytes("latest/a", b"newest")

    assert store.read_bytes("latest/a") == b"newest"
    assert [info.size for info in store.list("")] == [6]


def test_the_version_mark_changes_when_other_content_of_equal_size_is_written(store):
    first = store.write_bytes("raw_data/a", b"11")
    second = store.write_bytes("raw_data/a", b"22")

    assert first.etag != second.etag
    assert first.size == second.size


def test_a_reader_sees_the_old_object_or_the_new_one_and_never_a_mixture(store, local):
    versions = [letter * 400_000 for letter in (b"a", b"b")]
    sources = [local(content, f"{number}.bin") for number, content in enumerate(versions)]
    store.put("latest/page", sources[0])
    seen: set[bytes] = set()
    done = threading.Event()

    def read() -> None:
        while not done.is_set():
            seen.add(store.read_bytes("latest/page"))

    with ThreadPoolExecutor(2) as pool:
        readers = [pool.submit(read) for _ in range(2)]
        for number in range(30):
            store.put("latest/page", sources[number % 2])
        done.set()
        for reader in readers:
            reader.result()

    assert seen == set(versions)


# Pinned reads


def test_a_pinned_fetch_gives_exactly_that_version(store):
    version = store.write_bytes("raw_data/a", b"content").etag

    with store.fetch("raw_data/a", version) as path:
        assert path.read_bytes() == b"content"


def test_a_pinned_fetch_of_a_replaced_object_is_refused_on_entry(store):
    version = store.write_bytes("raw_data/a", b"11").etag
    store.write_bytes("raw_data/a", b"22")

    with pytest.raises(ObjectChanged, match=r"raw_data/a"), store.fetch("raw_data/a", version):
        pytest.fail("the replaced version must not be handed out")


def test_an_object_replaced_while_it_is_read_is_reported_at_the_end(store):
    version = store.write_bytes("raw_data/a", b"11").etag

    with pytest.raises(ObjectChanged), store.fetch("raw_data/a", version) as path:
        path.read_bytes()
        store.write_bytes("raw_data/a", b"22")


def test_an_object_deleted_while_it_is_read_is_reported_at_the_end(store):
    version = store.write_bytes("raw_data/a", b"11").etag

    with pytest.raises((ObjectChanged, ObjectNotFound)), store.fetch("raw_data/a", version) as path:
        path.read_bytes()
        store.delete("raw_data/a")


def test_a_fetch_without_a_version_does_not_mind_a_replacement(store):
    store.write_bytes("raw_data/a", b"11")

    with store.fetch("raw_data/a") as path:
        content = path.read_bytes()
        store.write_bytes("raw_data/a", b"22")
    assert content == b"11"


def test_an_error_of_the_reader_itself_is_passed_on_unchanged(store):
    version = store.write_bytes("raw_data/a", b"11").etag
    mistake = OSError(28, "the reader's own disk is full")

    with pytest.raises(OSError) as caught, store.fetch("raw_data/a", version):
        store.write_bytes("raw_data/a", b"22")
        raise mistake
    assert caught.value is mistake


# Keys that could leave the store

PARTS = st.sampled_from(
    ["..", ".", "", "a", "b.csv", "~", "...", "C:", "raw_data", " ", "\\", "..\\", "\x00", "\n", "é", "\ud800"]
)
HOSTILE_KEYS = st.one_of(
    st.lists(PARTS, max_size=5).map("/".join),
    st.lists(PARTS, min_size=1, max_size=4).map(lambda parts: "/" + "/".join(parts)),
    st.text(max_size=30),
)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(key=HOSTILE_KEYS)
def test_any_text_as_a_key_is_refused_or_kept_exactly_and_stays_inside(store, local, tmp_path, key):
    source = local(b"hostile")
    outside = {path for path in tmp_path.iterdir() if path.name != "store"}
    try:
        validate_key(key)
    except InvalidKey:
        for attempt in (
            lambda: store.put(key, source),
            lambda: store.put_new(key, source),
            lambda: store.write_bytes(key, b"x"),
            lambda: store.read_bytes(key),
            lambda: store.head(key),
            lambda: store.delete(key),
            lambda: store.uri(key),
            lambda: store.fetch(key).__enter__(),
        ):
            with pytest.raises(InvalidKey):
                attempt()
    else:
        folder = uuid.uuid4().hex  # of its own: in a directory a file and a folder cannot share a name
        placed = f"{folder}/{key}"
        store.put(placed, source)
        assert store.read_bytes(placed) == b"hostile"
        assert keys(store, f"{folder}/") == ([] if is_hidden(placed) else [placed])
        store.delete(placed)
    assert {path for path in tmp_path.iterdir() if path.name != "store"} == outside
    assert keys(store) == []


@pytest.mark.parametrize(
    "key", ["", "/", "/etc/passwd", "../x", "a/../../x", "a//b", "a/", ".", "a/./b", "a\\..\\b", "a\x00b", "a" * 1025]
)
def test_an_unsafe_key_is_refused_with_the_next_step(store, key):
    with pytest.raises(InvalidKey, match="rename the file"):
        store.write_bytes(key, b"x")
    assert keys(store) == []


@pytest.mark.parametrize("prefix", ["../", "/", "a/../../", "a//"])
def test_a_listing_cannot_look_outside(store, prefix):
    with pytest.raises(InvalidKey):
        list(store.list(prefix))
