"""What aftercare remembers of events: persons, providers, referrals, shelters, and the holds that run."""

from collections.abc import Sequence

from libs.events.catalogue.aftercare import BedHeld, HoldExpired, HoldUsed, ShelterOpened
from libs.events.catalogue.identification import Corrected, Identified
from libs.events.catalogue.referral import ProviderRegistered, ReferralAnswered, ReferralDecided, Referred
from libs.events.consume import Change, Drop, Fact, Projection, Put

TABLES = """
CREATE TABLE known_case (case_id text PRIMARY KEY, reported_by text, sex text, gender text, child boolean);
CREATE TABLE known_provider (provider_id text PRIMARY KEY, organisation text);
CREATE TABLE known_referral (referral_id text PRIMARY KEY, case_id text, provider_id text, status text);
CREATE TABLE known_shelter (shelter_id text PRIMARY KEY, provider_id text, organisation text, name text, province text,
    kind text);
CREATE TABLE known_hold (hold_id text PRIMARY KEY, shelter_id text, referral_id text, expires_at timestamptz);
CREATE INDEX ON known_hold (expires_at);
"""
_DECIDED = {"approve": "approved", "refuse": "refused"}
_ANSWERED = {"accept": "accepted", "decline": "declined"}


def remember(fact: Fact) -> Sequence[Change]:
    """The rows that an event changes."""
    match fact.event:
        case Identified() | Corrected() as event:
            include = {"reported_by", "sex", "gender", "child"}
            person = event.model_dump(include=include, exclude_none=isinstance(event, Corrected))
            return (Put("known_case", {"case_id": event.case_id}, person),)
        case ProviderRegistered() as event:
            return (Put("known_provider", {"provider_id": event.provider_id}, {"organisation": event.organisation}),)
        case Referred() as event:
            shown = {"case_id": event.case_id, "provider_id": event.provider_id, "status": "awaiting_decision"}
            return (Put("known_referral", {"referral_id": event.referral_id}, shown),)
        case ReferralDecided() as event:
            return (_referral(event.referral_id, _DECIDED[event.decision]),)
        case ReferralAnswered() as event:
            return (_referral(event.referral_id, _ANSWERED[event.response]),)
        case ShelterOpened() as event:
            shown = event.model_dump(include={"provider_id", "organisation", "name", "province", "kind"})
            return (Put("known_shelter", {"shelter_id": event.shelter_id}, shown),)
        case BedHeld() as event:
            expires_at = event.expires_at.isoformat()
            hold = {"shelter_id": event.shelter_id, "referral_id": event.referral_id, "expires_at": expires_at}
            return (Put("known_hold", {"hold_id": event.hold_id}, hold),)
        case HoldExpired() | HoldUsed() as event:
            return (Drop("known_hold", {"hold_id": event.hold_id}),)
        case _:
            return ()


def _referral(referral_id: str, status: str) -> Put:
    return Put("known_referral", {"referral_id": referral_id}, {"status": status})


KNOWN = Projection("aftercare_known", remember, TABLES)
