"""What organisations are told: that a step awaits them, falls due, or is overdue. Pure; time comes as an argument.

A notice arises from what was recorded and from time passing. It is worked out from the whole history, so that the
same facts and the same now give the same notices, however often and however late anybody looks.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Final, Literal

from libs.rules.load import ROOT, load
from libs.rules.local import CAMBODIA, day_of
from libs.rules.procedure import Corridor, Step
from libs.rules.progress import Mark, Procedure, Recorded, progress, timeline

Kind = Literal["awaiting", "due", "overdue"]
EMBASSY: Final = "embassy"
_FOLDER = ROOT / "libs/rules/delivery"


@dataclass(frozen=True, slots=True)
class Delivery:
    """When notices are told, and how often a webhook is tried (`delivery/webhooks.v1.yaml`)."""

    due_ahead: timedelta
    retry_after: tuple[timedelta, ...]
    disable_after: timedelta
    answer_within_s: int
    secret_overlap: timedelta

    def pause(self, attempts: int) -> timedelta:
        """How long to wait after so many failures in a row; the last pause of the schedule repeats."""
        return self.retry_after[min(attempts, len(self.retry_after)) - 1]


@dataclass(frozen=True, slots=True)
class Known:
    """Something recorded of a repatriation, and since when it is known."""

    at: datetime
    recorded: Recorded | None
    """None for the start."""


@dataclass(frozen=True, slots=True)
class Notice:
    """One thing to tell about a step, and the moment at which it arose."""

    kind: Kind
    step: Step
    at: datetime
    due: date | None
    provisional: bool
    serial: str
    """Tells it from the same kind of notice about the same step: the due day, or which time it came to wait."""


@dataclass(frozen=True, slots=True)
class Told:
    """The notices that have arisen by now, and the next day on which time alone brings another."""

    notices: tuple[Notice, ...]
    again: date | None


def load_delivery() -> Delivery:
    """Read the file; raise `BadRules` with the lines at fault."""
    said = load(_FOLDER / "webhooks.v1.yaml", _FOLDER / "webhooks.schema.json").content
    return Delivery(
        timedelta(days=said["due_ahead_days"]),
        tuple(timedelta(seconds=pause) for pause in said["retry_after_s"]),
        timedelta(days=said["disable_after_days"]),
        said["answer_within_s"],
        timedelta(hours=said["secret_overlap_hours"]),
    )


def told(procedure: Procedure, opened_at: datetime, known: Sequence[Known], now: datetime, ahead: timedelta) -> Told:
    """Every notice of a repatriation up to now, in the order in which they arose."""
    found: dict[tuple[str, str, str], Notice] = {}
    again: list[date] = []
    waited_for = ""
    for number, one in enumerate(known):
        ends = known[number + 1].at if number + 1 < len(known) else None
        recorded = [each.recorded for each in known[: number + 1] if each.recorded]
        reached = progress(procedure, opened_at, recorded)
        if reached.waiting_for and reached.waiting_for.id != waited_for:
            _keep(found, Notice("awaiting", reached.waiting_for, one.at, None, provisional=False, serial=str(number)))
        waited_for = reached.waiting_for.id if reached.waiting_for else ""
        if reached.status == "stopped":
            continue
        for notice in _of_time(timeline(procedure, opened_at, recorded), one.at, ahead):
            if ends and notice.at >= ends:
                continue  # by then more was known
            if notice.at > now:
                again.append(day_of(notice.at))
            else:
                _keep(found, notice)
    return Told(
        tuple(sorted(found.values(), key=lambda one: (one.at, one.kind, one.step.id))), min(again, default=None)
    )


def recipients(corridor: Corridor, step: Step) -> Mapping[str, str]:
    """Who is told of a step: its party, and the embassy desk of that side, which is its link to the register."""
    desks = {party.id: "desk" for party in corridor.parties if party.kind == EMBASSY and party.side == step.side}
    return {**desks, step.party: "party"}


def _of_time(marks: Sequence[Mark], since: datetime, ahead: timedelta) -> Iterator[Notice]:
    """What time brings while nothing more is recorded: each open step falls due, then is overdue."""
    for mark in marks:
        if mark.step.optional or mark.outcome not in {None, "refused"} or mark.due is None:
            continue
        limit, serial = mark.due, mark.due.day.isoformat()
        falls, passes = _begins(limit.day - ahead), _begins(limit.day + timedelta(days=1))
        if since < passes:  # what is overdue when it becomes known is told as that alone
            yield Notice("due", mark.step, max(falls, since), limit.day, limit.provisional, serial)
        yield Notice("overdue", mark.step, max(passes, since), limit.day, limit.provisional, serial)


def _begins(day: date) -> datetime:
    return datetime.combine(day, time.min, CAMBODIA)


def _keep(found: dict[tuple[str, str, str], Notice], notice: Notice) -> None:
    """A notice is told once, as it first arose."""
    found.setdefault((notice.kind, notice.step.id, notice.serial), notice)
