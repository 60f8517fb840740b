"""What a shelter and a person's care are, from their events. Total; decides nothing."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TypeAlias

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
    ShelterOpened,
    TransferredIn,
    TransferredOut,
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Nothing:
    """No such shelter."""


@dataclass(frozen=True, slots=True)
class Shelter:
    """A shelter with its beds: who is in them and for whom they are held."""

    opened: ShelterOpened
    capacity: Mapping[str, int]
    holds: Mapping[str, BedHeld] = field(default_factory=dict)
    stays: Mapping[str, Admitted | TransferredIn] = field(default_factory=dict)
    inspection: Inspected | None = None
    family_members: frozenset[str] = frozenset()
    """The cases of persons who are or were in a families bed here: the relatives whom a child may accompany."""

    def occupied(self, cohort: str) -> int:
        """Beds of a cohort with somebody in them."""
        return sum(stay.cohort == cohort for stay in self.stays.values())

    def held(self, cohort: str) -> int:
        """Beds of a cohort that are kept for somebody."""
        return sum(hold.cohort == cohort for hold in self.holds.values())

    def free(self, cohort: str) -> int:
        """Beds of a cohort that anybody could have now."""
        return self.capacity.get(cohort, 0) - self.occupied(cohort) - self.held(cohort)


ShelterState: TypeAlias = Nothing | Shelter


@dataclass(frozen=True, slots=True)
class Care:
    """A person's way through shelters: where now, and how every placement went."""

    placements: int = 0
    current: EnteredCare | None = None
    left: LeftCare | None = None
    visits: tuple[FollowedUp, ...] = ()
    entered: Mapping[str, EnteredCare] = field(default_factory=dict)
    """The latest stay of each placement."""
    ended: Mapping[str, LeftCare] = field(default_factory=dict)
    organisations: frozenset[str] = frozenset()
    """In whose care the person is or was."""


def evolve_shelter(state: ShelterState, event: AftercareEvent) -> ShelterState:
    """The shelter after an event."""
    if isinstance(event, ShelterOpened):
        return Shelter(event, {one.cohort: one.count for one in event.beds})
    assert isinstance(state, Shelter), "a shelter's first event is its opening"  # the store holds no less
    match event:
        case CapacitySet():
            return replace(state, capacity={**state.capacity, event.cohort: event.count})
        case BedHeld():
            return replace(state, holds={**state.holds, event.hold_id: event})
        case HoldExpired() | HoldUsed():
            return replace(state, holds={key: hold for key, hold in state.holds.items() if key != event.hold_id})
        case Admitted() | TransferredIn():
            family = {event.case_id} if event.cohort == "families" else set()
            stays = {**state.stays, event.placement_id: event}
            return replace(state, stays=stays, family_members=state.family_members | family)
        case TransferredOut() | Discharged():
            return replace(state, stays={key: stay for key, stay in state.stays.items() if key != event.placement_id})
        case Inspected():
            return replace(state, inspection=event)
        case _:
            raise AssertionError("an event of a person's care is in no shelter's stream")


def evolve_care(state: Care, event: AftercareEvent) -> Care:
    """The person's care after an event."""
    match event:
        case EnteredCare():
            placements = state.placements + (event.stay == 1)
            return replace(
                state,
                placements=placements,
                current=event,
                left=None,
                entered={**state.entered, event.placement_id: event},
                organisations=state.organisations | {event.organisation},
            )
        case LeftCare():
            return replace(state, current=None, left=event, ended={**state.ended, event.placement_id: event})
        case FollowedUp():
            return replace(state, visits=(*state.visits, event))
        case _:
            raise AssertionError("a shelter's event is in no person's care stream")
