"""What a charge against a victim is, from its events. `evolve` is total, decides nothing and never refuses."""

from dataclasses import dataclass, replace
from typing import Any, TypeAlias, assert_never

from libs.events.catalogue.justice import (
    NonProsecutionAlertAssigned,
    NonProsecutionAlertRaised,
    NonProsecutionAlertResolved,
    OfVictimCharge,
    VictimCharged,
    VictimChargeEvent,
)


@dataclass(frozen=True, slots=True)
class Unopened:
    """Nothing is there yet."""


@dataclass(frozen=True, slots=True)
class VictimCharge:
    """A charge against a victim, and the alert about it."""

    charged: VictimCharged
    raised: NonProsecutionAlertRaised | None = None
    assignee: str | None = None
    resolved: NonProsecutionAlertResolved | None = None


State: TypeAlias = Unopened | VictimCharge


def facts_of(charged: VictimCharged) -> dict[str, Any]:
    """What every event of a charge against a victim states."""
    return charged.model_dump(include=set(OfVictimCharge.model_fields) - {"sealed", "personal"})


def evolve(state: State, event: VictimChargeEvent) -> State:
    """The charge against a victim after an event."""
    if isinstance(event, VictimCharged):
        return VictimCharge(event)
    assert isinstance(state, VictimCharge), "the charge comes first"  # the store cannot hold less
    match event:
        case NonProsecutionAlertRaised():
            return replace(state, raised=event)
        case NonProsecutionAlertAssigned():
            return replace(state, assignee=event.assignee)
        case NonProsecutionAlertResolved():
            return replace(state, resolved=event)
        case _:
            assert_never(event)
