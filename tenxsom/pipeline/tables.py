"""Reads tables as spreadsheets save them: CSV with commas, semicolons or tabs, in UTF-8 or UTF-16.

A table that is not clear is refused with the row where the problem is, counted as a spreadsheet counts: the header is row 1.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from typing import NamedTuple

from tenxsom.errors import BadDefinition, Problem

MAX_TABLE_BYTES = 32 * 1024 * 1024
MAX_CELL_LETTERS = 200_000
"""More than any field of a definition may have."""

SUFFIXES = (".csv", ".tsv")
_DELIMITERS = ",;\t"
_OTHER_FILES = {
    b"PK\x03\x04": "a workbook (.xlsx, .ods) or a zip archive",
    b"\xd0\xcf\x11\xe0": "an old workbook (.xls)",
    b"%PDF": "a PDF",
    b"\x1f\x8b": "a gzip archive",
}
_MARKS = {b"\xff\xfe\x00\x00": "utf-32", b"\x00\x00\xfe\xff": "utf-32", b"\xff\xfe": "utf-16", b"\xfe\xff": "utf-16"}


class Row(NamedTuple):
    """A row of a table: its number in a spreadsheet, and its cells by column, without the blanks around them."""

    number: int
    cells: dict[str, str]


class Table(NamedTuple):
    """A table with a header."""

    columns: list[str]
    rows: list[Row]
    """All rows that are not empty."""


def read_table(data: bytes, source: str) -> Table:
    """Parse a table. Raises BadDefinition, which names the row, for one that is not clear."""
    text = decode(data, source)
    first, _, rest = text.partition("\n")
    delimiter, skipped = _delimiter(first), 0
    if first.strip().lower().startswith("sep=") and len(first.strip()) == len("sep=;"):  # Excel's own line about the delimiter
        delimiter, text, skipped = first.strip()[-1], rest, 1
    rows = _rows(text, delimiter, source, skipped)
    try:
        number, header = next(rows)
    except StopIteration:
        raise _bad(source, "/", "the table is empty; its first row names the columns") from None
    columns = _columns(header, f"{source}, row {number}")
    return Table(columns, [Row(number, _cells(columns, row, f"{source}, row {number}")) for number, row in rows])


def decode(data: bytes, source: str) -> str:
    """Return the text of a file with one record a line. Raises BadDefinition, which names the encoding and what to do."""
    if len(data) >= MAX_TABLE_BYTES:
        raise _bad(source, "/", f"it is larger than {MAX_TABLE_BYTES // 1024 // 1024} MiB; split it")
    for beginning, kind in _OTHER_FILES.items():
        if data.startswith(beginning):
            raise _bad(source, "/", f"this is {kind}; save it as CSV (UTF-8)")
    encoding = next((name for mark, name in _MARKS.items() if data.startswith(mark)), None) or _unmarked(data)
    try:
        return data.decode(encoding)
    except UnicodeDecodeError as error:
        if encoding != "utf-8-sig":
            raise _bad(source, "/", f"it begins as {encoding.upper()}, but is cut off or damaged; save it as CSV (UTF-8)") from None
        raise _not_utf_8(data, error.start, source) from None


def _unmarked(data: bytes) -> str:
    """Return the encoding of a text without a mark: every second byte of UTF-16 in the Latin script is zero."""
    zeros = data[:200]
    if zeros[1::2] and not any(zeros[1::2]):
        return "utf-16-le"
    return "utf-16-be" if zeros[::2] and not any(zeros[::2]) else "utf-8-sig"


def _not_utf_8(data: bytes, at: int, source: str) -> BadDefinition:
    """Return the error about a letter that is not UTF-8, shown as Windows-1252 has it, which Excel saves as plain CSV."""
    row = data.count(b"\n", 0, at) + 1
    letter = data[at : at + 1].decode("cp1252", "replace")
    what = f"byte 0x{data[at]:02X} is not UTF-8; in Windows-1252 it is {letter!r}, and the file was probably saved in that"
    is_table = source.lower().endswith((".csv", ".tsv"))
    remedy = 'Save it as "CSV UTF-8" (in Excel: Save As, file type)' if is_table else "Save it as UTF-8"
    return _bad(f"{source}, line {row}", "/", f"{what}. {remedy}")


def _delimiter(first: str) -> str:
    """Return the delimiter of a header: the one that it has most often outside of quotes."""
    plain = "".join(first.split('"')[::2])
    return max(_DELIMITERS, key=plain.count)


def _rows(text: str, delimiter: str, source: str, skipped: int) -> Iterator[tuple[int, list[str]]]:
    """Yield every row that is not empty with its number."""
    csv.field_size_limit(MAX_CELL_LETTERS)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    number = skipped
    while True:
        number += 1
        try:
            row = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            raise _bad(f"{source}, row {number}", "/", _complaint(str(error))) from None
        if any(cell.strip() for cell in row):
            yield number, row


def _complaint(told: str) -> str:
    sentences = {
        "unexpected end of data": 'a quote (") begins a cell here and is never closed',
        "field larger": f'a cell has more than {MAX_CELL_LETTERS} letters; a quote (") is probably not closed',
        "expected after": 'text follows the closing quote (") of a cell; a quote inside a cell is written twice ("")',
        "new-line character": "a line ends in a way that no spreadsheet writes; save it as CSV (UTF-8)",
    }
    return next((sentence for part, sentence in sentences.items() if part in told), told)


def _columns(header: list[str], source: str) -> list[str]:
    """Return the names of the columns. Raises BadDefinition for one without a name, and for a name that is there twice."""
    names = [cell.strip() for cell in header]
    while names and not names[-1]:
        names.pop()  # empty columns behind the table
    problems = [Problem(f"column {column_letters(number)}", "it has no name") for number, name in enumerate(names) if not name]
    twice = dict.fromkeys(name for name in names if name and names.count(name) > 1)
    problems += [Problem(name, "two columns have this name; keep one") for name in twice]
    if problems:
        raise BadDefinition(source, problems)
    return names


def _cells(columns: list[str], row: list[str], source: str) -> dict[str, str]:
    cells = [cell.strip() for cell in row]
    while len(cells) > len(columns) and not cells[-1]:
        cells.pop()
    if len(cells) > len(columns):
        where = f"column {column_letters(len(columns))}"
        raise _bad(source, where, f"{cells[len(columns)][:40]!r} stands outside of the {len(columns)} columns of the header")
    if len(cells) < len(columns):
        missing = columns[len(cells)]
        raise _bad(source, missing, f"the row ends before this column; it has {len(cells)} cells of {len(columns)}")
    return dict(zip(columns, cells, strict=True))


def column_letters(index: int) -> str:
    """Return how a spreadsheet names a column, counted from 0: A, B, … Z, AA."""
    letters = ""
    index += 1
    while index:
        index, rest = divmod(index - 1, 26)
        letters = chr(65 + rest) + letters
    return letters


def _bad(source: str, path: str, message: str) -> BadDefinition:
    return BadDefinition(source, [Problem(path, message)])
