"""The rules about ledger and table on facts written down by hand, to the last word of each verdict."""

import dataclasses
import datetime as dt

import pytest

from walmart_bi.months import first_day, next_month
from walmart_bi.verdict import Verdict
from walmart_bi.warehouse import integrity
from walmart_bi.warehouse.base import LedgerEntry
from walmart_bi.warehouse.integrity import Loads, TableLoad

NOW = dt.datetime(2025, 4, 1, tzinfo=dt.UTC)
DAY = dt.timedelta(days=1)


def entry(month: str, version: int = 1, *, rows: int = 10, cents: int = 1000, active: bool = True) -> LedgerEntry:
    texts = {field.name: "" for field in dataclasses.fields(LedgerEntry) if field.type == "str"}
    numbers = {field.name: 0 for field in dataclasses.fields(LedgerEntry) if field.type == "int"}
    known = {
        "load_id": f"{month}-v{version}",
        "month": month,
        "version": version,
        "is_active": active,
        "loaded_rows": rows,
        "total_cents": cents,
        "supersedes": None,
        "committed_at": NOW,
        "activated_at": NOW,
    }
    return LedgerEntry(**{**texts, **numbers, **known})


def part(load_id: str, *, month: str = "", rows: int = 10, cents: int = 1000, **days: dt.date) -> TableLoad:
    """Rows of a load from the first to the last day of a month, which is the load's unless another is given."""
    month = month or load_id[:7]
    first, last = days.get("first", first_day(month)), days.get("last", first_day(next_month(month)) - DAY)
    return TableLoad(load_id, month, rows, cents, first, last)


def loads(*ledger: LedgerEntry, table: list[TableLoad], lines: dict[str, int] | None = None) -> Loads:
    return Loads(ledger, tuple(table), lines or {each.load_id: each.loaded_rows for each in ledger if each.is_active})


# February was corrected once; its first load has no rows any more.
LEDGER = (entry("2025-01"), entry("2025-02", rows=7, cents=700, active=False), entry("2025-02", 2, rows=8, cents=900))
TABLE = [part("2025-01-v1"), part("2025-02-v2", rows=8, cents=900)]


def changed(position: int, **facts: object) -> list[TableLoad]:
    return [dataclasses.replace(each, **(facts if n == position else {})) for n, each in enumerate(TABLE)]  # type: ignore[arg-type]


def verdicts(table: list[TableLoad], *ledger: LedgerEntry, lines: dict[str, int] | None = None) -> dict[str, Verdict]:
    return integrity.check_ledger(loads(*(ledger or LEDGER), table=table, lines=lines))


SOUND = {
    "ledger_rows_agree": Verdict({"ledger rows": 18, "table rows": 18}, ()),
    "ledger_cents_agree": Verdict({"ledger cents": 1900, "table cents": 1900}, ()),
    "one_active_load": Verdict({"months": 2, "active loads": 2}, ()),
    "no_orphan_rows": Verdict({"orphan rows": 0}, ()),
    "rows_carry_their_month": Verdict({"active loads": 2}, ()),
    "source_lines_unique": Verdict({"repeated lines": 0}, ()),
}


def test_given_ledger_and_table_that_agree_then_every_rule_holds_and_says_what_it_counted() -> None:
    assert verdicts(TABLE) == SOUND


@pytest.mark.parametrize(
    ("table", "broken"),
    [
        (
            changed(0, rows=9),
            {
                "ledger_rows_agree": Verdict(
                    {"ledger rows": 18, "table rows": 17}, ("2025-01-v1: the ledger says 10 rows, the table has 9",)
                ),
                "source_lines_unique": Verdict({"repeated lines": -1}, ("2025-01-v1: -1 rows repeat a source line",)),
            },
        ),
        (
            changed(1, total_cents=901),
            {
                "ledger_cents_agree": Verdict(
                    {"ledger cents": 1900, "table cents": 1901},
                    ("2025-02-v2: the ledger says 900 cents, the table has 901",),
                )
            },
        ),
        (
            [*TABLE, part("2025-02-v1", rows=3, cents=5)],
            {
                "no_orphan_rows": Verdict(
                    {"orphan rows": 3}, ("3 rows of 2025-02 belong to 2025-02-v1, which is not active",)
                )
            },
        ),
        (
            [*TABLE, part("2025-03-v1", rows=2, cents=5), part("2025-03-v2", rows=3, cents=5)],
            {
                "one_active_load": Verdict({"months": 3, "active loads": 2}, ("2025-03 has 0 active loads",)),
                "no_orphan_rows": Verdict(
                    {"orphan rows": 5},
                    (
                        "2 rows of 2025-03 belong to 2025-03-v1, which is not active",
                        "3 rows of 2025-03 belong to 2025-03-v2, which is not active",
                    ),
                ),
            },
        ),
        (
            [part("2025-01-v1", rows=6, cents=400), part("2025-01-v1", month="2025-02", rows=4, cents=600), TABLE[1]],
            {"rows_carry_their_month": Verdict({"active loads": 2}, ("2025-01-v1: 4 rows carry the month 2025-02",))},
        ),
        (
            changed(0, last_date=dt.date(2025, 2, 1)),
            {
                "rows_carry_their_month": Verdict(
                    {"active loads": 2}, ("2025-01-v1: rows were purchased from 2025-01-01 to 2025-02-01",)
                )
            },
        ),
        (
            changed(1, first_date=dt.date(2025, 1, 31)),
            {
                "rows_carry_their_month": Verdict(
                    {"active loads": 2}, ("2025-02-v2: rows were purchased from 2025-01-31 to 2025-02-28",)
                )
            },
        ),
    ],
)
def test_given_a_table_that_differs_then_the_rules_that_it_breaks_say_so_and_no_other(table, broken) -> None:
    assert verdicts(table) == SOUND | broken


def test_given_two_active_loads_of_a_month_then_one_is_too_many() -> None:
    ledger = (*LEDGER[:1], dataclasses.replace(LEDGER[1], loaded_rows=0, total_cents=0, is_active=True), LEDGER[2])
    found = verdicts(TABLE, *ledger)
    assert found["one_active_load"] == Verdict({"months": 2, "active loads": 3}, ("2025-02 has 2 active loads",))
    assert found["rows_carry_their_month"] == Verdict({"active loads": 3}, ())


def test_given_rows_of_one_line_then_each_but_the_first_repeats_it() -> None:
    found = verdicts(TABLE, lines={"2025-01-v1": 8, "2025-02-v2": 7})
    assert found["source_lines_unique"] == Verdict(
        {"repeated lines": 3},
        ("2025-01-v1: 2 rows repeat a source line", "2025-02-v2: 1 rows repeat a source line"),
    )


def months(*rows: int, **days: dt.date) -> list[TableLoad]:
    """Months from January 2025 on, each of two loads, as the table may have them; `days` are those of the last."""
    names = [f"2025-{number:02d}" for number in range(1, len(rows) + 1)]
    made = []
    for name, count in zip(names, rows, strict=True):
        others = days if name == names[-1] else {}
        made += [part(f"{name}-v1", rows=1, **others), part(f"{name}-v2", rows=count - 1, **others)]
    return made


def volume(table: list[TableLoad], month: str) -> Verdict:
    return integrity.month_volume(loads(table=table), month)


@pytest.mark.parametrize(("rows", "usual"), [(49, False), (50, True), (100, True), (200, True), (201, False)])
def test_a_month_from_half_to_twice_the_median_of_complete_months_before_is_usual(rows: int, usual: bool) -> None:
    counts = {"rows": rows, "complete months before": 3, "median rows before": 100}
    problem = f"2025-04 has {rows} rows, from 2025-04-01 to 2025-04-30; the median of 3 complete months before is 100"
    assert volume(months(90, 100, 300, rows), "2025-04") == Verdict(counts, () if usual else (problem,))


def test_a_month_without_rows_has_no_days_to_name_and_an_odd_median_is_shown() -> None:
    assert volume(months(90, 100, 101, 200), "2025-05").problems == (
        "2025-05 has 0 rows; the median of 4 complete months before is 100.5",
    )


def test_two_complete_months_before_are_too_few_and_later_ones_do_not_count() -> None:
    assert volume(months(90, 100, 1, 100, 100), "2025-03") == Verdict({"rows": 1, "complete months before": 2}, ())


def test_the_last_six_complete_months_before_are_the_measure() -> None:
    assert volume(months(900, 900, 10, 10, 10, 10, 10, 10, 10), "2025-09").counts == {
        "rows": 10,
        "complete months before": 6,
        "median rows before": 10,
    }


@pytest.mark.parametrize(
    ("days", "complete"),
    [
        ({"first": dt.date(2025, 3, 3), "last": dt.date(2025, 3, 29)}, 3),
        ({"first": dt.date(2025, 3, 4)}, 2),
        ({"last": dt.date(2025, 3, 28)}, 2),
    ],
)
def test_a_month_is_complete_when_its_days_reach_within_three_of_both_ends(days, complete: int) -> None:
    assert volume(months(100, 100, 100, **days), "2025-04").counts["complete months before"] == complete


def test_the_days_of_a_month_are_those_of_all_its_loads() -> None:
    halves = [
        part("2025-03-v1", last=dt.date(2025, 3, 15)),
        part("2025-03-v2", first=dt.date(2025, 3, 16)),
    ]
    assert volume([*months(10, 10), *halves], "2025-04").counts["complete months before"] == 3
    assert volume([*months(100, 100, 100), part("2025-04-v1", first=dt.date(2025, 4, 9))], "2025-04").problems == (
        "2025-04 has 10 rows, from 2025-04-09 to 2025-04-30; the median of 3 complete months before is 100",
    )
