"""Whatever a file holds, each of its records is loaded, set aside with a reason or counted; or the file is rejected."""

import datetime as dt
import tempfile
from collections import Counter
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
from hypothesis import given, settings
from hypothesis import strategies as st

from walmart_bi.sales.cleaned_file import CleanedFile, clean_file
from walmart_bi.sales.errors import RejectedFile
from walmart_bi.sales.inspection import inspect_source
from walmart_bi.sales.sample import write_sample
from walmart_bi_tests import oracle
from walmart_bi_tests.corpus.case import HEADER, MARCH, TODAY, Record, good, record, text_of

MONTHS = ("2024-03",)
# The fuzz (walmart_bi_tests/fuzz) goes on with whole files for as long as it is let; here a look at each run is enough.
PIECES = st.sampled_from(
    [
        *(b",", b'"', b'""', b"\n", b"\r", b"\r\n", b"\0", b"\xff", b" ", b"x", b";", b"\t", b"2024-03-05", b"12.50"),
        *("é".encode(), "\u2028".encode(), b"\x0c", b"\x1e", b'"\n', b',"', b'",', b"\n\n", b"Yes", b"-1"),
        *(text_of([row], header=None).encode() for row in good(3)),
        *(text_of([row], header=None).encode().rstrip(b"\n") for row in good(3)),
    ]
)

# Texts for one field of an otherwise acceptable record, good and bad ones.
ODD_TEXTS = {
    "customer_id": ["", " ", "\u00a0", "007", "c00001"],
    "age": ["", "0", "17", "120", "121", "30.0", "x", "-1", "030", "+5"],
    "gender": ["", "FEMALE", "F"],
    "city": ["", "NA", "  A  B ", "E\u0301", "É", "\u00a0"],
    "purchase_date": [
        *("2024-03-05", "13/03/2024", "05/03/2024", "03/15/2024", "2024/3/9", "2024-3-5", "2024-02-30", ""),
        *("2024-03-05T10:00:00Z", "2024-03-21"),
    ],
    "purchase_amount": [
        *("1", "0", "-3", "1,234.50", "12,5", "$5", "-$5", "€ 1.10", "NaN", "1e3", "12.345", "12.340", "", "5."),
        *("10000000000", "9999999999.99", "+5", "1,23", "0.1"),
    ],
    "payment_method": ["upi", " UPI", ""],
    "discount_applied": ["y", "N", "TRUE", "0", "", "maybe", " yes "],
    "rating": ["0", "5", "6", "", "4.0"],
}
ODD_FIELD = st.sampled_from([(name, text) for name, texts in ODD_TEXTS.items() for text in texts])
ODD_RECORDS = st.lists(
    st.builds(lambda number, odd: record(number, **dict(odd)), st.integers(1, 40), st.lists(ODD_FIELD, max_size=2)),
    min_size=1,
    max_size=40,
)


def clean(content: bytes, workdir: Path) -> CleanedFile:
    path = workdir / MARCH
    path.write_bytes(content)
    source = inspect_source(path, key=MARCH, etag="e", modified=dt.datetime(2024, 3, 20, tzinfo=dt.UTC))
    cleaned = clean_file(path, source, months=MONTHS, today=TODAY, policy="auto", workdir=workdir)
    assert source.records == cleaned.counts.raw_records
    return cleaned


@settings(max_examples=200, deadline=None)
@given(st.lists(PIECES, max_size=40))
def test_any_bytes_after_the_header_are_conserved_or_rejected(pieces: list[bytes]) -> None:
    content = (",".join(HEADER) + "\n").encode() + b"".join(pieces)
    with tempfile.TemporaryDirectory() as workdir:
        try:
            counts = clean(content, Path(workdir)).counts
        except RejectedFile as rejected:
            assert str(rejected).isprintable()
            return
    assert counts.raw_records == counts.loaded + counts.quarantined + counts.duplicates_removed + counts.other_months
    assert counts.quarantined <= sum(counts.quarantined_by_reason.values())


@settings(max_examples=100, deadline=None)
@given(ODD_RECORDS, st.sampled_from([",", ";", "\t"]), st.sampled_from(["\n", "\r\n"]))
def test_any_dirty_rows_are_cleaned_as_the_oracle_cleans_them(rows: list[Record], delimiter: str, end: str) -> None:
    content = text_of(rows, delimiter=delimiter, end=end).encode()
    with tempfile.TemporaryDirectory() as workdir:
        cleaned = clean(content, Path(workdir))
        loaded = pq.read_table(cleaned.months["2024-03"].path).to_pylist()
        expected = oracle.clean(Path(workdir) / MARCH, today=TODAY, declared_months=MONTHS)
    assert comparable(loaded) == comparable(expected.rows)
    assert cleaned.counts.duplicates_removed == expected.duplicates
    assert cleaned.months["2024-03"].totals.total_cents == expected.total_cents
    assert Counter(cleaned.counts.repaired_by_kind) >= expected.repaired
    # The oracle stops at a record's first reason.
    assert set(expected.quarantined) <= set(cleaned.counts.quarantined_by_reason)


def comparable(rows: list[dict[str, Any]]) -> list[list[str]]:
    names = [name for name in oracle.COLUMNS if name != "purchase_amount"] + ["age_group", "month"]
    return sorted([str(row[name]) for name in names] for row in rows)


def test_a_dirty_sample_is_cleaned_as_the_oracle_cleans_it(tmp_path: Path) -> None:
    path = tmp_path / "sales_2024-02_2025-02.csv"
    first, last = dt.date(2024, 2, 10), dt.date(2025, 2, 9)
    write_sample(path, rows=3_000, first_day=first, last_day=last, dirty_share=0.2)
    expected = oracle.clean(path, today=last)
    source = inspect_source(path, key=path.name, etag="e", modified=dt.datetime(2025, 2, 10, tzinfo=dt.UTC))
    months = tuple(expected.rows_by_month)
    cleaned = clean_file(path, source, months=months, today=last, policy="auto", workdir=tmp_path)
    counts = cleaned.counts
    assert counts.raw_records == expected.records == 3_000
    assert counts.duplicates_removed == expected.duplicates == 60
    assert counts.quarantined_by_reason == expected.quarantined
    assert {month: part.totals.rows for month, part in cleaned.months.items()} == expected.rows_by_month
    assert sum(part.totals.total_cents for part in cleaned.months.values()) == expected.total_cents
    repaired = Counter(counts.repaired_by_kind)
    assert {kind: repaired[kind] for kind in expected.repaired} == expected.repaired
    assert repaired["spelling"] > 0
    assert repaired["white_space"] > 0
