"""One nasty file: its name, its bytes and its verdict; and the records that the files are made of."""

import datetime as dt
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

TODAY = dt.date(2024, 3, 20)
MARCH = "sales_2024-03.csv"

FIELDS = (
    *("customer_id", "age", "gender", "city", "category", "product_name", "purchase_date", "purchase_amount"),
    *("payment_method", "discount_applied", "rating", "repeat_customer"),
)
HEADER = [
    *("Customer_ID", "Age", "Gender", "City", "Category", "Product_Name", "Purchase_Date", "Purchase_Amount"),
    *("Payment_Method", "Discount_Applied", "Rating", "Repeat_Customer"),
]
CITIES = ("Elmford", "Oakley", "Port Wren", "Hartby")

Record = list[str]


@dataclass(frozen=True)
class Rejection:
    """The whole file is refused: the stable reason, and words of the message that name the cause and the place."""

    reason: str
    words: tuple[str, ...]


@dataclass(frozen=True, eq=False)
class Case:
    """A file and what becomes of its records. Reasons and kinds are counted by record and by value, as in FileCounts.

    `values` are those of the loaded rows in the order of the file. `content` is a function where the bytes are many.
    """

    name: str
    content: bytes | Callable[[], bytes]
    loaded: int = 0
    quarantined: Mapping[str, int] = field(default_factory=dict)
    repaired: Mapping[str, int] = field(default_factory=dict)
    unknown: Mapping[str, int] = field(default_factory=dict)
    duplicates: int = 0
    other_months: int = 0
    extra_columns: tuple[str, ...] = ()
    values: Mapping[str, list[Any]] = field(default_factory=dict)
    rejected: Rejection | None = None
    file_name: str = MARCH
    months: tuple[str, ...] | None = None
    policy: Literal["auto", "keep", "drop_exact", "quarantine"] = "auto"
    refused: bool = False

    def bytes(self) -> bytes:
        """The file."""
        return self.content if isinstance(self.content, bytes) else self.content()


def rejected(reason: str, *words: str) -> Rejection:
    """A rejection whose message has these words."""
    return Rejection(reason, words)


def record(number: int, **changes: str) -> Record:
    """A record that the contract accepts as it is, except for the changes."""
    plain = {
        "customer_id": f"c{number:05d}",
        "age": str(18 + number % 43),
        "gender": ("Female", "Male", "Other")[number % 3],
        "city": CITIES[number % len(CITIES)],
        "category": "Home",
        "product_name": "Lamp",
        "purchase_date": f"2024-03-{1 + number % 9:02d}",
        "purchase_amount": f"{10 + number % 400}.50",
        "payment_method": "UPI",
        "discount_applied": "Yes",
        "rating": str(1 + number % 5),
        "repeat_customer": "No",
    }
    return [(plain | changes)[name] for name in FIELDS]


def good(count: int, first: int = 1) -> list[Record]:
    """So many different acceptable records."""
    return [record(number) for number in range(first, first + count)]


def each(name: str, *texts: str) -> list[Record]:
    """One record for each text in this field, acceptable otherwise."""
    return [record(100 + number, **{name: text}) for number, text in enumerate(texts)]


def text_of(records: Iterable[Record], *, header: Record | None = HEADER, delimiter: str = ",", end: str = "\n") -> str:
    """Records as CSV text; quoted only where that is needed."""
    lines = [*([header] if header else []), *records]
    return "".join(delimiter.join(_quoted(text, delimiter) for text in line) + end for line in lines)


def _quoted(text: str, delimiter: str) -> str:
    # Not csv.writer: it writes a carriage return inside a text without quotes, unless the line end has one too.
    return '"' + text.replace('"', '""') + '"' if {delimiter, '"', "\r", "\n"} & set(text) else text


def file_of(records: Iterable[Record], **options: Any) -> bytes:
    """Records as the bytes of a UTF-8 CSV file."""
    return text_of(records, **options).encode()
