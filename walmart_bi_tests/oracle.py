"""An independent computation of every KPI, to compare the pipeline with: csv, Decimal and plain loops.

It shares no code with `walmart_bi` and imports nothing from it, so that one mistake cannot be made twice. It reads a
well-formed text file and knows the ordinary dirt of the cleaning contract; damaged encodings, compressed files and the
limits against bombs are left to the corpus. `python -m walmart_bi_tests.oracle FILE` prints the KPIs as JSON.
"""

import csv
import datetime as dt
import json
import re
import sys
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any

COLUMNS = [
    *("customer_id", "age", "gender", "city", "category", "product_name", "purchase_date", "purchase_amount"),
    *("payment_method", "discount_applied", "rating", "repeat_customer"),
]
KNOWN = {
    "gender": ["Female", "Male", "Other"],
    "category": ["Electronics", "Clothing", "Beauty", "Home"],
    "product_name": [
        *("Smartphone", "Laptop", "Headphones", "Smartwatch", "T-Shirt", "Jeans", "Jacket", "Dress"),
        *("Perfume", "Lipstick", "Shampoo", "Face Cream", "Cookware", "Lamp", "Curtains", "Sofa Cover"),
    ],
    "payment_method": ["UPI", "Cash on Delivery", "Credit Card", "Debit Card"],
    "city": [],
}
FLAGS = {"yes": True, "y": True, "true": True, "1": True, "no": False, "n": False, "false": False, "0": False}
# What may stand behind a day that is written as ISO 8601 or as a database writes it.
TIME = re.compile(
    r"([01]?\d|2[0-3]):[0-5]\d(:([0-5]\d|60)([.,]\d{1,9})?)?( ?(Z|UTC|[+-]\d\d(:?\d\d)?))?",
    re.ASCII | re.IGNORECASE,
)
AGE_GROUPS = [(17, "<18"), (24, "18-24"), (34, "25-34"), (44, "35-44"), (54, "45-54"), (64, "55-64"), (120, "65+")]

Row = dict[str, Any]
Kpis = dict[str, list[Row]]


class Refused(Exception):
    """A record that the contract does not accept; the text is the reason's code."""


@dataclass
class Cleaned:
    """What became of each record of a file."""

    records: int = 0
    duplicates: int = 0
    rows: list[Row] = field(default_factory=list)
    quarantined: Counter[str] = field(default_factory=Counter)
    repaired: Counter[str] = field(default_factory=Counter)

    @property
    def rows_by_month(self) -> dict[str, int]:
        return dict(sorted(Counter(f"{row['month']:%Y-%m}" for row in self.rows).items()))

    @property
    def total_cents(self) -> int:
        return sum(row["cents"] for row in self.rows)


# --- cleaning ---------------------------------------------------------------------------------------------------------


def clean(path: Path, *, today: dt.date, declared_months: Collection[str] = ()) -> Cleaned:
    """Apply the cleaning contract to a file; rows outside the declared months (if any) are quarantined."""
    with path.open(encoding="utf-8-sig", newline="") as text:
        delimiter = max(",;\t", key=text.readline().count)
        text.seek(0)
        names, *records = (record for record in csv.reader(text, delimiter=delimiter, strict=True) if record)
    header = [re.sub(r"[\s_-]+", "_", name.strip().lower()) for name in names]
    cleaned = Cleaned(records=len(records))
    order = slash_order(record[header.index("purchase_date")] for record in records if len(record) == len(header))
    accepted: list[tuple[list[str], Row, Counter[str]]] = []
    for record in records:
        try:
            repairs: Counter[str] = Counter()
            row = clean_record(record, header, order, today, repairs)
            if declared_months and f"{row['month']:%Y-%m}" not in declared_months:
                raise Refused("outside_declared_month")
            accepted.append((record, row, repairs))
        except Refused as reason:
            cleaned.quarantined[str(reason)] += 1
    different = {tuple(record) for record in records if len(record) == len(names)}
    drop = len({record[header.index("customer_id")] for record in different}) >= 0.9 * len(different)
    seen: set[tuple[str, ...]] = set()
    for record, row, repairs in accepted:
        if drop and tuple(record) in seen:
            cleaned.duplicates += 1
            continue
        seen.add(tuple(record))
        cleaned.rows.append(row)
        cleaned.repaired += repairs
    return cleaned


def clean_record(record: list[str], header: list[str], order: str | None, today: dt.date, repairs: Counter[str]) -> Row:
    if len(record) != len(header):
        raise Refused("wrong_field_count")
    raw = {name: fold(value) for name, value in zip(header, record, strict=True)}
    if not raw["customer_id"]:
        raise Refused("missing_customer_id")
    day = parse_date(raw["purchase_date"], order)
    if day > today:
        raise Refused("future_date")
    row: Row = {"customer_id": raw["customer_id"], "purchase_date": day, "month": day.replace(day=1)}
    row["cents"] = parse_cents(raw["purchase_amount"])
    for name in ("discount_applied", "repeat_customer"):
        if raw[name].lower() not in FLAGS:
            raise Refused("invalid_flag")
        row[name] = FLAGS[raw[name].lower()]
    for name, known in KNOWN.items():
        canonical = {value.lower(): value for value in known}
        row[name] = canonical.get(raw[name].lower(), raw[name]) or "Unknown"
        repairs[f"{name}_empty"] += not raw[name]
    for name, lowest, highest in (("age", 0, 120), ("rating", 1, 5)):
        row[name] = parse_integer(raw[name], lowest, highest)
        repairs[f"{name}_unreadable"] += row[name] is None
    row["age_group"] = age_group(row["age"])
    return row


def fold(text: str) -> str:
    return " ".join(unicodedata.normalize("NFC", text).split())


def slash_order(values: Iterable[str]) -> str | None:
    """`DM` or `MD` when the whole file proves that order of day and month, else None."""
    pairs = [re.fullmatch(r"(\d{1,2})/(\d{1,2})/\d{4}", fold(value), re.ASCII) for value in values]
    first = any(int(pair[1]) > 12 for pair in pairs if pair)
    second = any(int(pair[2]) > 12 for pair in pairs if pair)
    if first == second:
        return None
    return "DM" if first else "MD"


def parse_date(text: str, order: str | None) -> dt.date:
    timed = re.fullmatch(r"(\S+?)[T ](.*)", text, re.IGNORECASE)
    day_text = timed[1] if timed and TIME.fullmatch(timed[2]) else text
    year_first = re.fullmatch(r"(\d{4})([-/])(\d{1,2})\2(\d{1,2})", day_text, re.ASCII)
    year_last = re.fullmatch(r"(\d{1,2})/(\d{1,2})/(\d{4})", text, re.ASCII)
    try:
        if year_first:
            return of_our_time(dt.date(int(year_first[1]), int(year_first[3]), int(year_first[4])))
        if year_last:
            one, two, year = (int(part) for part in year_last.groups())
            if order is None:
                raise Refused("ambiguous_date")
            return of_our_time(dt.date(year, two, one) if order == "DM" else dt.date(year, one, two))
    except ValueError:
        pass
    raise Refused("invalid_date")


def of_our_time(day: dt.date) -> dt.date:
    if day.year < 1900:
        raise Refused("invalid_date")
    return day


def parse_cents(text: str) -> int:
    # Databases write half a dollar as .5, and some countries the symbol behind it.
    if text[-1:] in "$€£¥₹" and not re.search("[$€£¥₹].*[$€£¥₹]", text):
        text = text[:-1].rstrip()
    number = re.fullmatch(r"([+-]?)\s?[$€£¥₹]?\s?([+-]?)(\d{1,3}(?:,\d{3})+|\d*)(?:\.(\d{0,2})0*)?", text, re.ASCII)
    if not number or not (number[3] or number[4]):
        raise Refused("invalid_amount")
    dollars = number[3].replace(",", "").lstrip("0")
    if len(dollars) > 10:  # int() takes no more than 4,300 digits, which a damaged file may have
        raise Refused("non_positive_amount" if "-" in (number[1], number[2]) else "amount_out_of_range")
    cents = int(dollars or "0") * 100 + int((number[4] or "0").ljust(2, "0"))
    if "-" in (number[1], number[2]) or cents == 0:
        raise Refused("non_positive_amount")
    if cents >= 10**12:
        raise Refused("amount_out_of_range")
    return cents


def parse_integer(text: str, lowest: int, highest: int) -> int | None:
    # 49.0 is how some tools write whole numbers beside missing ones; digits of other scripts are no numbers here.
    number = re.fullmatch(r"\+?0*(\d{1,3})(\.0*)?", text, re.ASCII)
    return int(number[1]) if number and lowest <= int(number[1]) <= highest else None


def age_group(age: int | None) -> str:
    return "Unknown" if age is None else next(name for highest, name in AGE_GROUPS if age <= highest)


# --- KPIs -------------------------------------------------------------------------------------------------------------


def kpis(rows: Sequence[Row]) -> Kpis:
    """The rows of every KPI view, sorted by their dimensions; no view has rows when there are none."""
    if not rows:
        return {name: [] for name in VIEWS}
    return {name: view(rows) for name, view in VIEWS.items()}


def money(exact: Fraction) -> Decimal:
    """Currency units rounded to cents, halves away from zero."""
    cents = int(abs(exact) * 100 + Fraction(1, 2))
    return Decimal(cents if exact >= 0 else -cents).scaleb(-2)


def figures(rows: Sequence[Row]) -> Row:
    cents = sum(row["cents"] for row in rows)
    return {
        "revenue": Decimal(cents).scaleb(-2),
        "orders": len(rows),
        "aov": money(Fraction(cents, 100 * len(rows))),
    }


def grouped(rows: Sequence[Row], *names: str) -> list[Row]:
    """One row of dimensions and figures for each combination that occurs."""
    groups: dict[tuple[Any, ...], list[Row]] = defaultdict(list)
    for row in rows:
        groups[tuple(LABELS.get(name, lambda row, name=name: row[name])(row) for name in names)].append(row)
    return [dict(zip(names, key, strict=True)) | figures(groups[key]) for key in sorted(groups)]


def with_share(rows: Sequence[Row], *names: str) -> list[Row]:
    result = grouped(rows, *names)
    total = sum((row["revenue"] for row in result), Decimal())
    return [row | {"revenue_share": row["revenue"] / total} for row in result]


def executive_summary(rows: Sequence[Row]) -> list[Row]:
    """Each month's change from the one before, split into the effect of more orders and of larger orders."""
    result: list[Row] = []
    for row in grouped(rows, "month"):
        changes: Row = {"revenue_change": None, "orders_effect": None, "aov_effect": None}
        if result:
            before = result[-1]
            new_orders = row["orders"] - before["orders"]
            mean_aov = sum(Fraction(each["revenue"]) / each["orders"] for each in (before, row)) / 2
            changes["revenue_change"] = row["revenue"] - before["revenue"]
            changes["orders_effect"] = money(new_orders * mean_aov)
            changes["aov_effect"] = changes["revenue_change"] - changes["orders_effect"]
        result.append(row | changes)
    return result


def total_revenue(rows: Sequence[Row]) -> list[Row]:
    total = figures(rows)
    months = [row["month"] for row in rows]
    return [
        {"total_revenue": total["revenue"], "orders": total["orders"], "aov": total["aov"]}
        | {"first_month": min(months), "last_month": max(months)}
    ]


def revenue_by_city(rows: Sequence[Row]) -> list[Row]:
    """Cities from the highest revenue down, equal ones by name; the rank is the place in that list."""
    cities = sorted(with_share(rows, "city"), key=lambda row: (-row["revenue"], row["city"]))
    return [row | {"revenue_rank": rank} for rank, row in enumerate(cities, start=1)]


def city_aov_vs_orders(rows: Sequence[Row]) -> list[Row]:
    return [{name: row[name] for name in ("city", "orders", "aov")} for row in grouped(rows, "city")]


LABELS: dict[str, Callable[[Row], str]] = {
    "customer_type": lambda row: "Repeat" if row["repeat_customer"] else "New",
    "discount_applied": lambda row: "Yes" if row["discount_applied"] else "No",
}
VIEWS: dict[str, Callable[[Sequence[Row]], list[Row]]] = {
    "kpi_executive_summary": executive_summary,
    "kpi_total_revenue": total_revenue,
    "kpi_revenue_by_month": lambda rows: grouped(rows, "month"),
    "kpi_revenue_by_category": lambda rows: with_share(rows, "category"),
    "kpi_revenue_by_category_month": lambda rows: grouped(rows, "category", "month"),
    "kpi_revenue_by_city": revenue_by_city,
    "kpi_city_aov_vs_orders": city_aov_vs_orders,
    "kpi_revenue_by_customer_type": lambda rows: with_share(rows, "customer_type"),
    "kpi_aov_by_customer_type_month": lambda rows: grouped(rows, "customer_type", "month"),
    "kpi_revenue_by_age_group": lambda rows: with_share(rows, "age_group"),
    "kpi_revenue_by_discount": lambda rows: with_share(rows, "discount_applied"),
    "kpi_revenue_by_payment_method": lambda rows: with_share(rows, "payment_method"),
}


def main(arguments: Sequence[str]) -> None:
    cleaned = clean(Path(arguments[0]), today=dt.datetime.now(dt.UTC).date())
    facts = {
        "records": cleaned.records,
        "accepted": len(cleaned.rows),
        "accepted_by_month": cleaned.rows_by_month,
        "total_cents": cleaned.total_cents,
        "quarantined": dict(cleaned.quarantined),
        "duplicates": cleaned.duplicates,
        "repaired": dict(+cleaned.repaired),
        "kpis": kpis(cleaned.rows),
    }
    sys.stdout.write(json.dumps(facts, indent=2, default=str, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    main(sys.argv[1:])
