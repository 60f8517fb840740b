"""What identification remembers of events, its own and others': the rows behind its lists and its access rules."""

from collections.abc import Sequence
from datetime import UTC

from libs.events.catalogue.identification import (
    CameOfAge,
    Closed,
    ConsentRecorded,
    Corrected,
    Determined,
    Identified,
    Reopened,
    ReviewOpened,
    Screened,
    WrongReasonAlerted,
)  # fmt: skip
from libs.events.catalogue.justice import Prosecuted
from libs.events.catalogue.referral import Referred
from libs.events.consume import Change, Drop, Fact, Projection, Put
from libs.events.handle import parse_time
from libs.rules.local import day_of

TABLES = """
CREATE TABLE known_case (
    case_id text PRIMARY KEY, reported_by text, occurred_at timestamptz, channel text, province text, country text,
    sex text, gender text, age_group text, child boolean, nationality text, exploitation text[], screening text,
    outcome text, closed boolean, of_age boolean
);
CREATE INDEX ON known_case (reported_by, case_id);
CREATE TABLE known_party (case_id text, organisation text, PRIMARY KEY (case_id, organisation));
CREATE INDEX ON known_party (organisation, case_id);
CREATE TABLE known_due (case_id text, kind text, since date, due date, PRIMARY KEY (case_id, kind));
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
_DECIDES = ("first_decision", "final_decision", "follow_up", "review", "wrong_reason_review", "reopened")
_ALL = (*_DECIDES, "age_determination", "consent_anew")


def remember(fact: Fact) -> Sequence[Change]:
    """The rows that an event changes."""
    return (*_cases(fact), *_parties(fact), *_due(fact))


def _cases(fact: Fact) -> Sequence[Change]:
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
        case CameOfAge() as event:
            return (_case(event.case_id, {"of_age": True}),)
        case _:
            return ()


def _parties(fact: Fact) -> Sequence[Change]:
    """Whose the case is besides who reported it (domain, "Parties"): persons referred to it, victims before it."""
    match fact.event:
        case Referred() as event:
            return (Put("known_party", {"case_id": event.case_id, "organisation": event.provider}),)
        case Prosecuted() as event:
            return (Put("known_party", {"case_id": event.case_id, "organisation": fact.envelope.organisation}),)
        case _:
            return ()


def _due(fact: Fact) -> Sequence[Change]:
    """What is waited for from here on, and what no more. A duty's limit is counted when it is asked for."""
    since = day_of(parse_time(fact.envelope.occurredat).replace(tzinfo=UTC)).isoformat()
    match fact.event:
        case Identified() as event:
            unknown = event.child and event.age_group == "unknown"
            waits = ("first_decision", "age_determination") if unknown else ("first_decision",)
            return [_waits(event.case_id, kind, since) for kind in waits]
        case Screened() as event if event.initial_determination == "presumed_victim":
            # An officer may presume a victim; that somebody is none, only the competent authority decides.
            done = _done(event.case_id, "first_decision", "reopened")
            return [*done, _waits(event.case_id, "final_decision", since)]
        case Determined() as event:
            done = _done(event.case_id, *_DECIDES)
            again = [_waits(event.case_id, "follow_up", since, event.follow_up_on)]
            return [*done, *(again if event.outcome == "inconclusive" else ())]
        case WrongReasonAlerted() as event:
            return [_waits(event.case_id, "wrong_reason_review", since)]
        case ReviewOpened() as event:
            return [_waits(event.case_id, "review", since)]
        case Corrected() as event if event.child is not None:
            unknown = event.child and event.age_group == "unknown" and event.age_basis is None
            return [_waits(event.case_id, "age_determination", since)] if unknown else _done(
                event.case_id, "age_determination"
            )  # fmt: skip
        case CameOfAge() as event:
            return [*_done(event.case_id, "age_determination"), _waits(event.case_id, "consent_anew", since)]
        case ConsentRecorded() as event if event.by == "self":
            return _done(event.case_id, "consent_anew")
        case Closed() as event:
            return _done(event.case_id, *_ALL)
        case Reopened() as event:
            return [_waits(event.case_id, "reopened", since)]
        case _:
            return ()


def _case(case_id: str, values: dict[str, object]) -> Put:
    return Put("known_case", {"case_id": case_id}, values)


def _waits(case_id: str, kind: str, since: str, due: str | None = None) -> Put:
    return Put("known_due", {"case_id": case_id, "kind": kind}, {"since": since, "due": due})


def _done(case_id: str, *kinds: str) -> list[Change]:
    return [Drop("known_due", {"case_id": case_id, "kind": kind}) for kind in kinds]


KNOWN = Projection(
    "identification_known",
    remember,
    TABLES,
    frozenset(
        event.wire
        for event in (
            Identified, Corrected, Screened, Determined, WrongReasonAlerted, ReviewOpened, CameOfAge,
            ConsentRecorded, Closed, Reopened, Referred, Prosecuted,
        )
    ),
)  # fmt: skip
