"""Where a repatriation stands: status, what it waits for, since when, and by when. Pure; service and view share it.

What was recorded is taken in the order of recording: a refusal that arrives late stops what was believed to run.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from typing import Final, Literal

from libs.rules.calendar import Calendars, Due
from libs.rules.local import day_of
from libs.rules.procedure import CORE_STEPS, OPENED, Corridor, Step, due

Status = Literal["running", "awaiting_acknowledgement", "completed", "stopped"]


RESTARTED: Final = "restarted"
"""Recorded in a step's place: what was stopped goes on."""

HAND_OVER: Final = "handed_over"
RECEIPT: Final = "receipt_acknowledged"
CORE: Final = frozenset(CORE_STEPS)


@dataclass(frozen=True, slots=True)
class Procedure:
    """A corridor in the version that a repatriation keeps, and the calendars that its limits count by."""

    corridor: Corridor
    calendars: Calendars


@dataclass(frozen=True, slots=True)
class Recorded:
    """What was recorded of one step: `done`, `waived`, `not_needed` or `refused`, and when that happened."""

    step: str
    outcome: str
    occurred_at: datetime


@dataclass(frozen=True, slots=True)
class Progress:
    """Where a repatriation stands. `since` is when it came to stand so."""

    status: Status
    since: datetime
    waiting_for: Step | None = None
    due: Due | None = None
    stopped_by: str | None = None
    settled: Mapping[str, datetime] = field(default_factory=dict)
    """Steps done, waived or not needed, with the time of each."""
    resumed_at: datetime | None = None
    """When it was asked for, or last taken up again."""

    def ready_at(self, step: Step) -> datetime | None:
        """Since when a step can be done: the last of what it depends on; None before it was asked for."""
        moments = [self.settled[name] for name in prerequisites(step) if name in self.settled]
        return max([self.resumed_at, *moments]) if self.resumed_at else None


@dataclass(frozen=True, slots=True)
class Mark:
    """One step on the timeline: what was recorded last, and the day it is or was due."""

    step: Step
    outcome: str | None
    occurred_at: datetime | None
    due: Due | None


def prerequisites(step: Step) -> frozenset[str]:
    """What a step depends on. The steps of every SOP never wait for one that only a single corridor has."""
    return step.depends_on & CORE if step.id in CORE else step.depends_on


def progress(procedure: Procedure, opened_at: datetime, recorded: Sequence[Recorded]) -> Progress:
    """Where a repatriation stands after what was recorded."""
    settled: dict[str, datetime] = {}
    stopped: Recorded | None = None
    resumed_at = opened_at
    for one in recorded:
        if one.outcome == "refused":
            settled.pop(one.step, None)
            stopped = one
            continue
        if one.step != RESTARTED:
            settled[one.step] = one.occurred_at
        if stopped:
            stopped, resumed_at = None, max(resumed_at, one.occurred_at)
    if RECEIPT in settled:
        return Progress("completed", settled[RECEIPT], settled=settled, resumed_at=resumed_at)
    if stopped:
        return Progress("stopped", stopped.occurred_at, stopped_by=stopped.step, settled=settled, resumed_at=resumed_at)
    waiting = next(
        (step for step in open_steps(procedure.corridor, settled) if prerequisites(step) <= set(settled)), None
    )
    reached = Progress(
        "awaiting_acknowledgement" if HAND_OVER in settled else "running",
        resumed_at,
        waiting,
        _earliest(procedure, opened_at, settled),
        settled=settled,
        resumed_at=resumed_at,
    )
    return replace(reached, since=reached.ready_at(waiting) or resumed_at) if waiting else reached


def open_steps(corridor: Corridor, settled: Mapping[str, object]) -> tuple[Step, ...]:
    """The steps that the procedure still needs, in its order."""
    return tuple(step for step in corridor.steps if not step.optional and step.id not in settled)


def timeline(procedure: Procedure, opened_at: datetime, recorded: Sequence[Recorded]) -> tuple[Mark, ...]:
    """Every step of the procedure against its limit."""
    latest = {one.step: one for one in recorded}
    days = _days(opened_at, progress(procedure, opened_at, recorded).settled)
    marks = []
    for step in procedure.corridor.steps:
        last = latest.get(step.id)
        limit = due(procedure.corridor, step.id, days, procedure.calendars)
        marks.append(Mark(step, last.outcome if last else None, last.occurred_at if last else None, limit))
    return tuple(marks)


def overdue_steps(marks: Sequence[Mark], status: Status, today: date) -> tuple[str, ...]:
    """The steps that the procedure needs, are not settled and should be: none where it is stopped."""
    if status == "stopped":
        return ()
    return tuple(
        mark.step.id
        for mark in marks
        if not mark.step.optional and mark.outcome in {None, "refused"} and mark.due and mark.due.day < today
    )


def _earliest(procedure: Procedure, opened_at: datetime, settled: Mapping[str, datetime]) -> Due | None:
    """The first day on which a step that is still open falls due."""
    days = _days(opened_at, settled)
    corridor = procedure.corridor
    limits = (due(corridor, step.id, days, procedure.calendars) for step in open_steps(corridor, settled))
    return min((limit for limit in limits if limit), key=lambda limit: limit.day, default=None)


def _days(opened_at: datetime, settled: Mapping[str, datetime]) -> dict[str, date]:
    return {OPENED: day_of(opened_at), **{step: day_of(moment) for step, moment in settled.items()}}
