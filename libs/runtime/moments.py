"""Moments in a query: RFC 3339 with an offset, or a date, which is a whole day in Cambodia."""

import re
from collections.abc import Callable
from datetime import date, datetime, time, timedelta
from typing import Annotated

from fastapi import Query
from pydantic import AfterValidator, AwareDatetime, BeforeValidator

from libs.rules.local import CAMBODIA

YEARS = (1900, 2200)
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}")
_MOMENT = re.compile(r"\d{4}-\d{2}-\d{2}[Tt ]\d{2}:\d{2}")
_UNESCAPED_PLUS = re.compile(r" (?=\d{2}:\d{2}$)")


def _reading(of_day: Callable[[datetime], datetime]) -> BeforeValidator:
    """Text to a moment: a date by the day's beginning in Cambodia. Pydantic alone would take a number too."""

    def read(value: object) -> object:
        if not isinstance(value, str):
            return value
        if _DATE.fullmatch(value):
            return of_day(datetime.combine(date.fromisoformat(value), time(), CAMBODIA))
        if not _MOMENT.match(value):
            raise ValueError("is neither a date nor a moment of RFC 3339, e.g. 2026-11-01 or 2026-11-01T08:00:00+07:00")
        return _UNESCAPED_PLUS.sub("+", value)

    return BeforeValidator(read, json_schema_input_type=AwareDatetime | date | None)


def _within(moment: datetime | None) -> datetime | None:
    if moment and not YEARS[0] <= moment.year <= YEARS[1]:
        raise ValueError(f"lies outside the years {YEARS[0]} to {YEARS[1]}")
    return moment


_Held = Annotated[AwareDatetime | None, AfterValidator(_within)]
"""A moment that every clock and the database can hold, whatever its offset."""
Begin = Annotated[_Held, _reading(lambda day: day)]
"""The first moment of a period; a date is its beginning."""
End = Annotated[_Held, _reading(lambda day: day + timedelta(days=1))]
"""The moment before which a period ends; a date lies within it."""
Moment = Annotated[_Held, _reading(lambda day: day + timedelta(days=1, microseconds=-1))]
"""A moment up to which facts count; a date counts whole."""
At = Annotated[
    Moment,
    Query(description="The answer as at this moment (RFC 3339), or at the end of this day; default: now"),
]
KnownAt = Annotated[
    Moment,
    Query(description="Only what had been recorded by this moment, or by the end of this day; default: all of it"),
]
