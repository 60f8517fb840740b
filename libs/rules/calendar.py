"""Which days count: working days and calendar days of each country, as pure functions over its calendar file.

A day outside the years that a file covers is judged by weekends alone, and `Due.provisional` says so.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from functools import lru_cache
from pathlib import Path
from types import MappingProxyType

from libs.rules.load import ROOT, BadRules, Document, Fault, load

FOLDER = ROOT / "libs/rules/calendars"
DAYS_MAX = 3_650
"""No time limit in any procedure is longer than ten years."""

_WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")


class UnknownCalendar(LookupError):
    """Raised when a country has no calendar file."""


@dataclass(frozen=True, slots=True)
class Holiday:
    """A day on which the offices of a country are closed; `source` is `official`, `package` or `placeholder`."""

    day: date
    name: str
    source: str


@dataclass(frozen=True, slots=True)
class Due:
    """The day a limit runs out; provisional where a day on the way to it is unconfirmed or beyond the known years."""

    day: date
    provisional: bool


@dataclass(frozen=True, slots=True)
class Calendar:
    """The weekends and holidays of one country."""

    country: str
    name: str
    first_year: int
    last_year: int
    weekend: frozenset[int]
    working_weekend_days: frozenset[date]
    holidays: Mapping[date, Holiday]

    def is_working(self, day: date) -> bool:
        """Whether offices are open on this day."""
        if day in self.holidays:
            return False
        return day.weekday() not in self.weekend or day in self.working_weekend_days

    def is_confirmed(self, day: date) -> bool:
        """Whether the file knows this day: its year is covered and it is not itself an unconfirmed holiday."""
        holiday = self.holidays.get(day)
        return self.first_year <= day.year <= self.last_year and (holiday is None or holiday.source != "placeholder")


@dataclass(frozen=True, slots=True)
class Calendars:
    """The calendars of all countries that have one."""

    by_country: Mapping[str, Calendar]

    def of(self, country: str) -> Calendar:
        """The calendar of a country; raises `UnknownCalendar`."""
        if country not in self.by_country:
            raise UnknownCalendar(country)
        return self.by_country[country]

    def working_days_after(self, day: date, days: int, country: str) -> Due:
        """The last of `days` working days counted from the day after `day`; with 0, the first working day from it."""
        return working_days_after(day, days, self.of(country))


def working_days_after(day: date, days: int, calendar: Calendar) -> Due:
    """The last of `days` working days counted from the day after `day`; with 0, the first working day from it."""
    _check(days)
    confirmed = True
    here = day if days == 0 else day + timedelta(days=1)
    left = max(days, 1)
    while True:
        confirmed = confirmed and calendar.is_confirmed(here)
        left -= calendar.is_working(here)
        if left == 0:
            return Due(here, provisional=not confirmed)
        here += timedelta(days=1)


def calendar_days_after(day: date, days: int) -> Due:
    """The day that many days later, holidays or not."""
    _check(days)
    return Due(day + timedelta(days=days), provisional=False)


def _check(days: int) -> None:
    if not 0 <= days <= DAYS_MAX:
        raise ValueError(f"a time limit is 0 to {DAYS_MAX} days, not {days}")


@lru_cache(maxsize=4)
def load_calendars(folder: Path = FOLDER) -> Calendars:
    """Read every calendar file of a folder; raise `BadRules` if one is wrong."""
    found = [_calendar(path, folder / "calendar.schema.json") for path in sorted(folder.glob("*.yaml"))]
    return Calendars(MappingProxyType({calendar.country: calendar for calendar in found}))


def _calendar(path: Path, schema: Path) -> Calendar:
    document = load(path, schema)
    content = document.content
    if faults := _faults(document, path.stem):
        raise BadRules(faults)
    days = [date.fromisoformat(entry["date"]) for entry in content["holidays"]]
    holidays = {
        day: Holiday(day, entry["name"], entry["source"]) for day, entry in zip(days, content["holidays"], strict=True)
    }
    return Calendar(
        country=content["country"],
        name=content["name"],
        first_year=content["first_year"],
        last_year=content["last_year"],
        weekend=frozenset(_WEEKDAYS.index(name) for name in content["weekend"]),
        working_weekend_days=frozenset(date.fromisoformat(day) for day in content.get("working_weekend_days", ())),
        holidays=MappingProxyType(holidays),
    )


def _faults(document: Document, stem: str) -> list[Fault]:
    content = document.content
    faults = []
    if content["country"] != stem:
        faults.append(document.fault("/country", f"the file is named for {stem}"))
    seen: set[str] = set()
    for index, entry in enumerate(content["holidays"]):
        pointer = f"/holidays/{index}/date"
        if entry["date"] in seen:
            faults.append(document.fault(pointer, f"{entry['date']} is listed twice"))
        if not content["first_year"] <= int(entry["date"][:4]) <= content["last_year"]:
            faults.append(document.fault(pointer, f"{entry['date']} is outside the years of the file"))
        seen.add(entry["date"])
    return faults
