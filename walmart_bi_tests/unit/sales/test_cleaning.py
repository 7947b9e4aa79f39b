"""A batch of texts to typed rows, whether a column arrives as it is or as a dictionary."""

import datetime as dt
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from walmart_bi.sales.cleaning import CleanBatch, Rules, clean
from walmart_bi.sales.contract import ID_WIDTH, TEXT_WIDTH
from walmart_bi.sales.raw_batch import RawBatch
from walmart_bi.sales.values import DateOrder
from walmart_bi_tests.corpus.case import FIELDS, HEADER, record

TODAY = dt.date(2024, 3, 20)


def no_order() -> DateOrder | None:
    raise AssertionError("no date of the batch needs the order of the file")


def cleaned(
    rows: list[list[str]], *, dictionary: bool, declared: tuple[str, ...] = (), order: Any = no_order
) -> CleanBatch:
    columns = {name: pa.array([row[n] for row in rows], pa.string()) for n, name in enumerate(HEADER)}
    table = pa.table({name: texts.dictionary_encode() if dictionary else texts for name, texts in columns.items()})
    lines = np.arange(2, 2 + len(rows), dtype=np.int64)
    return clean(RawBatch(table, lines, lambda _: b"", ()), Rules(TODAY, declared, order))


def values(batch: CleanBatch, name: str) -> list[Any]:
    """The column of every record, good or not; a missing value is None."""
    found = batch.frame(np.arange(len(batch.good), dtype=np.int64))[name]
    return pa.array(found).to_pylist()


@pytest.fixture(params=[False, True], ids=["plain", "dictionary"])
def dictionary(request: pytest.FixtureRequest) -> bool:
    return bool(request.param)


def each(name: str, *texts: str) -> list[list[str]]:
    assert name in FIELDS
    return [record(number, **{name: text}) for number, text in enumerate(texts, start=1)]


def test_an_age_that_cannot_be_read_is_null_and_its_group_unknown(dictionary: bool) -> None:
    batch = cleaned(each("age", "0", "17", "18", "x", "0", "120", "121", "", "64", "65"), dictionary=dictionary)
    assert values(batch, "age") == [0, 17, 18, None, 0, 120, None, None, 64, 65]
    bands = ["<18", "<18", "18-24", "Unknown", "<18", "65+", "Unknown", "Unknown", "55-64", "65+"]
    assert values(batch, "age_group") == bands
    assert batch.repairs(np.arange(10)) == {"age_unreadable": 3}
    assert batch.good.all()


def test_a_rating_that_cannot_be_read_is_null(dictionary: bool) -> None:
    batch = cleaned(each("rating", "1", "5", "0", "6", "", "1"), dictionary=dictionary)
    assert values(batch, "rating") == [1, 5, None, None, None, 1]
    assert batch.repairs(np.arange(6)) == {"rating_unreadable": 3}


def test_each_record_keeps_its_own_customer_and_an_empty_or_too_long_one_is_a_fault(dictionary: bool) -> None:
    rows = each("customer_id", "b", " a ", "b", "", "x" * ID_WIDTH, "x" * (ID_WIDTH + 1), "a")
    batch = cleaned(rows, dictionary=dictionary)
    assert values(batch, "customer_id") == ["b", "a", "b", "", "x" * ID_WIDTH, "x" * (ID_WIDTH + 1), "a"]
    assert batch.reasons() == {
        3: (("missing_customer_id", "Customer_ID"),),
        5: (("text_too_long", "Customer_ID"),),
    }
    assert batch.good.dtype == np.bool_
    assert batch.repairs(np.arange(7)) == {"white_space": 1}


def test_known_values_are_spelled_as_the_contract_has_them_and_others_are_counted(dictionary: bool) -> None:
    batch = cleaned(each("gender", "FEMALE", "Male", "", "f", "female", "f"), dictionary=dictionary)
    assert values(batch, "gender") == ["Female", "Male", "Unknown", "f", "Female", "f"]
    assert batch.repairs(np.arange(6)) == {"spelling": 2, "gender_empty": 1}
    assert batch.unknown_values(np.arange(6)) == {("gender", "f"): 2}
    assert batch.unknown_values(np.array([0, 3])) == {("gender", "f"): 1}
    assert batch.repairs(np.array([1, 3])) == {}


def test_a_text_may_have_as_many_bytes_as_its_column_holds(dictionary: bool) -> None:
    batch = cleaned(
        each("city", "NA", "é" * (TEXT_WIDTH // 2), "é" * (TEXT_WIDTH // 2) + "x", "NA"), dictionary=dictionary
    )
    assert batch.reasons() == {2: (("text_too_long", "City"),)}
    assert values(batch, "city")[3] == "NA"


def test_flags_are_read_in_any_case_and_others_are_faults(dictionary: bool) -> None:
    batch = cleaned(each("discount_applied", "YES", "n", " True ", "0", "2", "", "yes"), dictionary=dictionary)
    assert values(batch, "discount_applied")[:4] == [True, False, True, False]
    assert batch.reasons() == dict.fromkeys((4, 5), (("invalid_flag", "Discount_Applied"),))


def test_the_order_of_the_file_is_asked_for_only_when_a_date_needs_it(dictionary: bool) -> None:
    plain = cleaned(each("purchase_date", "2024-03-01", "2024/3/2"), dictionary=dictionary)
    assert values(plain, "purchase_date") == [dt.date(2024, 3, 1), dt.date(2024, 3, 2)]
    ordered = cleaned(each("purchase_date", "1/2/2024", "2024-03-01"), dictionary=dictionary, order=lambda: "D/M/Y")
    assert values(ordered, "purchase_date")[0] == dt.date(2024, 2, 1)


def test_a_date_is_of_its_month_and_not_after_the_day_of_the_load_nor_outside_what_the_name_declares(
    dictionary: bool,
) -> None:
    rows = each("purchase_date", "2024-03-20", "2024-03-21", "2024-02-29", "soon", "2024-01-31", "2024-03-20")
    batch = cleaned(rows, dictionary=dictionary, declared=("2024-02", "2024-03"))
    assert batch.reasons() == {
        1: (("future_date", "Purchase_Date"),),
        3: (("invalid_date", "Purchase_Date"),),
        4: (("outside_declared_month", "Purchase_Date"),),
    }
    assert (batch.dated.dtype, batch.dated.tolist()) == (np.bool_, [True, True, True, False, True, True])
    assert batch.months[[0, 2, 4]].tolist() == [54 * 12 + 2, 54 * 12 + 1, 54 * 12]
    assert values(batch, "month")[2] == dt.date(2024, 2, 1)


def test_a_record_with_several_faults_has_all_of_them_in_the_order_of_the_contract(dictionary: bool) -> None:
    row = record(1, customer_id="", purchase_amount="-1", repeat_customer="perhaps")
    batch = cleaned([record(2), row], dictionary=dictionary)
    assert batch.good.tolist() == [True, False]
    assert batch.reasons() == {
        1: (
            ("missing_customer_id", "Customer_ID"),
            ("non_positive_amount", "Purchase_Amount"),
            ("invalid_flag", "Repeat_Customer"),
        )
    }
