"""What a care plan allows. Every rule is here and nowhere else."""

from collections.abc import Sequence
from typing import assert_never

from libs.events.catalogue.aftercare import AftercareEvent, CarePlanned, Goal, GoalSettled, PlanReviewed
from libs.events.decider import Decider, Refused
from services.aftercare.plan.commands import Plan, PlanCommand, Review, Settle
from services.aftercare.plan.state import CarePlan, Nothing, PlanState, evolve


def decide(command: PlanCommand, state: PlanState) -> tuple[AftercareEvent, ...]:
    """The events that a command on a plan causes. Raises Refused."""
    if isinstance(command, Plan):
        return (_plan(command, state),)
    if isinstance(state, Nothing):
        raise Refused("not-found", "there is no care plan for this person", status=404)
    match command:
        case Review():
            return (_review(command, state),)
        case Settle():
            return (_settle(command, state),)
        case _:
            assert_never(command)


def _plan(command: Plan, state: PlanState) -> CarePlanned:
    if isinstance(state, CarePlan):
        raise Refused("plan-exists", "the person has a care plan; a review adds goals to it")
    if not command.in_care:
        raise Refused("not-in-care", "a care plan is for a person who is, or was, in a shelter's care")
    _check_days(command.goals, command.planned_on, command.review_on, {})
    return CarePlanned(
        case_id=command.case_id,
        organisation=command.organisation,
        goals=command.goals,
        review_on=command.review_on,
        personal=command.personal,
    )


def _review(command: Review, state: CarePlan) -> PlanReviewed:
    open_goals = sorted({*state.goals, *(one.goal_id for one in command.goals)} - set(state.outcomes))
    if command.review_on is None and open_goals:
        raise Refused("goals-open", f"a plan ends when every goal is settled; open: {', '.join(open_goals)}")
    _check_days(command.goals, command.reviewed_on, command.review_on, state.goals)
    return PlanReviewed(
        case_id=state.case_id,
        organisation=command.organisation,
        goals=command.goals,
        review_on=command.review_on,
        personal=command.personal,
    )


def _settle(command: Settle, state: CarePlan) -> GoalSettled:
    if command.goal_id not in state.goals:
        raise Refused("unknown-goal", "the plan has no such goal", status=404)
    if command.goal_id in state.outcomes:
        raise Refused("already-so", f"the goal is {state.outcomes[command.goal_id]} already")
    return GoalSettled(
        case_id=state.case_id, goal_id=command.goal_id, outcome=command.outcome, personal=command.personal or None
    )


def _check_days(goals: Sequence[Goal], today: str, review_on: str | None, known: object) -> None:
    names = [one.goal_id for one in goals]
    if len(set(names)) != len(names) or (isinstance(known, dict) and set(names) & set(known)):
        raise Refused("goal-twice", "a goal has an id of its own", status=422, pointer="/goals")
    if any(one.due < today for one in goals):
        raise Refused("goal-in-the-past", "a goal is due on a day to come", status=422, pointer="/goals")
    if review_on is not None and review_on <= today:
        raise Refused("review-in-the-past", "the next review is on a later day", status=422, pointer="/review_on")


PLAN: Decider[PlanCommand, PlanState, AftercareEvent] = Decider(Nothing(), decide, evolve)
