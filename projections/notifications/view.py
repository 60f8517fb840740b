"""The facts that notices are worked out from. Pure: one event, the rows that it changes."""

from collections.abc import Sequence

from libs.events.catalogue.repatriation import (
    STEP_EVENTS,
    Acknowledged,
    InboxEventSettled,
    OfRepatriation,
    Restarted,
    Started,
    StepFact,
)
from libs.events.consume import Change, Fact, Put
from libs.events.event import Event
from libs.rules.progress import RESTARTED

NAME = "notifications"
STARTED, STEP = "started", "step"
_WANTED: tuple[type[Event], ...] = (Started, *STEP_EVENTS, Restarted, InboxEventSettled)
WANTS = frozenset(event.wire for event in _WANTED)


def apply(fact: Fact) -> Sequence[Change]:
    """The rows that an event changes."""
    match fact.event:
        case Acknowledged():
            return ()
        case OfRepatriation() as event:
            return _repatriation(event, fact)
        case InboxEventSettled() as event:
            shown = event.model_dump(mode="json", include={"organisation", "outcome", "rule", "missing"})
            return (Put("settled", {"inbox_id": event.inbox_id}, {**shown, "known_at": fact.envelope.time}),)
        case _:
            return ()


def _repatriation(event: OfRepatriation, fact: Fact) -> Sequence[Change]:
    key, version = {"repatriation_id": event.repatriation_id}, fact.envelope.streamversion
    head = {**event.model_dump(mode="json", include={"corridor", "direction", "sop"}), "version": version}
    row = {"known_at": fact.envelope.time, "occurred_at": event.occurred_at, "kind": STARTED}
    match event:
        case Started():
            head["opened_at"] = event.occurred_at
        case StepFact():
            row |= {"kind": STEP, "step": event.step, "outcome": event.outcome}
        case _:
            row["kind"] = RESTARTED
    return (Put("head", key, head), Put("fact", {**key, "version": version}, row))
