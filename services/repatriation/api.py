"""The routes of repatriation: parse, one command, one record, one answer."""

from collections.abc import Sequence
from typing import Annotated, Any

import orjson
from fastapi import APIRouter, Depends, Query, Response
from starlette.background import BackgroundTask

from libs.events.catalogue.repatriation import Direction, RepatriationStatus
from libs.events.event import JSON
from libs.events.handle import Loaded, Outcome, Step
from libs.rules.local import day_of
from libs.runtime.edge import Call, Reader, case_of, forbidden, reading, recording, resource_response
from libs.runtime.http import body_schema
from libs.runtime.ids import now
from libs.runtime.pages import Paged, page_of, part
from services.repatriation.bodies import AcknowledgementBody, RepatriationBody, RestartBody, StepBody
from services.repatriation.commands import Acknowledge, Restart
from services.repatriation.decider import DECIDER
from services.repatriation.handover.api import router as handover
from services.repatriation.inbox.api import router as inbox
from services.repatriation.inbox.delivery import try_case_again
from services.repatriation.inbox.disclosure import personal_for
from services.repatriation.inbox.steps import StepAsked, claim_step, record_steps, start_steps, stream_of
from services.repatriation.rulebook import (
    CORRIDORS,
    corridor_head,
    corridor_resource,
    corridors_of,
    is_its_corridor,
    procedure_kept,
    procedure_named,
    repatriation_resource,
)
from services.repatriation.state import Open

router = APIRouter(tags=["repatriation"])
router.include_router(inbox)
router.include_router(handover)


@router.get("/v1/corridors")
async def list_corridors(_: Annotated[Reader, Depends(reading("corridor.read"))], asked: Paged) -> Response:
    """The corridors: countries, direction (`outbound` from Cambodia, `inbound` to it), SOP version, sources."""
    return resource_response(1, part([corridor_head(one) for one in CORRIDORS.newest()], asked))


@router.get("/v1/corridors/{corridor}")
async def read_corridor(corridor: str, _: Annotated[Reader, Depends(reading("corridor.read"))]) -> Response:
    """A corridor's procedure: steps, responsible party, time limit, documents; `placeholder` where unconfirmed."""
    found = procedure_named(corridor, status=404).corridor
    return resource_response(found.version, corridor_resource(found))


@router.post("/v1/repatriations", status_code=201, openapi_extra=body_schema(RepatriationBody))
async def start(
    call: Annotated[Call[RepatriationBody], Depends(recording("repatriation.start", RepatriationBody))],
) -> Response:
    """A person is to be taken home, by the SOP now in force, which this repatriation keeps. Records `started`."""
    body, case_id = call.body, case_of(call.body.case_id)
    procedure = procedure_named(body.corridor)
    _require_its_corridor(call, procedure.corridor.id)
    repatriation_id, steps = await start_steps(
        call.edge, case_id, procedure, body.requested_by, call.caller.organisation, body.occurred_at
    )
    return await _record(call, repatriation_id, case_id, steps)


@router.post(
    "/v1/repatriations/{repatriation}/steps/{step}", status_code=201, openapi_extra=body_schema(StepBody)
)  # fmt: skip
async def record_step(
    repatriation: str,
    step: str,
    call: Annotated[Call[StepBody], Depends(recording("repatriation.step", StepBody))],
) -> Response:
    """What became of a step. Records the step's own event, `repatriated` at hand-over; a refusal stops it.

    409 `step-too-early`, `step-already-recorded`, `step-not-waivable`, `handover-without-consent`,
    `handover-without-risk-assessment`. A later step that is done takes a stopped repatriation up again.
    """
    state = (await _loaded(call, repatriation)).state
    _require_its_corridor(call, state.started.corridor)
    body = call.body
    asked = StepAsked(
        step, body.outcome, body.by, call.caller.organisation, call.role, body.occurred_at,
        tuple(body.documents), body.personal(),
    )  # fmt: skip
    return await _record(call, repatriation, state.started.case_id, await record_steps(call.edge, state, asked))


@router.post(
    "/v1/repatriations/{repatriation}/restart", status_code=201, openapi_extra=body_schema(RestartBody)
)  # fmt: skip
async def restart(
    repatriation: str, call: Annotated[Call[RestartBody], Depends(recording("repatriation.step", RestartBody))]
) -> Response:
    """A stopped repatriation is taken up again; the refused step has to be done. Records `restarted`."""
    state = (await _loaded(call, repatriation)).state
    started = state.started
    _require_its_corridor(call, started.corridor)
    reason = {"reason": call.body.reason} if call.body.reason else {}
    command = Restart(procedure_kept(state), call.caller.organisation, call.body.occurred_at, reason)
    claim = await claim_step(call.edge, started.case_id, started.corridor, started.repatriation_id)
    return await _record(call, repatriation, started.case_id, [Step(DECIDER, stream_of(repatriation), command), claim])


@router.post(
    "/v1/repatriations/{repatriation}/steps/{step}/acknowledgement",
    status_code=201,
    openapi_extra=body_schema(AcknowledgementBody),
)
async def acknowledge(
    repatriation: str,
    step: str,
    call: Annotated[Call[AcknowledgementBody], Depends(recording("repatriation.step", AcknowledgementBody))],
) -> Response:
    """A step that another organisation recorded is confirmed by the other side. Records `acknowledged`."""
    state = (await _loaded(call, repatriation)).state
    _require_its_corridor(call, state.started.corridor)
    organisation, note = call.caller.organisation, {"note": call.body.note} if call.body.note else {}
    command = Acknowledge(
        procedure_kept(state), step, call.body.by or organisation, organisation, call.body.occurred_at, note
    )
    return await _record(call, repatriation, state.started.case_id, [Step(DECIDER, stream_of(repatriation), command)])


@router.get("/v1/repatriations/{repatriation}")
async def read_repatriation(
    repatriation: str, reader: Annotated[Reader, Depends(reading("repatriation.read"))]
) -> Response:
    """The repatriation with its timeline against the limits. A desk reads of the person what its step needs now."""
    loaded = await _loaded(reader, repatriation)
    state: Open = loaded.state
    reader.visit.case_id = state.started.case_id
    owners = state.takes_part
    if state.started.corridor in corridors_of(reader.caller.organisation):
        owners |= {reader.caller.organisation}
    reader.require_own(*owners)
    shown = repatriation_resource(state, day_of(now()))
    return resource_response(loaded.version, {**shown, **await personal_for(reader, state), "version": loaded.version})


@router.get("/v1/repatriations")
async def list_repatriations(
    reader: Annotated[Reader, Depends(reading("repatriation.read"))],
    asked: Paged,
    case_id: Annotated[str | None, Query(max_length=40)] = None,
    corridor: Annotated[str | None, Query(max_length=40)] = None,
    direction: Direction | None = None,
    status: RepatriationStatus | None = None,
) -> Response:
    """The repatriations that the caller may see, by id; a moment behind the newest writes."""
    organisation = reader.caller.organisation if reader.scope == "own" else None
    rows = await reader.edge.pool.fetch(
        "SELECT to_jsonb(k) AS item FROM repatriation_known.known_repatriation k WHERE repatriation_id > $1 "
        "AND ($2::text IS NULL OR case_id = $2) AND ($3::text IS NULL OR corridor = $3) "
        "AND ($4::text IS NULL OR direction = $4) AND ($5::text IS NULL OR status = $5) "
        "AND ($6::text IS NULL OR corridor = ANY($7) OR EXISTS (SELECT 1 FROM repatriation_known.known_part p "
        "WHERE p.repatriation_id = k.repatriation_id AND p.organisation = $6)) ORDER BY repatriation_id LIMIT $8",
        asked.after, case_of(case_id) if case_id else None, corridor, direction, status, organisation,
        sorted(corridors_of(organisation or "")), asked.limit + 1,
    )  # fmt: skip
    return page_of([_listed(orjson.loads(row["item"])) for row in rows], "repatriation_id", asked)


def _listed(row: dict[str, JSON]) -> dict[str, JSON]:
    """A repatriation in a list."""
    step, party, due = row.pop("step"), row.pop("party"), row.get("due")
    waiting = {"step": step, "party": party} if step else None
    return {**row, "waiting_for": waiting, "overdue": bool(due and due < day_of(now()).isoformat())}


async def _loaded(reader: Reader, repatriation: str) -> Loaded:
    return await reader.load(DECIDER, stream_of(repatriation), "repatriation")


def _require_its_corridor(call: Call[Any], corridor: str) -> None:
    """An embassy's desk acts in its own corridor."""
    if call.role == "embassy_desk" and not is_its_corridor(call.caller.organisation, corridor):
        raise forbidden(call.caller, call.action)


async def _record(call: Call[Any], repatriation_id: str, case_id: str, steps: Sequence[Step]) -> Response:
    """Record, answer, and then take in what a desk sent early for this case."""

    def resource(outcome: Outcome) -> dict[str, JSON]:
        return repatriation_resource(outcome.state, day_of(now()))

    response = await call.record(steps, location=f"/v1/repatriations/{repatriation_id}", resource=resource)
    response.background = BackgroundTask(try_case_again, call.edge, case_id)
    return response
