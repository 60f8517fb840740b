"""What a cell says, whatever digits, calendar, order or script it is written in. Pure; guesses are told as such."""

import re
import unicodedata
from calendar import monthrange
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date

from libs.tables.grid import Cell

BUDDHIST_YEARS = 543
"""Thai and Khmer official calendars count from the Buddha's passing: 2554 is 2011."""

BUDDHIST_FROM, BUDDHIST_TO = 2400, 2700
YEARS = (1900, 2100)
MONTHS_A_YEAR = 12
APPROXIMATE_YEARS = 2
"""How far «about 20» may be off, either way."""

AGE_MAX = 120
_MONTHS = (
    ("january", "jan", "មករា", "มกราคม"), ("february", "feb", "កុម្ភៈ", "กุมภาพันธ์"), ("march", "mar", "មីនា", "มีนาคม"),
    ("april", "apr", "មេសា", "เมษายน"), ("may", "ឧសភា", "พฤษภาคม"), ("june", "jun", "មិថុនា", "มิถุนายน"),
    ("july", "jul", "កក្កដា", "กรกฎาคม"), ("august", "aug", "សីហា", "สิงหาคม"),
    ("september", "sep", "sept", "កញ្ញា", "กันยายน"), ("october", "oct", "តុលា", "ตุลาคม"),
    ("november", "nov", "វិច្ឆិកា", "พฤศจิกายน"), ("december", "dec", "ធ្នូ", "ธันวาคม"),
)  # fmt: skip
_AROUND_A_DATE = re.compile(
    r"ថ្ងៃទី|ថ្ងៃ|ខែ|ឆ្នាំ|ព\.ស\.?|គ\.ស\.?|วันที่|เดือน|ปี|พ\.ศ\.?|ค\.ศ\.?|\bb\.?e\.?\b|\btháng\b|\bnăm\b|,"
)
_ABOUT = re.compile(r"^(?:~|≈|about|approx\.?|circa|ca\.?|around|ប្រហែល|ประมาณ|khoảng)\s*")
_UNDER = re.compile(r"^(?:<|under|below|ក្រោម|ต่ำกว่า|dưới)\s*(\d{1,3})\b")
_RANGE = re.compile(r"^(\d{1,3})\s*(?:-|–|—|to|ដល់|ถึง)\s*(\d{1,3})\b")
_MINOR = re.compile(r"^(\d{1,2})\s*(?:months?|mths?|ខែ|เดือน|tháng)")


def clean(cell: Cell) -> str:
    """The cell as one line of text: NFC, digits of any script as 0-9, no invisible signs, single spaces."""
    if cell is None:
        return ""
    text = cell.isoformat() if isinstance(cell, date) else str(cell)
    text = unicodedata.normalize("NFC", text)
    signs = (_sign(sign) for sign in text)
    return " ".join("".join(signs).split())


def key(cell: Cell) -> str:
    """What is left of a heading or a code when case, spaces and punctuation do not count."""
    return "".join(sign for sign in clean(cell).casefold() if unicodedata.category(sign)[0] in "LMN" or sign in "+<>")


@dataclass(frozen=True, slots=True)
class ReadDate:
    """What a date cell says: the days that it may mean, and how it was understood."""

    first: date
    last: date
    orders: frozenset[str]
    """The orders of day and month in which it is a date: one, or both where it could be either."""
    buddhist: bool = False

    @property
    def exact(self) -> bool:
        """Whether it names one day."""
        return self.first == self.last


def read_date(cell: Cell, order: str) -> ReadDate | None:
    """The date in a cell; `order` (`dmy` or `mdy`) decides where both would do. None where there is none."""
    if isinstance(cell, date):
        return _day(cell.year, cell.month, cell.day, frozenset())
    text = " ".join(_AROUND_A_DATE.sub(" ", clean(cell).casefold()).split())
    parts = [part for part in re.split(r"[\s/.\-]+", text.partition("t00:00")[0]) if part]
    numbers = [int(part) if part.isdecimal() and len(part) <= len("2554") else _month(part) for part in parts]
    match numbers:
        case [int(year), int(month), int(day)] if year > YEARS[0]:
            return _day(year, month, day, frozenset())
        case [int(one), int(two), int(year)]:
            words = [place for place, part in enumerate(parts) if not part.isdecimal()]
            return _ordered(one, two, year, order, named=words[0] if words else None)
        case [int(month), int(year)] if 1 <= month <= MONTHS_A_YEAR:
            return _span(year, month, month)
        case [int(year)]:
            return _span(year, 1, MONTHS_A_YEAR)
    return None


def orders_of(cells: Iterable[Cell]) -> frozenset[str]:
    """The orders of day and month that a column's unambiguous dates are written in."""
    found = (read for cell in cells if (read := read_date(cell, "dmy")))
    return frozenset(order for read in found if len(read.orders) == 1 for order in read.orders)


def read_age(cell: Cell) -> tuple[int, int] | None:
    """The ages in years that a cell may mean, both included. None where it says none."""
    text = clean(cell).casefold()
    if _MINOR.match(text):
        return (0, 0)
    about = _ABOUT.match(text)
    text = text[about.end() :] if about else text
    if under := _UNDER.match(text):
        return _ages(0, int(under[1]) - 1)
    if span := _RANGE.match(text):
        return _ages(int(span[1]), int(span[2]))
    number = re.match(r"^(>|over|above|លើស)?\s*(\d{1,3})(?!\d)\s*(\+)?", text)
    if number is None:
        return None
    years = int(number[2])
    if number[1] or number[3]:
        return _ages(years, AGE_MAX)
    return _ages(max(years - APPROXIMATE_YEARS, 0), years + APPROXIMATE_YEARS) if about else _ages(years, years)


def _sign(sign: str) -> str:
    category = unicodedata.category(sign)
    if category == "Nd":
        return str(unicodedata.decimal(sign))
    return "" if category in {"Cf", "Cc"} and sign not in "\t\n\r" else sign


def _month(part: str) -> int | None:
    return next((number for number, names in enumerate(_MONTHS, 1) if part in names), None)


def _ordered(one: int, two: int, year: int, order: str, *, named: int | None) -> ReadDate | None:
    """Day and month in one of two orders; `named` is the place (0 or 1) of the one written as a word, if any."""
    if named is not None:
        month, day = (two, one) if named else (one, two)
        return _day(year, month, day, frozenset())
    day_first, month_first = _day(year, two, one, frozenset()), _day(year, one, two, frozenset())
    possible = frozenset(name for name, read in (("dmy", day_first), ("mdy", month_first)) if read)
    if day_first and month_first and day_first.first == month_first.first:
        return day_first
    chosen = month_first if order == "mdy" and month_first else day_first or month_first
    return chosen and ReadDate(chosen.first, chosen.last, possible, chosen.buddhist)


def _day(year: int, month: int, day: int, orders: frozenset[str]) -> ReadDate | None:
    year, buddhist = _year(year)
    if not (YEARS[0] <= year <= YEARS[1] and 1 <= month <= MONTHS_A_YEAR and 1 <= day <= monthrange(year, month)[1]):
        return None
    found = date(year, month, day)
    return ReadDate(found, found, orders, buddhist)


def _span(year: int, first: int, last: int) -> ReadDate | None:
    year, buddhist = _year(year)
    if not YEARS[0] <= year <= YEARS[1]:
        return None
    return ReadDate(date(year, first, 1), date(year, last, monthrange(year, last)[1]), frozenset(), buddhist)


def _year(year: int) -> tuple[int, bool]:
    buddhist = BUDDHIST_FROM <= year <= BUDDHIST_TO
    return year - BUDDHIST_YEARS if buddhist else year, buddhist


def _ages(low: int, high: int) -> tuple[int, int] | None:
    return (low, min(high, AGE_MAX)) if 0 <= low <= high and low <= AGE_MAX else None
