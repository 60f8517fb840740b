"""Files as offices keep them: encodings, merged cells, titles, headings of two rows, notes; and files made to hurt."""

import io
import zipfile

import pytest
import xlsxwriter

from libs.tables import read
from libs.tables.grid import Grid, Unreadable
from libs.tables.layout import Heading, NoTable, table_of
from libs.tables.read import decoded, read_grids
from libs.tables.words import key


def heading(name: str, *spellings: str, required: bool = False, fill_down: bool = False) -> Heading:
    return Heading(name, frozenset(map(key, spellings)), required=required, fill_down=fill_down)


WANTED = [
    heading("number", "No", required=True), heading("name", "Name", "Person Name"), heading("sex", "Sex", "Person Sex"),
    heading("province", "Province", fill_down=True),
]  # fmt: skip
ENDS = frozenset({key("Total")})


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "cp874"])
def test_a_text_is_read_in_the_encodings_that_offices_use(encoding: str) -> None:
    text = "ชื่อ,เพศ\nสมชาย,ชาย\n" * 3
    assert decoded(text.encode(encoding)).removeprefix("\ufeff") == text


@pytest.mark.parametrize("raw", [b"\xff\xfea", b"a,b\n\x81\xfc\xfd", b"a\0b"])
def test_other_bytes_are_refused(raw: bytes) -> None:
    with pytest.raises(Unreadable, match="unknown-encoding"):
        decoded(raw)


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_a_csv_has_its_own_delimiter(delimiter: str) -> None:
    grid = read_grids(f'No{delimiter}Name\n1{delimiter}"a{delimiter}b"\n'.encode())[0]
    assert grid.rows == [["No", "Name"], ["1", f"a{delimiter}b"]]


def _book(fill: object) -> bytes:
    held = io.BytesIO()
    with xlsxwriter.Workbook(held) as book:
        fill(book.add_worksheet())  # type: ignore[operator]
    return held.getvalue()


def test_merged_cells_and_headings_of_two_rows() -> None:
    def fill(sheet: xlsxwriter.worksheet.Worksheet) -> None:
        sheet.merge_range("A1:D1", "Register of the ministry")
        sheet.merge_range("A2:A3", "No")
        sheet.merge_range("B2:C2", "Person")
        sheet.merge_range("D2:D3", "Province")
        sheet.write_row("B3", ["Name", "Sex"])
        sheet.write_row("A4", [1, "a", "F"])
        sheet.write_row("A5", [2, "b", "M"])
        sheet.merge_range("D4:D5", "Kep")
        sheet.merge_range("A6:D6", "Prepared by the office")

    table = table_of(read_grids(_book(fill)), WANTED, 10, ENDS)
    assert [dict(row.cells) for row in table.rows] == [
        {"number": 1, "name": "a", "sex": "F", "province": "Kep"},
        {"number": 2, "name": "b", "sex": "M", "province": "Kep"},
    ]
    assert table.notes == [(1, 6)]


def test_a_csv_of_merged_cells_is_filled_down_and_its_notes_are_no_rows() -> None:
    lines = [["x"], ["No", "Name", "Sex", "Province", "Other"], ["1", "a", "F", "Kep"], ["2", "b", "M", ""], [],
             ["No", "Name", "Sex", "Province"], ["3", "c", "M", ""], ["Total", "3", "", ""], ["remark"]]  # fmt: skip
    table = table_of([Grid(1, lines)], WANTED, 10, ENDS)
    assert [(row.number, row.cells["province"]) for row in table.rows] == [(3, "Kep"), (4, "Kep"), (7, None)]
    assert table.notes == [(1, 8), (1, 9)]
    assert table.unknown == [(1, 5)]


def test_a_sheet_without_the_headings_says_which() -> None:
    with pytest.raises(NoTable) as fault:
        table_of([Grid(1, [["Name", "Sex"], ["a", "F"]])], WANTED, 10, ENDS)
    assert fault.value.missing == ["number"]


def _zip(**parts: bytes) -> bytes:
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in parts.items():
            archive.writestr(name.replace("_", "."), content)
    return held.getvalue()


@pytest.mark.parametrize(
    ("raw", "rule"),
    [
        (_zip(a_xml=b"0" * 20_000_000), "too-large"),
        (_zip(a_xml=b'<!DOCTYPE lolz [<!ENTITY lol "lol">]><a/>'), "not-a-table"),
        (_zip(a_txt=b"no workbook"), "not-a-table"),
        (b"PK\x03\x04 cut off", "not-a-table"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "not-a-table"),
        (b"a" * 20_000, "too-large"),
        (b"," * 400, "too-large"),
    ],
)
def test_files_made_to_hurt_are_refused(raw: bytes, rule: str) -> None:
    with pytest.raises(Unreadable, match=rule):
        read_grids(raw)


def test_a_sheet_has_so_many_rows_and_no_more(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(read, "ROWS_MAX", 3)
    assert len(read_grids(b"1\n2\n3\n")[0].rows) == 3
    with pytest.raises(Unreadable, match="too-large"):
        read_grids(b"1\n2\n3\n4\n")
