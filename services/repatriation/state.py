"""What a repatriation is, from its events; and which one may run, and who was shown what."""

from dataclasses import dataclass, replace
from datetime import datetime
from typing import TypeAlias

from libs.events.catalogue.repatriation import (
    Acknowledged,
    CorridorClaimed,
    Disclosed,
    OfRepatriation,
    Restarted,
    Started,
    StepFact,
)
from libs.rules.progress import RESTARTED, Procedure, Progress, Recorded, progress


@dataclass(frozen=True, slots=True)
class Unstarted:
    """No such repatriation."""


@dataclass(frozen=True, slots=True)
class Open:
    """A repatriation with everything recorded of its steps, in the order of recording."""

    started: Started
    facts: tuple[StepFact | Restarted, ...] = ()
    acknowledged: tuple[Acknowledged, ...] = ()

    @property
    def opened_at(self) -> datetime:
        """When it was asked for."""
        return datetime.fromisoformat(self.started.occurred_at)

    @property
    def recorded(self) -> tuple[Recorded, ...]:
        """What was recorded, as the rules read it."""
        return tuple(recorded_of(fact) for fact in self.facts)

    @property
    def takes_part(self) -> frozenset[str]:
        """The organisations whose repatriation this is: who asked, and who recorded or is named as doing a step."""
        steps = [fact for fact in self.facts if isinstance(fact, StepFact)]
        asked = {self.started.requested_by, self.started.recorded_by}
        return frozenset(asked | {one.recorded_by for one in self.facts} | {one.by for one in steps})

    def progress(self, procedure: Procedure) -> Progress:
        """Where it stands by the SOP that it keeps."""
        return progress(procedure, self.opened_at, self.recorded)

    def last(self, step: str) -> StepFact | None:
        """What was recorded last of a step."""
        found = [fact for fact in self.facts if isinstance(fact, StepFact) and fact.step == step]
        return found[-1] if found else None


State: TypeAlias = Unstarted | Open


def recorded_of(fact: StepFact | Restarted) -> Recorded:
    """An event as the rules read it."""
    moment = datetime.fromisoformat(fact.occurred_at)
    if isinstance(fact, Restarted):
        return Recorded(RESTARTED, "done", moment)
    return Recorded(fact.step, fact.outcome, moment)


def evolve(state: State, event: OfRepatriation) -> State:
    """The repatriation after an event."""
    if isinstance(event, Started):
        return Open(event)
    assert isinstance(state, Open), "a repatriation's first event is started"  # the store holds no other
    match event:
        case StepFact() | Restarted():
            return replace(state, facts=(*state.facts, event))
        case Acknowledged():
            return replace(state, acknowledged=(*state.acknowledged, event))
        case _:
            raise AssertionError(event.wire)


@dataclass(frozen=True, slots=True)
class Claims:
    """Which repatriation may run for a case in a corridor, and how often that was claimed."""

    repatriation_id: str | None = None
    count: int = 0


def claimed(state: Claims, event: CorridorClaimed) -> Claims:
    """The claims after one more."""
    return Claims(event.repatriation_id, state.count + 1)


@dataclass(frozen=True, slots=True)
class Shown:
    """What desks were shown of a person: recipient, purpose and fields."""

    disclosures: tuple[Disclosed, ...] = ()


def shown(state: Shown, event: Disclosed) -> Shown:
    """The disclosures after one more."""
    return Shown((*state.disclosures, event))
