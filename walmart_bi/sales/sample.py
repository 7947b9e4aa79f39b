"""Invented sales files of the real shape, for a first run, for tests and for measurements.

Only the making of data belongs here. The names are invented; nothing is taken from a delivered file. The rules that the
dirty rows break are in `contract.py`; what becomes of such rows is in `cleaning.py`.

The standard library's generator is used because its stream is the same in every Python version and on every machine;
numpy promises that only within a version.
"""

from __future__ import annotations

import datetime as dt
import random
from collections.abc import Callable, Iterator
from pathlib import Path

BLOCK_ROWS = 50_000

HEADER = (
    "Customer_ID,Age,Gender,City,Category,Product_Name,Purchase_Date,Purchase_Amount,"
    "Payment_Method,Discount_Applied,Rating,Repeat_Customer"
)
ID, AGE, GENDER, CITY, CATEGORY, PRODUCT, DATE, AMOUNT, PAYMENT, DISCOUNT, RATING, REPEAT = range(12)

GENDERS = ("Female", "Male", "Other")
PRODUCTS = (
    *(("Electronics", name) for name in ("Smartphone", "Laptop", "Headphones", "Smartwatch")),
    *(("Clothing", name) for name in ("T-Shirt", "Jeans", "Jacket", "Dress")),
    *(("Beauty", name) for name in ("Perfume", "Lipstick", "Shampoo", "Face Cream")),
    *(("Home", name) for name in ("Cookware", "Lamp", "Curtains", "Sofa Cover")),
)
PAYMENTS = ("UPI", "Cash on Delivery", "Credit Card", "Debit Card")
FLAGS = ("Yes", "No")

_PLACES = ("", "", "North ", "South ", "East ", "West ", "Upper ", "Lower ", "Old ", "Little ")
_STARTS = (
    *("Al", "Ar", "Bel", "Bram", "Cal", "Cor", "Dal", "Dor", "El", "Esk", "Fal", "Fen", "Gar", "Glen", "Hal", "Har"),
    *("Ing", "Jor", "Kel", "Kir", "Lan", "Lor", "Mar", "Mel", "Nor", "Oak", "Pel", "Quin", "Ran", "Ros", "Sal", "Sel"),
    *("Tam", "Tor", "Ul", "Ver", "Wal", "Wen", "Yar", "Zel"),
)
_MIDDLES = ("", "a", "an", "ber", "den", "er", "i", "in", "ling", "mer", "o", "ster", "ther", "wen")
_ENDS = (
    *("bridge", "brook", "by", "cliff", "dale", "field", "ford", "gate", "ham", "hill", "holm", "ley", "mere", "wick"),
)

Row = list[str]


def sample_file_name(first_month: str, last_month: str) -> str:
    """The name under which a sample of these months (YYYY-MM) is delivered; it declares them."""
    return f"sales_{first_month}.csv" if first_month == last_month else f"sales_{first_month}_{last_month}.csv"


def write_sample(
    path: Path,
    *,
    rows: int,
    first_day: dt.date,
    last_day: dt.date,
    seed: int = 7,
    dirty_share: float = 0.004,
) -> None:
    """Write a CSV file of `rows` records between the two days; equal arguments give equal bytes.

    `dirty_share` of the records (0..0.5) need attention, in equal parts of each kind in `_SPOILERS` and of exact
    repeats. The file appears under its name when it is complete. Raises ValueError for impossible arguments.
    """
    if rows < 1 or last_day < first_day or not 0 <= dirty_share <= 0.5:
        raise ValueError(f"no sample has {rows} rows from {first_day} to {last_day} with {dirty_share} of them dirty")
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(f".{path.name}.part")
    with unfinished.open("w", encoding="utf-8", newline="") as out:
        out.write(HEADER + "\n")
        for block in _blocks(random.Random(seed), rows, first_day, last_day, dirty_share):  # noqa: S311 - no secrets
            out.writelines(",".join(row) + "\n" for row in block)
    unfinished.replace(path)


def _blocks(
    rng: random.Random, rows: int, first_day: dt.date, last_day: dt.date, dirty_share: float
) -> Iterator[list[Row]]:
    """The records in blocks, so that memory does not grow with the file."""
    days = [(first_day + dt.timedelta(days=offset)).isoformat() for offset in range((last_day - first_day).days + 1)]
    spoiled = 0
    for start in range(0, rows, BLOCK_ROWS):
        end = min(start + BLOCK_ROWS, rows)
        block = [list(row) for row in _clean_rows(rng, end - start, days)]
        due = int(end * dirty_share)
        _spoil(rng, block, kinds=range(spoiled, due))
        spoiled = due
        yield block


def _clean_rows(rng: random.Random, count: int, days: list[str]) -> Iterator[tuple[str, ...]]:
    """Records that the cleaning contract accepts as they are."""
    goods = rng.choices(PRODUCTS, k=count)
    return zip(
        (_customer_id(rng.randbytes(16).hex()) for _ in range(count)),
        rng.choices([str(age) for age in range(18, 61)], k=count),
        rng.choices(GENDERS, k=count),
        _cities(rng, count),
        (category for category, _ in goods),
        (product for _, product in goods),
        rng.choices(days, k=count),
        (f"{cents // 100}.{cents % 100:02d}" for cents in rng.choices(range(1000, 50_001), k=count)),
        rng.choices(PAYMENTS, k=count),
        rng.choices(FLAGS, k=count),
        rng.choices("12345", k=count),
        rng.choices(FLAGS, k=count),
        strict=True,
    )


def _customer_id(digits: str) -> str:
    """32 random hexadecimal digits as a version 4 UUID."""
    variant = "89ab"[int(digits[16], 16) & 3]
    return f"{digits[:8]}-{digits[8:12]}-4{digits[13:16]}-{variant}{digits[17:20]}-{digits[20:]}"


def _cities(rng: random.Random, count: int) -> Iterator[str]:
    """Invented city names out of some seventy thousand."""
    parts = (rng.choices(part, k=count) for part in (_PLACES, _STARTS, _MIDDLES, _ENDS))
    return map("".join, zip(*parts, strict=True))


def _spoil(rng: random.Random, block: list[Row], *, kinds: range) -> None:
    """Make one record dirty for each of the kinds, which count on through the file so that each gets its turn."""
    victims = rng.sample(range(len(block)), len(kinds))
    clean = sorted(set(range(len(block))) - set(victims))
    for kind, victim in zip(kinds, victims, strict=True):
        turn = kind % (len(_SPOILERS) + 1)
        if turn < len(_SPOILERS):
            _SPOILERS[turn](block[victim])
        elif clean:
            block[victim] = list(block[rng.choice(clean)])


def _impossible_date(row: Row) -> None:
    row[DATE] = f"{row[DATE][:4]}-13-{row[DATE][8:]}"


def _empty_age(row: Row) -> None:
    row[AGE] = ""


def _negative_amount(row: Row) -> None:
    row[AMOUNT] = f"-{row[AMOUNT]}"


def _shouted_payment(row: Row) -> None:
    row[PAYMENT] = row[PAYMENT].upper()


def _missing_customer(row: Row) -> None:
    row[ID] = ""


def _impossible_rating(row: Row) -> None:
    row[RATING] = "9"


def _one_field_more(row: Row) -> None:
    row.insert(CITY, "")


def _wide_spaces(row: Row) -> None:
    row[CITY] = f" {row[CITY]}  "
    row[CATEGORY] = f"{row[CATEGORY].lower()} "


def _empty_city(row: Row) -> None:
    row[CITY] = ""


_SPOILERS: tuple[Callable[[Row], None], ...] = (
    *(_impossible_date, _empty_age, _negative_amount, _shouted_payment, _missing_customer),
    *(_impossible_rating, _one_field_more, _wide_spaces, _empty_city),
)
