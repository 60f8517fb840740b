"""The facts that notices are worked out from. Pure: one event, the rows that it changes."""

from collections.abc import Sequence
from datetime import datetime

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
)
from libs.events.catalogue.referral import OffersChanged, ReferralAnswered, ReferralCompleted, ReferralDecided, Referred
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
from libs.events.event import JSON, Event
from libs.rules.local import day_of
from libs.rules.progress import RESTARTED

NAME = "notifications"
STARTED, STEP = "started", "step"
_CASE = (
    Identified, Screened, Determined, WrongReasonAlerted, ReviewOpened, Corrected, CameOfAge, ConsentRecorded, Closed,
    Reopened,
)  # fmt: skip
_REFERRAL = (Referred, ReferralDecided, ReferralAnswered, ReferralCompleted, OffersChanged)
_WANTED: tuple[type[Event], ...] = (Started, *STEP_EVENTS, Restarted, InboxEventSettled, *_CASE, *_REFERRAL)
_AFTER_DECLINE = {"full": "review_of_waiting", "not_suitable": "directory_correction"}
DECIDES = ("first_decision", "final_decision", "follow_up", "review", "wrong_reason_review", "reopened")
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
        case Referred() | ReferralDecided() | ReferralAnswered() | ReferralCompleted() as event:
            named: dict[str, JSON] = {"service": "referral", "name": event.referral_id}
            if isinstance(event, Referred):
                named |= {"reporter": event.referred_by, "provider": event.provider}
                named |= {"case_id": event.case_id, "provider_id": event.provider_id}
            return _duty(fact, named, *_referral(event))
        case Identified() | Screened() | Determined() | WrongReasonAlerted() | ReviewOpened() | Corrected() as event:
            reporter = {"reporter": event.reported_by} if isinstance(event, Identified) else {}
            named = {"service": "identification", "name": event.case_id, **reporter}
            due = event.follow_up_on if isinstance(event, Determined) else None
            return _duty(fact, named, *_case(event), due=due)
        case OffersChanged() as event:
            return (_elsewhere(fact, f"provider:{event.provider_id}", "directory_correction"),)
        case ConsentRecorded(kind="referral", given=True, by="self" | "guardian") as event:
            return (*_person(event, fact), _elsewhere(fact, f"case:{event.case_id}", "consent_after_emergency"))
        case CameOfAge() | ConsentRecorded() | Closed() | Reopened() as event:
            return _person(event, fact)
        case _:
            return ()


def _case(
    event: Identified | Screened | Determined | WrongReasonAlerted | ReviewOpened | Corrected,
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The duties that an event of the decision opens and ends; as `GET /v1/due` of identification lists them."""
    match event:
        case Identified():
            unknown = event.child and event.age_group == "unknown"
            return ("first_decision", *(("age_determination",) if unknown else ())), ()
        case Screened():
            presumed = event.initial_determination == "presumed_victim"
            return (("final_decision",), ("first_decision", "reopened")) if presumed else ((), ())
        case Determined():
            return (("follow_up",) if event.outcome == "inconclusive" else ()), DECIDES
        case WrongReasonAlerted():
            return ("wrong_reason_review",), ()
        case ReviewOpened():
            return ("review",), ()
        case Corrected():
            if event.child is None:
                return (), ()
            unknown = event.child and event.age_group == "unknown" and event.age_basis is None
            return (("age_determination",), ()) if unknown else ((), ("age_determination",))


def _person(event: CameOfAge | ConsentRecorded | Closed | Reopened, fact: Fact) -> Sequence[Change]:
    return _duty(fact, {"service": "identification", "name": event.case_id}, *_later(event))


def _later(event: CameOfAge | ConsentRecorded | Closed | Reopened) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The duties that an event of the person or the file opens and ends."""
    match event:
        case CameOfAge():
            return ("consent_anew",), ("age_determination",)
        case ConsentRecorded():
            return (), (("consent_anew",) if event.by == "self" else ())
        case Closed():
            return (), (*DECIDES, "age_determination", "consent_anew")
        case Reopened():
            return ("reopened",), ()


def _referral(
    event: Referred | ReferralDecided | ReferralAnswered | ReferralCompleted,
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The duties that an event of a referral opens and ends."""
    match event:
        case Referred():
            return ("decision", *(("consent_after_emergency",) if event.consent_by == "emergency" else ())), ()
        case ReferralDecided(decision="approve"):
            return ("answer",), ("decision",)
        case ReferralDecided():
            return (), ("decision", "consent_after_emergency")
        case ReferralAnswered(response="accept"):
            return ("completion",), ("answer", *_AFTER_DECLINE.values())
        case ReferralAnswered():
            follows = _AFTER_DECLINE.get(event.ground)
            return ((follows,) if follows else ()), ("answer", "consent_after_emergency")
        case ReferralCompleted():
            return (), ("completion", "consent_after_emergency")


def _duty(
    fact: Fact, named: dict[str, JSON], opens: tuple[str, ...], ends: tuple[str, ...], due: str | None = None
) -> Sequence[Change]:
    """Where an event changes what is waited for: its row, and the version up to which there is something to look at."""
    if not (opens or ends):
        return ()
    envelope = fact.envelope
    subject, version = {"subject": f"{named['service']}:{named['name']}"}, envelope.streamversion
    since = day_of(datetime.fromisoformat(envelope.occurredat)).isoformat()
    row = {"known_at": envelope.time, "since": since, "opens": list(opens), "ends": list(ends), "due": due}
    return (
        Put("duty_head", subject, {**named, "version": version}),
        Put("duty_fact", {**subject, "version": version}, row),
    )


def _elsewhere(fact: Fact, about: str, duty: str) -> Change:
    """What ends a duty of every referral of a case or of a provider, on another stream than theirs."""
    envelope = fact.envelope
    since = day_of(datetime.fromisoformat(envelope.occurredat)).isoformat()
    key: dict[str, JSON] = {"about": about, "version": envelope.streamversion, "ends": duty}
    return Put("duty_elsewhere", key, {"known_at": envelope.time, "since": since})


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
