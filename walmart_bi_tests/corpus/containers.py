"""Files that are not plain UTF-8 text: encodings, compression, and what was delivered by mistake."""

import codecs
import gzip
import io
import zipfile
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from walmart_bi_tests.corpus.case import HEADER, MARCH, Case, each, file_of, good, record, rejected, text_of

PLAIN = text_of(good(3))
ACCENTED = ["Zürich", "São João", "東京"]
FOREIGN_TEXT = text_of(each("city", *ACCENTED))


def archive(members: dict[str, bytes]) -> bytes:
    """The same bytes at any time, for what is drawn from them by a seed: by itself an archive holds the time of day."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as packed:
        for name, content in members.items():
            packed.writestr(zipfile.ZipInfo(name, date_time=(2025, 3, 1, 0, 0, 0)), content, zipfile.ZIP_DEFLATED)
    return out.getvalue()


def workbook() -> bytes:
    """The parts that every xlsx file has, in the order in which spreadsheets write them."""
    return archive(
        {
            "[Content_Types].xml": b'<?xml version="1.0"?><Types/>',
            "_rels/.rels": b'<?xml version="1.0"?><Relationships/>',
            "xl/workbook.xml": b'<?xml version="1.0"?><workbook/>',
            "xl/worksheets/sheet1.xml": b"<worksheet><sheetData/></worksheet>",
        }
    )


def parquet_with_a_foreign_name() -> bytes:
    """A good file whose footer, damaged or written by another tool, names a column in bytes that are no UTF-8."""
    out = io.BytesIO()
    columns = dict(zip(HEADER, map(list, zip(*good(3), strict=True)), strict=True))
    pq.write_table(pa.table(columns), out, compression="none", store_schema=False)
    return out.getvalue().replace(b"Gender", b"G\xe9nder")


def bomb(content: bytes, size: int = 64 * 2**20) -> bytes:
    """A header and the content over and over: some dozens of megabytes that compress to some dozens of kilobytes."""
    return gzip.compress(PLAIN.encode() + content * (size // len(content)), compresslevel=5, mtime=0)


def latin1_rows(accented: int, plain: int) -> bytes:
    records = [record(number, city="Málaga") for number in range(accented)]
    return text_of([*good(plain, first=1000), *records]).encode("latin-1")


LINE = text_of(good(1), header=None).encode()
HTML = b"<!DOCTYPE html>\n<html><head><title>503 Service Unavailable</title></head><body>Try later</body></html>\n"
PDF = b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n1 0 obj\n<< /Type /Catalog >>\nendobj\n%%EOF\n"
JSON = b'[{"Customer_ID": "c1", "Age": 30}]\n'
XML = b'<?xml version="1.0"?>\n<Error><Code>AccessDenied</Code></Error>\n'
OLD_EXCEL = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(504)
HIGH_SURROGATE_ALONE = "Elm\ud83dford"

CASES = (
    # Text in the accepted encodings.
    Case("utf8_with_bom", codecs.BOM_UTF8 + PLAIN.encode(), loaded=3),
    Case("utf8_bom_and_quoted_header", codecs.BOM_UTF8 + b'"Customer_ID"' + PLAIN.encode()[11:], loaded=3),
    # Two files joined by a tool that kept the second one's mark. It is text there, wherever a block begins.
    Case(
        "utf8_bom_on_the_line_after_the_header",
        file_of([]) + codecs.BOM_UTF8 + text_of(good(2), header=None).encode(),
        loaded=2,
        values={"customer_id": ["\ufeffc00001", "c00002"]},
    ),
    Case(
        "utf8_bom_alone_on_the_line_after_the_header",
        file_of([]) + codecs.BOM_UTF8 + b"\n" + text_of(good(40), header=None).encode(),
        loaded=40,
        quarantined={"wrong_field_count": 1},
    ),
    Case("utf16_little_endian", codecs.BOM_UTF16_LE + FOREIGN_TEXT.encode("utf-16-le"), 3, values={"city": ACCENTED}),
    Case("utf16_big_endian", codecs.BOM_UTF16_BE + FOREIGN_TEXT.encode("utf-16-be"), 3, values={"city": ACCENTED}),
    Case(
        "utf16_with_a_lone_surrogate",
        codecs.BOM_UTF16_LE
        + text_of([*good(3), record(9, city=HIGH_SURROGATE_ALONE)]).encode("utf-16-le", "surrogatepass"),
        loaded=3,
        quarantined={"invalid_encoding": 1},
    ),
    Case("gzip", gzip.compress(PLAIN.encode(), mtime=0), loaded=3, file_name="sales_2024-03.csv.gz"),
    Case("gzip_under_a_csv_name", gzip.compress(PLAIN.encode(), mtime=0), loaded=3),
    Case("gzip_of_utf16", gzip.compress(codecs.BOM_UTF16_LE + PLAIN.encode("utf-16-le"), mtime=0), loaded=3),
    Case(
        "gzip_in_two_members",
        gzip.compress(PLAIN.encode()[:200], mtime=0) + gzip.compress(PLAIN.encode()[200:], mtime=0),
        loaded=3,
    ),
    # Damaged or hostile compression.
    Case(
        "gzip_cut_off", gzip.compress(PLAIN.encode(), mtime=0)[:-20], rejected=rejected("damaged_gzip", MARCH, "again")
    ),
    Case(
        "gzip_with_a_wrong_checksum",
        gzip.compress(PLAIN.encode(), mtime=0)[:-8] + bytes(8),
        rejected=rejected("damaged_gzip", MARCH),
    ),
    Case(
        "gzip_bomb_of_one_record",
        lambda: bomb(text_of(good(1), header=None).encode()),
        rejected=rejected("expansion", MARCH, "times its size"),
    ),
    Case("gzip_bomb_of_blank_lines", lambda: bomb(b"\r\n"), rejected=rejected("expansion", MARCH, "times its size")),
    # Nothing of it is worth unpacking once one record is longer than any sale can be.
    Case("gzip_bomb_without_line_ends", lambda: bomb(b"a"), rejected=rejected("record_too_long", MARCH, "line 5")),
    Case(
        "gzip_in_gzip",
        gzip.compress(gzip.compress(PLAIN.encode(), mtime=0), mtime=0),
        rejected=rejected("compressed", "gzip compressed twice"),
    ),
    # Text in another encoding.
    Case("latin1_in_one_row", latin1_rows(1, 30), loaded=30, quarantined={"invalid_encoding": 1}),
    # Quarantining every row of a file would hide that one export setting is the cause: say it once.
    Case("latin1_throughout", latin1_rows(30, 0), rejected=rejected("other_encoding", MARCH, "line 2", "UTF-8")),
    # The accent may stand in few columns and not in every row: most rows are enough to know.
    Case("latin1_in_most_rows", latin1_rows(25, 5), rejected=rejected("other_encoding", MARCH, "UTF-8")),
    Case(
        "cp1252_in_the_header",
        PLAIN.replace("City", "Citÿ").encode("cp1252"),
        rejected=rejected("missing_column", "City", "line 1"),
    ),
    Case(
        "utf8_of_a_surrogate_and_an_overlong_form",
        b"".join(
            [
                file_of(good(30)),
                text_of(each("city", "HERE", "THERE"), header=None)
                .encode()
                .replace(b"THERE", b"\xc0\xafville")
                .replace(b"HERE", b"\xed\xa0\xbdville"),
            ]
        ),
        loaded=30,
        quarantined={"invalid_encoding": 2},
    ),
    Case("utf16_without_a_mark", PLAIN.encode("utf-16-le"), rejected=rejected("binary", MARCH, "UTF-16")),
    Case("utf32", codecs.BOM_UTF32_LE + PLAIN.encode("utf-32-le"), rejected=rejected("other_encoding", "UTF-32")),
    # Not sales text at all.
    Case("excel_workbook", workbook(), rejected=rejected("excel", "Excel", MARCH, "CSV")),
    Case("excel_workbook_of_the_old_kind", OLD_EXCEL, rejected=rejected("excel", "Excel", "CSV")),
    Case("zip_archive", archive({"sales.csv": PLAIN.encode()}), rejected=rejected("zip", "zip", "CSV")),
    Case("html_error_page", HTML, rejected=rejected("html", "HTML", MARCH)),
    Case(
        "html_error_page_in_utf16",
        codecs.BOM_UTF16_LE + HTML.decode().encode("utf-16-le"),
        rejected=rejected("html", "HTML"),
    ),
    Case("xml_error_answer", XML, rejected=rejected("xml", "XML")),
    Case("json", JSON, rejected=rejected("json", "JSON")),
    Case("pdf", PDF, rejected=rejected("pdf", "PDF")),
    Case(
        "parquet_cut_off",
        b"PAR1" + bytes(range(200)),
        rejected=rejected("unreadable_parquet", "Parquet"),
        file_name="sales_2024-03.parquet",
    ),
    Case(
        "a_column_twice_with_a_mark_inside_its_name",
        PLAIN.replace("Rating", "Rating,Ra\ufeffting", 1).encode(),
        rejected=rejected("duplicate_column", "Rating", "2 times"),
    ),
    Case(
        "a_header_of_long_names_beyond_ascii",
        ",".join(chr(0x1F600 + number) * 60 for number in range(30)).encode() + b"\n" + LINE,
        rejected=rejected("missing_column", "line 1", "..."),
    ),
    Case("random_bytes", bytes(range(256)) * 8, rejected=rejected("missing_column", "line 1")),
    Case("only_nul_bytes", bytes(4096), rejected=rejected("binary", "NUL")),
    Case(
        "parquet_with_a_damaged_footer",
        b"PAR1\x1f" + (1).to_bytes(4, "little") + b"PAR1",
        rejected=rejected("unreadable_parquet", "Parquet", "\\x0f"),
    ),
    Case(
        "parquet_with_a_column_name_of_other_bytes",
        parquet_with_a_foreign_name(),
        rejected=rejected("unreadable_parquet", "the name of a column is not UTF-8"),
        file_name="sales_2024-03.parquet",
    ),
    # Found by the fuzz run: a page of one column says that it has no values. pyarrow then gives no row, and no error.
    Case(
        "parquet_with_a_column_without_values",
        (Path(__file__).with_name("kept") / "parquet_with_a_column_without_values.parquet").read_bytes(),
        rejected=rejected("unreadable_parquet", "tells of 30 records, and 0 can be read"),
        file_name="sales_2024-03.parquet",
    ),
    # Nothing in it.
    Case("zero_bytes", b"", rejected=rejected("empty_file", MARCH, "empty")),
    Case("only_a_byte_order_mark", codecs.BOM_UTF8, rejected=rejected("empty_file", "empty")),
    Case("only_blank_lines", b"\n\r\n\n", rejected=rejected("empty_file", "empty")),
    # A month must not be emptied by an export that found nothing.
    Case("only_a_header", file_of([]), rejected=rejected("header_only", MARCH, "no record")),
    Case("only_a_header_without_line_end", file_of([]).rstrip(), rejected=rejected("header_only", "no record")),
)
