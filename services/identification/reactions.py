"""What identification remembers of events, its own and others': the rows behind its lists and its access rules."""

from collections.abc import Sequence

from libs.events.catalogue.identification import (
    Closed,
    Corrected,
    Determined,
    Identified,
    Linked,
    Reopened,
    Screened,
    Unlinked,
)
from libs.events.consume import Change, Fact, Projection, Put

TABLES = """
CREATE TABLE known_case (
    case_id text PRIMARY KEY, reported_by text, occurred_at timestamptz, channel text, province text, country text,
    sex text, gender text, age_group text, child boolean, nationality text, exploitation text[], screening text,
    outcome text, closed boolean
);
CREATE INDEX ON known_case (reported_by, case_id);

-- What each side's stream says of another case being the same person; the later word of the two stands.
CREATE TABLE known_link (
    case_id text, other_case_id text, linked boolean, recorded_at timestamptz, PRIMARY KEY (case_id, other_case_id)
);
CREATE INDEX ON known_link (other_case_id);
"""
_SHOWN = {
    "reported_by",
    "channel",
    "province",
    "country",
    "sex",
    "gender",
    "age_group",
    "child",
    "nationality",
    "exploitation",
}


def remember(fact: Fact) -> Sequence[Change]:
    """The rows that an event changes."""
    match fact.event:
        case Identified() as event:
            values = event.model_dump(mode="json", include=_SHOWN)
            return (_case(event.case_id, {**values, "occurred_at": fact.envelope.occurredat}),)
        case Corrected() as event:
            return (_case(event.case_id, event.model_dump(mode="json", include=_SHOWN, exclude_none=True)),)
        case Screened() as event:
            return (_case(event.case_id, {"screening": event.initial_determination}),)
        case Determined() as event:
            return (_case(event.case_id, {"outcome": event.outcome}),)
        case Closed() as event:
            return (_case(event.case_id, {"closed": True}),)
        case Reopened() as event:
            return (_case(event.case_id, {"closed": False}),)
        case Linked() | Unlinked() as event:
            key = {"case_id": event.case_id, "other_case_id": event.other_case_id}
            word = {"linked": isinstance(event, Linked), "recorded_at": fact.envelope.time}
            return (Put("known_link", key, word),)
        case _:
            return ()


def _case(case_id: str, values: dict[str, object]) -> Put:
    return Put("known_case", {"case_id": case_id}, values)


KNOWN = Projection(
    "identification_known",
    remember,
    TABLES,
    frozenset(
        event.wire for event in (Identified, Corrected, Screened, Determined, Closed, Reopened, Linked, Unlinked)
    ),
)
