"""An input from a seed and a number: a file of the corpus, or of Parquet, changed one to four times."""

from __future__ import annotations

import codecs
import gzip
import io
import random
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from walmart_bi_tests.corpus import CASES
from walmart_bi_tests.corpus.case import HEADER, file_of, good

MOST_BYTES = 512 * 1024
# A bomb of the corpus takes most of a second to make; they are mutated too, but seldom.
BOMB_SHARE = 0.0005
# Two files among more than a hundred, but another reader.
PARQUET_SHARE = 0.05
NAMES = (
    *("sales_2024-03.csv", "sales_2024-03.csv", "sales_2024-03.csv", "sales_2024-01_2024-03.csv", "delivery.csv"),
    *("sales_2024-03.csv.gz", "sales_2024-03.parquet", "=cmd()_2024-03.csv", "Verkäufe 2024-03.txt"),
)
TOKENS = (
    *(b'"', b'""', b'"""', b"\r", b"\n", b"\r\n", b"\n\n", b"\0", b"\0\0\0", b",", b";", b"\t", b",,,,", b" ", b"'"),
    *(b"\xff", b"\xfe\xff", b"\xff\xfe", b"\xef\xbb\xbf", b"\xc3", b"\xed\xa0\x80", b"\xc0\xaf", b"\xf4\x90\x80\x80"),
    *(b"\x1a", b"\x1b", b"\x0b", b"\x0c", b"\x1c", b"\xc2\x85", b"\xe2\x80\xa8", b"\xe2\x80\xae", b"\xe2\x88\x92"),
    *(
        b"-1",
        b"0",
        b"1e308",
        b"NaN",
        b"inf",
        b"9999999999.99",
        b"12,345.60",
        b"29/02/2024",
        b"2024-02-30",
        b"31/12/9999",
    ),
    *(b"2024-03-01", b"03/04/2024", b"=1+1", b"@SUM(A1)", b"'); DROP TABLE walmart_sales; --", b"</script>", b"PAR1"),
    *(b"\x1f\x8b\x08\x00", b"PK\x03\x04", b"\xd9\xa3", b"\xef\xbc\x91", b"Customer_ID", b"\xf0\x9f\x98\x80" * 80),
)


@dataclass(frozen=True)
class Input:
    """One file, and how it came about."""

    number: int
    name: str
    content: bytes
    made_from: str
    mutations: tuple[str, ...]


def make_input(seed: int, number: int) -> Input:
    """The input with this number of this seed; the same for ever, as long as corpus and mutations stay as they are."""
    chance = random.Random(f"{seed}:{number}")
    base = chance.choice(_group(chance.random()))
    content = _content(base)
    chosen = chance.choices(sorted(MUTATIONS), k=chance.choice((1, 1, 1, 2, 2, 3, 4)))
    for name in chosen:
        content = MUTATIONS[name](content, chance)[:MOST_BYTES]
    own_name = _names().get(base, NAMES[0])
    name = own_name if chance.random() < 0.5 else chance.choice(NAMES)
    return Input(number, name, content, base, tuple(chosen))


def _group(drawn: float) -> list[str]:
    if drawn < BOMB_SHARE:
        return _bombs()
    return list(_PARQUET) if drawn < BOMB_SHARE + PARQUET_SHARE else sorted(_bases())


@cache
def _bases() -> dict[str, bytes]:
    made = {case.name: case.content for case in CASES if isinstance(case.content, bytes)}
    kept = {name: content for name, content in made.items() if len(content) <= 64 * 1024}
    return {**kept, "plain": file_of(good(60)), **{name: made() for name, made in _PARQUET.items()}}


@cache
def _bombs() -> list[str]:
    return [case.name for case in CASES if not isinstance(case.content, bytes)]


@cache
def _content(base: str) -> bytes:
    return _bases()[base] if base in _bases() else next(case for case in CASES if case.name == base).bytes()


@cache
def _names() -> dict[str, str]:
    return {case.name: case.file_name for case in CASES}


def _parquet(records: list[list[str]], group: int | None = None, **options: Any) -> bytes:
    out = io.BytesIO()
    columns = dict(zip(HEADER, map(list, zip(*records, strict=True)), strict=True))
    pq.write_table(pa.table(columns), out, row_group_size=group, **options)
    return out.getvalue()


_PARQUET: dict[str, Callable[[], bytes]] = {
    "parquet": lambda: _parquet(good(30)),
    "parquet_groups": lambda: _parquet(good(90), 20),
    "parquet_plain": lambda: _parquet(good(30), compression="none", use_dictionary=False),
    "parquet_checked": lambda: _parquet(good(30), compression="zstd", write_page_checksum=True),
}


def _span(content: bytes, chance: random.Random, longest: int = 4096) -> tuple[int, int]:
    start = chance.randint(0, len(content))
    return start, min(len(content), start + chance.randint(0, longest))


def flip_bits(content: bytes, chance: random.Random) -> bytes:
    changed = bytearray(content)
    for _ in range(chance.randint(1, 8) if changed else 0):
        changed[chance.randrange(len(changed))] ^= 1 << chance.randrange(8)
    return bytes(changed)


def overwrite(content: bytes, chance: random.Random) -> bytes:
    start, _ = _span(content, chance)
    new = chance.randbytes(chance.randint(1, 12))
    return content[:start] + new + content[start + len(new) :]


def insert_token(content: bytes, chance: random.Random) -> bytes:
    for _ in range(chance.randint(1, 5)):
        start, _ = _span(content, chance)
        content = content[:start] + chance.choice(TOKENS) + content[start:]
    return content


def replace_field(content: bytes, chance: random.Random) -> bytes:
    lines = content.split(b"\n")
    for _ in range(chance.randint(1, 4)):
        at = chance.randrange(len(lines))
        fields = lines[at].split(b",")
        fields[chance.randrange(len(fields))] = chance.choice(TOKENS)
        lines[at] = b",".join(fields)
    return b"\n".join(lines)


def remove(content: bytes, chance: random.Random) -> bytes:
    start, end = _span(content, chance, 200)
    return content[:start] + content[end:]


def truncate(content: bytes, chance: random.Random) -> bytes:
    return content[: chance.randint(0, len(content))]


def splice(content: bytes, chance: random.Random) -> bytes:
    other = _content(chance.choice(sorted(_bases())))
    return content[: chance.randint(0, len(content))] + other[chance.randint(0, len(other)) :]


def append_another(content: bytes, chance: random.Random) -> bytes:
    return content + _content(chance.choice(sorted(_bases())))


def repeat_span(content: bytes, chance: random.Random) -> bytes:
    start, end = _span(content, chance, 300)
    return content[:end] + content[start:end] * chance.choice((1, 2, 7, 60)) + content[end:]


def repeat_all(content: bytes, chance: random.Random) -> bytes:
    return content * chance.randint(2, 3)


def shuffle_lines(content: bytes, chance: random.Random) -> bytes:
    lines = content.splitlines(keepends=True)
    body = lines[1:]
    chance.shuffle(body)
    return b"".join([*lines[:1], *body])


def shuffle_bytes_of_line(content: bytes, chance: random.Random) -> bytes:
    lines = content.splitlines(keepends=True)
    if lines:
        at = chance.randrange(len(lines))
        line = list(lines[at])
        chance.shuffle(line)
        lines[at] = bytes(line)
    return b"".join(lines)


def change_line_ends(content: bytes, chance: random.Random) -> bytes:
    ends = chance.choice(((b"\r\n",), (b"\r",), (b"\n", b"\r\n"), (b"\n", b"\r"), (b"\n\n",), (b"\n\r",), (b"",)))
    return b"".join(line + chance.choice(ends) for line in content.splitlines())


def change_delimiter(content: bytes, chance: random.Random) -> bytes:
    return content.replace(chance.choice((b",", b";", b"\t")), chance.choice((b",", b";", b"\t", b"|", b" ", b"\0")))


def quote_fields(content: bytes, chance: random.Random) -> bytes:
    quoted = b'","'.join(content.split(b","))
    return b"\n".join(b'"' + line + b'"' if chance.random() < 0.9 else line for line in quoted.split(b"\n"))


def encode(content: bytes, chance: random.Random) -> bytes:
    text = content.decode("utf-8", "replace")
    codec = chance.choice(("utf-16", "utf-16-le", "utf-16-be", "utf-32", "latin-1", "cp1252", "utf-7", "utf-8-sig"))
    mark = codecs.BOM_UTF16_BE if codec == "utf-16-be" and chance.random() < 0.5 else b""
    return mark + text.encode(codec, "replace")


def gzip_wrap(content: bytes, chance: random.Random) -> bytes:
    return gzip.compress(content, compresslevel=chance.randint(0, 9), mtime=0)


def gzip_members(content: bytes, chance: random.Random) -> bytes:
    cut = chance.randint(0, len(content))
    padding = bytes(chance.choice((0, 0, 1, 512)))
    return gzip.compress(content[:cut], mtime=0) + gzip.compress(content[cut:], mtime=0) + padding


def grow_field(content: bytes, chance: random.Random) -> bytes:
    start, _ = _span(content, chance)
    return content[:start] + chance.choice((b"x", b"9", b" ", b'"', b"\xc3\xa9")) * chance.choice(
        (64, 300, 5000, 131_072)
    )


Mutation = Callable[[bytes, random.Random], bytes]
MUTATIONS: dict[str, Mutation] = {
    mutation.__name__: mutation
    for mutation in (
        *(flip_bits, overwrite, insert_token, replace_field, remove, truncate, splice, append_another, repeat_span),
        *(repeat_all, shuffle_lines, shuffle_bytes_of_line, change_line_ends, change_delimiter, quote_fields, encode),
        *(gzip_wrap, gzip_members, grow_field),
    )
}
