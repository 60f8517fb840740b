"""Which rows a fact changes for the authoritative count. Pure; nothing here names anybody."""

from collections.abc import Sequence

from libs.events.catalogue.aftercare import EnteredCare, LeftCare
from libs.events.catalogue.identification import Corrected, Determined, Identified, Linked, Screened, Unlinked
from libs.events.catalogue.repatriation import Repatriated
from libs.events.consume import Change, Drop, Fact, Put

NAME = "statistics"
WANTS = frozenset(
    event.wire
    for event in (Identified, Corrected, Screened, Determined, Linked, Unlinked, EnteredCare, LeftCare, Repatriated)
)
_SHOWN = {"sex", "gender", "age_group", "nationality", "exploitation", "province", "channel", "reported_by"}


def apply(fact: Fact) -> Sequence[Change]:
    """The rows that a fact changes."""
    at = fact.envelope.occurredat
    match fact.event:
        case Identified() as event:
            return (_person(event.case_id, {**event.model_dump(mode="json", include=_SHOWN), "occurred_at": at}),)
        case Corrected() as event:
            return (_person(event.case_id, event.model_dump(mode="json", include=_SHOWN, exclude_none=True)),)
        case Screened() as event:
            return (_person(event.case_id, {"screening": event.initial_determination}),)
        case Determined() as event:
            return (_person(event.case_id, {"outcome": event.outcome, "outcome_at": at}),)
        case Linked() as event:
            return (Put("link", {"case_id": event.case_id, "other_case_id": event.other_case_id}),)
        case Unlinked() as event:
            return (Drop("link", {"case_id": event.case_id, "other_case_id": event.other_case_id}),)
        case EnteredCare() as event:
            return (_person(event.case_id, {"in_care": True}),)
        case LeftCare() as event:
            return (_person(event.case_id, {"in_care": False}),)
        case Repatriated() as event:
            return (_person(event.case_id, {"returned_at": at}),)
        case _:
            return ()


def _person(case_id: str, values: dict[str, object]) -> Put:
    return Put("person", {"case_id": case_id}, values)
