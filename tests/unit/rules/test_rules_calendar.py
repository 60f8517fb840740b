"""Working days: they only ever move forward, and never end on a day off."""

from datetime import date, timedelta
from pathlib import Path
from shutil import copy

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from libs.rules.calendar import (
    FOLDER,
    UnknownCalendar,
    calendar_days_after,
    load_calendars,
    working_days_after,
)
from libs.rules.load import BadRules

CALENDARS = load_calendars()
countries = st.sampled_from(sorted(CALENDARS.by_country))
days = st.dates(date(2023, 1, 1), date(2028, 12, 31))
EASY = settings(deadline=None, max_examples=80)
counts = st.integers(0, 120)


def test_every_country_of_the_corridors_has_a_calendar() -> None:
    assert set(CALENDARS.by_country) == {"KH", "VN", "TH", "MY", "LA", "MM", "CN"}


def test_counts_over_khmer_new_year() -> None:
    # given a Friday before the New Year of 14 to 16 April 2025
    # when two working days are counted
    # then they are Thursday and Friday after it
    assert CALENDARS.working_days_after(date(2025, 4, 11), 2, "KH").day == date(2025, 4, 18)


def test_a_make_up_saturday_counts() -> None:
    assert CALENDARS.of("CN").is_working(min(CALENDARS.of("CN").working_weekend_days))


def test_says_that_a_day_beyond_the_known_years_is_provisional() -> None:
    assert CALENDARS.working_days_after(date(2031, 1, 6), 3, "KH").provisional
    assert not CALENDARS.working_days_after(date(2025, 6, 2), 3, "KH").provisional


def test_refuses_an_unknown_country_and_a_negative_limit() -> None:
    with pytest.raises(UnknownCalendar):
        CALENDARS.of("ZZ")
    with pytest.raises(ValueError, match="a time limit is"):
        calendar_days_after(date(2025, 1, 1), -1)


@EASY
@given(days, counts, countries)
def test_never_ends_on_a_day_off(day: date, count: int, country: str) -> None:
    calendar = CALENDARS.of(country)
    found = working_days_after(day, count, calendar).day
    assert calendar.is_working(found)
    assert found not in calendar.holidays


@EASY
@given(days, counts, countries)
def test_grows_with_the_number_of_days(day: date, count: int, country: str) -> None:
    calendar = CALENDARS.of(country)
    assert working_days_after(day, count + 1, calendar).day >= working_days_after(day, count, calendar).day
    assert working_days_after(day, count, calendar).day >= calendar_days_after(day, count).day


@EASY
@given(days, st.integers(0, 60), counts, countries)
def test_a_later_start_never_ends_earlier(day: date, later: int, count: int, country: str) -> None:
    calendar = CALENDARS.of(country)
    moved = day + timedelta(days=later)
    assert working_days_after(moved, count, calendar).day >= working_days_after(day, count, calendar).day


@EASY
@given(days, st.integers(1, 60), st.integers(1, 60), countries)
def test_two_limits_in_a_row_are_one_long_one(day: date, first: int, second: int, country: str) -> None:
    calendar = CALENDARS.of(country)
    halfway = working_days_after(day, first, calendar).day
    assert working_days_after(halfway, second, calendar).day == working_days_after(day, first + second, calendar).day


def test_refuses_a_day_listed_twice(tmp_path: Path) -> None:
    copy(FOLDER / "calendar.schema.json", tmp_path)
    text = (FOLDER / "LA.yaml").read_text(encoding="utf-8")
    (tmp_path / "LA.yaml").write_text(f'{text}  - {{date: "2024-01-01", name: "Again", source: official}}\n')
    with pytest.raises(BadRules) as caught:
        load_calendars(tmp_path)
    assert [(fault.line, fault.what) for fault in caught.value.faults] == [
        (len(text.splitlines()) + 1, "2024-01-01 is listed twice"),
    ]
