"""What aftercare allows. Every rule is here and nowhere else."""

from datetime import datetime
from typing import assert_never

from libs.events.catalogue.aftercare import (
    Admitted,
    AftercareEvent,
    BedHeld,
    CapacitySet,
    Discharged,
    EnteredCare,
    FollowedUp,
    HoldExpired,
    HoldUsed,
    Inspected,
    LeftCare,
    TransferredIn,
    TransferredOut,
)  # fmt: skip
from libs.events.catalogue.vocabulary import Cohort
from libs.events.decider import Decider, Refused
from libs.events.event import JSON
from services.aftercare.commands import (
    Admit,
    At,
    CareCommand,
    Enter,
    ExpireHolds,
    FollowUp,
    Hold,
    Inspect,
    Leave,
    OpenShelter,
    Person,
    Release,
    SetCapacity,
    ShelterCommand,
)  # fmt: skip
from services.aftercare.state import Care, Nothing, Shelter, ShelterState, evolve_care, evolve_shelter

CHILDREN: frozenset[Cohort] = frozenset({"girls", "boys"})
ADULTS: frozenset[Cohort] = frozenset({"women", "men", "transgender_adults"})


def decide_shelter(at: At, state: ShelterState) -> tuple[AftercareEvent, ...]:
    """The events that a command on a shelter causes; holds that have run out expire first. Raises Refused."""
    if isinstance(at.command, OpenShelter):
        if not isinstance(state, Nothing):
            raise Refused("shelter-exists", "this shelter is open already")
        return (at.command.opened,)
    if isinstance(state, Nothing):
        raise Refused("not-found", "there is no such shelter", status=404)
    expired = _expired(state, at.now)
    for event in expired:
        after = evolve_shelter(state, event)
        assert isinstance(after, Shelter)  # an expiry closes no shelter
        state = after
    return (*expired, *_decide(at.command, state, at.now))


def decide_care(command: CareCommand, state: Care) -> tuple[AftercareEvent, ...]:
    """The events that a command on a person's care causes. Raises Refused."""
    match command:
        case Enter():
            return (_enter(command, state),)
        case Leave():
            return (_leave(command, state),)
        case FollowUp():
            return (_follow_up(command, state),)
        case _:
            assert_never(command)


def _decide(command: ShelterCommand, state: Shelter, now: datetime) -> tuple[AftercareEvent, ...]:
    match command:
        case SetCapacity():
            return _set_capacity(command, state)
        case Hold():
            return (_hold(command, state, now),)
        case Inspect():
            return (_inspect(command, state),)
        case Admit():
            return _admit(command, state)
        case Release():
            return (_release(command, state),)
        case ExpireHolds():
            return ()
        case OpenShelter():
            raise AssertionError("decided before")
        case _:
            assert_never(command)


def _where(state: Shelter) -> dict[str, JSON]:
    names = ("shelter_id", "provider_id", "organisation", "province", "kind")
    return {name: getattr(state.opened, name) for name in names}


def _expired(state: Shelter, now: datetime) -> tuple[HoldExpired, ...]:
    return tuple(
        HoldExpired(
            **_where(state), hold_id=hold.hold_id, cohort=hold.cohort, case_id=hold.case_id, expired_at=hold.expires_at
        )
        for hold in state.holds.values()
        if hold.expires_at <= now
    )


def _set_capacity(command: SetCapacity, state: Shelter) -> tuple[CapacitySet, ...]:
    for beds in command.beds:
        taken = state.occupied(beds.cohort) + state.held(beds.cohort)
        if beds.count < taken:
            raise Refused("capacity-below-occupied", f"{taken} {beds.cohort} beds are occupied or held")
    return tuple(CapacitySet(**_where(state), cohort=beds.cohort, count=beds.count) for beds in command.beds)


def check_inspection(state: Shelter) -> None:
    """Nobody more comes to a shelter that failed its last inspection; who is there stays. Raises Refused."""
    if state.inspection and state.inspection.result == "failed":
        raise Refused("inspection-failed", "the shelter failed its last inspection and takes nobody until it passes")


def _hold(command: Hold, state: Shelter, now: datetime) -> BedHeld:
    check_inspection(state)
    if command.expires_at <= now:
        # Nobody may go away believing that a bed is kept which the next sweep gives to another.
        raise Refused(
            "hold-has-run-out", f"a hold from then ended at {command.expires_at:%Y-%m-%d %H:%M} UTC; hold anew"
        )
    if command.person:
        check_cohort(command.person, command.cohort)
    if command.referral_id and any(hold.referral_id == command.referral_id for hold in state.holds.values()):
        raise already_held()
    if state.free(command.cohort) < 1:
        raise Refused("no-free-bed", f"no {command.cohort} bed is free in this shelter")
    return BedHeld(
        **_where(state),
        hold_id=command.hold_id,
        cohort=command.cohort,
        case_id=command.case_id,
        referral_id=command.referral_id,
        expires_at=command.expires_at,
    )


def already_held() -> Refused:
    """The refusal of a second bed that would be held for one referral."""
    return Refused("already-held", "a bed is held for this referral already")


def _inspect(command: Inspect, state: Shelter) -> Inspected:
    if command.result == "passed" and command.failed_standards:
        raise Refused("inspection-contradicts-itself", "a passed inspection names no failed standard")
    return Inspected(
        **_where(state), result=command.result, failed_standards=command.failed_standards, remark=command.remark
    )


def check_cohort(person: Person, cohort: Cohort) -> None:
    """Unaccompanied children are never placed with unrelated adults. Raises Refused."""
    if person.child and cohort in ADULTS:
        raise Refused("child-among-adults", "an unaccompanied child is never placed with unrelated adults")
    if not person.child and cohort in CHILDREN:
        raise Refused("adult-among-children", "an adult is never placed with unaccompanied children")
    transgender = (person.gender or "").startswith("transgender")
    wrong = {"female": {"men", "boys"}, "male": {"women", "girls"}}.get(person.sex, set())
    if cohort in wrong and not transgender:
        raise Refused("cohort-unsuitable", f"the person is not placed with {cohort}")


def check_family(command: Admit, state: Shelter) -> None:
    """A child in a families bed is there with an adult relative who is or was in one here. Raises Refused."""
    if not command.person.child or command.cohort != "families":
        return
    companion = command.companion
    alone = companion is None or companion.child or companion.case_id == command.person.case_id
    if alone or (companion and companion.case_id not in state.family_members):
        raise Refused(
            "child-among-adults",
            "a child is in a families bed only with a relative: name an adult of this shelter's families in "
            "accompanied_by",
        )


def _admit(command: Admit, state: Shelter) -> tuple[AftercareEvent, ...]:
    check_inspection(state)
    check_cohort(command.person, command.cohort)
    check_family(command, state)
    own = [
        hold
        for hold in state.holds.values()
        if hold.cohort == command.cohort
        and (hold.case_id == command.person.case_id or (hold.referral_id and hold.referral_id == command.referral_id))
    ]
    if not own and state.free(command.cohort) < 1:
        raise Refused("no-free-bed", f"no {command.cohort} bed is free in this shelter")
    used = tuple(
        HoldUsed(**_where(state), hold_id=hold.hold_id, cohort=hold.cohort, case_id=hold.case_id) for hold in own[:1]
    )
    stay = {
        **_where(state),
        "case_id": command.person.case_id,
        "placement_id": command.placement_id,
        "stay": command.stay,
        "cohort": command.cohort,
        "accompanied_by": command.companion.case_id if command.companion else None,
    }
    if command.arriving_from:
        return (*used, TransferredIn(**stay, from_shelter_id=command.arriving_from))
    return (*used, Admitted(**stay, referral_id=command.referral_id))


def _release(command: Release, state: Shelter) -> TransferredOut | Discharged:
    stay = state.stays.get(command.placement_id)
    if stay is None:
        raise Refused("not-in-this-shelter", "the person is not, or no longer, in this shelter")
    shown = {
        **_where(state),
        "case_id": stay.case_id,
        "placement_id": stay.placement_id,
        "stay": stay.stay,
        "cohort": stay.cohort,
        "personal": command.personal or None,
    }
    if command.to_shelter_id:
        return TransferredOut(**shown, to_shelter_id=command.to_shelter_id)
    assert command.outcome  # a release goes to a shelter or has an outcome
    return Discharged(**shown, outcome=command.outcome)


def _enter(command: Enter, state: Care) -> EnteredCare:
    moved = state.current is not None and state.current.placement_id == command.placement_id
    if state.current is not None and not (moved and command.stay == state.current.stay + 1):
        raise Refused("already-placed", "the person has a bed already; transfer or discharge first")
    return EnteredCare(
        case_id=command.case_id,
        placement_id=command.placement_id,
        stay=command.stay,
        shelter_id=command.shelter_id,
        organisation=command.organisation,
    )


def _leave(command: Leave, state: Care) -> LeftCare:
    if state.current is None or state.current.placement_id != command.placement_id:
        raise Refused("placement-ended", "the person has left this placement")
    return LeftCare(
        case_id=command.case_id,
        placement_id=command.placement_id,
        outcome=command.outcome,
        shelter_id=state.current.shelter_id,
        organisation=state.current.organisation,
    )


def _follow_up(command: FollowUp, state: Care) -> FollowedUp:
    if command.month is not None and any(visit.month == command.month for visit in state.visits):
        raise Refused("already-so", f"the visit after {command.month} months is recorded already")
    return FollowedUp(
        case_id=command.case_id, month=command.month, outcome=command.outcome, personal=command.personal or None
    )


SHELTER: Decider[At, ShelterState, AftercareEvent] = Decider(Nothing(), decide_shelter, evolve_shelter)
CARE: Decider[CareCommand, Care, AftercareEvent] = Decider(Care(), decide_care, evolve_care)
