"""Which rows a fact changes for the authoritative count. Pure; nothing here names anybody."""

from collections.abc import Mapping, Sequence

from libs.events.catalogue.aftercare import EnteredCare, LeftCare
from libs.events.catalogue.identification import (
    Closed,
    Corrected,
    Determined,
    Identified,
    Linked,
    Reopened,
    Screened,
    Unlinked,
)  # fmt: skip
from libs.events.catalogue.repatriation import Repatriated
from libs.events.consume import Change, Fact, Put

NAME = "statistics"
WANTS = frozenset(
    event.wire
    for event in (
        Identified, Corrected, Screened, Determined, Linked, Unlinked, Closed, Reopened, EnteredCare, LeftCare,
        Repatriated,
    )
)  # fmt: skip
_SHOWN = {
    "sex", "gender", "age_group", "nationality", "exploitation", "province", "channel", "reported_by", "language",
    "industry", "recruitment_method", "control_methods",
}  # fmt: skip


def apply(fact: Fact) -> Sequence[Change]:
    """The rows that a fact changes."""
    match fact.event:
        case Linked() | Unlinked() as event:
            pair = {"case_id": event.case_id, "other_case_id": event.other_case_id}
            return (Put("link", _key(fact), {**pair, "same": isinstance(event, Linked), **_when(fact)}),)
        case _:
            patch = _patch(fact)
            if patch is None:
                return ()
            case_id = fact.envelope.subject
            kept = {"case_id": case_id, **_when(fact), "patch": patch}
            return Put("person", {"case_id": case_id}, patch), Put("fact", _key(fact), kept)


def _patch(fact: Fact) -> Mapping[str, object] | None:
    """The columns of the person's row that an event sets."""
    at = fact.envelope.occurredat
    match fact.event:
        case Identified() as event:
            return {**event.model_dump(mode="json", include=_SHOWN), "occurred_at": at}
        case Corrected() as event:
            return event.model_dump(mode="json", include=_SHOWN, exclude_none=True)
        case Screened() as event:
            return {"screening": event.initial_determination}
        case Determined() as event:
            return {"outcome": event.outcome, "outcome_at": at}
        case Closed() | Reopened() as event:
            return {"closed": isinstance(event, Closed)}
        case EnteredCare():
            return {"in_care": True, "entered_care_at": at}
        case LeftCare():
            return {"in_care": False}
        case Repatriated():
            return {"returned_at": at}
        case _:
            return None


def _key(fact: Fact) -> Mapping[str, object]:
    return {"stream": fact.envelope.stream, "version": fact.envelope.streamversion}


def _when(fact: Fact) -> Mapping[str, object]:
    return {"at": fact.envelope.occurredat, "recorded_at": fact.envelope.time}
