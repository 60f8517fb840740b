"""What a cell says in other digits, calendars, orders and words; and what is not guessed."""

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from libs.tables.words import clean, key, orders_of, read_age, read_date

KHMER = str.maketrans("0123456789", "០១២៣៤៥៦៧៨៩")
THAI = str.maketrans("0123456789", "๐๑๒๓๔๕๖๗๘๙")
DAYS = st.dates(date(1920, 1, 1), date(2090, 12, 31))


@given(DAYS)
def test_a_day_is_read_in_either_calendar_and_any_digits(day: date) -> None:
    for year in (day.year, day.year + 543):
        typed = f"{day.day}/{day.month:02}/{year}"
        for text in (typed, typed.translate(KHMER), typed.translate(THAI), f"{year}-{day.month:02}-{day.day:02}"):
            read = read_date(text, "dmy")
            assert read is not None
            assert (read.first, read.exact, read.buddhist) == (day, True, year != day.year)


@given(DAYS)
def test_an_order_is_proved_only_by_a_day_that_is_no_month(day: date) -> None:
    read = read_date(f"{day.day}.{day.month}.{day.year}", "dmy")
    assert read is not None
    if day.day > 12:
        assert read.orders == {"dmy"}
    elif day.day != day.month:
        assert read.orders == {"dmy", "mdy"}


@pytest.mark.parametrize(
    "text",
    ["12 January 2011", "January 12, 2011", "12-Jan-2011", "ថ្ងៃទី ១២ ខែ មករា ឆ្នាំ ២០១១", "๑๒ มกราคม พ.ศ. ๒๕๕๔"],
)
def test_months_have_names(text: str) -> None:
    read = read_date(text, "dmy")
    assert read is not None
    assert read.first == read.last == date(2011, 1, 12)


@pytest.mark.parametrize(
    "text", ["31/02/2011", "0/1/2011", "soon", "12/13/14", "1/2/3000", "2011-13-01", "", "12345678901"]
)
def test_what_is_no_date_is_none(text: str) -> None:
    assert read_date(text, "dmy") is None


def test_a_column_shows_its_orders() -> None:
    assert orders_of(["25/03/2011", "03/04/2011"]) == {"dmy"}
    assert orders_of(["25/03/2011", "03/25/2011", None, "x"]) == {"dmy", "mdy"}


def test_a_month_or_a_year_is_a_span() -> None:
    month, year = read_date("03/2554", "dmy"), read_date("2011", "dmy")
    assert month is not None
    assert (month.first, month.last) == (date(2011, 3, 1), date(2011, 3, 31))
    assert year is not None
    assert (year.first, year.last) == (date(2011, 1, 1), date(2011, 12, 31))


@pytest.mark.parametrize(
    ("text", "ages"),
    [
        ("17", (17, 17)), (17, (17, 17)), ("១៧ឆ្នាំ", (17, 17)), ("15-17", (15, 17)), ("15 to 17", (15, 17)),
        ("~20", (18, 22)), ("about 20 years", (18, 22)), ("<18", (0, 17)), ("30+", (30, 120)), ("8 months", (0, 0)),
        ("17-15", None), ("young", None), ("", None), ("300", None), ("<0", None),
    ],
)  # fmt: skip
def test_ages(text: str | int, ages: tuple[int, int] | None) -> None:
    assert read_age(text) == ages


@given(st.text())
def test_nothing_makes_reading_fail(text: str) -> None:
    clean(text)
    key(text)
    read_date(text, "mdy")
    read_age(text)


def test_a_key_keeps_letters_marks_and_numbers() -> None:
    assert key("  Reg. No.\u200b ") == key("REG NO") == "regno"
    assert key("ភេទ") == "ភេទ"
    assert key("-") == key(None) == ""
