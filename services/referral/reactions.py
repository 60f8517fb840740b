"""What referral remembers of events, its own and others': persons, consents, providers, beds, referrals."""

from collections.abc import Mapping, Sequence

from libs.events.catalogue.aftercare import (
    Admitted,
    BedHeld,
    CapacitySet,
    Discharged,
    HoldExpired,
    HoldUsed,
    Inspected,
    ShelterOpened,
    TransferredIn,
    TransferredOut,
)  # fmt: skip
from libs.events.catalogue.identification import (
    Closed,
    ConsentRecorded,
    Corrected,
    Determined,
    Identified,
    Reopened,
    Screened,
)  # fmt: skip
from libs.events.catalogue.referral import (
    NeedRecorded,
    OffersChanged,
    ProviderRegistered,
    ReferralAnswered,
    ReferralCompleted,
    ReferralDecided,
    Referred,
    RegistrationDecided,
)  # fmt: skip
from libs.events.consume import Add, Change, Fact, Projection, Put

TABLES = """
CREATE TABLE known_case (case_id text PRIMARY KEY, reported_by text, sex text, gender text, age_group text,
    child boolean, nationality text, exploitation text[], screening text, outcome text, closed_at timestamptz);
CREATE TABLE known_consent (event_id uuid PRIMARY KEY, case_id text, kind text, given boolean, by text,
    version integer, at timestamptz);
CREATE INDEX ON known_consent (case_id, kind, version);
CREATE TABLE known_provider (provider_id text PRIMARY KEY, organisation text, name text, province text,
    services text[], offers jsonb, status text DEFAULT 'applied', corrected_at timestamptz);
CREATE TABLE known_referral (referral_id text PRIMARY KEY, case_id text, provider_id text, provider text,
    referred_by text, services text[], term text, province text, cohort text, sex text, age_group text, child boolean,
    consent_by text, status text, ground text, occurred_at timestamptz, decided_at timestamptz, answered_at timestamptz,
    completed_at timestamptz);
CREATE INDEX ON known_referral (case_id);
CREATE INDEX ON known_referral (provider_id) WHERE status = 'declined';
CREATE TABLE known_answer (referral_id text, version integer, result text, ground text, at timestamptz,
    PRIMARY KEY (referral_id, version));
CREATE TABLE known_need (need_id text PRIMARY KEY, case_id text, service text, term text, province text, cohort text,
    sex text, age_group text, child boolean, asked_by text, at timestamptz);
CREATE TABLE known_party (case_id text, organisation text, PRIMARY KEY (case_id, organisation));
CREATE TABLE known_shelter (shelter_id text PRIMARY KEY, provider_id text, province text, kind text, inspection text,
    inspected_at timestamptz, reported_at timestamptz);
CREATE TABLE known_bed (shelter_id text, cohort text, capacity integer DEFAULT 0, occupied integer DEFAULT 0,
    held integer DEFAULT 0, PRIMARY KEY (shelter_id, cohort));
"""
_PERSON = {"reported_by", "sex", "gender", "age_group", "child", "nationality", "exploitation"}
_REFERRED = {
    "case_id", "provider_id", "provider", "referred_by", "services", "term", "province", "cohort", "sex", "age_group",
    "child", "consent_by",
}  # fmt: skip
_NEEDED = {"case_id", "service", "term", "province", "cohort", "sex", "age_group", "child", "asked_by"}
_STATUS = {"approve": "approved", "lift": "approved", "suspend": "suspended"}
_DECIDED = {"approve": "approved", "refuse": "refused", "accept": "accepted", "decline": "declined"}


def remember(fact: Fact) -> Sequence[Change]:
    """The rows that an event changes."""
    return (*_parties(fact), *_of_identification(fact), *_of_referral(fact), *_of_aftercare(fact))


def _parties(fact: Fact) -> Sequence[Change]:
    """Who has to do with a case: who recorded something about it, and the provider to whom the person is referred."""
    event, recorded_by = fact.event, fact.envelope.organisation
    one = getattr(event, "case_id", None)
    parties = {recorded_by, event.provider} if isinstance(event, Referred) else {recorded_by}
    cases = (one,) if one else getattr(event, "case_ids", ())
    return tuple(
        Put("known_party", {"case_id": case_id, "organisation": party})
        for case_id in cases
        for party in sorted(parties)
    )


def _of_identification(fact: Fact) -> Sequence[Change]:
    match fact.event:
        case Identified() | Corrected() as event:
            person = event.model_dump(mode="json", include=_PERSON, exclude_none=isinstance(event, Corrected))
            return (Put("known_case", {"case_id": event.case_id}, person),)
        case Screened() as event:
            return (Put("known_case", {"case_id": event.case_id}, {"screening": event.initial_determination}),)
        case Determined() as event:
            return (Put("known_case", {"case_id": event.case_id}, {"outcome": event.outcome}),)
        case Closed() as event:
            return (Put("known_case", {"case_id": event.case_id}, {"closed_at": fact.envelope.occurredat}),)
        case Reopened() as event:
            return (Put("known_case", {"case_id": event.case_id}, {"closed_at": None}),)
        case ConsentRecorded() as event:
            consent = event.model_dump(mode="json", include={"case_id", "kind", "given", "by"})
            when = {"version": fact.envelope.streamversion, "at": fact.envelope.occurredat}
            return (Put("known_consent", {"event_id": fact.envelope.id}, {**consent, **when}),)
        case _:
            return ()


def _of_referral(fact: Fact) -> Sequence[Change]:
    at = fact.envelope.occurredat
    match fact.event:
        case ProviderRegistered() as event:
            shown = event.model_dump(mode="json", include={"organisation", "name", "province", "services", "offers"})
            return (Put("known_provider", {"provider_id": event.provider_id}, shown),)
        case RegistrationDecided() as event:
            return (Put("known_provider", {"provider_id": event.provider_id}, {"status": _STATUS[event.decision]}),)
        case OffersChanged() as event:
            changed = event.model_dump(mode="json", include={"services", "offers"})
            return (Put("known_provider", {"provider_id": event.provider_id}, {**changed, "corrected_at": at}),)
        case NeedRecorded() as event:
            needed = event.model_dump(mode="json", include=_NEEDED)
            return (Put("known_need", {"need_id": event.need_id}, {**needed, "at": at}),)
        case Referred() as event:
            shown = event.model_dump(mode="json", include=_REFERRED)
            return (_referral(event.referral_id, {**shown, "status": "awaiting_decision", "occurred_at": at}),)
        case ReferralDecided() as event:
            decided: dict[str, object] = {"status": _DECIDED[event.decision], "decided_at": at}
            return (_referral(event.referral_id, decided), _answer(fact, event.referral_id, event.decision, None))
        case ReferralAnswered() as event:
            answered: dict[str, object] = {
                "status": _DECIDED[event.response],
                "ground": event.ground,
                "answered_at": at,
            }
            given = _answer(fact, event.referral_id, event.response, event.ground)
            return (_referral(event.referral_id, answered), given)
        case ReferralCompleted() as event:
            return (_referral(event.referral_id, {"status": "completed", "completed_at": at}),)
        case _:
            return ()


def _of_aftercare(fact: Fact) -> Sequence[Change]:
    match fact.event:
        case ShelterOpened() as event:
            shelter = event.model_dump(include={"provider_id", "province", "kind"})
            beds = [_bed(event.shelter_id, one.cohort, {"capacity": one.count}) for one in event.beds]
            return (_shelter(event.shelter_id, {**shelter, "reported_at": fact.envelope.occurredat}), *beds)
        case CapacitySet() as event:
            reported = _shelter(event.shelter_id, {"reported_at": fact.envelope.occurredat})
            return (_bed(event.shelter_id, event.cohort, {"capacity": event.count}), reported)
        case Inspected() as event:
            found = {"inspection": event.result, "inspected_at": fact.envelope.occurredat}
            return (_shelter(event.shelter_id, found),)
        case Admitted() | TransferredIn() as event:
            return (_more(event.shelter_id, event.cohort, occupied=1),)
        case TransferredOut() | Discharged() as event:
            return (_more(event.shelter_id, event.cohort, occupied=-1),)
        case BedHeld() as event:
            return (_more(event.shelter_id, event.cohort, held=1),)
        case HoldExpired() | HoldUsed() as event:
            return (_more(event.shelter_id, event.cohort, held=-1),)
        case _:
            return ()


def _referral(referral_id: str, values: dict[str, object]) -> Put:
    return Put("known_referral", {"referral_id": referral_id}, values)


def _answer(fact: Fact, referral_id: str, result: str, ground: str | None) -> Put:
    """Every decision and answer is kept: one that was declined as full may be accepted later, and both count."""
    key = {"referral_id": referral_id, "version": fact.envelope.streamversion}
    return Put("known_answer", key, {"result": result, "ground": ground, "at": fact.envelope.occurredat})


def _shelter(shelter_id: str, values: Mapping[str, object]) -> Put:
    return Put("known_shelter", {"shelter_id": shelter_id}, values)


def _bed(shelter_id: str, cohort: str, values: dict[str, object]) -> Put:
    return Put("known_bed", {"shelter_id": shelter_id, "cohort": cohort}, values)


def _more(shelter_id: str, cohort: str, **amounts: int) -> Add:
    return Add("known_bed", {"shelter_id": shelter_id, "cohort": cohort}, amounts)


KNOWN = Projection("referral_known", remember, TABLES)
