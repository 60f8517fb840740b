"""The cells of one row as facts, by its system's mapping; what cannot be read is found, never guessed. Pure."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date

from libs.events.event import JSON
from libs.rules.mappings import Column, SystemMap
from libs.tables.grid import Cell
from libs.tables.layout import Row
from libs.tables.words import ReadDate, clean, key, read_age, read_date

_SEVERAL = re.compile(r"\s*(?:[;,/|&+\n]|\band\b|និង|และ)\s*")
YEAR_DAYS = 365
LISTS = ("circumstances.exploitation", "circumstances.recruitment_method", "circumstances.control_methods")


@dataclass(frozen=True, slots=True)
class Finding:
    """Something about one column of a row. `rule` is stable, `detail` repeats no value."""

    column: str
    rule: str
    detail: str
    refuses: bool = True
    """Whether the row is refused; else a person decides."""


@dataclass(slots=True)
class Facts:
    """What a row says, while it is read: values by target, and what was found on the way."""

    mapping: SystemMap
    mixed: frozenset[str]
    """The date columns in which both orders of day and month are proved."""
    values: dict[str, JSON] = field(default_factory=dict)
    findings: list[Finding] = field(default_factory=list)
    notes: list[Finding] = field(default_factory=list)
    birth: ReadDate | None = None
    birth_unsure: bool = False

    def one(self, target: str) -> str | None:
        """The text of a target, if the row has it."""
        value = self.values.get(target)
        return None if value is None else str(value)

    def day(self, target: str) -> date | None:
        """The day of a target."""
        value = self.values.get(target)
        return value if isinstance(value, date) else None

    def column(self, target: str) -> str:
        """The column that states a target; the target itself where none does."""
        return next((one.name for one in self.mapping.columns if one.to == target), target)

    def note(self, column: str, rule: str, detail: str) -> None:
        """Say something that does not keep the row from being recorded."""
        self.notes.append(Finding(column, rule, detail))

    def doubt(self, column: Column, rule: str, detail: str) -> None:
        """A cell that cannot be used: a person looks at it where the fact is critical, else it is missing."""
        if column.required:
            self.findings.append(Finding(column.name, rule, detail, refuses=False))
        else:
            self.note(column.name, rule, detail)
            self.default(column)

    def default(self, column: Column) -> None:
        """What stands where a cell says nothing."""
        if column.otherwise is not None:
            self.values.setdefault(column.to, [column.otherwise] if column.kind == "codes" else column.otherwise)


def read_row(row: Row, mapping: SystemMap, mixed: frozenset[str]) -> Facts:
    """The facts of a row. `mixed` as in Facts."""
    facts = Facts(mapping, mixed)
    for column in mapping.columns:
        cell = row.cells.get(column.name)
        if key(cell):
            _READERS[column.kind](facts, column, cell)
        elif column.required:
            facts.findings.append(Finding(column.name, "missing-critical-fact", "this fact is missing"))
        elif column.otherwise is not None:
            facts.default(column)
            facts.note(column.name, "missing", "this fact is missing")
    for target, value in mapping.constants.items():
        facts.values.setdefault(target, value)
    return facts


def _text(facts: Facts, column: Column, cell: Cell) -> None:
    facts.values.setdefault(column.to, clean(cell))


def _date(facts: Facts, column: Column, cell: Cell) -> None:
    read = read_date(cell, facts.mapping.date_order)
    if read is None:
        facts.doubt(column, "unreadable-date", "this is no date that can be read")
    elif column.name in facts.mixed and len(read.orders) > 1:
        facts.doubt(column, "ambiguous-date", "day and month could be either: this column holds both orders")
    elif (read.last - read.first).days >= YEAR_DAYS - 1:
        facts.doubt(column, "date-too-coarse", "only a year is given")
    else:
        _how_read(facts, column, read)
        facts.values.setdefault(column.to, read.first)


def _birth(facts: Facts, column: Column, cell: Cell) -> None:
    read = read_date(cell, facts.mapping.date_order)
    if read is None:
        facts.doubt(column, "unreadable-date", "this is no date that can be read")
        return
    facts.birth, facts.birth_unsure = read, column.name in facts.mixed and len(read.orders) > 1
    if facts.birth_unsure:
        facts.note(column.name, "ambiguous-date", "day and month could be either; the year gives the age")
        facts.birth = ReadDate(date(read.first.year, 1, 1), date(read.first.year, 12, 31), read.orders)
    _how_read(facts, column, read)


def _how_read(facts: Facts, column: Column, read: ReadDate) -> None:
    if read.buddhist:
        facts.note(column.name, "buddhist-era", "the year is of the Buddhist era; 543 were taken off")
    if len(read.orders) == 1 and facts.mapping.date_order not in read.orders:
        facts.note(column.name, "date-order", "day and month stand in the other order")
    if not read.exact:
        facts.note(column.name, "date-partial", "the day is not given")


def _age(facts: Facts, column: Column, cell: Cell) -> None:
    ages = read_age(cell)
    if ages is None:
        facts.doubt(column, "unreadable-age", "this is no age that can be read")
    else:
        facts.values.setdefault(column.to, ages)


def _code(facts: Facts, column: Column, cell: Cell) -> None:
    value = column.codes.get(key(cell))
    if value is None:
        facts.doubt(column, "unknown-code", "is not among the codes of this column")
    else:
        facts.values.setdefault(column.to, [value] if column.to in LISTS else value)


def _codes(facts: Facts, column: Column, cell: Cell) -> None:
    whole = column.codes.get(key(cell))
    parts = [whole] if whole else [column.codes.get(key(part)) for part in _SEVERAL.split(clean(cell)) if key(part)]
    known = list(dict.fromkeys(part for part in parts if part))
    if not known:
        facts.doubt(column, "unknown-code", "is not among the codes of this column")
        return
    if None in parts:
        facts.note(column.name, "unknown-code", "one of several is not among the codes of this column")
    facts.values[column.to] = list(dict.fromkeys([*facts.values.get(column.to, []), *known]))


def _yes(facts: Facts, column: Column, cell: Cell) -> None:
    value = column.codes.get(key(cell))
    if value is None:
        facts.doubt(column, "unknown-code", "is neither yes nor no")
    else:
        facts.values.setdefault(column.to, value == "true")


def _number(facts: Facts, column: Column, cell: Cell) -> None:
    digits = re.sub(r"[,\s]", "", clean(cell))
    if re.fullmatch(r"\d{1,9}", digits) is None:
        facts.doubt(column, "unreadable-number", "this is no whole number")
    else:
        facts.values.setdefault(column.to, int(digits))


def _year(facts: Facts, column: Column, cell: Cell) -> None:
    read = read_date(clean(cell), facts.mapping.date_order)
    if read is None:
        facts.doubt(column, "unreadable-date", "this is no year that can be read")
    else:
        _how_read(facts, column, ReadDate(read.first, read.first, frozenset(), read.buddhist))
        facts.values.setdefault(column.to, read.first.year)


_READERS: Mapping[str, Callable[[Facts, Column, Cell], None]] = {
    "text": _text, "date": _date, "birth": _birth, "age": _age, "code": _code, "codes": _codes, "yes": _yes,
    "number": _number, "year": _year,
}  # fmt: skip
