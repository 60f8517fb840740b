"""What can be asked of a care plan. Plain data; words about a person stand apart."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeAlias

from libs.events.catalogue.aftercare import Goal, GoalOutcome
from libs.events.event import JSON


@dataclass(frozen=True, slots=True)
class Plan:
    """Agree the goals of a person's care; `in_care` says whether anybody cares, or cared, for the person."""

    case_id: str
    organisation: str
    goals: tuple[Goal, ...]
    planned_on: str
    review_on: str
    in_care: bool
    personal: Mapping[str, JSON]


@dataclass(frozen=True, slots=True)
class Review:
    """Look at the plan again; `review_on` None ends it."""

    organisation: str
    goals: tuple[Goal, ...]
    reviewed_on: str
    review_on: str | None
    personal: Mapping[str, JSON]


@dataclass(frozen=True, slots=True)
class Settle:
    """Say what became of a goal."""

    goal_id: str
    outcome: GoalOutcome
    personal: Mapping[str, JSON]


PlanCommand: TypeAlias = Plan | Review | Settle
