"""What is waited for in a case or a referral, until when, from whom, and what is told of it. Pure; files are data.

As with the steps of a return (`notices`), what is told is worked out from everything recorded and from now: the same
facts and the same now give the same notices, however often and however late anybody looks.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from functools import lru_cache
from types import MappingProxyType
from typing import Final, Literal

from libs.rules.calendar import Due, calendar_days_after, load_calendars
from libs.rules.limits import UnknownLimit, load_limits
from libs.rules.load import ROOT, BadRules, Document, Fault, load
from libs.rules.local import CAMBODIA, day_of

COUNTRY: Final = "KH"
_FOLDER = ROOT / "libs/rules/delivery"


@dataclass(frozen=True, slots=True)
class Duty:
    """The limits that run one after the other, whose they are, and the party that must act."""

    kind: str
    owner: str
    limits: tuple[str, ...]
    party: str


@dataclass(frozen=True, slots=True)
class Duties:
    """Every duty by its kind, and the organisations that hold a role here."""

    by_kind: Mapping[str, Duty]
    organisations: Mapping[str, tuple[str, ...]]

    def of(self, owner: str) -> dict[str, Duty]:
        """The duties whose limits a service owns."""
        return {kind: duty for kind, duty in self.by_kind.items() if duty.owner == owner}


@dataclass(frozen=True, slots=True)
class Happened:
    """What an event opens and ends: since when it is known, its day, and a due day where the event itself sets one."""

    version: int
    at: datetime
    day: date
    opens: tuple[str, ...]
    ends: tuple[str, ...]
    due: date | None = None


@dataclass(frozen=True, slots=True)
class Elsewhere:
    """What is recorded on another stream and ends a duty: since when it is known, its day, the duty's kind."""

    at: datetime
    day: date
    ends: str


@dataclass(frozen=True, slots=True)
class DutyNotice:
    """One thing to tell about a duty, and the moment at which it arose."""

    kind: Literal["awaiting", "due", "overdue"]
    duty: Duty
    at: datetime
    since: date
    due: Due
    serial: str
    """Tells it from an earlier time that the same was waited for."""


@lru_cache(maxsize=1)
def load_duties() -> Duties:
    """Read the file; raise `BadRules` with the lines at fault."""
    document = load(_FOLDER / "duties.v1.yaml", _FOLDER / "duties.schema.json")
    if faults := tuple(_faults(document)):
        raise BadRules(faults)
    said = document.content
    duties = [Duty(one["kind"], one["owner"], tuple(one["limits"]), one["party"]) for one in said["duties"]]
    held = {role: tuple(names) for role, names in said["organisations"].items()}
    return Duties(MappingProxyType({duty.kind: duty for duty in duties}), MappingProxyType(held))


@lru_cache(maxsize=20_000)
def due_of(duty: Duty, since: date) -> Due:
    """The day by which it must be done, counted from the day since which it is waited for."""
    limits, calendars = load_limits(duty.owner), load_calendars()
    day, provisional = since, False
    for name in duty.limits:
        limit = limits.of(name)
        if limit.unit == "working_days":
            due = calendars.working_days_after(day, limit.value, COUNTRY)
        else:
            due = calendar_days_after(day, limit.value)
        day, provisional = due.day, provisional or due.provisional
    return Due(day, provisional)


def merged(happened: Sequence[Happened], elsewhere: Sequence[Elsewhere]) -> list[Happened]:
    """A subject's own facts with those of other streams that ended what it waited for: none that came before it."""
    found = [
        Happened(0, max(end.at, one.at), end.day, (), (end.ends,))
        for one in happened
        for end in elsewhere
        if end.ends in one.opens and end.day >= one.day
    ]
    return sorted([*happened, *found], key=lambda one: one.at)


def told_of(
    duties: Duties, happened: Sequence[Happened], now: datetime, ahead: timedelta
) -> tuple[tuple[DutyNotice, ...], date | None]:
    """Every notice up to now, in the order in which they arose; and the next day on which time alone brings another."""
    told, again = [], []
    for notice, ends in _all(duties, happened, ahead):
        if ends and notice.at >= ends:
            continue  # by then it was waited for no more
        if notice.at > now:
            again.append(day_of(notice.at))
        else:
            told.append(notice)
    return tuple(sorted(told, key=lambda one: (one.at, one.kind, one.duty.kind))), min(again, default=None)


def _all(
    duties: Duties, happened: Sequence[Happened], ahead: timedelta
) -> Iterator[tuple[DutyNotice, datetime | None]]:
    """What each duty brings, and the moment at which it was waited for no more."""
    for number, one in enumerate(happened):
        for kind in one.opens:
            later = (after.at for after in happened[number + 1 :] if kind in after.opens + after.ends)
            ends = next(later, None)
            for notice in _of_time(duties.by_kind[kind], one, ahead):
                yield notice, ends


def _of_time(duty: Duty, one: Happened, ahead: timedelta) -> Iterator[DutyNotice]:
    due = Due(one.due, provisional=False) if one.due else due_of(duty, one.day)
    falls, passes = _begins(due.day - ahead), _begins(due.day + timedelta(days=1))
    serial = str(one.version)
    yield DutyNotice("awaiting", duty, one.at, one.day, due, serial)
    if one.at < passes:  # what is overdue when it becomes known is told as that alone
        yield DutyNotice("due", duty, max(falls, one.at), one.day, due, serial)
    yield DutyNotice("overdue", duty, max(passes, one.at), one.day, due, serial)


def _begins(day: date) -> datetime:
    return datetime.combine(day, time.min, CAMBODIA)


def _faults(document: Document) -> Iterator[Fault]:
    seen: set[str] = set()
    for index, duty in enumerate(document.content["duties"]):
        if duty["kind"] in seen:
            yield document.fault(f"/duties/{index}/kind", f"{duty['kind']!r} is there twice")
        seen.add(duty["kind"])
        for name in duty["limits"]:
            try:
                load_limits(duty["owner"]).of(name)
            except UnknownLimit as unknown:
                yield document.fault(f"/duties/{index}/limits", str(unknown))
