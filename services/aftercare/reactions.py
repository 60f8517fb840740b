"""What aftercare remembers of events: persons, providers, referrals, shelters, holds, care, plans and alerts."""

from collections.abc import Sequence

from libs.events.catalogue.aftercare import (
    BedHeld,
    CapacitySet,
    CarePlanned,
    EnteredCare,
    FollowedUp,
    GoalSettled,
    HoldExpired,
    HoldUsed,
    Inspected,
    LeftCare,
    PlanReviewed,
    ReTraffickingAlertRaised,
    ReTraffickingAlertResolved,
    ShelterOpened,
)  # fmt: skip
from libs.events.catalogue.identification import Corrected, Determined, Identified, Linked, Unlinked
from libs.events.catalogue.referral import (
    ProviderRegistered,
    ReferralAnswered,
    ReferralDecided,
    Referred,
    RegistrationDecided,
)  # fmt: skip
from libs.events.consume import Change, Drop, Fact, Projection, Put

TABLES = """
CREATE TABLE known_case (case_id text PRIMARY KEY, reported_by text, sex text, gender text, child boolean,
    identified_at timestamptz, outcome text, determined_at timestamptz);
CREATE TABLE known_link (case_id text, other_case_id text, PRIMARY KEY (case_id, other_case_id));
CREATE TABLE known_provider (provider_id text PRIMARY KEY, organisation text, status text);
CREATE TABLE known_referral (referral_id text PRIMARY KEY, case_id text, provider_id text, status text);
CREATE TABLE known_shelter (shelter_id text PRIMARY KEY, provider_id text, organisation text, name text, province text,
    kind text, opened_at timestamptz, reported_at timestamptz, inspection text, inspected_at timestamptz);
CREATE TABLE known_hold (hold_id text PRIMARY KEY, shelter_id text, referral_id text, expires_at timestamptz);
CREATE INDEX ON known_hold (expires_at);
CREATE TABLE known_care (case_id text PRIMARY KEY, placement_id text, shelter_id text, organisation text,
    first_entered_at timestamptz, entered_at timestamptz, left_at timestamptz, outcome text);
CREATE TABLE known_carer (case_id text, organisation text, PRIMARY KEY (case_id, organisation));
CREATE TABLE known_visit (case_id text, version integer, month integer, at timestamptz, PRIMARY KEY (case_id, version));
CREATE TABLE known_plan (case_id text PRIMARY KEY, organisation text, review_on date);
CREATE TABLE known_goal (case_id text, goal_id text, kind text, due date, outcome text, PRIMARY KEY (case_id, goal_id));
CREATE TABLE known_alert (alert_id text PRIMARY KEY, case_id text, earlier_case_id text, basis text,
    raised_at timestamptz, resolved_at timestamptz, finding text);
"""
_DECIDED = {"approve": "approved", "refuse": "refused"}
_ANSWERED = {"accept": "accepted", "decline": "declined"}


def remember(fact: Fact) -> Sequence[Change]:
    """The rows that an event changes."""
    return (*_of_others(fact), *_of_shelters(fact), *_of_care(fact))


def _of_others(fact: Fact) -> Sequence[Change]:
    at = fact.envelope.occurredat
    match fact.event:
        case Identified() | Corrected() as event:
            include = {"reported_by", "sex", "gender", "child"}
            person = event.model_dump(include=include, exclude_none=isinstance(event, Corrected))
            met = {"identified_at": at} if isinstance(event, Identified) else {}
            return (Put("known_case", {"case_id": event.case_id}, {**person, **met}),)
        case Determined() as event:
            return (Put("known_case", {"case_id": event.case_id}, {"outcome": event.outcome, "determined_at": at}),)
        case Linked() as event:
            return (Put("known_link", {"case_id": event.case_id, "other_case_id": event.other_case_id}),)
        case Unlinked() as event:
            return (Drop("known_link", {"case_id": event.case_id, "other_case_id": event.other_case_id}),)
        case ProviderRegistered() as event:
            return (Put("known_provider", {"provider_id": event.provider_id}, {"organisation": event.organisation}),)
        case RegistrationDecided() as event:
            status = "suspended" if event.decision == "suspend" else "approved"
            return (Put("known_provider", {"provider_id": event.provider_id}, {"status": status}),)
        case Referred() as event:
            shown = {"case_id": event.case_id, "provider_id": event.provider_id, "status": "awaiting_decision"}
            return (Put("known_referral", {"referral_id": event.referral_id}, shown),)
        case ReferralDecided() as event:
            return (_referral(event.referral_id, _DECIDED[event.decision]),)
        case ReferralAnswered() as event:
            return (_referral(event.referral_id, _ANSWERED[event.response]),)
        case _:
            return ()


def _of_shelters(fact: Fact) -> Sequence[Change]:
    at = fact.envelope.occurredat
    match fact.event:
        case ShelterOpened() as event:
            shown = event.model_dump(include={"provider_id", "organisation", "name", "province", "kind"})
            begun = {**shown, "opened_at": at, "reported_at": at}
            return (Put("known_shelter", {"shelter_id": event.shelter_id}, begun),)
        case CapacitySet() as event:
            return (Put("known_shelter", {"shelter_id": event.shelter_id}, {"reported_at": at}),)
        case Inspected() as event:
            found = {"inspection": event.result, "inspected_at": at}
            return (Put("known_shelter", {"shelter_id": event.shelter_id}, found),)
        case BedHeld() as event:
            expires_at = event.expires_at.isoformat()
            hold = {"shelter_id": event.shelter_id, "referral_id": event.referral_id, "expires_at": expires_at}
            return (Put("known_hold", {"hold_id": event.hold_id}, hold),)
        case HoldExpired() | HoldUsed() as event:
            return (Drop("known_hold", {"hold_id": event.hold_id}),)
        case _:
            return ()


def _of_care(fact: Fact) -> Sequence[Change]:
    at, event = fact.envelope.occurredat, fact.event
    match event:
        case EnteredCare():
            care = {**event.model_dump(include={"placement_id", "shelter_id", "organisation"}), "entered_at": at}
            first = {"first_entered_at": at} if fact.envelope.streamversion == 1 else {}
            carer = Put("known_carer", {"case_id": event.case_id, "organisation": event.organisation})
            return (Put("known_care", {"case_id": event.case_id}, {**care, **first, "left_at": None}), carer)
        case LeftCare():
            return (Put("known_care", {"case_id": event.case_id}, {"left_at": at, "outcome": event.outcome}),)
        case FollowedUp():
            visit = {"case_id": event.case_id, "version": fact.envelope.streamversion}
            return (Put("known_visit", visit, {"month": event.month, "at": at}),)
        case CarePlanned() | PlanReviewed():
            plan = {"organisation": event.organisation, "review_on": event.review_on}
            goals = [_goal(event.case_id, one.goal_id, {"kind": one.kind, "due": one.due}) for one in event.goals]
            return (Put("known_plan", {"case_id": event.case_id}, plan), *goals)
        case GoalSettled():
            return (_goal(event.case_id, event.goal_id, {"outcome": event.outcome}),)
        case ReTraffickingAlertRaised():
            raised = {**event.model_dump(include={"case_id", "earlier_case_id", "basis"}), "raised_at": at}
            return (Put("known_alert", {"alert_id": event.alert_id}, raised),)
        case ReTraffickingAlertResolved():
            return (Put("known_alert", {"alert_id": event.alert_id}, {"resolved_at": at, "finding": event.finding}),)
        case _:
            return ()


def _goal(case_id: str, goal_id: str, values: dict[str, object]) -> Put:
    return Put("known_goal", {"case_id": case_id, "goal_id": goal_id}, values)


def _referral(referral_id: str, status: str) -> Put:
    return Put("known_referral", {"referral_id": referral_id}, {"status": status})


KNOWN = Projection("aftercare_known", remember, TABLES)
