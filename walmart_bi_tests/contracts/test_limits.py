"""What a column cannot hold is refused before either warehouse, in the same words: bytes, precision, missing values."""

from __future__ import annotations

import dataclasses
import hashlib
import io
import itertools
from collections import Counter
from decimal import Decimal

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from walmart_bi.sales.contract import OUTPUT_COLUMNS
from walmart_bi.warehouse.base import WarehouseError
from walmart_bi_tests.builders import SALES_SCHEMA, make_month, make_row
from walmart_bi_tests.contracts.warehouses import WAREHOUSES

MONTH = "2025-03"
WIDTHS = {column.name: column.width for column in OUTPUT_COLUMNS if column.width is not None}
NEEDED = [column.name for column in OUTPUT_COLUMNS if not column.nullable]
LETTERS = ("x", "é", "東", "\U0001f6d2")
LOOSE = pa.schema([pa.field(field.name, field.type) for field in SALES_SCHEMA])
CENT, LARGEST = Decimal("0.01"), Decimal("9999999999.99")
ROWS = [make_row(MONTH, number) for number in (1, 2, 3)]


@pytest.fixture(scope="module", params=sorted(WAREHOUSES))
def target(request, tmp_path_factory):
    with WAREHOUSES[request.param](tmp_path_factory.mktemp(request.param)) as site:
        yield site.store(), site.warehouse()


def of_bytes(letter: str, size: int) -> str:
    """A text of exactly so many bytes, of this letter as far as it goes."""
    letters, rest = divmod(size, len(letter.encode()))
    return letter * letters + "x" * rest


def refused(target, rows, schema=LOOSE) -> str:
    """What is said of the object; nothing was loaded."""
    store, warehouse = target
    before = warehouse.ledger()
    content = io.BytesIO()
    pq.write_table(pa.Table.from_pylist(rows, schema=LOOSE).cast(schema), content)
    key = f"monthly_data/{MONTH}/other.parquet"
    store.write_bytes(key, content.getvalue())
    sha256 = hashlib.sha256(content.getvalue()).hexdigest()
    # The description is that of good rows, so that the object alone is wrong.
    wrong = dataclasses.replace(make_month(store, MONTH, ROWS), key=key, sha256=sha256)
    with pytest.raises(WarehouseError) as caught:
        warehouse.replace_month(wrong, run_id="run", code_version="1", allow_shrink=True)
    assert warehouse.ledger() == before
    assert (caught.value.place, "cleaning contract" in caught.value.next_step) == (key, True)
    return caught.value.cause


def test_texts_and_amounts_that_just_fit_arrive_as_they_are(target):
    store, warehouse = target
    rows = [
        make_row(
            MONTH,
            number,
            purchase_amount=LARGEST if number % 2 else CENT,
            **{name: of_bytes(letter, width) for name, width in WIDTHS.items()},
        )
        for number, letter in enumerate(LETTERS)
    ]
    warehouse.replace_month(make_month(store, MONTH, rows), run_id="run", code_version="1", allow_shrink=True)
    with warehouse.read() as reader:
        columns = [*WIDTHS, "purchase_amount"]
        found = reader.query(f"SELECT {', '.join(columns)} FROM walmart_sales").rows
    assert Counter(found) == Counter(tuple(row[name] for name in columns) for row in rows)


@pytest.mark.parametrize(("name", "letter"), list(zip(WIDTHS, itertools.cycle(LETTERS))))
def test_a_text_of_one_byte_more_is_refused(target, name, letter):
    width = WIDTHS[name]
    rows = [*ROWS[:2], ROWS[2] | {name: of_bytes(letter, width) + "x"}]
    assert refused(target, rows) == (
        f"The object's column {name} has a text of {width + 1} bytes, and the table holds {width}. Nothing was changed."
    )


@pytest.mark.parametrize("name", NEEDED)
def test_a_missing_value_is_refused_where_the_table_needs_one(target, name):
    rows = [ROWS[0] | {name: None}, *ROWS[1:]]
    assert refused(target, rows) == (
        f"The object's column {name} has 1 rows without a value, which the table needs. Nothing was changed."
    )


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("purchase_amount", pa.decimal128(13, 2)),
        ("purchase_amount", pa.decimal128(12, 3)),
        ("purchase_amount", pa.float64()),
        ("purchase_date", pa.timestamp("us")),
        ("age", pa.int64()),
    ],
    ids=str,
)
def test_another_type_is_refused_even_if_every_value_would_fit(target, name, kind):
    place = SALES_SCHEMA.get_field_index(name)
    schema = LOOSE.set(place, pa.field(name, kind))
    told = [f"{name} {SALES_SCHEMA.field(name).type}", f"{name} {kind}"]
    assert refused(target, ROWS, schema) == (
        f"The object's columns are not those of walmart_sales: {', '.join(sorted(told))} differ. Nothing was changed."
    )
