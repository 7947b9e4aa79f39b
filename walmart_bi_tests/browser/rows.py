"""Rows of sales for pages: an ordinary shop, hostile names, and a cube with every cell taken."""

from __future__ import annotations

import datetime as dt
import random
from collections.abc import Iterator
from decimal import Decimal

from walmart_bi.months import first_day, next_month
from walmart_bi_tests.builders import Row, make_row

AGES = ("<18", "18-24", "25-34", "35-44", "45-54", "55-64", "65+", "Unknown")
CATEGORIES = ("Beauty", "Clothing", "Electronics", "Home")
PAYMENTS = ("Cash on Delivery", "Credit Card", "Debit Card", "UPI")
HOSTILE = (
    "</script><script>document.title='taken'</script>",
    '"><img src=x onerror="document.title=\'taken\'">',
    "' onload='x' {month:month} ${1+1} `",
    "\u05d9\u05e8\u05d5\u05e9\u05dc\u05d9\u05dd",
    "\U0001f6d2\U0001f469\u200d\U0001f469\u200d\U0001f467 Caf\u00e9",
    "N" * 300,
    "__proto__",
    "constructor",
)


def days(first: dt.date, last: dt.date) -> list[dt.date]:
    return [first + dt.timedelta(days=number) for number in range((last - first).days + 1)]


def ordinary_rows(count: int = 3000, seed: int = 4) -> list[Row]:
    """A flat shop from 10 Feb 2024 to 9 Feb 2025; nothing was bought by Beauty customers with UPI in June 2024."""
    rng = random.Random(seed)
    calendar = days(dt.date(2024, 2, 10), dt.date(2025, 2, 9))
    return [row for row in _rows(rng, calendar, count) if not _is_left_out(row)]


def _is_left_out(row: Row) -> bool:
    return bool(row["category"] == "Beauty" and row["payment_method"] == "UPI" and row["month"] == dt.date(2024, 6, 1))


def _rows(rng: random.Random, calendar: list[dt.date], count: int) -> Iterator[Row]:
    for number in range(1, count + 1):
        day = rng.choice(calendar)
        yield make_row(
            f"{day:%Y-%m}",
            number,
            purchase_date=day,
            age_group=rng.choice(AGES),
            city=f"City {min(rng.randrange(600), rng.randrange(600))}",
            category=rng.choice(CATEGORIES),
            payment_method=rng.choice(PAYMENTS),
            discount_applied=rng.random() < 0.4,
            repeat_customer=rng.random() < 0.6,
            purchase_amount=Decimal(rng.randrange(1_000, 50_001)) / 100,
        )


def hostile_rows() -> list[Row]:
    """Every name of the data is hostile, in months enough for every kind of sentence."""
    rng = random.Random(9)
    rows = list(_rows(rng, days(dt.date(2024, 1, 1), dt.date(2024, 9, 30)), 1500))
    for row in rows:
        row["city"] = rng.choice(HOSTILE)
        row["category"] = rng.choice(HOSTILE)
        row["payment_method"] = rng.choice(HOSTILE)
        row["product_name"] = rng.choice(HOSTILE)
    return rows


def months_from(first: str, count: int) -> list[str]:
    months = [first]
    while len(months) < count:
        months.append(next_month(months[-1]))
    return months


def first_of(month: str) -> dt.date:
    return first_day(month)
