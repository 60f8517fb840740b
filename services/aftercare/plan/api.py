"""The routes of a person's care plan: goals, reviews, and what became of each goal."""

from collections.abc import Sequence
from datetime import date, timedelta
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Response

from libs.events.catalogue.aftercare import Goal
from libs.events.event import JSON
from libs.events.handle import Step
from libs.rules.local import day_of
from libs.runtime.edge import Call, Reader, case_of, reading, recording, resource_response
from libs.runtime.http import body_schema
from services.aftercare.decider import CARE
from services.aftercare.plan.bodies import GoalBody, PlanBody, ReviewBody, SettlementBody
from services.aftercare.plan.commands import Plan, PlanCommand, Review, Settle
from services.aftercare.plan.decider import PLAN
from services.aftercare.plan.state import CarePlan
from services.aftercare.rulebook import next_review
from services.aftercare.state import Care

router = APIRouter(tags=["aftercare"])


@router.post("/v1/cases/{case}/care-plan", status_code=201, openapi_extra=body_schema(PlanBody))
async def plan(case: str, call: Annotated[Call[PlanBody], Depends(recording("plan.change", PlanBody))]) -> Response:
    """Goals are agreed with the person. Records `care_planned`; each goal's words are sealed."""
    case_id, care = await _cared_for(case, call)
    body, today = call.body, day_of(call.body.occurred_at)
    command = Plan(
        case_id, call.caller.organisation, _goals(body.goals), today.isoformat(), _next(body.review_on, today),
        bool(care.organisations), _words(body.goals),
    )  # fmt: skip
    return await _record(call, case_id, command)


@router.post("/v1/cases/{case}/care-plan/reviews", status_code=201, openapi_extra=body_schema(ReviewBody))
async def review(
    case: str, call: Annotated[Call[ReviewBody], Depends(recording("plan.change", ReviewBody))]
) -> Response:
    """The plan is looked at again; goals may join it. Records `plan_reviewed`."""
    case_id, _ = await _cared_for(case, call)
    body, today = call.body, day_of(call.body.occurred_at)
    following = None if body.finished else _next(body.review_on, today)
    words = {**_words(body.goals), "note": body.note}
    command = Review(call.caller.organisation, _goals(body.goals), today.isoformat(), following, words)
    return await _record(call, case_id, command)


@router.post(
    "/v1/cases/{case}/care-plan/goals/{goal}/settlement", status_code=201, openapi_extra=body_schema(SettlementBody)
)
async def settle(
    case: str, goal: str, call: Annotated[Call[SettlementBody], Depends(recording("plan.change", SettlementBody))]
) -> Response:
    """A goal is reached, changed or dropped. Records `goal_settled`."""
    case_id, _ = await _cared_for(case, call)
    words = {"note": call.body.note} if call.body.note else {}
    return await _record(call, case_id, Settle(goal, call.body.outcome, words))


@router.get("/v1/cases/{case}/care-plan")
async def read_plan(case: str, reader: Annotated[Reader, Depends(reading("placement.read"))]) -> Response:
    """The plan as it stands, without the goals' words."""
    case_id, _ = await _cared_for(case, reader)
    loaded = await reader.load(PLAN, f"plan:{case_id}", "care plan")
    return resource_response(loaded.version, plan_resource(loaded.state))


def plan_resource(state: CarePlan) -> dict[str, JSON]:
    """A care plan as it is shown."""
    goals = [
        {**goal.model_dump(mode="json"), "outcome": state.outcomes.get(name)} for name, goal in state.goals.items()
    ]
    return {
        "case_id": state.case_id,
        "organisation": state.organisation,
        "goals": goals,
        "review_on": state.review_on,
        "reviews": state.reviews,
        "status": "running" if state.review_on else "finished",
    }


async def _cared_for(case: str, reader: Reader) -> tuple[str, Care]:
    """The person's care. Raises 403 where the caller is limited to its own and never cared for the person."""
    case_id = case_of(case)
    care: Care = (await reader.edge.recorder.load(CARE, f"care:{case_id}")).state
    reader.require_own(*care.organisations)
    return case_id, care


async def _record(call: Call[Any], case_id: str, command: PlanCommand) -> Response:
    return await call.record(
        [Step(PLAN, f"plan:{case_id}", command)],
        location=f"/v1/cases/{case_id}/care-plan",
        resource=lambda outcome: plan_resource(outcome.state),
    )


def _goals(goals: Sequence[GoalBody]) -> tuple[Goal, ...]:
    return tuple(Goal(goal_id=one.goal_id, kind=one.kind, due=one.due.isoformat()) for one in goals)


def _words(goals: Sequence[GoalBody]) -> dict[str, JSON]:
    return {"goals": {one.goal_id: one.words for one in goals}} if goals else {}


def _next(stated: date | None, today: date) -> str:
    return (stated or today + timedelta(days=next_review())).isoformat()
