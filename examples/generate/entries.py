"""One line of a system's file: its cells, and what a reader must make of it (the truth that the import is held to)."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from random import Random

from examples.generate.people import Person
from examples.generate.typing_habits import could_be_either, notes_of, typed

LAG_DAYS = 30
TWICE = 3
"""Persons who stand in a file twice, under two numbers."""

REPEATED = 4
"""Lines that stand in it again: two as they are, two under their number with something else in them."""


@dataclass(frozen=True)
class Fault:
    """What is wrong with some lines: a cell's content, and what must become of the line."""

    column: str
    value: str
    status: str
    rule: str
    lines: int
    """How many; where the status is `recorded`, `rule` is a note's."""


@dataclass(frozen=True)
class System:
    """A file as one system keeps it."""

    id: str
    file: str
    cells: Mapping[str, Callable[["Entry"], object]]
    faults: Sequence[Fault]
    identity: Sequence[str]
    styles: Sequence[str]
    """Habits of the clerks who type the date on which somebody was met."""
    dated: str
    changes: str
    """What differs where two lines have one number."""
    groups: str = ""
    """The column that is merged, or left empty after the first of several lines."""
    native: str = "dmy"
    birth_styles: Sequence[str] = ("dmy",)
    title: str = ""
    ends: Sequence[str] = ()
    lines: int = 205
    encoding: str = "utf-8"
    delimiter: str = ","
    always: frozenset[str] = frozenset()
    """What is noted of every line, because the file has no such column."""


@dataclass
class Entry:
    """A line while it is typed."""

    person: Person
    number: int
    chance: Random
    system: System
    day: date = field(init=False)
    style: str = field(init=False)
    cells: dict[str, str] = field(default_factory=dict)
    notes: set[str] = field(default_factory=set)
    status: str = "recorded"
    rules: set[str] = field(default_factory=set)
    """Why the line is not recorded."""

    def __post_init__(self) -> None:
        """The person came to this system some days after being met."""
        self.day = self.person.met + timedelta(days=self.chance.randrange(LAG_DAYS))
        self.style = self.chance.choice(self.system.styles)

    def met(self) -> str:
        """The date on which the system says that the person was met."""
        self.notes |= notes_of(self.day, self.style, self.system.native)
        return typed(self.day, self.style)

    def born(self) -> str:
        """The birth date, as typed."""
        style = self.chance.choice(self.system.birth_styles)
        self.notes |= notes_of(self.person.born, style, self.system.native)
        return typed(self.person.born, style)

    def age(self) -> int:
        """The age on that day."""
        return self.person.age(self.day)

    def name(self) -> str:
        """Family name first, as Khmer names are."""
        return f"{self.person.family} {self.person.given}"

    def one(self, *choices: str) -> str:
        """Any of some spellings."""
        return self.chance.choice(choices)

    def spoil(self, fault: Fault) -> None:
        """Type one cell wrong."""
        if fault.column == self.system.dated:
            self.notes -= notes_of(self.day, self.style, self.system.native)
            self.style = "iso"
        self.cells[fault.column] = fault.value
        self.status = fault.status
        (self.notes if fault.status == "recorded" else self.rules).add(fault.rule)

    def doubt(self) -> None:
        """In a column of both orders a date that could be either is a question."""
        if could_be_either(self.day, self.style):
            self.rules.add("ambiguous-date")
            self.status = "needs_review" if self.status == "recorded" else self.status


def entries(system: System, persons: Sequence[Person], seed: int) -> list[Entry]:
    """The lines of a system's file: some persons, some faults, a line typed twice, a number used twice."""
    chance = Random(f"{seed} {system.id}")  # noqa: S311 - a sample must come out the same each time
    some = chance.sample(list(persons), system.lines - REPEATED - TWICE) if system.lines else list(persons)
    some += some[:TWICE] if system.lines else []
    made = []
    for number, person in enumerate(some, 1):
        entry = Entry(person, number, chance, system)
        entry.notes |= system.always
        entry.cells = {heading: str(value(entry)) for heading, value in system.cells.items()}
        made.append(entry)
    sound = chance.sample(made, len(made))
    for fault in system.faults:
        for _ in range(fault.lines):
            sound.pop().spoil(fault)
    if "mdy" in system.styles and system.native == "dmy":
        for entry in made:
            entry.doubt()
    whole = [entry for entry in sound if entry.status == "recorded"]
    made += [_again(entry, chance, system, changed=place > 1) for place, entry in enumerate(whole[:REPEATED])]
    return _grouped(made, system)


def _again(entry: Entry, chance: Random, system: System, *, changed: bool) -> Entry:
    """The same line once more, or another one under its number."""
    copy = Entry(entry.person, entry.number, chance, system)
    copy.style, copy.day = entry.style, entry.day
    copy.cells = dict(entry.cells)
    if changed:
        copy.cells[system.changes] += " II"
    copy.status, rule = ("needs_review", "identity-twice") if changed else ("duplicate", "row-twice")
    copy.rules = {rule}
    return copy


def _grouped(made: list[Entry], system: System) -> list[Entry]:
    """Lines of one group together, those that repeat a line behind it."""
    repeats = {"row-twice", "identity-twice"}
    return sorted(made, key=lambda one: (one.cells.get(system.groups, ""), bool(one.rules & repeats), one.number))
