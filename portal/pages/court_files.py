"""The figures of court outcomes as files that spreadsheets open."""

import csv
from collections.abc import Mapping, Sequence
from io import BytesIO, StringIO
from typing import Final

import xlsxwriter

from portal.client import Json

COLUMNS: Final = (
    "prosecutions", "convicted", "acquitted", "dismissed", "pending", "conviction_rate_percent", "median_days",
    "p90_days", "ordered_khr", "paid_khr", "victims_charged",
)  # fmt: skip
Row = Mapping[str, Json]


def as_csv(tables: Mapping[str, Sequence[Row]]) -> bytes:
    """One table: the group's kind, its name, its figures. UTF-8 with a mark, as spreadsheets need it."""
    text = StringIO()
    writer = csv.writer(text)
    writer.writerow(("group", "name", *COLUMNS))
    for group, rows in tables.items():
        writer.writerows((group, _safe(_name(group, row)), *_figures(row)) for row in rows)
    return b"\xef\xbb\xbf" + text.getvalue().encode()


def as_xlsx(tables: Mapping[str, Sequence[Row]], funnel: Mapping[str, int]) -> bytes:
    """A workbook: a sheet for each group, and the funnel."""
    content = BytesIO()
    book = xlsxwriter.Workbook(content, {"in_memory": True, "strings_to_formulas": False, "strings_to_urls": False})
    bold = book.add_format({"bold": True})
    for group, rows in tables.items():
        sheet = book.add_worksheet(group)
        sheet.write_row(0, 0, (group, *COLUMNS), bold)
        for at, row in enumerate(rows, 1):
            sheet.write_row(at, 0, (_name(group, row), *_figures(row)))
        sheet.freeze_panes(1, 1)
        sheet.set_column(0, 0, 28)
        sheet.set_column(1, len(COLUMNS), 14)
    sheet = book.add_worksheet("funnel")
    sheet.write_row(0, 0, tuple(funnel), bold)
    sheet.write_row(1, 0, tuple(funnel.values()))
    book.close()
    return content.getvalue()


def _name(group: str, row: Row) -> str:
    return f"{row['statute']}:{row['article']}" if group == "article" else str(row[group])


def _figures(row: Row) -> tuple[Json, ...]:
    flat = {
        **row,
        "median_days": row["days_to_verdict"]["median"],
        "p90_days": row["days_to_verdict"]["p90"],
        **row["compensation"],
    }
    return tuple(flat.get(name) for name in COLUMNS)


def _safe(text: str) -> str:
    """A cell that no spreadsheet takes for a formula (OWASP, CSV injection)."""
    return f"'{text}" if text[:1] in {"=", "+", "-", "@", "\t", "\r"} else text
