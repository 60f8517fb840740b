"""Births that are known in part: a day, a year, an age that somebody estimated; of one calendar or of another."""

import re
from dataclasses import dataclass
from datetime import date

BUDDHIST_YEARS = 543
"""The Buddhist era of Cambodia, Thailand and Lao PDR is ahead of the common one by so many years."""
BUDDHIST_FROM = 2400
DAYS_APART_MAX = 15
"""Two days this near may be one, misread or reckoned from the lunar calendar."""
PARTS = ("year", "month", "day")
CONFUSED_YEARS_MAX = 2
"""Two stated years this near to each other may be one person's: East Asian counting of age, and guesses."""


@dataclass(frozen=True, slots=True)
class Birth:
    """When somebody was born: between two years, and on which day where that is known."""

    first_year: int
    last_year: int
    day: date | None = None

    @property
    def stated(self) -> bool:
        """Whether a year was stated, and not an age estimated."""
        return self.first_year == self.last_year


def birth_of(stated: str | None, estimate: tuple[int, int] | None, met: date) -> Birth | None:
    """A birth from `YYYY-MM-DD`, `YYYY-MM` or `YYYY`, else from an estimated age on the day the person was met.

    The first of January is what forms hold where only the year is known: it counts as the year.
    """
    if stated and (found := re.fullmatch(r"(\d{4})(?:-(\d\d))?(?:-(\d\d))?", stated)):
        year = common_year(int(found[1]))
        day = _day(year, found[2], found[3])
        return Birth(year, year, None if day and (day.month, day.day) == (1, 1) else day)
    if estimate:
        youngest, oldest = estimate
        return Birth(met.year - oldest - 1, met.year - youngest)
    return None


def common_year(year: int) -> int:
    """A year of the common era, where it was one of the Buddhist era."""
    return year - BUDDHIST_YEARS if year >= BUDDHIST_FROM else year


def _day(year: int, month: str | None, day: str | None) -> date | None:
    try:
        return date(year, int(month), int(day)) if month and day else None
    except ValueError:
        return None


def nearness(one: Birth | None, other: Birth | None) -> str:
    """How two births agree; the names of the levels stand in the weights' file."""
    if one is None or other is None:
        return "unknown"
    if one.day and other.day:
        return _days(one.day, other.day)
    apart = max(one.first_year - other.last_year, other.first_year - one.last_year, 0)
    if one.stated and other.stated:
        return "same_year" if apart == 0 else "near_year" if apart <= CONFUSED_YEARS_MAX else "different"
    if apart == 0:
        return "within_estimate"
    return "near_estimate" if apart <= CONFUSED_YEARS_MAX else "different"


def _days(one: date, other: date) -> str:
    if one == other or (one.year, one.month, one.day) == (other.year, other.day, other.month):
        return "same_day" if one == other else "day_and_month_swapped"
    if abs((one - other).days) <= DAYS_APART_MAX:
        return "days_apart"
    parts = zip(PARTS, (one.year, one.month, one.day), (other.year, other.month, other.day), strict=True)
    differing = [name for name, a, b in parts if a != b]
    return f"{differing[0]}_differs" if len(differing) == 1 else "different"
