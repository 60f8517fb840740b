"""From a file's bytes to its sheets: CSV in the encodings that offices use, XLSX with its merged cells. Bounded."""

import csv
import io
import re
import zipfile
from collections.abc import Iterable, Iterator
from datetime import date, datetime
from itertools import islice

from openpyxl import load_workbook
from openpyxl.utils import range_boundaries

from libs.tables.grid import Cell, Grid, Unreadable

ROWS_MAX = 20_000
COLUMNS_MAX = 300
CELL_LENGTH_MAX = 10_000
SHEETS_MAX = 30
PARTS_MAX = 2_000
UNPACKED_BYTES_MAX = 100 * 1024 * 1024
PACKING_RATIO_MAX = 300
"""A sheet of real text packs to a tenth; what packs to a three-hundredth is made to fill memory."""

MERGES_MAX = 20_000
_MERGED = re.compile(rb'<(?:\w+:)?mergeCell\b[^>]*\bref="([A-Z]{1,3}\d{1,7}:[A-Z]{1,3}\d{1,7})"')
_DELIMITERS = ",;\t"


def read_grids(raw: bytes) -> list[Grid]:
    """The sheets of a CSV or XLSX file. Raises Unreadable."""
    if raw.startswith(b"PK\x03\x04"):
        return _xlsx(raw)
    if raw.startswith(b"\xd0\xcf\x11\xe0"):
        raise Unreadable("not-a-table", "an old or locked Excel file: save it as XLSX without a password, or as CSV")
    return [Grid(1, _csv(decoded(raw)))]


def decoded(raw: bytes) -> str:
    """A CSV's text: UTF-8 with or without its mark, UTF-16, or windows-874 (Thai). Raises Unreadable."""
    if raw.startswith((b"\xff\xfe", b"\xfe\xff")):
        encodings = ["utf-16"]
    elif b"\0" in raw:
        encodings = ["utf-16-le", "utf-16-be"]
    else:
        encodings = ["utf-8-sig", "cp874"]
    for encoding in encodings:
        try:
            text = raw.decode(encoding)
        except UnicodeDecodeError:
            continue
        if "\0" not in text:
            return text
    raise Unreadable("unknown-encoding", "the text is neither UTF-8, UTF-16 nor windows-874: save it as CSV UTF-8")


def _csv(text: str) -> list[list[Cell]]:
    first = text.splitlines()[:20]
    delimiter = max(_DELIMITERS, key=lambda sign: sum(line.count(sign) for line in first))
    try:
        lines = csv.reader(io.StringIO(text), delimiter=delimiter)
        return [list(map(_cell, row)) for row in _bounded(lines)]
    except csv.Error:
        raise Unreadable("not-a-table", "the text is no CSV: a quoted field does not end") from None


def _xlsx(raw: bytes) -> list[Grid]:
    try:
        with zipfile.ZipFile(io.BytesIO(raw)) as archive:
            _bound(archive)
            book = load_workbook(io.BytesIO(raw), read_only=True, data_only=True)
            try:
                shown = [sheet for sheet in book.worksheets if sheet.sheet_state == "visible"][:SHEETS_MAX]
                grids = []
                for number, sheet in enumerate(shown, 1):
                    # a dimension that the file claims may be wrong, or huge: what is there is what is read
                    sheet.reset_dimensions()
                    rows = [[_cell(one) for one in row] for row in _bounded(sheet.iter_rows(values_only=True))]
                    part = sheet._worksheet_path  # noqa: SLF001 - openpyxl does not tell merges of a sheet it streams
                    grids.append(Grid(number, _filled(rows, archive.read(part))))
            finally:
                book.close()
    except Unreadable:
        raise
    except Exception as fault:  # noqa: BLE001 - openpyxl and zipfile raise whatever a broken file makes them trip over
        raise Unreadable("not-a-table", f"the file is no XLSX that can be read ({type(fault).__name__})") from None
    return grids


def _bound(archive: zipfile.ZipFile) -> None:
    """Refuse what would unpack to more than a register can be; zipfile never unpacks more than a part declares."""
    parts = archive.infolist()
    unpacked = sum(part.file_size for part in parts)
    packed = sum(part.compress_size for part in parts) or 1
    if len(parts) > PARTS_MAX or unpacked > UNPACKED_BYTES_MAX or unpacked / packed > PACKING_RATIO_MAX:
        raise Unreadable("too-large", "the file unpacks to more than is read; split it")
    for part in parts:
        if part.filename.endswith((".xml", ".rels")):
            with archive.open(part) as opened:
                if b"<!DOCTYPE" in opened.read(4096):
                    raise Unreadable("not-a-table", "the file declares a document type, which no spreadsheet does")


def _bounded(rows: Iterable[Iterable[object]]) -> Iterator[list[object]]:
    for number, row in enumerate(rows):
        if number >= ROWS_MAX:
            raise Unreadable("too-large", f"a sheet has more than {ROWS_MAX} rows; split it")
        cells = list(islice(row, COLUMNS_MAX + 1))
        if len(cells) > COLUMNS_MAX:
            raise Unreadable("too-large", f"a row has more than {COLUMNS_MAX} cells")
        if any(isinstance(cell, str) and len(cell) > CELL_LENGTH_MAX for cell in cells):
            raise Unreadable("too-large", f"a cell holds more than {CELL_LENGTH_MAX} characters")
        yield cells


def _cell(value: object) -> Cell:
    match value:
        case datetime():
            return value.date()
        case None | bool() | int() | str() | date():
            return value
        case float() if value.is_integer():
            return int(value)
        case _:
            return str(value)


def _filled(rows: list[list[Cell]], sheet: bytes) -> list[list[Cell]]:
    """The rows with each merged range's value in all of its cells."""
    for count, found in enumerate(_MERGED.finditer(sheet)):
        if count >= MERGES_MAX:
            raise Unreadable("too-large", f"more than {MERGES_MAX} merged cells")
        left, top, right, bottom = range_boundaries(found[1].decode())
        if not (top and bottom and left and right) or top > len(rows) or left > len(rows[top - 1]):
            continue
        value = rows[top - 1][left - 1]
        for row in rows[top - 1 : bottom]:
            for column in range(left - 1, min(right, len(row))):
                row[column] = value
    return rows
