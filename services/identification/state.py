"""What a case is, from its events. `evolve` is total, decides nothing and never refuses."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TypeAlias, assert_never

from libs.events.catalogue.identification import (
    CameOfAge,
    CaseEvent,
    Closed,
    ConsentRecorded,
    Corrected,
    Determined,
    Identified,
    Linked,
    PersonShredded,
    Reopened,
    ReviewOpened,
    Screened,
    ShredApproved,
    ShredRequested,
    Unlinked,
    WrongReasonAlerted,
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Unopened:
    """No such case."""


@dataclass(frozen=True, slots=True)
class Open:
    """A case, with what stands now: corrections applied, the latest determination, the latest consent of each kind."""

    identified: Identified
    screenings: tuple[Screened, ...] = ()
    determination: Determined | None = None
    consents: Mapping[str, ConsentRecorded] = field(default_factory=dict)
    corrections: tuple[Corrected, ...] = ()
    linked: frozenset[str] = frozenset()
    under_review: bool = False
    alert: WrongReasonAlerted | None = None
    """What is wrong with the decision that stands, until another one takes its place."""
    age_determined: bool = False
    of_age: bool = False
    """Whether a child of this case has turned 18; a child when met stays one for what was done to it."""
    closed: bool = False
    shred_request: ShredRequested | None = None
    shredded: bool = False

    @property
    def presumed(self) -> bool:
        """Whether the latest screening presumes a victim and no determination says otherwise."""
        latest = self.screenings[-1].initial_determination if self.screenings else None
        return latest == "presumed_victim" and self.determination is None


State: TypeAlias = Unopened | Open


def evolve(state: State, event: CaseEvent) -> State:
    """The case after an event."""
    if isinstance(event, Identified):
        return Open(event)
    assert isinstance(state, Open), "a case's first event is identified"  # the store cannot hold less
    match event:
        case Screened():
            return replace(state, screenings=(*state.screenings, event))
        case Determined():
            return replace(state, determination=event, under_review=False, alert=None)
        case WrongReasonAlerted():
            return replace(state, alert=event)
        case ConsentRecorded():
            return replace(state, consents={**state.consents, event.kind: event})
        case Corrected():
            determined = state.age_determined or event.age_basis is not None
            corrections = (*state.corrections, event)
            identified = _corrected(state.identified, event)
            return replace(state, identified=identified, corrections=corrections, age_determined=determined)
        case CameOfAge():
            own = {kind: said for kind, said in state.consents.items() if said.by != "guardian"}
            return replace(state, of_age=True, consents=own)
        case Linked():
            return replace(state, linked=state.linked | {event.other_case_id})
        case Unlinked():
            return replace(state, linked=state.linked - {event.other_case_id})
        case ReviewOpened():
            return replace(state, under_review=True)
        case Closed():
            return replace(state, closed=True)
        case Reopened():
            return replace(state, closed=False)
        case ShredRequested() | ShredApproved() | PersonShredded():
            return _shredding(state, event)
        case _:
            assert_never(event)


def _shredding(state: Open, event: ShredRequested | ShredApproved | PersonShredded) -> Open:
    match event:
        case ShredRequested():
            return replace(state, shred_request=event)
        case ShredApproved():
            return state
        case PersonShredded():
            return replace(state, shredded=True)


def _corrected(identified: Identified, corrected: Corrected) -> Identified:
    """What was identified, with the corrected fields in place."""
    changed = corrected.model_dump(exclude_none=True, exclude={"case_id", "sealed", "personal", "age_basis"})
    return identified.model_copy(update=changed)
