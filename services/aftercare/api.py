"""The routes of aftercare: parse, one command, one record, one answer."""

import asyncio
from collections.abc import Mapping
from typing import Annotated, Any

import asyncpg
import orjson
import structlog
from fastapi import APIRouter, Depends, Query, Response

from libs.events.catalogue.aftercare import Beds, ShelterOpened
from libs.events.decider import NotYetKnown, Refused
from libs.events.event import JSON
from libs.events.handle import Outcome, Step, parse_time
from libs.events.store import Conflict, Unavailable
from libs.runtime.edge import Call, Edge, Reader, case_of, not_found, reading, recording, resource_response
from libs.runtime.http import body_schema
from libs.runtime.ids import new_id, now
from libs.runtime.known import settled
from libs.runtime.pages import Page, page, page_of
from libs.runtime.service import system_origin
from services.aftercare.bodies import (
    CapacityBody,
    DischargeBody,
    FollowUpBody,
    HoldBody,
    InspectionBody,
    PlacementBody,
    ShelterBody,
    TransferBody,
)  # fmt: skip
from services.aftercare.commands import (
    Admit,
    At,
    Enter,
    ExpireHolds,
    FollowUp,
    Hold,
    Inspect,
    Leave,
    OpenShelter,
    Person,
    Release,
    SetCapacity,
    ShelterCommand,
)  # fmt: skip
from services.aftercare.decider import CARE, SHELTER
from services.aftercare.rulebook import check_standards, hold_expires, visits_due
from services.aftercare.state import Care, Shelter

router = APIRouter(tags=["aftercare"])
log = structlog.get_logger()
SWEEP_S = 20


@router.post("/v1/shelters", status_code=201, openapi_extra=body_schema(ShelterBody))
async def open_shelter(call: Annotated[Call[ShelterBody], Depends(recording("shelter.open", ShelterBody))]) -> Response:
    """A shelter takes up its work. Records `shelter_opened`; an address is never sent."""
    body, shelter_id = call.body, new_id()
    organisation = await settled(lambda: _provider_organisation(call.desk.pool, body.provider_id))
    call.require_own(organisation)
    opened = ShelterOpened(
        shelter_id=shelter_id,
        provider_id=body.provider_id,
        organisation=organisation,
        name=body.name,
        province=body.province,
        kind=body.kind,
        beds=tuple(Beds(cohort=one.cohort, count=one.count) for one in body.beds),
    )
    return await _shelter(call, shelter_id, OpenShelter(opened))


@router.post("/v1/shelters/{shelter}/capacity", status_code=201, openapi_extra=body_schema(CapacityBody))
async def set_capacity(
    shelter: str, call: Annotated[Call[CapacityBody], Depends(recording("shelter.capacity", CapacityBody))]
) -> Response:
    """How many beds there are now; never fewer than are occupied or held. Records `capacity_set` per cohort."""
    await _own_shelter(call, shelter)
    beds = tuple(Beds(cohort=one.cohort, count=one.count) for one in call.body.all_beds())
    return await _shelter(call, shelter, SetCapacity(beds))


@router.post("/v1/shelters/{shelter}/holds", status_code=201, openapi_extra=body_schema(HoldBody))
async def hold(shelter: str, call: Annotated[Call[HoldBody], Depends(recording("shelter.hold", HoldBody))]) -> Response:
    """A bed is kept free for somebody. Records `bed_held`; it expires by an event."""
    await _own_shelter(call, shelter)
    body, hold_id = call.body, new_id()
    case_id = case_of(body.case_id) if body.case_id else None
    expires_at = hold_expires(body.occurred_at)
    command = Hold(hold_id, body.cohort, case_id, body.referral_id, expires_at)
    return await _shelter(call, shelter, command, {"hold_id": hold_id, "expires_at": expires_at.isoformat()})


@router.post("/v1/shelters/{shelter}/inspections", status_code=201, openapi_extra=body_schema(InspectionBody))
async def inspect(
    shelter: str, call: Annotated[Call[InspectionBody], Depends(recording("shelter.inspect", InspectionBody))]
) -> Response:
    """MOSVY inspected the shelter. Records `inspected`."""
    await _own_shelter(call, shelter)
    body = call.body
    check_standards(body.failed_standards)
    return await _shelter(call, shelter, Inspect(body.result, tuple(body.failed_standards), body.remark))


@router.get("/v1/shelters/{shelter}")
async def read_shelter(shelter: str, reader: Annotated[Reader, Depends(reading("shelter.read"))]) -> Response:
    """One shelter with its beds as they are now."""
    loaded = await reader.load(SHELTER, f"shelter:{shelter}", "shelter")
    reader.require_own(loaded.state.opened.organisation)
    return resource_response(loaded.version, shelter_resource(loaded.state))


@router.get("/v1/shelters")
async def list_shelters(
    reader: Annotated[Reader, Depends(reading("shelter.read"))],
    asked: Annotated[Page, Depends(page)],
    province: Annotated[str | None, Query(max_length=6)] = None,
    kind: Annotated[str | None, Query(max_length=20)] = None,
) -> Response:
    """The shelters that the caller may see."""
    rows = await reader.desk.pool.fetch(
        "SELECT to_jsonb(s) AS item FROM aftercare_known.known_shelter s WHERE shelter_id > $1 "
        "AND ($2::text IS NULL OR organisation = $2) AND ($3::text IS NULL OR province = $3) "
        "AND ($4::text IS NULL OR kind = $4) ORDER BY shelter_id LIMIT $5",
        asked.after, reader.caller.organisation if reader.scope == "own" else None, province, kind, asked.limit + 1,
    )  # fmt: skip
    return page_of([orjson.loads(row["item"]) for row in rows], "shelter_id", asked)


@router.post("/v1/placements", status_code=201, openapi_extra=body_schema(PlacementBody))
async def admit(call: Annotated[Call[PlacementBody], Depends(recording("placement.admit", PlacementBody))]) -> Response:
    """A person is given a bed. Records `admitted`; needs an accepted referral, a suitable cohort and a free bed."""
    body, case_id = call.body, case_of(call.body.case_id)
    shelter = await _own_shelter(call, body.shelter_id)
    person = await settled(lambda: _person(call.desk.pool, case_id))
    await settled(lambda: _accepted(call.desk.pool, body.referral_id, case_id, shelter.opened.provider_id))
    care: Care = (await call.edge.recorder.load(CARE, f"care:{case_id}")).state
    placement_id = f"{case_id}.{care.placements + 1}"
    command = Admit(person, placement_id, 1, body.cohort, body.referral_id)
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
    assert care.current  # noqa: S101 - _current says so
    body, leaving = call.body, care.current.shelter_id
    arriving: Shelter = (await call.load(SHELTER, f"shelter:{body.shelter_id}", "shelter")).state
    person = await settled(lambda: _person(call.desk.pool, case_id))
    stay = care.current.stay + 1
    release = Release(placement, body.shelter_id, None, {"reason": body.reason} if body.reason else {})
    moment = now()
    steps = [
        Step(SHELTER, f"shelter:{leaving}", At(moment, release)),
        Step(
            SHELTER, f"shelter:{body.shelter_id}", At(moment, Admit(person, placement, stay, body.cohort, "", leaving))
        ),
        Step(CARE, f"care:{case_id}", Enter(case_id, placement, stay, body.shelter_id, arriving.opened.organisation)),
    ]
    return await _placement(call, steps, placement)


@router.post("/v1/placements/{placement}/discharge", status_code=201, openapi_extra=body_schema(DischargeBody))
async def discharge(
    placement: str, call: Annotated[Call[DischargeBody], Depends(recording("placement.change", DischargeBody))]
) -> Response:
    """A person leaves the shelter's care. Records `discharged`."""
    case_id, care = await _current(call, placement)
    assert care.current  # noqa: S101 - _current says so
    body = call.body
    personal = {name: text for name, text in (("note", body.note), ("reason", body.reason)) if text}
    steps = [
        Step(
            SHELTER, f"shelter:{care.current.shelter_id}", At(now(), Release(placement, None, body.outcome, personal))
        ),
        Step(CARE, f"care:{case_id}", Leave(case_id, placement, body.outcome)),
    ]
    return await _placement(call, steps, placement)


@router.get("/v1/placements/{placement}")
async def read_placement(placement: str, reader: Annotated[Reader, Depends(reading("placement.read"))]) -> Response:
    """Where a placement stands: in which shelter, or how it ended."""
    case_id, loaded = _case_of_placement(placement), None
    loaded = await reader.load(CARE, f"care:{case_id}", "placement")
    entered = loaded.state.current or loaded.state.left
    if entered is None or entered.placement_id != placement:
        raise not_found("placement")
    reader.require_own(getattr(entered, "organisation", None))
    shown = entered.model_dump(mode="json", exclude={"sealed"})
    return resource_response(loaded.version, {**shown, "status": "in_care" if loaded.state.current else "left"})


@router.post("/v1/cases/{case}/follow-ups", status_code=201, openapi_extra=body_schema(FollowUpBody))
async def follow_up(
    case: str, call: Annotated[Call[FollowUpBody], Depends(recording("follow_up.record", FollowUpBody))]
) -> Response:
    """A visit after the person left care. Records `followed_up`."""
    case_id, body = case_of(case), call.body
    await settled(lambda: _person(call.desk.pool, case_id))
    command = FollowUp(case_id, body.month, body.outcome, {"note": body.note} if body.note else {})
    return await call.record(
        [Step(CARE, f"care:{case_id}", command)],
        location=f"/v1/cases/{case_id}/follow-ups",
        resource=lambda _: {"case_id": case_id, "outcome": body.outcome, "month": body.month},
    )


@router.get("/v1/cases/{case}/follow-ups")
async def list_follow_ups(case: str, reader: Annotated[Reader, Depends(reading("placement.read"))]) -> Response:
    """The visits made and due after the person left care."""
    case_id = case_of(case)
    loaded = await reader.load(CARE, f"care:{case_id}", "person in aftercare")
    visits = [visit.model_dump(mode="json", exclude={"sealed"}) for visit in loaded.state.visits]
    envelopes = await reader.edge.store.read(f"care:{case_id}") if loaded.state.left else []
    left = [parse_time(one.occurredat).date() for one in envelopes if ".left_care." in one.type]
    due = visits_due(loaded.state, left[-1] if left else None)
    return resource_response(loaded.version, {"case_id": case_id, "items": visits, "due": due, "next": None})


async def expire_holds(edge: Edge) -> None:
    """Free the beds whose holds have run out, by an event each. Any replica may; the stream's version decides."""
    while True:
        await asyncio.sleep(SWEEP_S)
        try:
            rows = await edge.pool.fetch(
                "SELECT DISTINCT shelter_id FROM aftercare_known.known_hold WHERE expires_at < now() LIMIT 100"
            )
            for row in rows:
                step = Step(SHELTER, f"shelter:{row['shelter_id']}", At(now(), ExpireHolds()))
                await edge.recorder.record([step], system_origin("aftercare"))
        except (asyncpg.PostgresError, asyncpg.InterfaceError, OSError, Unavailable, Conflict, Refused) as fault:
            log.warning("holds.waiting", fault=type(fault).__name__)


def shelter_resource(state: Shelter) -> dict[str, JSON]:
    """A shelter as it is shown; never its address."""
    beds = [
        {
            "cohort": cohort,
            "capacity": count,
            "occupied": state.occupied(cohort),
            "held": state.held(cohort),
            "free": state.free(cohort),
        }
        for cohort, count in sorted(state.capacity.items())
    ]
    shown = state.opened.model_dump(mode="json", exclude={"sealed", "beds"})
    inspection = state.inspection.model_dump(include={"result", "failed_standards"}) if state.inspection else None
    return {**shown, "beds": beds, "inspection": inspection}


async def _own_shelter(call: Call[Any], shelter: str) -> Shelter:
    state: Shelter = (await call.load(SHELTER, f"shelter:{shelter}", "shelter")).state
    call.require_own(state.opened.organisation)
    return state


async def _shelter(
    call: Call[Any], shelter: str, command: ShelterCommand, extra: Mapping[str, JSON] | None = None
) -> Response:
    return await call.record(
        [Step(SHELTER, f"shelter:{shelter}", At(now(), command))],
        location=f"/v1/shelters/{shelter}",
        resource=lambda outcome: {**shelter_resource(outcome.state), **(extra or {})},
    )


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
    if care.current is None or care.current.placement_id != placement:
        if care.left is None or care.left.placement_id != placement:
            raise not_found("placement")
        raise Refused("placement-ended", "the person has left this placement")
    call.require_own(care.current.organisation)
    return case_id, care


def _case_of_placement(placement: str) -> str:
    case, _, number = placement.rpartition(".")
    if not case or not number.isascii() or not number.isdecimal():
        raise not_found("placement")
    return case_of(case)


async def _provider_organisation(pool: asyncpg.Pool, provider_id: str) -> str:
    found = await pool.fetchval(
        "SELECT organisation FROM aftercare_known.known_provider WHERE provider_id = $1", provider_id
    )
    if found is None:
        raise NotYetKnown(f"provider {provider_id}")
    return str(found)


async def _person(pool: asyncpg.Pool, case_id: str) -> Person:
    row = await pool.fetchrow(
        "SELECT case_id, sex, gender, child FROM aftercare_known.known_case WHERE case_id = $1 AND sex IS NOT NULL",
        case_id,
    )
    if row is None:
        raise NotYetKnown(f"case {case_id}")
    return Person(**row)


async def _accepted(pool: asyncpg.Pool, referral_id: str, case_id: str, provider_id: str) -> None:
    """Raises where the referral is not this person's to this provider, or is not accepted (yet)."""
    row = await pool.fetchrow("SELECT * FROM aftercare_known.known_referral WHERE referral_id = $1", referral_id)
    if row is None or row["case_id"] is None:
        raise NotYetKnown(f"referral {referral_id}")
    if row["case_id"] != case_id:
        raise Refused("referral-of-another-case", "the referral is for another person", pointer="/referral_id")
    if row["provider_id"] != provider_id:
        raise Refused("referral-to-another-provider", "the referral is to another provider", pointer="/referral_id")
    if row["status"] in ("declined", "refused"):
        raise Refused("referral-not-accepted", f"the referral was {row['status']}")
    if row["status"] != "accepted":
        raise NotYetKnown("the provider's acceptance of the referral")
