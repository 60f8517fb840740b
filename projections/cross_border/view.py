"""Where each repatriation stands, and everything recorded of it. Pure: one event, the rows that it changes."""

from collections.abc import Sequence
from datetime import datetime

from libs.events.catalogue.repatriation import (
    STEP_EVENTS,
    Acknowledged,
    OfRepatriation,
    Restarted,
    Started,
    StepFact,
)
from libs.events.consume import Change, Fact, Put
from libs.events.event import JSON, Event
from libs.rules.progress import RESTARTED

NAME = "cross_border"
STARTED = "started"
ACKNOWLEDGED = "acknowledged"
_WANTED: tuple[type[Event], ...] = (Started, *STEP_EVENTS, Restarted, Acknowledged)
WANTS = frozenset(event.wire for event in _WANTED)


def apply(fact: Fact) -> Sequence[Change]:
    """The rows that an event changes."""
    event = fact.event
    if not isinstance(event, OfRepatriation):
        return ()
    head = {
        **event.model_dump(mode="json", include={"case_id", "corridor", "direction", "sop", "sop_version"}),
        **event.standing.model_dump(mode="json"),
    }
    if isinstance(event, Started):
        head |= {"requested_by": event.requested_by, "opened_at": event.occurred_at}
        head |= {"recorded_at": fact.envelope.time}
    key = {"repatriation_id": event.repatriation_id}
    return (
        Put("head", key, head),
        Put("fact", {**key, "version": fact.envelope.streamversion}, _recorded(event, fact.envelope.time)),
        *(Put("part", {"organisation": name, **key}) for name in sorted(_parts(event))),
    )


def _recorded(event: OfRepatriation, recorded_at: str) -> dict[str, JSON]:
    row: dict[str, JSON] = {
        "corridor": event.corridor,
        "recorded_by": event.recorded_by,
        "occurred_at": event.occurred_at,
        "recorded_at": recorded_at,
        "kind": STARTED,
    }
    match event:
        case StepFact():
            return row | {
                "kind": "step",
                "step": event.step,
                "outcome": event.outcome,
                "by_organisation": event.by,
                "days": _days(event) if event.outcome == "done" else None,
            }
        case Restarted():
            return row | {"kind": RESTARTED}
        case Acknowledged():
            return row | {"kind": ACKNOWLEDGED, "step": event.step, "by_organisation": event.by}
        case _:
            return row


def _days(event: StepFact) -> int:
    """Whole days from when the step could be done until it was; none below zero, whatever the clocks of desks say."""
    taken = datetime.fromisoformat(event.occurred_at) - datetime.fromisoformat(event.ready_at)
    return max(taken.days, 0)


def _parts(event: OfRepatriation) -> set[str]:
    named = {event.recorded_by}
    if isinstance(event, Started):
        named.add(event.requested_by)
    if isinstance(event, StepFact):
        named.add(event.by)
    return named
