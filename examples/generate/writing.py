"""Sample files as bytes, the same on every machine: CSV in an office's encoding, XLSX with merged cells."""

import csv
import io
import zipfile
from collections.abc import Sequence
from datetime import UTC, datetime

import xlsxwriter

from examples.generate.entries import Entry, System

MADE_AT = datetime(2011, 12, 1, tzinfo=UTC).replace(tzinfo=None)  # XLSX has no time zones
PAGE_LINES = 60
"""After so many lines the headings are printed again."""


def written(system: System, made: Sequence[Entry]) -> bytes:
    """The file of a system."""
    return _xlsx(system, made) if system.file.endswith("x") else _csv(system, made)


def _csv(system: System, made: Sequence[Entry]) -> bytes:
    held = io.StringIO()
    writer = csv.writer(held, delimiter=system.delimiter, lineterminator="\r\n")
    if system.title:
        writer.writerows([[system.title], []])
    headings = list(system.cells)
    above = ""
    for number, entry in enumerate(made):
        if number % PAGE_LINES == 0:
            writer.writerow(headings)
        group = entry.cells.get(system.groups, "")
        cells = entry.cells | ({system.groups: ""} if system.groups and group == above else {})
        writer.writerow([cells[heading] for heading in headings])
        above = group
    writer.writerows([[], *([end.format(n=len(made))] for end in system.ends)])
    return held.getvalue().encode(system.encoding)


def _xlsx(system: System, made: Sequence[Entry]) -> bytes:
    held = io.BytesIO()
    with xlsxwriter.Workbook(held, {"in_memory": True}) as book:
        book.set_properties({"created": MADE_AT})
        sheet = book.add_worksheet("Register")
        headings = list(system.cells)
        last = len(headings) - 1
        sheet.merge_range(0, 0, 0, last, system.title)
        for column, heading in enumerate(headings):  # two lines of headings, merged into one
            sheet.merge_range(1, column, 2, column, heading)
        for line, entry in enumerate(made, 3):
            for column, heading in enumerate(headings):
                if heading != system.groups:
                    sheet.write(line, column, _typed(entry.cells[heading]))
        for first, size, value in _runs([entry.cells[system.groups] for entry in made]):
            column = headings.index(system.groups)
            if size > 1:
                sheet.merge_range(first + 3, column, first + size + 2, column, value)
            else:
                sheet.write(first + 3, column, value)
        for line, end in enumerate(system.ends, len(made) + 4):
            sheet.merge_range(line, 0, line, last, end.format(n=len(made)))
    return _stored(held.getvalue())


def _typed(text: str) -> str | int:
    return int(text) if text.isascii() and text.isdecimal() else text


def _runs(values: Sequence[str]) -> list[tuple[int, int, str]]:
    runs: list[tuple[int, int, str]] = []
    for place, value in enumerate(values):
        if runs and runs[-1][2] == value:
            runs[-1] = (runs[-1][0], runs[-1][1] + 1, value)
        else:
            runs.append((place, 1, value))
    return runs


def _stored(raw: bytes) -> bytes:
    """The same parts uncompressed: compressors differ from machine to machine."""
    held = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(raw)) as packed, zipfile.ZipFile(held, "w", zipfile.ZIP_STORED) as stored:
        for name in packed.namelist():
            part = zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0))
            part.create_system = 3
            stored.writestr(part, packed.read(name))
    return held.getvalue()
