"""The routes of a person's care: placements, transfers, discharges, and the visits after them."""

from collections.abc import Mapping
from typing import Annotated, Any

import asyncpg
from fastapi import APIRouter, Depends, Response

from libs.events.decider import NotYetKnown, Refused
from libs.events.event import JSON
from libs.events.handle import Outcome, Step, parse_time
from libs.runtime.edge import Call, Reader, case_of, not_found, reading, recording, resource_response
from libs.runtime.http import body_schema
from libs.runtime.ids import BadCaseReference, case_reference, now
from libs.runtime.known import settled
from libs.runtime.pages import Paged, part
from services.aftercare.alert.api import raising
from services.aftercare.api import known_person, own_shelter, referral_of
from services.aftercare.care.bodies import DischargeBody, FollowUpBody, PlacementBody, TransferBody
from services.aftercare.commands import Admit, At, Enter, FollowUp, Leave, Person, Release
from services.aftercare.decider import CARE, SHELTER
from services.aftercare.rulebook import visits_due
from services.aftercare.state import Care, Shelter

router = APIRouter(tags=["aftercare"])


@router.post("/v1/placements", status_code=201, openapi_extra=body_schema(PlacementBody))
async def admit(call: Annotated[Call[PlacementBody], Depends(recording("placement.admit", PlacementBody))]) -> Response:
    """A person is given a bed. Records `admitted`; needs an accepted referral, a suitable cohort and a free bed."""
    body, case_id = call.body, case_of(call.body.case_id)
    shelter = await own_shelter(call, body.shelter_id)
    person = await settled(lambda: known_person(call.desk.pool, case_id))
    await settled(lambda: _accepted(call.desk.pool, body.referral_id, case_id, shelter.opened.provider_id))
    care: Care = (await call.edge.recorder.load(CARE, f"care:{case_id}")).state
    placement_id = f"{case_id}.{care.placements + 1}"
    companion = await _companion(call, body.accompanied_by)
    command = Admit(person, placement_id, 1, body.cohort, body.referral_id, companion=companion)
    steps = [
        Step(SHELTER, f"shelter:{body.shelter_id}", At(now(), command)),
        Step(CARE, f"care:{case_id}", Enter(case_id, placement_id, 1, body.shelter_id, shelter.opened.organisation)),
    ]
    return await _placement(call, steps, placement_id)


@router.post("/v1/placements/{placement}/transfer", status_code=201, openapi_extra=body_schema(TransferBody))
async def transfer(
    placement: str, call: Annotated[Call[TransferBody], Depends(recording("placement.change", TransferBody))]
) -> Response:
    """A person moves to another shelter: one leaves and the other takes over in the same moment, or nothing happens."""
    case_id, care = await _current(call, placement)
    assert care.current  # _current says so
    body, leaving = call.body, care.current.shelter_id
    arriving: Shelter = (await call.load(SHELTER, f"shelter:{body.shelter_id}", "shelter")).state
    person = await settled(lambda: known_person(call.desk.pool, case_id))
    stay = care.current.stay + 1
    release = Release(placement, body.shelter_id, None, {"reason": body.reason} if body.reason else {})
    companion = await _companion(call, body.accompanied_by)
    admit = Admit(person, placement, stay, body.cohort, "", leaving, companion)
    moment = now()
    steps = [
        Step(SHELTER, f"shelter:{leaving}", At(moment, release)),
        Step(SHELTER, f"shelter:{body.shelter_id}", At(moment, admit)),
        Step(CARE, f"care:{case_id}", Enter(case_id, placement, stay, body.shelter_id, arriving.opened.organisation)),
    ]
    return await _placement(call, steps, placement)


@router.post("/v1/placements/{placement}/discharge", status_code=201, openapi_extra=body_schema(DischargeBody))
async def discharge(
    placement: str, call: Annotated[Call[DischargeBody], Depends(recording("placement.change", DischargeBody))]
) -> Response:
    """A person leaves the shelter's care. Records `discharged`."""
    case_id, care = await _current(call, placement)
    assert care.current  # _current says so
    body = call.body
    personal = {name: text for name, text in (("note", body.note), ("reason", body.reason)) if text}
    steps = [
        Step(SHELTER, f"shelter:{care.current.shelter_id}", At(now(), Release(placement, None, body.how, personal))),
        Step(CARE, f"care:{case_id}", Leave(case_id, placement, body.how)),
    ]
    return await _placement(call, steps, placement)


@router.get("/v1/placements/{placement}")
async def read_placement(placement: str, reader: Annotated[Reader, Depends(reading("placement.read"))]) -> Response:
    """Where a placement stands: in which shelter, or how it ended."""
    loaded = await reader.load(CARE, f"care:{_case_of_placement(placement)}", "placement")
    care: Care = loaded.state
    entered, left = care.entered.get(placement), care.ended.get(placement)
    if entered is None:
        raise not_found("placement")
    reader.require_own(entered.organisation)
    shown = entered.model_dump(mode="json", exclude={"sealed"})
    ending = {"status": "left" if left else "in_care", "outcome": left.outcome if left else None}
    return resource_response(loaded.version, {**shown, **ending})


@router.post("/v1/cases/{case}/follow-ups", status_code=201, openapi_extra=body_schema(FollowUpBody))
async def follow_up(
    case: str, call: Annotated[Call[FollowUpBody], Depends(recording("follow_up.record", FollowUpBody))]
) -> Response:
    """A visit after the person left care, by MOSVY or a provider that cared. Records `followed_up`."""
    case_id, body = case_of(case), call.body
    await settled(lambda: known_person(call.desk.pool, case_id))
    care: Care = (await call.edge.recorder.load(CARE, f"care:{case_id}")).state
    call.require_own(*care.organisations)
    command = FollowUp(case_id, body.month, body.outcome, {"note": body.note} if body.note else {})
    found = [raising(case_id, None, len(care.visits) + 1)] if body.outcome == "re_trafficked" else []
    return await call.record(
        [Step(CARE, f"care:{case_id}", command), *found],
        location=f"/v1/cases/{case_id}/follow-ups",
        resource=lambda _: {"case_id": case_id, "outcome": body.outcome, "month": body.month},
    )


@router.get("/v1/cases/{case}/follow-ups")
async def list_follow_ups(
    case: str, reader: Annotated[Reader, Depends(reading("placement.read"))], asked: Paged
) -> Response:
    """The visits made and due after the person left care."""
    case_id = case_of(case)
    loaded = await reader.load(CARE, f"care:{case_id}", "person in aftercare")
    reader.require_own(*loaded.state.organisations)
    visits = [visit.model_dump(mode="json", exclude={"sealed"}) for visit in loaded.state.visits]
    envelopes = await reader.edge.store.read(f"care:{case_id}") if loaded.state.left else []
    left = [parse_time(one.occurredat).date() for one in envelopes if ".left_care." in one.type]
    due = visits_due(loaded.state, left[-1] if left else None)
    return resource_response(loaded.version, {"case_id": case_id, **part(visits, asked), "due": due})


async def _placement(call: Call[Any], steps: list[Step], placement: str) -> Response:
    def resource(outcome: Outcome) -> Mapping[str, JSON]:
        entered = outcome.entries[-1].envelope.data
        shown = {name: entered.get(name) for name in ("case_id", "shelter_id", "organisation", "stay", "outcome")}
        return {**shown, "placement_id": placement}

    return await call.record(steps, location=f"/v1/placements/{placement}", resource=resource)


async def _current(call: Call[Any], placement: str) -> tuple[str, Care]:
    """The care of the person whose placement this is, while it lasts. Raises 404, 403 or Refused."""
    case_id = _case_of_placement(placement)
    care: Care = (await call.load(CARE, f"care:{case_id}", "placement")).state
    entered = care.entered.get(placement)
    if entered is None:
        raise not_found("placement")
    call.require_own(entered.organisation)
    if care.current is None or care.current.placement_id != placement:
        raise Refused("placement-ended", "the person has left this placement")
    return case_id, care


async def _companion(call: Call[Any], case: str | None) -> Person | None:
    """The relative who accompanies a child, if one is named. Raises 400 or NotYetKnown."""
    if case is None:
        return None
    case_id = case_of(case)
    return await settled(lambda: known_person(call.desk.pool, case_id))


def _case_of_placement(placement: str) -> str:
    case, _, number = placement.rpartition(".")
    if not case or not number.isascii() or not number.isdecimal():
        raise not_found("placement")
    try:
        return case_reference(case)
    except BadCaseReference:
        raise not_found("placement") from None


async def _accepted(pool: asyncpg.Pool, referral_id: str, case_id: str, provider_id: str) -> None:
    """Raises where the referral is not this person's to this provider, or is not accepted (yet)."""
    row = await referral_of(pool, referral_id, case_id, provider_id)
    if row["status"] in ("declined", "refused"):
        raise Refused("referral-not-accepted", f"the referral was {row['status']}")
    if row["status"] != "accepted":
        raise NotYetKnown("the provider's acceptance of the referral")
