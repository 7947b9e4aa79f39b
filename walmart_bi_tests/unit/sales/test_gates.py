"""The limits that stop a load, on counts that add up and on counts that do not."""

import dataclasses

import pytest

from walmart_bi.records import ControlTotals, FileCounts, MonthlyObject, SourceFile
from walmart_bi.sales import gates


def month(*, raw: int = 1000, loaded: int = 1000, quarantined: int = 0, rows: int = 10, **counts: int) -> MonthlyObject:
    source = SourceFile("raw_data/f.csv", "e", 1, "", "", 1000, [], [], [])
    file_counts = FileCounts(
        raw,
        loaded,
        quarantined,
        counts.get("duplicates", 0),
        counts.get("other", 0),
        quarantined_by_reason={"invalid_flag": 1, "invalid_date": 1, "wrong_field_count": 2},
    )
    totals = ControlTotals(rows, 0, 0, 0, 0, 0, 0, "", "")
    return MonthlyObject(
        "2025-03", "k", "", 0, totals, 0, 0, source, file_counts, "keep", 1.0, None, None, contract_version="1"
    )


def test_a_load_that_adds_up_is_not_refused() -> None:
    assert gates.refusals(month(loaded=940, quarantined=10, duplicates=20, other=30)) == []


@pytest.mark.parametrize(
    "broken",
    [
        month(raw=999),
        month(loaded=999),
        month(loaded=1000, quarantined=1),
        month(loaded=900, quarantined=0, duplicates=50, other=49),
        month(loaded=1000, rows=1001),
    ],
)
def test_a_record_without_a_place_or_with_two_is_refused(broken: MonthlyObject) -> None:
    assert {refusal.reason for refusal in gates.refusals(broken)} == {"conservation"}
    assert all("raw_data/f.csv" in refusal.text for refusal in gates.refusals(broken))


@pytest.mark.parametrize(
    ("quarantined", "warned", "refused"), [(0, 0, 0), (5, 0, 0), (6, 1, 0), (50, 1, 0), (51, 1, 1), (1000, 1, 1)]
)
def test_the_share_in_quarantine_warns_above_half_a_percent_and_stops_above_five(
    quarantined: int, warned: int, refused: int
) -> None:
    load = month(loaded=1000 - quarantined, quarantined=quarantined, rows=0)
    assert gates.quarantine_share(load) == quarantined / 1000
    assert len(gates.quarantine_warnings(load)) == warned
    assert [refusal.reason for refusal in gates.refusals(load)] == ["quarantine_share"] * refused


def test_the_refusal_names_the_reasons_most_frequent_first_and_equal_ones_by_name() -> None:
    (refusal,) = gates.refusals(month(loaded=900, quarantined=100))
    assert "100 of 1,000 records (10.0%)" in refusal.text
    assert refusal.text.endswith("wrong_field_count 2, invalid_date 1, invalid_flag 1.")


def test_a_file_without_records_has_no_share_in_quarantine() -> None:
    empty = month(raw=0, loaded=0, rows=0)
    assert gates.quarantine_share(dataclasses.replace(empty, source=dataclasses.replace(empty.source, records=0))) == 0
