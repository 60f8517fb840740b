"""Which rows a fact changes for the authoritative count. Pure; nothing here names anybody."""

from collections.abc import Sequence

from libs.events.catalogue.aftercare import EnteredCare, LeftCare
from libs.events.catalogue.identification import Corrected, Determined, Identified, Linked, Screened, Unlinked
from libs.events.catalogue.repatriation import Repatriated
from libs.events.consume import Change, Fact, Put
from libs.events.event import JSON, Event

NAME = "statistics"
WANTS = frozenset(
    event.wire
    for event in (Identified, Corrected, Screened, Determined, Linked, Unlinked, EnteredCare, LeftCare, Repatriated)
)
_SHOWN = {"sex", "gender", "age_group", "nationality", "exploitation", "province", "channel", "reported_by"}


def apply(fact: Fact) -> Sequence[Change]:
    """The rows that a fact changes: how the person stands now, and what was said when."""
    envelope = fact.envelope
    key = {"stream": envelope.stream, "version": envelope.streamversion}
    clocks = {"happened_at": envelope.occurredat, "recorded_at": envelope.time}
    match fact.event:
        case Linked() | Unlinked() as event:
            pair = {"case_id": event.case_id, "other_case_id": event.other_case_id}
            return (Put("link", key, {**pair, "linked": isinstance(event, Linked), **clocks}),)
        case _:
            said = _said(fact.event, envelope.occurredat)
    if not said:
        return ()
    case_id = str(envelope.data["case_id"])
    return (Put("person", {"case_id": case_id}, said), Put("said", key, {"case_id": case_id, **clocks, **said}))


def _said(event: Event, at: str) -> dict[str, JSON]:
    match event:
        case Identified():
            return {**event.model_dump(mode="json", include=_SHOWN), "occurred_at": at}
        case Corrected():
            return event.model_dump(mode="json", include=_SHOWN, exclude_none=True)
        case Screened():
            return {"screening": event.initial_determination}
        case Determined():
            return {"outcome": event.outcome, "outcome_at": at}
        case EnteredCare() | LeftCare():
            return {"in_care": isinstance(event, EnteredCare)}
        case Repatriated():
            return {"returned_at": at}
        case _:
            return {}
