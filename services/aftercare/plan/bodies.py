"""What integrating systems send about a person's care plan."""

from typing import Annotated

from pydantic import Field

from libs.events.catalogue.aftercare import GoalKind, GoalOutcome
from libs.runtime.requests import Body, Day, FactBody
from services.aftercare.bodies import Text

GOALS_MAX = 50
GoalId = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_-]{0,59}$")]


class GoalBody(Body):
    """What is to be reached, and until when."""

    goal_id: GoalId
    kind: GoalKind
    due: Day
    words: Text


class PlanBody(FactBody):
    """Goals of a person's care; without `review_on` the next review follows the ministry's limit."""

    goals: Annotated[list[GoalBody], Field(min_length=1, max_length=GOALS_MAX)]
    review_on: Day | None = None


class ReviewBody(FactBody):
    """A review of the plan. `finished` says that there is no next one."""

    goals: Annotated[list[GoalBody], Field(max_length=GOALS_MAX)] = []
    review_on: Day | None = None
    finished: bool = False
    note: Text


class SettlementBody(FactBody):
    """What became of a goal."""

    outcome: GoalOutcome
    note: Text | None = None
