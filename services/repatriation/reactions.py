"""What repatriation remembers of events, its own and identification's: persons, consents, lists, what waits."""

from collections.abc import Sequence

from libs.events.catalogue.identification import CameOfAge, ConsentRecorded, Corrected, Identified
from libs.events.catalogue.repatriation import (
    STEP_EVENTS,
    Acknowledged,
    HandoverFileIssued,
    InboxEventHeld,
    InboxEventSettled,
    OfRepatriation,
    Restarted,
    Started,
    StepFact,
)
from libs.events.consume import Change, Fact, Projection, Put
from libs.events.event import Event

TABLES = """
CREATE TABLE known_case (
    case_id text PRIMARY KEY, sex text, nationality text, language text, age_group text, child boolean,
    exploitation text[], consent_given boolean, consent_by text, consent_at timestamptz
);
CREATE TABLE known_person (case_id text, version integer, sealed text, PRIMARY KEY (case_id, version));
CREATE TABLE known_repatriation (
    repatriation_id text PRIMARY KEY, case_id text, corridor text, sop text, sop_version text, direction text,
    requested_by text, started_at timestamptz, status text, since timestamptz, step text, party text, due date,
    stopped_by text
);
CREATE INDEX ON known_repatriation (case_id);
CREATE TABLE known_part (organisation text, repatriation_id text, PRIMARY KEY (organisation, repatriation_id));
CREATE TABLE known_held (
    inbox_id text PRIMARY KEY, organisation text, source text, event_id text, case_id text, corridor text, step text,
    occurred_at timestamptz, missing text[], until timestamptz, outcome text, rule text
);
CREATE INDEX ON known_held (case_id) WHERE outcome IS NULL;
CREATE INDEX ON known_held (organisation, inbox_id);
CREATE TABLE known_handover_file (code text PRIMARY KEY, repatriation_id text);
"""
_HELD = {"organisation", "source", "event_id", "case_id", "corridor", "step", "occurred_at", "missing", "until"}
_CASE = {"sex", "nationality", "language", "age_group", "child", "exploitation"}


def remember(fact: Fact) -> Sequence[Change]:
    """The rows that an event changes."""
    match fact.event:
        case Identified() | Corrected() as event:
            return _person(fact, event)
        case CameOfAge() as event:
            return (Put("known_case", {"case_id": event.case_id}, {"child": False}),)
        case ConsentRecorded(kind="repatriation") as event:
            consent = {"consent_given": event.given, "consent_by": event.by, "consent_at": fact.envelope.occurredat}
            return (Put("known_case", {"case_id": event.case_id}, consent),)
        case OfRepatriation() as event:
            return _repatriation(event)
        case HandoverFileIssued() as event:
            return (Put("known_handover_file", {"code": event.code}, {"repatriation_id": event.repatriation_id}),)
        case InboxEventHeld() as event:
            shown = event.model_dump(mode="json", include=_HELD)
            return (Put("known_held", {"inbox_id": event.inbox_id}, shown),)
        case InboxEventSettled() as event:
            became = {"outcome": event.outcome, "rule": event.rule}
            missing = {"missing": list(event.missing)} if event.missing else {}
            return (Put("known_held", {"inbox_id": event.inbox_id}, {**became, **missing}),)
        case _:
            return ()


def _person(fact: Fact, event: Identified | Corrected) -> Sequence[Change]:
    changes = [
        Put("known_case", {"case_id": event.case_id}, event.model_dump(mode="json", include=_CASE, exclude_none=True))
    ]
    if event.sealed:
        key = {"case_id": event.case_id, "version": fact.envelope.streamversion}
        changes.append(Put("known_person", key, {"sealed": event.sealed}))
    return changes


def _repatriation(event: OfRepatriation) -> Sequence[Change]:
    standing = event.standing
    values = {
        **event.model_dump(mode="json", include={"case_id", "corridor", "sop", "sop_version", "direction"}),
        **standing.model_dump(mode="json", exclude={"due_provisional"}),
    }
    parts = {event.recorded_by}
    if isinstance(event, Started):
        values |= {"requested_by": event.requested_by, "started_at": event.occurred_at}
        parts.add(event.requested_by)
    if isinstance(event, StepFact):
        parts.add(event.by)
    return (
        Put("known_repatriation", {"repatriation_id": event.repatriation_id}, values),
        *(
            Put("known_part", {"organisation": name, "repatriation_id": event.repatriation_id})
            for name in sorted(parts)
        ),
    )


_WANTED: tuple[type[Event], ...] = (
    Identified, Corrected, CameOfAge, ConsentRecorded, Started, *STEP_EVENTS, Restarted, Acknowledged,
    HandoverFileIssued, InboxEventHeld, InboxEventSettled,
)  # fmt: skip
KNOWN = Projection("repatriation_known", remember, TABLES, frozenset(event.wire for event in _WANTED))
