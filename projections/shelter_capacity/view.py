"""Which rows a fact changes for the question of beds. Pure; every row belongs to one stream, or is added to."""

from collections.abc import Sequence

from libs.events.catalogue.aftercare import (
    Admitted,
    BedHeld,
    CapacitySet,
    Discharged,
    HoldExpired,
    HoldUsed,
    ShelterOpened,
    TransferredIn,
    TransferredOut,
)  # fmt: skip
from libs.events.catalogue.identification import Closed, Reopened
from libs.events.catalogue.referral import NeedRecorded, ReferralAnswered, ReferralCompleted
from libs.events.consume import Add, Change, Fact, Put

NAME = "shelter_capacity"
KIND_OF_TERM = {"transit": "transit", "short": "short_term", "long": "long_term"}
WANTS = frozenset(
    event.wire
    for event in (
        ShelterOpened, CapacitySet, BedHeld, HoldExpired, HoldUsed, Admitted, TransferredIn, TransferredOut, Discharged,
        ReferralAnswered, ReferralCompleted, NeedRecorded, Closed, Reopened,
    )
)  # fmt: skip


def apply(fact: Fact) -> Sequence[Change]:
    """The rows that a fact changes."""
    begun = {"from_at": fact.envelope.occurredat, "from_recorded_at": fact.envelope.time}
    ended = {"to_at": fact.envelope.occurredat, "to_recorded_at": fact.envelope.time}
    match fact.event:
        case ShelterOpened() as event:
            shown = event.model_dump(include={"provider_id", "organisation", "province", "kind"})
            beds = [change for one in event.beds for change in _capacity(fact, event.shelter_id, one.cohort, one.count)]
            return (Put("shelter", {"shelter_id": event.shelter_id}, shown), *beds)
        case CapacitySet() as event:
            return _capacity(fact, event.shelter_id, event.cohort, event.count)
        case BedHeld() as event:
            hold = {"shelter_id": event.shelter_id, "cohort": event.cohort, **begun}
            return (Put("hold", {"hold_id": event.hold_id}, hold), _bed(event.shelter_id, event.cohort, held=1))
        case HoldExpired() | HoldUsed() as event:
            if isinstance(event, HoldExpired):
                ended["to_at"] = event.expired_at.isoformat()
            return (Put("hold", {"hold_id": event.hold_id}, ended), _bed(event.shelter_id, event.cohort, held=-1))
        case Admitted() | TransferredIn() as event:
            stay = {"shelter_id": event.shelter_id, "cohort": event.cohort, "case_id": event.case_id, **begun}
            return (Put("stay", _stay(event), stay), _bed(event.shelter_id, event.cohort, occupied=1))
        case TransferredOut() | Discharged() as event:
            return (Put("stay", _stay(event), ended), _bed(event.shelter_id, event.cohort, occupied=-1))
        case ReferralAnswered() | NeedRecorded() as event:
            return _waits(event, fact)
        case ReferralCompleted() as event:
            return (Put("completion", {"referral_id": event.referral_id}, _when(fact)),)
        case Closed() | Reopened() as event:
            key = {"case_id": event.case_id, "version": fact.envelope.streamversion}
            return (Put("closure", key, {"closed": isinstance(event, Closed), **_when(fact)}),)
        case _:
            return ()


def _waits(event: ReferralAnswered | NeedRecorded, fact: Fact) -> Sequence[Change]:
    """A person waits whose referral for a bed was accepted, or declined as full, or whom nobody could take."""
    if isinstance(event, NeedRecorded):
        waits, name = event.service == "shelter", event.need_id
    else:
        waits = "shelter" in event.services and (event.response == "accept" or event.ground == "full")
        name = event.referral_id
    if not waits:
        return ()
    place = {"province": event.province, "kind": KIND_OF_TERM[event.term], "cohort": event.cohort}
    key = {"referral_id": name, "version": fact.envelope.streamversion}
    return (Put("wait", key, {"case_id": event.case_id, **place, **_when(fact)}),)


def _when(fact: Fact) -> dict[str, object]:
    return {"at": fact.envelope.occurredat, "recorded_at": fact.envelope.time}


def _capacity(fact: Fact, shelter_id: str, cohort: str, count: int) -> Sequence[Change]:
    report = {"shelter_id": shelter_id, "cohort": cohort, "version": fact.envelope.streamversion}
    return (
        Put("bed", {"shelter_id": shelter_id, "cohort": cohort}, {"capacity": count}),
        Put("capacity_report", report, {"count": count, **_when(fact)}),
    )


def _stay(event: Admitted | TransferredIn | TransferredOut | Discharged) -> dict[str, object]:
    return {"placement_id": event.placement_id, "stay": event.stay}


def _bed(shelter_id: str, cohort: str, **amounts: int) -> Add:
    return Add("bed", {"shelter_id": shelter_id, "cohort": cohort}, amounts)
