"""What a care plan is, from its events. Total; decides nothing."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TypeAlias

from libs.events.catalogue.aftercare import AftercareEvent, CarePlanned, Goal, GoalSettled, PlanReviewed


@dataclass(frozen=True, slots=True)
class Nothing:
    """No plan yet."""


@dataclass(frozen=True, slots=True)
class CarePlan:
    """A person's plan: its goals, what became of them, and when it is looked at next."""

    case_id: str
    organisation: str
    goals: Mapping[str, Goal]
    review_on: str | None
    outcomes: Mapping[str, str] = field(default_factory=dict)
    reviews: int = 0


PlanState: TypeAlias = Nothing | CarePlan


def evolve(state: PlanState, event: AftercareEvent) -> PlanState:
    """The plan after an event."""
    if isinstance(event, CarePlanned):
        return CarePlan(event.case_id, event.organisation, {one.goal_id: one for one in event.goals}, event.review_on)
    assert isinstance(state, CarePlan), "a plan's first event is its making"  # the store holds no less
    match event:
        case GoalSettled():
            return replace(state, outcomes={**state.outcomes, event.goal_id: event.outcome})
        case PlanReviewed():
            goals = {**state.goals, **{one.goal_id: one for one in event.goals}}
            return replace(
                state,
                goals=goals,
                review_on=event.review_on,
                organisation=event.organisation,
                reviews=state.reviews + 1,
            )
        case _:
            raise AssertionError("another event is in no plan's stream")
