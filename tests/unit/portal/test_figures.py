"""Files and charts say what the view said."""

import csv
import io
from typing import Any

import openpyxl
import pytest

from portal import charts
from portal.pages.court_files import COLUMNS, as_csv, as_xlsx


def _row(**group: Any) -> dict[str, Any]:
    return {
        "year": None, "court": None, "province": None, "statute": None, "article": None, **group,
        "prosecutions": 5, "convicted": 2, "acquitted": 1, "dismissed": 0, "pending": 2,
        "conviction_rate_percent": 40.0, "days_to_verdict": {"median": 120.5, "p90": 300},
        "compensation": {"ordered_khr": 98_000_000, "paid_khr": 0}, "victims_charged": 1,
    }  # fmt: skip


def test_the_csv_has_every_figure_of_every_group() -> None:
    raw = as_csv({"year": [_row(year=2024)], "article": [_row(statute="lshtse-2008", article="12")]})
    rows = list(csv.DictReader(io.StringIO(raw.decode("utf-8-sig"))))
    assert [(row["group"], row["name"]) for row in rows] == [("year", "2024"), ("article", "lshtse-2008:12")]
    assert rows[0]["median_days"] == "120.5"
    assert rows[0]["ordered_khr"] == "98000000"
    assert set(COLUMNS) < set(rows[0])


@pytest.mark.parametrize("sign", ["=", "+", "-", "@"])
def test_no_name_becomes_a_formula(sign: str) -> None:
    raw = as_csv({"court": [_row(court=f"{sign}1+1")]})
    (row,) = csv.DictReader(io.StringIO(raw.decode("utf-8-sig")))
    assert row["name"] == f"'{sign}1+1"
    book = openpyxl.load_workbook(io.BytesIO(as_xlsx({"court": [_row(court=f"{sign}1+1")]}, {"determined": 1})))
    assert book["court"].cell(2, 1).data_type == "s"


def test_the_workbook_has_a_sheet_for_each_group_and_the_funnel() -> None:
    book = openpyxl.load_workbook(io.BytesIO(as_xlsx({"year": [_row(year=2024)]}, {"determined": 9, "reported": 4})))
    assert [row[:4] for row in book["year"].iter_rows(min_row=2, values_only=True)] == [("2024", 5, 2, 1)]
    assert list(book["funnel"].iter_rows(values_only=True)) == [("determined", "reported"), (9, 4)]


@pytest.mark.parametrize(("largest", "top"), [(0, 4), (1, 4), (4, 4), (5, 8), (12, 20), (72, 80), (250, 400)])
def test_an_axis_ends_at_a_round_number_at_or_above_the_largest(largest: int, top: int) -> None:
    assert charts.top_of(largest) == top
    assert [value for value, _ in charts.ticks(top)] == [0, top // 4, top // 2, top * 3 // 4, top]


def test_a_stacked_bar_is_as_high_as_its_sum() -> None:
    (bar,) = charts.stacked([{"year": 2024, "convicted": 3, "pending": 1}], "year", ("convicted", "pending"), 8)
    assert bar.total == 4
    assert sum(part.length for part in bar.parts) == charts.PLOT * 4 / 8
    assert bar.parts[-1].start == charts.PLOT - charts.PLOT * 4 / 8
